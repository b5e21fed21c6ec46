"""The planned instants of a case: its rungs and its technical attempts, as the policy has them.

The one rule: what falls due while it may not go is dropped and never made up for (contract section 6, Rungs).
"""

from collections.abc import Iterator

from dunning.account import Matter
from dunning.calendar import add, is_steady
from dunning.classes import TECHNICAL
from dunning.policy import Policy, WindowAnchor, planned, planned_technical
from dunning.records import (
    BY_LADDER,
    BY_RESTART,
    BY_TECHNICAL,
    UNKNOWN_ZONE,
    Case,
    Invoice,
    OutcomeKind,
    Provisional,
)

_GAP_TAKEN = (BY_LADDER, BY_TECHNICAL)


def window_end(policy: Policy, invoice: Invoice, first_decline_at: int | None) -> int:
    """Compute when the window ends; `at` does not move it. A missing anchor is replaced by the other one."""
    by_decline = policy.window_anchor is WindowAnchor.FIRST_DECLINE
    first, second = (
        (first_decline_at, invoice.issued_at) if by_decline else (invoice.issued_at, first_decline_at)
    )
    anchor = first if first is not None else second
    assert anchor is not None, "a case has an invoice date or a first decline"
    return add(anchor, policy.window_length, invoice.zone)


def closes_early_at(policy: Policy, dead_at: int, zone: str) -> int | None:
    """Compute when a case ends that was declined `never` or as fraud at `dead_at`; None: not before its window."""
    return None if policy.never_close_after is None else add(dead_at, policy.never_close_after, zone)


def rungs(matter: Matter, case: Case, policy: Policy) -> Iterator[tuple[int, int]]:
    """List the rungs that are still ahead as (index, planned instant), nearest first.

    Of a `previous_attempt` ladder the gaps beyond the first are counted as if each rung were dropped.
    """
    start = _start(matter, case, policy)
    if start is None:
        return
    if policy.is_by_gap and (case.carried_at is not None or _is_rung_unanswered(matter.invoice, case)):
        return  # the next gap follows an attempt that is still to be made, or answered
    if not (policy.is_by_gap or policy.is_ascending):
        yield from list(enumerate(planned_rungs(matter, case, policy)))[case.rung :]
        return
    zone = matter.invoice.zone
    offsets = policy.steady_offsets
    if offsets is not None and not is_steady(start, policy.ladder_days, zone):
        offsets = None
    for index in range(case.rung, len(policy.steps)):
        if offsets is not None:
            instant = start + offsets[index]
        else:
            instant = planned(policy, start, policy.steps[index], zone, _spread_key(matter, policy, index))
        yield index, instant
        if policy.is_by_gap:
            start = instant


def _is_rung_unanswered(invoice: Invoice, case: Case) -> bool:
    is_in_flight = case.request is not None and case.request.kind == BY_LADDER
    return is_in_flight or any(one.kind == BY_LADDER and not one.is_late for one in invoice.quarantined)


def pass_rung(case: Case, policy: Policy, index: int, instant: int) -> None:
    """Leave a rung behind, used or dropped; the next gap counts from the instant at which it was due."""
    case.rung = index + 1
    if policy.is_by_gap:
        case.ladder_start = instant


def pass_past_rungs(matter: Matter, case: Case, policy: Policy, now: int) -> None:
    """Skip the rungs that lie before the instant; they are never made up for.

    Gaps count from a technical attempt that is planned: none of them runs until that is made.
    """
    if policy.is_by_gap and case.technical_at is not None:
        return
    for index, at in rungs(matter, case, policy):
        if at >= now:
            return
        pass_rung(case, policy, index, at)


def use_due_rungs(matter: Matter, case: Case, policy: Policy, now: int, used_at: int | None) -> None:
    """Let a request made now stand for every rung that has fallen due: rungs moved to one instant are one attempt.

    In a `previous_attempt` ladder nothing falls due behind the rung that is `used_at` its planned instant. While
    another attempt waited no gap has run: the next one counts from the request.
    """
    for index, at in rungs(matter, case, policy):
        if at > now:
            return
        if policy.is_by_gap and used_at is None and at < now:
            case.ladder_start = now
            return
        pass_rung(case, policy, index, at)
        if policy.is_by_gap and at == used_at:
            return


def failed(case: Case, policy: Policy, attempted_at: int, kind: OutcomeKind) -> bool:
    """Count a failed automatic attempt (contract section 3, point 2). Returns whether the ladder counts from it.

    Args:
        case: whose attempt it was.
        policy: of the case.
        attempted_at: when it was made, microseconds UTC.
        kind: how it came about. In a `previous_attempt` ladder a rung took its gap when it was requested, a
            technical attempt takes none, and that of a restart is the first of a new count.
    """
    begins_anew, case.begins_anew = case.begins_anew, False
    if case.provisional is not None:
        if begins_anew:
            kept = case.provisional
            case.provisional = Provisional(dead_at=kept.dead_at, provider_tried_at=kept.provider_tried_at)
        _remember(case.provisional, attempted_at, kind)
    if policy.is_by_invoice:
        return False  # it does not count from declines
    if begins_anew or case.ladder_start is None:
        case.ladder_start, case.rung, case.carried_at = attempted_at, 0, None
        return True
    if policy.is_by_gap:
        case.ladder_start = max(case.ladder_start, attempted_at)
        if kind == BY_RESTART:
            case.rung = 0
        elif kind not in _GAP_TAKEN and case.carried_at is None:  # one that still waits has taken the gap
            case.rung += 1
        case.carried_at = None
        return True
    return False


