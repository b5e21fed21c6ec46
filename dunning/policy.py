"""Policies, compiled: windows, ladders and choices as data, and which policy an invoice follows.

The one rule: a policy is a value. Its digest names its whole content; a case keeps the one it opened with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dunning.attempt_times import BusinessDays, Move, QuietHours, jitter
from dunning.calendar import Duration, add


class WindowAnchor(StrEnum):
    """From when the window runs."""

    INVOICE_DATE = "invoice_date"
    FIRST_DECLINE = "first_decline"


class LadderAnchor(StrEnum):
    """From when the rungs are counted (contract section 3, point 2)."""

    INVOICE_DATE = "invoice_date"
    FIRST_DECLINE = "first_decline"
    PREVIOUS_ATTEMPT = "previous_attempt"


class RuleProfile(StrEnum):
    """Which reading of the network rules holds; under `none` the decline classes remain."""

    CURRENT = "current"
    STRICT = "strict"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A named consequence of age."""

    name: str
    after: Duration  # from the invoice date


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One policy, ready to use. Built by `dunning.policy_file`, which has checked it."""

    name: str
    digest: str  # 12 hex digits over `content`; two policies of one digest decide alike
    ref: str  # name@digest, as written events show it
    content: Mapping[str, Any]  # every key with its value, JSON types only; what a case pins
    window_anchor: WindowAnchor
    window_length: Duration
    ladder_anchor: LadderAnchor
    # Whether it counts from the invoice, or from attempt to attempt: asked many times an event, where an enum's
    # member is slow to look up.
    is_by_invoice: bool
    is_by_gap: bool
    steps: tuple[Duration, ...]  # offsets in ascending order, or gaps of a `previous_attempt` ladder
    technical: tuple[Duration, ...]  # each from the attempt before it
    min_gap: int  # microseconds; rungs nearer to the last attempt are skipped
    answer_within: int  # microseconds; then a request is overdue
    at: int | None  # microseconds after local midnight, for day-based rungs
    closing_notice: Duration | None  # before the window's end
    closing_ahead: int  # microseconds; in no zone and month is the notice further before the window's end
    expiry_notice: Duration | None  # before an attempt that the card will not live to see
    never_close_after: Duration | None  # accelerated dunning: from the first `never` or `fraud` decline
    stages: tuple[Stage, ...]  # in order of age
    rules: RuleProfile
    business_days: BusinessDays | None
    quiet_hours: QuietHours | None
    spread: Duration | None
    is_plain: bool  # none of the three above: a planned instant is `add` alone
    # Of the steps, microseconds, where no clock changes; None: `at` or more moves them.
    steady_offsets: tuple[int, ...] | None
    ladder_days: int  # days, not fewer than the whole ladder lasts
    is_ascending: bool  # the steps come in the order of their instants, whatever the clock of the zone does


def planned(policy: Policy, anchor: int, step: Duration, zone: str, key: str) -> int:
    """Give the planned instant of a rung.

    In this order: calendar arithmetic (with the policy's `at`), business days, quiet hours, spread. Quiet
    hours that end on a closed day go on to the next open one. A spread comes last, so that rungs which the
    steps before gather on one moment are spread too; it may therefore reach into quiet hours.

    Args:
        policy: whose rung.
        anchor: the instant the rung is counted from, microseconds UTC.
        step: its offset or gap.
        zone: IANA name of the invoice's time zone.
        key: what the spread is drawn for, for example the invoice id and the rung; unused without a spread.

    Returns:
        Microseconds since 1970, UTC. The caller compares it with the window's end.

    Source:
        Contract section 3, point 2, and section 6, Days.
    """
    instant = add(anchor, step, zone, policy.at)
    if policy.is_plain:
        return instant
    instant = _open_hours(policy, instant, zone)
    return instant + jitter(key, policy.spread) if policy.spread else instant


def planned_technical(policy: Policy, previous: int, gap: Duration, zone: str) -> int:
    """Give the planned instant of a technical attempt, `gap` after the attempt before it.

    Business days and quiet hours hold for it; `at` and spread are for rungs only. Units as in `planned`.
    """
    instant = add(previous, gap, zone)
    return instant if policy.is_plain else _open_hours(policy, instant, zone)


def _open_hours(policy: Policy, instant: int, zone: str) -> int:
    days = policy.business_days
    if days:
        instant = days.moved(instant, zone)
    if policy.quiet_hours:
        instant = policy.quiet_hours.moved(instant, zone)
        if days:
            instant = days.moved(instant, zone, Move.NEXT)
    return instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What an invoice must be for an entry of `select`; null or empty asks nothing."""

    currency: tuple[str, ...] | None = None
    instrument_type: tuple[str, ...] | None = None
    country: tuple[str, ...] | None = None
    labels: tuple[tuple[str, tuple[str, ...]], ...] = ()  # name, accepted values
    amount_min: int | None = None  # minor units, inclusive
    amount_max: int | None = None  # minor units, inclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """One entry of `select`."""

    when: Conditions
    use: str  # the name of a policy of the set


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """All policies in force, and which invoice follows which."""

    policies: Mapping[str, Policy]
    select: tuple[Selection, ...]  # the first that matches wins
    fallback: str  # where no entry matches: `standard`, the only one, or the use of the last entry

    def choose(
        self,
        *,
        named: str | None,
        currency: str,
        labels: Mapping[str, str],
        instrument_type: str | None,
        country: str | None,
        amount_minor: int,
    ) -> tuple[Policy, tuple[str, ...]]:
        """Choose the policy of an invoice.

        Args:
            named: the policy that the invoice names, if any; it wins over `select` when it exists.
            currency: ISO 4217 code.
            labels: of the invoice.
            instrument_type: of the instrument it is charged on; null, where unknown, meets no condition.
            country: of that instrument; null meets no condition.
            amount_minor: of the invoice, in minor units.

        Returns:
            The policy and the reasons: `policy.named`; `policy.select.N`, N counted from 1;
            `policy.default` where no entry matched; preceded by `policy.unknown_name` if the invoice names
            a policy that does not exist. Nothing is raised.

        Source:
            Contract sections 2.1 (`policy`) and 4.
        """
        unknown: tuple[str, ...] = ()
        if named is not None:
            policy = self.policies.get(named)
            if policy is not None:
                return policy, ("policy.named",)
            unknown = ("policy.unknown_name",)
        for number, entry in enumerate(self.select, start=1):
            when = entry.when
            if (
                (when.currency is None or currency in when.currency)
                and (when.instrument_type is None or instrument_type in when.instrument_type)
                and (when.country is None or country in when.country)
                and (when.amount_min is None or amount_minor >= when.amount_min)
                and (when.amount_max is None or amount_minor <= when.amount_max)
                and all(labels.get(name) in values for name, values in when.labels)
            ):
                return self.policies[entry.use], (*unknown, f"policy.select.{number}")
        return self.policies[self.fallback], (*unknown, "policy.default")
