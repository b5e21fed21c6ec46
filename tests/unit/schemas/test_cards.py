"""Card numbers are found in any text and never survive masking."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.cards import has_card_number, is_card_number_id, masked, may_hold_card_number, rejected_value

VISA = "4111111111111111"


def passes_luhn(digits: str) -> bool:
    """The textbook's way, from the right, one digit after the other."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value // 10 + value % 10
    return total % 10 == 0


def numbers(text: str) -> list[str]:
    """Find card numbers by trying every piece of the text: the slow road to the same answer."""
    found = []
    for first in range(len(text)):
        for end in range(first + 13, len(text) + 1):
            piece = text[first:end]
            if not re.fullmatch(r"[0-9]+([ -][0-9]+)*", piece):
                continue
            begins = first == 0 or not text[first - 1].isdecimal()
            ends = end == len(text) or not text[end].isdecimal()
            digits = re.sub("[ -]", "", piece)
            if begins and ends and 13 <= len(digits) <= 19 and passes_luhn(digits):
                found.append(digits)
    return found


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    body = draw(st.text("0123456789", min_size=12, max_size=18))
    return next(body + check for check in "0123456789" if passes_luhn(body + check))


@st.composite
def separated(draw: st.DrawFn) -> str:
    number = draw(card_numbers())
    return number[0] + "".join(draw(st.sampled_from(["", "", "", " ", "-"])) + digit for digit in number[1:])


near = st.one_of(separated(), st.text("0123456789 -", max_size=20), st.text("ab/. ,0123456789", max_size=5))
near_numbers = st.lists(near, max_size=4).map("".join)


@pytest.mark.parametrize(
    "text",
    [
        VISA,
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4-1-1-1-1-1-1-1-1-1-1-1-1-1-1-1",
        "card4111111111111111x",
        "378282246310005",
        "4222222222222",
        "6304000000000000000",
        "order 12 4111 1111 1111 1111",
        "4111 1111 1111 1111 12 27",
        "4111-1111-1111-1111-123",
        "4111\u00a01111\u00a01111\u00a01111",
        "4111\u20111111\u20111111\u20111111",
        "\uff14\uff11\uff11\uff11111111111111",
        "sum 20260401 4111 1111 1111 1111 4",
    ],
)
def test_a_card_number_is_found_and_masked(text: str) -> None:
    assert has_card_number(text)
    assert not has_card_number(masked(text))
    assert len(masked(text)) == len(text)
    assert may_hold_card_number(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111111111111112",  # does not pass Luhn
        "411111111111",  # 12 digits
        "41111111111111111111",  # 20 digits in one piece
        "4111  1111  1111  1111",  # two blanks
        "4111/1111/1111/1111",
        "4111\n1111\n1111\n1111",
        "2026-04-01T09:00:00.123456Z",
        "insufficient funds",
    ],
)
def test_what_is_no_card_number_stays(text: str) -> None:
    assert not has_card_number(text)
    assert masked(text) == text


def test_the_last_four_digits_and_the_separators_stay() -> None:
    assert masked("paid with 4111-1111-1111-1111, thanks") == "paid with ****-****-****-1111, thanks"
    assert masked(f"{VISA}/5555 5555 5555 4444") == "************1111/**** **** **** 4444"


def test_a_random_uuid_is_no_card_number_but_an_id_around_one_may_be() -> None:
    uuid = "550e8400-e29b-41d4-a716-446655440006"
    assert has_card_number(uuid)
    assert not is_card_number_id(uuid)
    assert not is_card_number_id(f"in_{uuid}")
    assert not is_card_number_id("00-4bf92f3577b34da6a3ce929d0e0e4736-a0f067aa0ba902b7-01")
    assert is_card_number_id(VISA)
    assert is_card_number_id(f"{uuid}/{VISA}")
    assert is_card_number_id("41111111-1111-1111-0000-000000000000")
    assert is_card_number_id("41111111-1111-1111-0000-000000000000-a")


@given(separated(), st.text(st.characters(codec="utf-8", exclude_categories=["Nd"]), max_size=5))
def test_any_number_is_found_inside_any_text(number: str, around: str) -> None:
    text = f"{around}x{number}x{around}"
    assert has_card_number(text)
    assert may_hold_card_number(text.encode())
    assert not has_card_number(masked(text))


@given(near_numbers)
@example("4111111111111111 2222 3333 4444")
@settings(max_examples=300)
def test_the_slow_road_finds_the_same(text: str) -> None:
    assert has_card_number(text) == bool(numbers(text))
    assert numbers(masked(text)) == []
    assert masked(masked(text)) == masked(text)
    assert (masked(text) == text) == (not numbers(text))
    assert may_hold_card_number(text.encode()) or not numbers(text)


@given(separated(), st.data())
def test_escapes_hide_nothing_in_rejected_bytes(number: str, data: st.DataObject) -> None:
    written = b""
    for character in number:
        slashes = data.draw(st.integers(0, 2))
        written += b"\\" * slashes + f"u{ord(character):04x}".encode() if slashes else character.encode()
    raw = b'{"id": "' + written + b'", "rest": "\xff'
    assert may_hold_card_number(raw) or b"\\" not in raw
    after = rejected_value(raw)
    assert after != raw
    unescaped = re.sub(rb"\\+u00(..)", lambda found: bytes.fromhex(found[1].decode()), after)
    assert not has_card_number(unescaped.decode("latin-1"))


@given(st.binary(max_size=200))
def test_rejected_bytes_without_a_number_stay_byte_for_byte(raw: bytes) -> None:
    if not has_card_number(raw.decode("utf-8", "replace").replace("\x00", "")) and b"\\" not in raw:
        assert rejected_value(raw) == raw


def test_rejected_bytes_in_two_byte_letters_are_masked() -> None:
    raw = f"card {VISA}.".encode("utf-16-le")
    assert rejected_value(raw).decode("utf-16-le", "replace").count("1") <= 4
    assert VISA.encode("utf-16-le") not in rejected_value(raw)
    harmless = "no card: Köln \x00".encode("utf-16-le")
    assert rejected_value(harmless) == harmless


def test_a_megabyte_of_digits_is_masked_in_reasonable_time() -> None:
    # Quadratic scanning would take minutes: the test's own time limit is the assertion.
    raw = b"1 " * 500_000
    assert len(rejected_value(raw)) == len(raw)


@pytest.mark.parametrize("piece", ["\\", "-", "1-", "\\u003", "4111 ", "\x00"])
def test_anything_long_takes_no_longer_than_its_size(piece: str) -> None:
    # One that is looked at anew from each of its characters would keep this test for a quarter of an hour.
    text = piece * (200_000 // len(piece)) + " " + VISA
    assert VISA.encode() not in rejected_value(text.encode())
    assert is_card_number_id(text)