def _remember(kept: Provisional, attempted_at: int, kind: OutcomeKind) -> None:
    if kept.begins_at is None:
        kept.begins_at = attempted_at
    kept.failed_at = max(kept.failed_at or attempted_at, attempted_at)
    kept.failures = 1 if kind == BY_RESTART else kept.failures + (kind != BY_TECHNICAL)


def take_anew(matter: Matter, case: Case, policy: Policy, kept: Provisional) -> None:
    """Put a case on the ladder of another policy, which its invoice has brought."""
    invoice = matter.invoice
    case.rung, case.ladder_start = 0, kept.begins_at
    waits_since, case.carried_at = case.carried_at, None  # that is a rung of the other ladder
    if not policy.is_by_gap:
        begins_at = 0 if policy.is_by_invoice else kept.begins_at or 0
        for tried_at in kept.provider_tried_at:
            if tried_at >= begins_at:
                use_next_rung(matter, case, policy, tried_at)
    case.carried_at = waits_since
    if policy.is_by_gap:
        case.ladder_start = kept.failed_at
        case.rung = max(0, kept.failures - 1) + _is_rung_unanswered(invoice, case)
    is_waiting = case.request is None and not invoice.quarantined
    case.technical_at = None
    if case.decline_class == TECHNICAL and case.decline_at and is_waiting:
        plan_technical(matter, case, policy, case.decline_at)


def technical_in_zone(matter: Matter, case: Case, policy: Policy, now: int) -> None:
    """Plan a technical attempt that is still ahead anew, in the time zone that the invoice has brought."""
    if case.technical_at is not None and case.technical_at > now and case.decline_at:
        plan_technical(matter, case, policy, case.decline_at)


def begin_anew(case: Case, policy: Policy) -> None:
    """Restart: `first_decline` and `previous_attempt` ladders begin with the next decline, the budget is given back.

    Until that decline, which may never come, the ladder goes on: an attempt that is needless, cannot go or pays a
    part leaves the case with what was planned.
    """
    case.begins_anew = case.provisional is not None or not policy.is_by_invoice
    case.technical_used, case.technical_at = 0, None


def use_next_rung(matter: Matter, case: Case, policy: Policy, attempted_at: int) -> None:
    """Let an attempt of the provider take the place of the next rung after it that nobody has used.

    That is the one which still waits for a network, if there is one. Not for a failed attempt on a ladder of gaps,
    where `failed` has taken the gap.
    """
    if case.carried_at is not None:
        case.carried_at = None
        return
    used_at: int | None = None
    for index, at in rungs(matter, case, policy):
        if used_at is not None and at != used_at:
            return
        pass_rung(case, policy, index, at)
        if at >= attempted_at:
            used_at = at  # and those of the same instant: together they are one attempt


def plan_technical(matter: Matter, case: Case, policy: Policy, attempted_at: int) -> None:
    """Plan the next technical attempt, if the budget has one and the case lasts so long."""
    case.technical_at = None
    if case.technical_used < len(policy.technical):
        gap = policy.technical[case.technical_used]
        planned_at = planned_technical(policy, attempted_at, gap, matter.invoice.zone)
        case.technical_at = planned_at if planned_at < case.ends_at else None


def drop_technical(matter: Matter, case: Case, policy: Policy) -> None:
    """Leave out a technical attempt that fell due and could not go; it uses nothing of the budget."""
    pass_over_for_technical(matter, case, policy)
    case.technical_at = None


def pass_over_for_technical(matter: Matter, case: Case, policy: Policy) -> None:
    """Pass over the rungs before the planned technical attempt; of gaps it moves the start (contract section 6)."""
    at = case.technical_at
    if at is None:
        return
    if not policy.is_by_gap:
        pass_past_rungs(matter, case, policy, at)
    elif case.ladder_start is not None:
        case.ladder_start = max(case.ladder_start, at)


def planned_rungs(matter: Matter, case: Case, policy: Policy) -> list[int]:
    """List every rung of a ladder of fixed instants, not of gaps, behind and ahead, in order."""
    start = _start(matter, case, policy)
    return [] if start is None else sorted(_planned(matter, policy, start, matter.invoice.zone))


def provisional_rungs(matter: Matter, policy: Policy, first_decline_at: int) -> list[int]:
    """List every rung of an `invoice_date` ladder as it was before the invoice came, in order."""
    return sorted(_planned(matter, policy, first_decline_at, UNKNOWN_ZONE))


def _planned(matter: Matter, policy: Policy, start: int, zone: str) -> Iterator[int]:
    for index, step in enumerate(policy.steps):
        yield planned(policy, start, step, zone, _spread_key(matter, policy, index))


def _spread_key(matter: Matter, policy: Policy, index: int) -> str:
    return "" if policy.is_plain else f"{matter.id}/{index}"


def _start(matter: Matter, case: Case, policy: Policy) -> int | None:
    if not policy.is_by_invoice:
        return case.ladder_start
    issued_at = matter.invoice.issued_at
    return case.first_decline_at if issued_at is None else issued_at
