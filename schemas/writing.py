"""The way out: what the engine decided, as one CloudEvent in bytes, and how our own readers take it back.

The same content gives the same bytes: keys stand in the order of the contract, instants are UTC with `Z`.
"""

from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any, Literal, TypeVar, cast, get_args

import msgspec

from schemas.decisions import CaseChanged, DeadLetter, NoticeRequested, RetryRequested, StageChanged
from schemas.envelope import Event

SOURCE = "dunning"
"""The `source` of everything that is written."""

OutputData = RetryRequested | NoticeRequested | CaseChanged | StageChanged | DeadLetter
"""What is written."""

Shape = TypeVar("Shape")

OUTPUT_TYPES: dict[str, type[OutputData]] = {shape.TYPE: shape for shape in get_args(OutputData)}


class WrittenError(ValueError):
    """Bytes on an output topic that we did not write."""


class _Written(msgspec.Struct, gc=False):
    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    time: datetime
    data: Any


class _Kind(msgspec.Struct):
    type: str


_encode = msgspec.json.Encoder().encode
_kind = msgspec.json.Decoder(_Kind).decode
_decoders: dict[str, msgspec.json.Decoder[Event[Any]]] = {
    kind: msgspec.json.Decoder(Event[shape])  # type: ignore[valid-type]  # a shape from the table
    for kind, shape in OUTPUT_TYPES.items()
}


def fast(shape: type[Shape]) -> type[Shape]:
    """Give a twin of a written type: same fields in the same order, built and encoded in half the time.

    The written types themselves are data classes, for the schemas; the engine writes more of them than anything else.
    """
    names = [
        (field.name, Any) if field.default is MISSING else (field.name, Any, field.default)
        for field in fields(shape)  # type: ignore[arg-type]  # every written type is a data class
    ]
    return cast("type[Shape]", msgspec.defstruct(shape.__name__, names, kw_only=True, gc=False))


def written_event(type: str, id: str, time: datetime, data: OutputData) -> bytes:  # noqa: A002  # CloudEvents' names
    """Write one event in structured mode.

    Args:
        type: the event's type, which is its topic.
        id: computed from the content's cause, never drawn.
        time: when it was decided by the engine's clock, UTC.
        data: its instants in UTC, its ids from events that passed the door.
    """
    return _encode(_Written("1.0", id, SOURCE, type, time, data))


def read_written(value: bytes) -> Event[OutputData]:
    """Read what `written_event` wrote, its data typed by the event's type.

    Raises:
        WrittenError: not an event of ours.
    """
    try:
        return _decoders[_kind(value).type].decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError) as error:
        raise WrittenError(f"not an event of the engine: {error}") from error
