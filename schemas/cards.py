"""Card numbers inside any text: find them, mask them, keep the last four digits.

The rule of the file: in doubt a digit is masked. A card number is 13 to 19 digits that pass Luhn, in one
piece or in groups with single blanks or hyphens between them (contract section 6). It begins and ends with a
group, so that `order 12 4111 1111 1111 1111` and a number with its expiry date behind it are found as well; a
piece of 20 digits or more is no card number, and no part of it is.
"""

import re
from itertools import accumulate

SHORTEST, LONGEST = 13, 19  # digits; ISO/IEC 7812
KEPT = 4  # digits that stay readable at the end

# Blanks and hyphens of all kinds: providers' messages are typed by people and set by typographers.
_SEPARATORS = r" \t\u00a0\u2000-\u200a\u202f\u205f\u3000\-\u00ad\u2010-\u2015\u2212\ufe63\uff0d"
_RUN = re.compile(rf"\d(?:[{_SEPARATORS}]?\d){{{SHORTEST - 1},}}")
_GROUP = re.compile(r"\d+")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)  # a doubled digit, its own digits summed

# An escape of JSON (also one inside a quoted JSON text), or the zero bytes of UTF-16 between two digits.
# A run of backslashes is one piece, whatever follows: begun anew at each of them, a megabyte would take hours.
_PIECE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|(t))?|(\x00+)|[^\\\x00]+", re.DOTALL)

_TO_ZERO = bytes(0x30 if chr(byte).isdecimal() and byte < 0x80 else byte for byte in range(256))
_ZEROS = b"0" * SHORTEST

# Hexadecimal in a fixed form, with a letter in it. Of a thousand random UUIDs three hold a number by chance
# (measured), of a thousand trace ids four; a payment must not be set aside for that.
_HEXADECIMAL_ID = re.compile(
    r"(?<![0-9A-Za-z])(?=[0-9-]{0,54}[a-fA-F])(?:"
    r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"  # UUID
    r"|[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"  # traceparent
    r")(?![0-9A-Za-z-])"
)


def may_hold_card_number(raw: bytes) -> bool:
    """Tell in half a microsecond whether `raw` is worth a closer look.

    False is certain: no string in the JSON text `raw` holds a card number, in UTF-8 or hidden by escapes.
    True says nothing. Escaped letters always get the closer look.
    """
    if b"\\" in raw and (b"\\u" in raw or b"\\t" in raw):
        return True
    if raw.isascii():
        return _ZEROS in raw.translate(_TO_ZERO, b" -\t")
    return _RUN.search(raw.decode("utf-8", "replace")) is not None


def has_card_number(text: str) -> bool:
    """Tell whether `text` holds a card number."""
    return any(_windows(run.group()) for run in _RUN.finditer(text))


def is_card_number_id(text: str) -> bool:
    """Tell whether an id holds a card number; UUIDs and trace ids do not, whatever their digits say."""
    return has_card_number(text) and has_card_number(_HEXADECIMAL_ID.sub("_", text))


def masked(text: str) -> str:
    """Replace all but the last four digits of every card number by `*`; separators stay.

    No card number is left in what is returned. Text without one is returned as it is.
    """
    once = _RUN.sub(lambda run: _masked_run(run.group(), KEPT), text)
    # Four digits that were kept can begin another number, with the digits behind them: those go altogether.
    # What remains then are whole groups that were looked at, so there is no third time.
    return text if once == text else _RUN.sub(lambda run: _masked_run(run.group(), 0), once)


def rejected_value(value: bytes) -> bytes:
    r"""Mask everything in rejected bytes that looks like a card number; nothing else changes.

    The bytes may be anything: not UTF-8, not JSON, or JSON with digits written as `\u0034`. An escape is
    read as what it stands for, also where it is quoted itself, and zero bytes between digits are overlooked.
    """
    text = value.decode("utf-8", "surrogateescape")
    if "\\" in text or "\x00" in text:
        text = _masked_source(text)
    return masked(text).encode("utf-8", "surrogateescape")


def _masked_source(text: str) -> str:
    plain: list[str] = []
    source: list[str] = []  # what each character of `plain` was written as
    for piece in _PIECE.finditer(text):
        if piece[1]:
            plain.append(chr(int(piece[1], 16)))
            source.append(piece[0])
        elif piece[2]:
            plain.append("\t")
            source.append(piece[0])
        elif piece[3] and source:
            source[-1] += piece[0]
        else:
            plain.extend(piece[0])
            source.extend(piece[0])
    before = "".join(plain)
    after = masked(before)
    if before == after:
        return text
    return "".join(
        written if new == old else new for written, old, new in zip(source, before, after, strict=True)
    )


def _masked_run(run: str, kept: int) -> str:
    characters = list(run)
    positions = [at for at, character in enumerate(run) if character.isdecimal()]
    for first, end in _windows(run):
        for position in positions[first : end - kept]:
            characters[position] = "*"
    return "".join(characters)


def _windows(run: str) -> list[tuple[int, int]]:
    """List the card numbers of a run of groups, as first and end (exclusive) digit; they may overlap."""
    groups = [group.group() for group in _GROUP.finditer(run)]
    digits = [int(digit) for group in groups for digit in group]
    # Luhn doubles every second digit from the right; a sum for each of the two phases answers for any window.
    sums = [
        [0, *accumulate(_DOUBLED[digit] if at % 2 == phase else digit for at, digit in enumerate(digits))]
        for phase in (0, 1)
    ]
    edges = [0, *accumulate(len(group) for group in groups)]
    found = []
    for index, first in enumerate(edges):
        for end in edges[index + 1 : index + 1 + LONGEST]:  # a group has at least one digit
            if end - first > LONGEST:
                break
            phase = sums[end % 2]  # the last digit, at end - 1, stays as it is
            if end - first >= SHORTEST and (phase[end] - phase[first]) % 10 == 0:
                found.append((first, end))
    return found
