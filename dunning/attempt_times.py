"""What may move a planned attempt on the clock of its customer: business days, quiet hours, a spread.

The one rule: holiday dates come in as data, resolved outside; the same inputs give the same instant for ever.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from dunning.calendar import Duration, from_local, local_day


class Move(StrEnum):
    """Where an attempt goes that is planned on a day when banks are closed."""

    NEXT = "next"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """The days on which an attempt may be made, in the invoice's time zone."""

    move: Move
    weekend: frozenset[int]  # weekdays off, Monday is 0; never all seven
    holidays: frozenset[int]  # proleptic ordinals of further days off

    def is_open(self, ordinal: int) -> bool:
        """Whether attempts are made on the local date with this proleptic ordinal."""
        return (ordinal + 6) % 7 not in self.weekend and ordinal not in self.holidays

    def moved(self, instant: int, zone: str, move: Move | None = None) -> int:
        """Move an instant to the nearest open day, at the same local time of day; an open day stays."""
        ordinal, time_of_day = local_day(instant, zone)
        if self.is_open(ordinal):
            return instant
        step = 1 if (move or self.move) is Move.NEXT else -1
        while not self.is_open(ordinal):
            ordinal += step
        return from_local(ordinal, time_of_day, zone)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Local hours without attempts, half open; `starts_at` after `ends_at` runs over midnight."""

    starts_at: int  # microseconds after local midnight; the first quiet moment
    ends_at: int  # microseconds after local midnight; the first moment that is free again

    def moved(self, instant: int, zone: str) -> int:
        """Move an instant inside the quiet hours to their end; any other stays."""
        ordinal, time_of_day = local_day(instant, zone)
        if self.starts_at < self.ends_at:
            inside = self.starts_at <= time_of_day < self.ends_at
            return from_local(ordinal, self.ends_at, zone) if inside else instant
        if time_of_day >= self.starts_at:
            return from_local(ordinal + 1, self.ends_at, zone)
        return from_local(ordinal, self.ends_at, zone) if time_of_day < self.ends_at else instant


def jitter(key: str, spread: Duration) -> int:
    """Draw, always the same for one key, a delay from [0, spread) in microseconds.

    Args:
        key: what is spread, for example the invoice and the rung.
        spread: without months, as the policy file demands.
    """
    drawn = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
    return drawn * spread.exact_micros() >> 64
