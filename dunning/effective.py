"""When a row of rule data is in force.

The one rule: `from` is inclusive, `to` is exclusive, both are UTC dates; the instant of the attempt decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from dunning.policy import RuleProfile
from dunning.rule_files import refuse
from schemas.instants import micros

ALWAYS_FROM = -(2**63)  # microseconds; before every instant
ALWAYS_TO = 2**63


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of time, in microseconds since 1970."""

    start_at: int
    end_at: int

    def covers(self, at: int) -> bool:
        """Tell whether the instant `at` (microseconds) lies in the span."""
        return self.start_at <= at < self.end_at

    def overlaps(self, other: "Span") -> bool:
        """Tell whether some instant lies in both spans."""
        return self.start_at < other.end_at and other.start_at < self.end_at


def span_of(first_on: date | None, end_on: date | None, where: str) -> Span:
    """Turn two UTC dates into a span; None is open.

    Args:
        first_on: the first day in force.
        end_on: the first day no longer in force.
        where: file and row, for the message.

    Raises:
        RuleDataError: the span is empty.
    """
    span = Span(_midnight(first_on, ALWAYS_FROM), _midnight(end_on, ALWAYS_TO))
    if span.start_at >= span.end_at:
        refuse(where, f"`from` {first_on} is not before `to` {end_on}", "swap or correct the dates")
    return span


def boundaries(spans: Iterable[Span]) -> tuple[int, ...]:
    """List the instants (microseconds, ascending) at which some row begins or ceases to be in force."""
    edges = {edge for span in spans for edge in (span.start_at, span.end_at)}
    return tuple(sorted(edges - {ALWAYS_FROM, ALWAYS_TO}))


def start_of_epoch(edges: Sequence[int], epoch: int) -> int:
    """Give an instant of an epoch: epoch 0 lies before every edge, epoch n begins at the n-th."""
    return edges[epoch - 1] if epoch else ALWAYS_FROM


def read_profile(profile: str) -> RuleProfile:
    """Read a profile's name.

    Raises:
        ValueError: not `current`, `strict` or `none`; the check of the policy file lets no other through.
    """
    return RuleProfile(profile)


def _midnight(day: date | None, otherwise: int) -> int:
    return otherwise if day is None else micros(datetime(day.year, day.month, day.day, tzinfo=UTC))
