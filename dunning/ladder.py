"""The planned instants of a case: its rungs and its technical attempts, as the policy has them.

The one rule: what falls due while it may not go is dropped and never made up for (contract section 6, Rungs).
"""

from collections.abc import Iterator

from dunning.account import Matter
from dunning.calendar import add
from dunning.policy import LadderAnchor, Policy, WindowAnchor, planned, planned_technical
from dunning.records import Case, Invoice


def window_end(policy: Policy, invoice: Invoice, first_decline_at: int | None) -> int:
    """Compute when the window ends; `at` does not move it. A missing anchor is replaced by the other one."""
    by_decline = policy.window_anchor is WindowAnchor.FIRST_DECLINE
    first, second = (
        (first_decline_at, invoice.issued_at) if by_decline else (invoice.issued_at, first_decline_at)
    )
    anchor = first if first is not None else second
    assert anchor is not None, "a case has an invoice date or a first decline"
    return add(anchor, policy.window_length, invoice.zone)


def rungs(matter: Matter, case: Case, policy: Policy) -> Iterator[tuple[int, int]]:
    """List the rungs that are still ahead as (index, planned instant), nearest first.

    Of a `previous_attempt` ladder the gaps beyond the first are counted as if each rung were dropped.
    """
    start = _start(matter, case, policy)
    if start is None:
        return
    by_gap = policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT
    if by_gap and (case.carried_at is not None or _is_rung_unanswered(matter.invoice, case)):
        return  # the next gap follows an attempt that is still to be made, or answered
    if not (by_gap or policy.is_ascending):
        yield from list(enumerate(planned_rungs(matter, case, policy)))[case.rung :]
        return
    zone = matter.invoice.zone
    offsets = policy.utc_offsets if zone == "UTC" else None
    for index in range(case.rung, len(policy.steps)):
        if offsets is not None:
            instant = start + offsets[index]
        else:
            instant = planned(policy, start, policy.steps[index], zone, _spread_key(matter, policy, index))
        yield index, instant
        if by_gap:
            start = instant


def _is_rung_unanswered(invoice: Invoice, case: Case) -> bool:
    return case.request_kind == "r" or any(one.kind == "r" and not one.is_late for one in invoice.quarantined)


def pass_rung(case: Case, policy: Policy, index: int, instant: int) -> None:
    """Leave a rung behind, used or dropped; the next gap counts from the instant at which it was due."""
    case.rung = index + 1
    if policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT:
        case.ladder_start = instant


def pass_past_rungs(matter: Matter, case: Case, policy: Policy, now: int) -> None:
    """Skip the rungs that lie before the instant; they are never made up for."""
    for index, at in rungs(matter, case, policy):
        if at >= now:
            return
        pass_rung(case, policy, index, at)


def use_due_rungs(matter: Matter, case: Case, policy: Policy, now: int, used_at: int | None) -> None:
    """Let a request made now stand for every rung that has fallen due: rungs moved to one instant are one attempt.

    In a `previous_attempt` ladder nothing falls due behind the rung that is `used_at` its planned instant.
    """
    for index, at in rungs(matter, case, policy):
        if at > now:
            return
        pass_rung(case, policy, index, at)
        if at == used_at and policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT:
            return


def failed(case: Case, policy: Policy, attempted_at: int, *, uses_gap: bool) -> bool:
    """Count a failed automatic attempt (contract section 3, point 2). Returns whether the ladder counts from it.

    Args:
        case: whose attempt it was.
        policy: of the case.
        attempted_at: when it was made, microseconds UTC.
        uses_gap: it takes the next gap of a `previous_attempt` ladder; a technical attempt does not, and one of
            the ladder's own has taken its gap when it was requested.
    """
    if policy.ladder_anchor is LadderAnchor.INVOICE_DATE:
        return False  # it does not count from declines
    if case.ladder_start is None:
        case.ladder_start, case.rung = attempted_at, 0
        return True
    if policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT:
        case.ladder_start = max(case.ladder_start, attempted_at)
        case.rung += uses_gap and case.carried_at is None  # one that still waits has taken the gap
        case.carried_at = None
        return True
    return False


def begin_anew(case: Case, policy: Policy) -> None:
    """Restart: `first_decline` and `previous_attempt` ladders begin with the next decline, the budget is given back."""
    if policy.ladder_anchor is not LadderAnchor.INVOICE_DATE:
        case.ladder_start, case.rung = None, 0
    case.carried_at = None
    case.technical_used, case.technical_at = 0, None


def use_next_rung(matter: Matter, case: Case, policy: Policy, attempted_at: int) -> None:
    """Let an attempt of the provider take the place of the next rung after it that nobody has used."""
    if policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT:
        return  # `failed` has taken the gap
    for index, at in rungs(matter, case, policy):
        pass_rung(case, policy, index, at)
        if at >= attempted_at:
            return


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
    """Pass over the rungs before the planned technical attempt; gaps count from it then (contract section 6)."""
    at = case.technical_at
    if at is None:
        return
    pass_past_rungs(matter, case, policy, at)
    if policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT and case.ladder_start is not None:
        case.ladder_start = max(case.ladder_start, at)


def planned_rungs(matter: Matter, case: Case, policy: Policy) -> list[int]:
    """List every rung of a ladder of fixed instants, not of gaps, behind and ahead, in order."""
    start = _start(matter, case, policy)
    return [] if start is None else sorted(_planned(matter, policy, start))


def _planned(matter: Matter, policy: Policy, start: int) -> Iterator[int]:
    for index, step in enumerate(policy.steps):
        yield planned(policy, start, step, matter.invoice.zone, _spread_key(matter, policy, index))


def _spread_key(matter: Matter, policy: Policy, index: int) -> str:
    return "" if policy.is_plain else f"{matter.id}/{index}"


def _start(matter: Matter, case: Case, policy: Policy) -> int | None:
    if policy.ladder_anchor is not LadderAnchor.INVOICE_DATE:
        return case.ladder_start
    issued_at = matter.invoice.issued_at
    return case.first_decline_at if issued_at is None else issued_at
