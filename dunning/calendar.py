"""Durations and calendar arithmetic: days and months in a named zone, hours as elapsed time.

The one rule: an instant is an `int`, microseconds since 1970 in UTC; a zone appears only to count days.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final

from schemas.time_zones import time_zone

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

# Nothing in dunning lasts longer; keeps every sum far inside what `datetime` can hold.   # our choice
LONGEST_DAYS: Final = 3_660

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a local reading, the zone is applied by hand
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_SHORTEST_MONTH, _LONGEST_MONTH = 28, 31  # days

_ISO_8601 = re.compile(
    r"P(?:(?P<years>\d{1,9})Y)?(?:(?P<months>\d{1,9})M)?(?:(?P<weeks>\d{1,9})W)?(?:(?P<days>\d{1,9})D)?"
    r"(?P<time>T(?:(?P<hours>\d{1,9})H)?(?:(?P<minutes>\d{1,9})M)?"
    r"(?:(?P<seconds>\d{1,9})(?:[.,](?P<fraction>\d{1,6}))?S)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time as a policy writes it: calendar months and days, and an exact part.

    Never negative. `P1D` and `PT24H` are two things: the first ends at the same local time of day.
    """

    months: int = 0  # calendar months; the day is clamped to the end of a shorter month
    days: int = 0  # calendar days
    micros: int = 0  # elapsed time in microseconds

    @property
    def is_day_based(self) -> bool:
        """Whether it has no exact part, so that a policy's `at` may choose the time of day."""
        return not self.micros

    @property
    def is_zero(self) -> bool:
        """Whether it is no time at all."""
        return not (self.months or self.days or self.micros)

    @property
    def shortest(self) -> int:
        """The least it can last, in microseconds: months of 28 days, days of 24 hours."""
        return (self.months * _SHORTEST_MONTH + self.days) * DAY + self.micros

    @property
    def longest(self) -> int:
        """The most it can last, in microseconds: months of 31 days, days of 24 hours."""
        return (self.months * _LONGEST_MONTH + self.days) * DAY + self.micros

    def exact_micros(self) -> int:
        """Count it in microseconds, a day as 24 hours.

        Raises:
            ValueError: it has months, which have no exact length.
        """
        if self.months:
            raise ValueError(
                "months and years have no exact length; use weeks, days, hours, minutes or seconds"
            )
        return self.days * DAY + self.micros

    def plain(self) -> int | str:
        """Write it as a policy file does, always in the same form: an integer for days, else ISO 8601."""
        if not self.months and not self.micros:
            return self.days
        years, months = divmod(self.months, 12)
        text = "P" + (f"{years}Y" if years else "") + (f"{months}M" if months else "")
        text += f"{self.days}D" if self.days else ""
        hours, rest = divmod(self.micros, HOUR)
        minutes, rest = divmod(rest, MINUTE)
        seconds, fraction = divmod(rest, SECOND)
        if self.micros:
            text += "T" + (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
        if rest:
            text += f"{seconds}.{fraction:06}".rstrip("0").rstrip(".") + "S"
        return text

    @staticmethod
    def parse(value: object) -> "Duration":
        """Read a duration of a policy file (contract section 4).

        Args:
            value: an integer is days, a string is ISO 8601 (`P2W`, `P1M`, `PT10M`, `P1DT12H`, `PT0.25S`).

        Raises:
            ValueError: neither of these, negative, or longer than ten years; the message says what to write.
        """
        if isinstance(value, bool) or not isinstance(value, int | str):
            shown = "nothing" if value is None else repr(value)
            raise ValueError(f"{shown} is no duration; write days as an integer (3) or ISO 8601 (PT36H)")  # noqa: TRY004 - pydantic turns only ValueError into a finding
        read = Duration(days=value) if isinstance(value, int) else _from_iso(value)
        if read.days < 0:
            raise ValueError(f"{value} is negative; a duration is 0 or more")
        if read.longest > LONGEST_DAYS * DAY:
            raise ValueError(f"{value} is too long; at most {LONGEST_DAYS} days")
        return read


def _from_iso(text: str) -> Duration:
    found = _ISO_8601.fullmatch(text)
    if found is None or text == "P" or text.endswith("T"):
        what = "is negative" if text.startswith("-") else "is no duration"
        raise ValueError(
            f"{text!r} {what}; write days as an integer (3) or ISO 8601 (P2W, P1M, PT36H, PT10M)"
        )
    part = {
        name: int(digits or 0)
        for name, digits in found.groupdict().items()
        if name not in {"time", "fraction"}
    }
    return Duration(
        months=part["years"] * 12 + part["months"],
        days=part["weeks"] * 7 + part["days"],
        micros=part["hours"] * HOUR
        + part["minutes"] * MINUTE
        + part["seconds"] * SECOND
        + int((found["fraction"] or "").ljust(6, "0")),
    )


def add(instant: int, duration: Duration, zone: str, at: int | None = None, sign: int = 1) -> int:
    """Go `duration` on from `instant`: months and days on the calendar of the zone, then the exact part.

    Days keep the local time of day. A local time that the clock skips is read with the offset before the
    change, one that happens twice is the first of the two; the 31st becomes the last day of a shorter month.

    Args:
        instant: microseconds since 1970, UTC.
        duration: how far.
        zone: IANA name, in which days and months are counted.
        at: local time of day in microseconds after midnight, which replaces the instant's own if the
            duration has no exact part.
        sign: 1 to go on, -1 to go back.

    Returns:
        Microseconds since 1970, UTC.

    Raises:
        zoneinfo.ZoneInfoNotFoundError: no such zone; refused at the door.

    Source:
        Contract sections 3.2 and 6, Days; RFC 5545, section 3.3.5.
    """
    days = duration.days
    micros = duration.micros
    if not duration.months:  # the common cases, on integers alone
        moved = instant + sign * days * DAY
        if at is None or micros:
            if zone == "UTC":
                return moved + sign * micros
            offset = _steady_offset(instant // DAY, zone)
            if offset is not None and offset == _steady_offset(moved // DAY, zone):
                return moved + sign * micros
        elif zone == "UTC":
            return moved // DAY * DAY + at
    if at is not None and not micros:
        ordinal = local_day(instant, zone)[0]
        return from_local(_moved(ordinal, duration, sign), at, zone)
    if not days and not duration.months:
        return instant + sign * micros
    ordinal, time_of_day = local_day(instant, zone)
    return from_local(_moved(ordinal, duration, sign), time_of_day, zone) + sign * micros


def is_steady(instant: int, days: int, zone: str) -> bool:
    """Tell whether the clock of a zone stays as it is for so many days on, so that a day is 24 hours throughout."""
    return zone == "UTC" or _is_steady(instant // DAY, days, zone)


def local_day(instant: int, zone: str) -> tuple[int, int]:
    """Read the calendar of a zone.

    Args:
        instant: microseconds since 1970, UTC.
        zone: IANA name.

    Returns:
        The proleptic ordinal of the local date, and microseconds after local midnight.
    """
    offset = _steady_offset(instant // DAY, zone)
    if offset is None:
        offset = _offset((_EPOCH_UTC + timedelta(microseconds=instant)).astimezone(time_zone(zone)))
    day, time_of_day = divmod(instant + offset, DAY)
    return _EPOCH_ORDINAL + day, time_of_day


def from_local(ordinal: int, time_of_day: int, zone: str) -> int:
    """Give the instant of a local time, by the rule of RFC 5545 for times that are skipped or doubled.

    Args:
        ordinal: proleptic ordinal of the local date.
        time_of_day: microseconds after local midnight.
        zone: IANA name.

    Returns:
        Microseconds since 1970, UTC.
    """
    day = ordinal - _EPOCH_ORDINAL
    since = day * DAY + time_of_day
    offset = _steady_offset(day, zone)
    if offset is None:
        # fold=0 is exactly that rule: in a gap the offset before it, of a doubled time the first (PEP 495).
        offset = _offset((_EPOCH + timedelta(microseconds=since)).replace(tzinfo=time_zone(zone), fold=0))
    return since - offset


def _moved(ordinal: int, duration: Duration, sign: int) -> int:
    if duration.months:
        day = date.fromordinal(ordinal)
        year, month = divmod(day.year * 12 + day.month - 1 + sign * duration.months, 12)
        next_year, next_month = divmod(year * 12 + month + 1, 12)
        first = date(year, month + 1, 1).toordinal()
        length = date(next_year, next_month + 1, 1).toordinal() - first
        ordinal = first + min(day.day, length) - 1
    return ordinal + sign * duration.days


@lru_cache(maxsize=16_384)  # a year in forty zones; `add` is three times as fast
def _steady_offset(day: int, zone: str) -> int | None:
    """Give the offset of a zone if it is the same from the day before to the day after; null near a change.

    Far from a change the arithmetic is one subtraction, whether `day` (since 1970) is of UTC or local.
    """
    first, *others = (
        _offset((_EPOCH_UTC + timedelta(days=day + near)).astimezone(time_zone(zone)))
        for near in (-1, 0, 1, 2)
    )
    return first if all(other == first for other in others) else None


@lru_cache(maxsize=16_384)
def _is_steady(day: int, days: int, zone: str) -> bool:
    first = _steady_offset(day, zone)
    return first is not None and all(
        _steady_offset(later, zone) == first for later in range(day + 1, day + days + 1)
    )


def _offset(local: datetime) -> int:
    offset = local.utcoffset()
    assert offset is not None
    return offset.days * DAY + offset.seconds * SECOND + offset.microseconds
