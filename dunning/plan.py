"""The one clockwork of a case: what comes next, and when it has to be looked at again.

Ladder, technical attempts, immediate attempts, notices, stages and the window's end yield one next timer.
"""

from dunning.account import Matter
from dunning.binding import charged_on, is_paused, verdict_against
from dunning.calendar import DAY, add
from dunning.ceilings import Allowed, first_allowed
from dunning.due_index import KIND_BITS
from dunning.ladder import drop_technical, pass_rung, rungs
from dunning.page import Page
from dunning.policy import Policy
from dunning.records import Case
from schemas.decisions import CaseState

# What falls due in one instant, in the order in which it fires (contract section 6, Order).
ANSWER_OVERDUE, IMMEDIATE, TECHNICAL, RUNG, CLOSING_NOTICE, WINDOW_END, STAGE, FORGET = range(8)

PLANNED = {IMMEDIATE: "I", TECHNICAL: "T", RUNG: "R"}
_KINDS = {"I": IMMEDIATE, "T": TECHNICAL, "R": RUNG}
_NEVER = 1 << 62


def touch(page: Page, matter: Matter) -> None:
    """Take an invoice into the page before anything about it changes; it is planned anew afterwards."""
    if not matter.is_settled_up:
        page.touched[matter.account.account_id, matter.id] = matter
        matter.account.matter_changed(matter)
        settle_up(page, matter)
        page.unplanned.append(matter)
    elif matter.is_planned:
        page.unplanned.append(matter)
    matter.is_planned = False


def settle_up(page: Page, matter: Matter) -> None:
    """Look at what fell due before this page and did not fire, before the page changes anything.

    A planned attempt that waits for a network rule, or for an engine that was late, is kept: one of them.
    Everything else is dropped: it fell due while a request was unanswered, a charge pending, the provider at
    work, the instrument blocked, or the case paused. Only of the last a note is kept, for `resume`.
    """
    matter.is_settled_up = True
    case, now = matter.invoice.case, page.now
    if case is None or case.closed is not None:
        return
    policy = page.policy(case)
    paused = is_paused(matter)
    # Under a pause the plan is what would have gone: past its instant it is dropped.
    missed = paused and case.plan_kind != "" and case.plan_at < now
    if missed:
        case.dropped_while_paused = True
    if case.technical_at is not None and (case.plan_kind != "T" or missed):
        while case.technical_at is not None and case.technical_at < now:
            drop_technical(matter, case, policy)
    waits = case.plan_kind == "R" and not missed
    if case.carried_at is not None and not (waits and case.carried_at == case.plan_due_at):
        case.carried_at = None
    for index, at in rungs(matter, case, policy):
        if at >= now:
            break
        pass_rung(case, policy, index, at)
        if waits and at == case.plan_due_at:
            case.carried_at = at
            if policy.ladder_anchor == "previous_attempt":
                break  # the next gap follows the attempt that still waits


def plan(page: Page, matter: Matter) -> tuple[str, ...]:
    """Plan the next automatic attempt and the next timer of an invoice.

    Returns:
        The network rules that move the attempt, most decisive first.
    """
    matter.is_planned = True
    invoice, case = matter.invoice, matter.invoice.case
    due: list[int] = []
    why: tuple[str, ...] = ()
    if invoice.stage_at is not None:
        due.append(invoice.stage_at << KIND_BITS | STAGE)
    if invoice.forget_at is not None:
        due.append(invoice.forget_at << KIND_BITS | FORGET)
    if case is not None and case.closed is None:
        policy = page.policy(case)
        instrument_id = charged_on(matter.account, invoice.subscription_id)
        attempt = _next_attempt(page, matter, case, policy, instrument_id)
        if attempt is None:
            case.plan_kind = ""
        else:
            kind, case.plan_at, case.plan_due_at, why = attempt
            case.plan_kind = PLANNED[kind]
            if not is_paused(matter):
                due.append(case.plan_at << KIND_BITS | kind)
        if case.request_at is not None and not case.request_overdue and not invoice.quarantined:
            due.append(case.request_at + policy.answer_within << KIND_BITS | ANSWER_OVERDUE)
        end = case.window_ends_at
        if case.close_early_at is not None:
            end = min(end, case.close_early_at)
        due.append(end << KIND_BITS | WINDOW_END)
        if not case.closing_told and (closing := closing_at(policy, case, invoice.zone)) is not None:
            due.append(closing << KIND_BITS | CLOSING_NOTICE)
    matter.timer = min(due, default=None)
    return why


