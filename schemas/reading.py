"""The door: bytes become a checked event, or one precise reason why not.

Nothing behind the door checks again, so nothing gets through it unchecked. Of a key given twice in one JSON
object the last counts, for every field alike. Unknown fields are dropped here, whatever they hold.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from pydantic import TypeAdapter, ValidationError

from schemas.cards import masked, may_hold_card_number
from schemas.envelope import Event
from schemas.events import INPUT_TYPES, InputData
from schemas.instants import read_instant
from schemas.rejections import ErrorCode, Rejected, from_validation
from schemas.screening import screen_headers, screen_key, screened

LARGEST_VALUE = 256 * 1024  # bytes; our choice: a thousand times a typical event, and a page holds several
LARGEST_HEADERS = 64 * 1024  # bytes, names and values together; our choice
MOST_HEADERS = 100  # our choice

Headers = Sequence[tuple[str, bytes | None]]

# The attributes of a binary event that are read; other `ce_` headers are extensions and dropped.
_ATTRIBUTES = frozenset({"specversion", "id", "source", "type", "time", "recordedtime"})

_STRUCTURED = frozenset(
    b"application/cloudevents+json" + parameters
    for parameters in (b"", b"; charset=utf-8", b"; charset=UTF-8", b";charset=utf-8", b";charset=UTF-8")
)


class _Peek(msgspec.Struct):
    specversion: Any = msgspec.UNSET
    type: Any = msgspec.UNSET


class _Times(msgspec.Struct):
    time: Any = None
    recordedtime: Any = None


_peek = msgspec.json.Decoder(_Peek).decode
_times = msgspec.json.Decoder(_Times).decode
_encode = msgspec.json.Encoder().encode


def read_event(
    value: bytes | None,
    *,
    headers: Headers = (),
    key: bytes | None = None,
    topic: str | None = None,
    exempt: frozenset[str] = frozenset(),
) -> Event[InputData]:
    """Read one event, in structured or binary mode of CloudEvents 1.0.

    Args:
        value: the record's value, or a line of a file.
        headers: the record's headers. A content type of CloudEvents decides first, then `specversion` in
            the value, then `ce_` headers.
        key: the record's key; only looked at for card numbers.
        topic: the topic's name without prefix, which must be the event's type; None where there is no topic.
        exempt: id fields that may look like card numbers, as `data.charge_id` or `charge_id`; also `key`
            and names of headers.

    Returns:
        The event, its instants in UTC, card numbers in its words masked.

    Raises:
        Rejected: anything that is wrong with it; the first finding.

    Source:
        Contract sections 2 and 6 (card numbers).
    """
    if not value:
        raise Rejected(ErrorCode.EMPTY, "", "there is no value")
    if len(value) > LARGEST_VALUE:
        raise Rejected(ErrorCode.TOO_LARGE, "", f"larger than {LARGEST_VALUE} bytes")
    if key is not None:
        screen_key(key, exempt)
    if headers and not _is_plain(headers):
        value = _unwrapped(value, headers, exempt)
    kind = _kind(value, topic)
    try:
        event = _checker(kind).validate_json(value, strict=True)
    except ValidationError as error:
        raise from_validation(error) from None
    return screened(event, exempt) if may_hold_card_number(value) else event


def arrival_of(raw: bytes) -> datetime | None:
    """Read when a line arrived (`recordedtime`, else `time`), even if the rest of its event is wrong.

    Returns:
        An instant in UTC; None where neither is readable.
    """
    try:
        times = _times(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    for written in (times.recordedtime, times.time):
        try:
            return read_instant(written)
        except ValueError:
            continue
    return None


@cache
def _checker(kind: str) -> TypeAdapter[Event[Any]]:
    """Build the check of one type when it is first seen; that takes milliseconds, and not all are needed."""
    shape = INPUT_TYPES[kind]
    return TypeAdapter(Event[shape])  # type: ignore[valid-type]  # a shape from the table


def _kind(value: bytes, topic: str | None) -> str:
    """Read the type ahead of the rest; it says what the rest must look like."""
    peek = _peeked(value)
    kind = peek.type
    if peek.specversion is msgspec.UNSET:
        raise Rejected(ErrorCode.NOT_AN_EVENT, "specversion", "no CloudEvent: it has no `specversion`")
    if kind is msgspec.UNSET:
        raise Rejected(ErrorCode.MISSING_FIELD, "type", "Field required")
    if not isinstance(kind, str):
        raise Rejected(ErrorCode.WRONG_TYPE, "type", "Input should be a valid string")
    if kind not in INPUT_TYPES:
        raise Rejected(ErrorCode.UNKNOWN_TYPE, "type", f"{masked(kind)[:100]!r} is no type that is read")
    if topic is not None and kind != topic:
        raise Rejected(ErrorCode.WRONG_TOPIC, "type", f"an event {kind} on the topic {topic}")
    return kind


def _peeked(value: bytes) -> _Peek:
    try:
        return _peek(value)
    except msgspec.ValidationError:
        raise Rejected(ErrorCode.NOT_AN_EVENT, "", "JSON, but not an object") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Rejected(ErrorCode.NOT_JSON, "", f"no JSON in UTF-8: {error}") from None
    except RecursionError:
        raise Rejected(ErrorCode.NOT_JSON, "", "nested too deeply") from None


def _is_plain(headers: Headers) -> bool:
    """Tell whether the only header says what most producers say, so that there is nothing to look at."""
    return len(headers) == 1 and headers[0][0] == "content-type" and headers[0][1] in _STRUCTURED


def _unwrapped(value: bytes, headers: Headers, exempt: frozenset[str]) -> bytes:
    """Check the headers and bring a binary event into structured form."""
    if len(headers) > MOST_HEADERS:
        raise Rejected(ErrorCode.TOO_LARGE, "headers", f"more than {MOST_HEADERS} headers")
    if sum(len(name) + len(content or b"") for name, content in headers) > LARGEST_HEADERS:
        raise Rejected(ErrorCode.TOO_LARGE, "headers", f"headers larger than {LARGEST_HEADERS} bytes")
    screen_headers(headers, exempt)
    content_type = _content_type(headers)
    if content_type.startswith("application/cloudevents"):
        if content_type not in {"application/cloudevents", "application/cloudevents+json"}:
            raise _unsupported("only single CloudEvents in JSON are read")
        return value
    if not any(name.startswith("ce_") for name, _ in headers):
        return value
    is_object = value.lstrip()[:1] == b"{"
    # Reading ahead also makes sure that nothing but one JSON object is set into the envelope.
    if is_object and _peeked(value).specversion is not msgspec.UNSET:
        return value
    if content_type not in {"", "application/json", "text/json"} and not content_type.endswith("+json"):
        raise _unsupported("only data in JSON is read")
    if not is_object:
        raise Rejected(ErrorCode.WRONG_TYPE, "data", "Input should be a JSON object")
    return _encode(_attributes(headers))[:-1] + b',"data":' + value + b"}"


def _content_type(headers: Headers) -> str:
    """Give the media type, in lower case and without parameters; empty where there is none."""
    for name, content in headers:
        if name.lower() == "content-type" and content:
            return content.decode("latin-1").partition(";")[0].strip().lower()
    return ""


def _unsupported(message: str) -> Rejected:
    return Rejected(ErrorCode.UNSUPPORTED_CONTENT, "headers.content-type", message)


def _attributes(headers: Headers) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for name, content in headers:
        attribute = name.removeprefix("ce_")
        if not name.startswith("ce_") or attribute not in _ATTRIBUTES or content is None:
            continue
        if attribute in attributes:
            raise Rejected(ErrorCode.BAD_HEADER, f"headers.{name}", "given twice")
        try:
            attributes[attribute] = content.decode()
        except UnicodeDecodeError:
            raise Rejected(ErrorCode.BAD_HEADER, f"headers.{name}", "not UTF-8") from None
    if "specversion" not in attributes:
        raise Rejected(ErrorCode.NOT_AN_EVENT, "specversion", "no CloudEvent: it has no `ce_specversion`")
    return attributes
