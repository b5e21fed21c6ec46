"""Instants on the wire: RFC 3339 with an offset in, UTC with `Z` out."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated

import msgspec
from pydantic import PlainValidator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)  # our choice: far enough, and no arithmetic overflows
MICROSECOND = timedelta(microseconds=1)


def read_instant(value: object) -> datetime:
    """Read an instant as it stands on the wire, or take one over that was read already.

    Digits beyond the microsecond are rounded. Stricter than pydantic's own reading, which takes "1711929600"
    for a time.

    Raises:
        ValueError: no RFC 3339 text, no offset, or outside the years 1970 to 2199.
    """
    if isinstance(value, str):
        try:
            moment = msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            raise ValueError("not an RFC 3339 time such as 2026-04-01T09:00:00Z") from None
    elif isinstance(value, datetime):
        moment = value
    else:
        # Not a TypeError: pydantic turns only ValueErrors into findings.
        raise ValueError("a time is a string such as 2026-04-01T09:00:00Z")  # noqa: TRY004
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, for example 2026-04-01T09:00:00Z")
    if not EPOCH <= moment < LATEST:
        raise ValueError("a time must lie between the years 1970 and 2199")
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


Instant = Annotated[datetime, PlainValidator(read_instant, json_schema_input_type=datetime)]
"""A moment, in UTC. A number or a time without an offset is an error (contract section 2)."""


def micros(moment: datetime) -> int:
    """Count the microseconds from 1970-01-01T00:00:00Z to `moment`."""
    return (moment - EPOCH) // MICROSECOND


@lru_cache(maxsize=8_192)  # the same few instants are written over and over: a window's end, the page's own
def moment(micros: int) -> datetime:
    """Turn microseconds since 1970-01-01T00:00:00Z into a moment in UTC."""
    return EPOCH + timedelta(0, 0, micros)  # by position: naming the argument takes half as long again
