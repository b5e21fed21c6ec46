"""Why bad input was refused: one stable code, one path, one line. No value is ever quoted unmasked."""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import ValidationError

from schemas.cards import masked

_PATH_LENGTH = 200  # characters; a label's name can be as long as its event


class ErrorCode(StrEnum):
    """What is wrong, as written in a dead letter's `error`. Spellings never change."""

    EMPTY = "empty"  # no value, or one of no bytes
    TOO_LARGE = "too_large"
    BAD_HEADER = "bad_header"  # not UTF-8, or given twice
    UNSUPPORTED_CONTENT = "unsupported_content"  # a content type that is no JSON, or a batch
    NOT_JSON = "not_json"  # also bad UTF-8, a byte order mark, NaN, too deep
    NOT_AN_EVENT = "not_an_event"  # JSON, but no CloudEvent
    UNKNOWN_TYPE = "unknown_type"
    WRONG_TOPIC = "wrong_topic"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"  # a string for a number, 1 for true, …
    UNKNOWN_VALUE = "unknown_value"  # not in the list of allowed words
    OUT_OF_RANGE = "out_of_range"  # a number, or the length of a string or list
    INVALID_VALUE = "invalid_value"  # no time, no currency, no zone, …
    CARD_NUMBER = "card_number"


class Rejected(ValueError):
    """An event that is not read.

    Attributes:
        error: an `ErrorCode`.
        path: where, dotted: `data.amount_minor`, `headers.ce_id`, `key`; empty for the whole.
        message: one line for people, card numbers masked.
    """

    def __init__(self, error: ErrorCode, path: str, message: str) -> None:
        """Mask and shorten what may come from the input."""
        self.error = error
        self.path = one_line(path, _PATH_LENGTH)
        self.message = one_line(message, 500)
        super().__init__(f"{self.path}: {self.message}" if self.path else self.message)


def one_line(text: str, length: int) -> str:
    """Mask card numbers, replace what does not print, cut after `length` characters."""
    start = masked(text[: 4 * length])
    shown = "".join(character if character.isprintable() else "?" for character in start)
    return shown if len(shown) <= length else f"{shown[: length - 1]}…"


def from_validation(error: ValidationError) -> Rejected:
    """Turn what pydantic found into a rejection: of several findings the first, as the fields stand."""
    first, *others = error.errors(include_url=False, include_context=False, include_input=False)
    message = first["msg"].removeprefix("Value error, ")
    if others:
        message += f" (and {len(others)} more)"
    return Rejected(_code(first["type"]), _path(first["loc"]), message)


def _path(location: Sequence[int | str]) -> str:
    return ".".join(str(step) for step in location if step != "[key]")


_CODES = {
    "json_invalid": ErrorCode.NOT_JSON,
    "missing": ErrorCode.MISSING_FIELD,
    "enum": ErrorCode.UNKNOWN_VALUE,
    "literal_error": ErrorCode.UNKNOWN_VALUE,
    "value_error": ErrorCode.INVALID_VALUE,
    "string_pattern_mismatch": ErrorCode.INVALID_VALUE,
}
_ENDINGS = {
    "_type": ErrorCode.WRONG_TYPE,
    "_too_short": ErrorCode.OUT_OF_RANGE,
    "_too_long": ErrorCode.OUT_OF_RANGE,
    "_than": ErrorCode.OUT_OF_RANGE,
    "_equal": ErrorCode.OUT_OF_RANGE,
    "too_short": ErrorCode.OUT_OF_RANGE,
    "too_long": ErrorCode.OUT_OF_RANGE,
}


def _code(kind: str) -> ErrorCode:
    by_ending = (code for ending, code in _ENDINGS.items() if kind.endswith(ending))
    return _CODES.get(kind) or next(by_ending, ErrorCode.INVALID_VALUE)