def closing_at(policy: Policy, case: Case, zone: str) -> int | None:
    """Compute when the customer is told that the window is about to end."""
    if policy.closing_notice is None:
        return None
    return add(case.window_ends_at, policy.closing_notice, zone, sign=-1)


def state_of(matter: Matter) -> CaseState:
    """Tell where a planned case stands."""
    case = matter.invoice.case
    assert case is not None and matter.is_planned
    if case.closed is not None:
        return CaseState.CLOSED
    if is_paused(matter):
        return CaseState.PAUSED
    if matter.invoice.quarantined:
        return CaseState.PENDING
    if case.request_at is not None:
        return CaseState.IN_FLIGHT
    if case.plan_kind:
        return CaseState.RETRYING
    instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
    if instrument_id is None or verdict_against(matter, instrument_id) is not None:
        return CaseState.WAITING
    return CaseState.EXHAUSTED


def next_attempt_at(matter: Matter) -> int | None:
    """The instant of the next automatic attempt of a planned case; only a retrying one has any."""
    case = matter.invoice.case
    assert case is not None
    return case.plan_at if state_of(matter) is CaseState.RETRYING else None


def held_until(case: Case, now: int) -> int:
    """Until when the provider's own retry holds the case back; 0 if it does not."""
    if not case.psp_hold:
        return 0
    if case.psp_next_at is None:
        return _NEVER
    ends_at = case.psp_next_at + DAY
    return ends_at if now < ends_at else 0


Attempt = tuple[int, int, int, tuple[str, ...]]
"""(kind, instant, planned instant, rules that moved it)."""


def _next_attempt(page: Page, matter: Matter, case: Case, policy: Policy, instrument_id: str | None) -> Attempt | None:
    if matter.invoice.quarantined or instrument_id is None:
        return None
    if case.immediate is not None:
        attempt = _immediate(page, matter, case, policy, instrument_id)
        if attempt is not None:
            return attempt
        case.immediate = None  # no instant inside the window is left for it
    if case.request_at is not None or verdict_against(matter, instrument_id) is not None:
        return None
    if case.technical_at is not None:
        attempt = _technical(page, matter, case, policy, instrument_id)
        if attempt is not None:
            return attempt
    return _rung(page, matter, case, policy, instrument_id)


def _immediate(page: Page, matter: Matter, case: Case, policy: Policy, instrument_id: str) -> Attempt | None:
    assert case.immediate is not None
    at = max(case.immediate.since, page.now)
    if case.request_at is not None:
        at = max(at, case.request_at + policy.answer_within)
    while True:
        hold = held_until(case, at)
        if hold and case.psp_next_at is not None and at >= case.psp_next_at:
            at = hold
        allowed = first_allowed(page.rules.networks, matter, policy, instrument_id, at)
        if allowed is None or allowed.at >= case.window_ends_at:
            return None
        if allowed.at == at:
            return IMMEDIATE, at, case.immediate.due_at, allowed.why
        at = allowed.at


def _technical(page: Page, matter: Matter, case: Case, policy: Policy, instrument_id: str) -> Attempt | None:
    assert case.technical_at is not None
    allowed = _allowed(page, matter, case, policy, instrument_id, case.technical_at)
    if allowed is None:
        return None
    return TECHNICAL, allowed.at, case.technical_at, allowed.why


def _rung(page: Page, matter: Matter, case: Case, policy: Policy, instrument_id: str) -> Attempt | None:
    if case.carried_at is not None:
        attempt = _spaced(page, matter, case, policy, instrument_id, case.carried_at)
        if attempt is not None:
            return attempt
    for _, at in rungs(matter, case, policy):
        if at >= case.window_ends_at:
            return None
        attempt = _spaced(page, matter, case, policy, instrument_id, at)
        if attempt is not None:
            return attempt
    return None


def _spaced(
    page: Page, matter: Matter, case: Case, policy: Policy, instrument_id: str, planned_at: int
) -> Attempt | None:
    allowed = _allowed(page, matter, case, policy, instrument_id, planned_at)
    if allowed is None or allowed.at - case.last_attempt_at < policy.min_gap:
        return None
    return RUNG, allowed.at, planned_at, allowed.why


def _allowed(
    page: Page, matter: Matter, case: Case, policy: Policy, instrument_id: str, planned_at: int
) -> Allowed | None:
    allowed = first_allowed(page.rules.networks, matter, policy, instrument_id, max(planned_at, page.now))
    if allowed is None or allowed.at >= case.window_ends_at or allowed.at < held_until(case, page.now):
        return None
    return allowed
