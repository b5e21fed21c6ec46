"""The one clockwork of a case: what comes next, and when it has to be looked at again.

Ladder, technical attempts, immediate attempts, notices, stages and the window's end yield one next timer.
"""

from collections.abc import Mapping
from copy import copy
from datetime import date
from typing import Final

import msgspec

from dunning.account import Matter, Means
from dunning.binding import charged_on, forbidding_class
from dunning.calendar import add, from_local
from dunning.ceilings import Allowed, first_allowed, refusing_rules
from dunning.classes import NEVER
from dunning.due_index import KIND_BITS
from dunning.ladder import drop_technical, pass_over_for_technical, pass_rung, rungs, use_due_rungs
from dunning.page import Page
from dunning.pauses import is_paused
from dunning.policy import Policy
from dunning.provider import FOR_EVER, held_until
from dunning.records import (
    BY_RESUME,
    NO_PLAN,
    PLANNED_IMMEDIATE,
    PLANNED_RUNG,
    PLANNED_TECHNICAL,
    PROVIDERS_TURN,
    Case,
    Immediate,
    PlanKind,
)
from schemas.decisions import CaseState, DeclineClass

# What falls due in one instant, in the order in which it fires (contract section 6, Order).
(
    ANSWER_OVERDUE,
    IMMEDIATE,
    TECHNICAL,
    RUNG,
    CLOSING_NOTICE,
    WINDOW_END,
    STAGE,
    EXPIRY_NOTICE,
    FORGET,
) = range(9)

# Of a card's expiry, our choice: what lies outside is no date.
_FIRST_YEAR, _LAST_YEAR = 1970, 2200

_PLANNED: Final[Mapping[int, PlanKind]] = {
    IMMEDIATE: PLANNED_IMMEDIATE,
    TECHNICAL: PLANNED_TECHNICAL,
    RUNG: PLANNED_RUNG,
}
# Looked up in every event: a global costs a tenth of an enum's member.
_RETRYING, _CLOSED, _IN_FLIGHT = CaseState.RETRYING, CaseState.CLOSED, CaseState.IN_FLIGHT


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
    if not matter.has_open_case:
        return
    case, now = matter.case, page.now
    policy = page.policies[case.policy]
    # Under a pause the plan is what would have gone: what was planned for an instant inside it is dropped.
    missed = _fell_due(case, now) and is_paused(matter)
    if missed:
        case.dropped_while_paused = True
    if (
        case.technical_at is not None
        and case.technical_at < now
        and (case.plan_kind != PLANNED_TECHNICAL or missed)
    ):
        drop_technical(matter, case, policy)
    waits = case.plan_kind == PLANNED_RUNG and not missed
    if (
        case.carried_at is not None
        and not (waits and case.carried_at == case.plan_due_at)
        and not _is_held_back(page, matter, policy, case.carried_at)
    ):
        case.carried_at = None
    if waits and case.plan_due_at >= now and not policy.is_by_gap and not case.is_held:
        return  # nothing before the next rung can go, and that one is still ahead
    is_free = case.request is None and not held_until(case, now)
    if (
        policy.is_by_gap
        and case.plan_kind in (PLANNED_IMMEDIATE, PLANNED_TECHNICAL)
        and is_free
        and not missed
    ):
        return  # the next gap follows the attempt that waits for a network
    if policy.is_by_gap and case.technical_at is not None:
        return  # or the technical one that is planned
    for index, at in rungs(matter, case, policy):
        if at >= now:
            break
        pass_rung(case, policy, index, at)
        if waits and at == case.plan_due_at:
            case.carried_at = at
            if policy.is_by_gap:
                break  # the next gap follows the attempt that still waits


def _is_held_back(page: Page, matter: Matter, policy: Policy, planned_at: int) -> bool:
    """Tell whether a network's rule held a rung back until now, so that nothing else has kept it from going."""
    instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
    if instrument_id is None:
        return False
    means = matter.account.means(instrument_id)
    allowed = first_allowed(page.rules.networks, matter, policy, means, planned_at)
    return allowed is not None and allowed.at >= page.now


def _fell_due(case: Case, now: int) -> bool:
    """Tell whether the planned attempt was for an instant behind us; one that waits is not, until it may go."""
    planned_at = (
        case.plan_due_at if case.plan_kind == PLANNED_RUNG and case.carried_at is None else case.plan_at
    )
    return case.has_instant and planned_at < now


def plan(page: Page, matter: Matter) -> None:
    """Plan the next automatic attempt and the next timer of an invoice."""
    matter.is_planned = True
    matter.rules = ()
    invoice = matter.invoice
    due: list[int] = []
    if invoice.stage_at is not None:
        due.append(invoice.stage_at << KIND_BITS | STAGE)
    if invoice.forget_at is not None:
        due.append(invoice.forget_at << KIND_BITS | FORGET)
    if matter.has_open_case:
        case = matter.case
        policy = page.policies[case.policy]
        attempt = _plan_attempt(page, matter, case, policy)
        is_running = not is_paused(matter)
        if attempt is None:
            missed_at = _missed_for_provider(page, matter, case, policy)
            case.plan_kind = NO_PLAN if missed_at is None else PROVIDERS_TURN
            if missed_at is not None and is_running:
                due.append(missed_at << KIND_BITS | RUNG)  # then one rung less is left
        else:
            case.plan_kind = _PLANNED[attempt.kind]
            case.plan_due_at, case.plan_delay = attempt.due_at, attempt.at - attempt.due_at
            matter.rules = attempt.why
            if is_running:
                due.append(attempt.at << KIND_BITS | attempt.kind)
        if case.request is not None and not case.request.is_overdue:
            due.append(case.request.at + policy.answer_within << KIND_BITS | ANSWER_OVERDUE)
        due.append(case.ends_at << KIND_BITS | WINDOW_END)
        # The closing notice is worked out only if nothing else is due before it can be.
        earliest_closing = case.window_ends_at - policy.closing_ahead
        if not case.closing_told and min(due) >> KIND_BITS >= earliest_closing:
            closing = closing_at(policy, case, invoice.zone)
            if closing is not None:
                due.append(closing << KIND_BITS | CLOSING_NOTICE)
        if policy.expiry_notice is not None and (expiring := _expiry_notice_at(matter, policy)) is not None:
            due.append(expiring << KIND_BITS | EXPIRY_NOTICE)
    invoice.timer = min(due) if due else None


def closing_at(policy: Policy, case: Case, zone: str) -> int | None:
    """Compute when the customer is told that the window is about to end."""
    if policy.closing_notice is None:
        return None
    return add(case.window_ends_at, policy.closing_notice, zone, sign=-1)


def expiring(matter: Matter) -> tuple[str, str] | None:
    """Name the instrument that the case is charged on and the month in which it expires, if that was said."""
    instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
    expires = None if instrument_id is None else matter.account.instrument(instrument_id).expires
    return None if instrument_id is None or expires is None else (instrument_id, expires)


def _expiry_notice_at(matter: Matter, policy: Policy) -> int | None:
    """Compute when to tell that the card expires: ahead of the attempt that it will not live to see.

    A card is good until the end of its month, in the invoice's time zone. One that expires inside the window
    with no attempt planned behind that is told of ahead of its end.
    """
    case, zone, found = matter.case, matter.invoice.zone, expiring(matter)
    if policy.expiry_notice is None or found is None or "/".join(found) in case.expiries_told:
        return None
    year, month = map(int, found[1].split("-"))
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        return None  # some say so of a card that does not expire; of one that expired so long ago nobody is warned
    expires_at = from_local(date(year + month // 12, month % 12 + 1, 1).toordinal(), 0, zone)
    if expires_at >= case.window_ends_at:
        return None
    ahead_of = max(expires_at, case.plan_at) if case.has_instant else expires_at
    return add(ahead_of, policy.expiry_notice, zone, sign=-1)


def state_of(matter: Matter) -> CaseState:
    """Tell where a planned case stands."""
    case = matter.case
    if case.closed is not None:
        state = _CLOSED
    elif is_paused(matter):
        state = CaseState.PAUSED
    elif matter.invoice.quarantined:
        state = CaseState.PENDING
    elif case.request is not None:
        state = _IN_FLIGHT
    elif case.plan_kind != NO_PLAN:
        state = _RETRYING
    else:
        instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
        is_blocked = (
            instrument_id is None or forbidding_class(matter, matter.account.means(instrument_id)) is not None
        )
        state = CaseState.WAITING if is_blocked else CaseState.EXHAUSTED
    return state


def shown_attempt(matter: Matter, state: CaseState) -> int | None:
    """The instant of the next automatic attempt of a planned case; only a retrying one has any, if it is known."""
    return matter.case.plan_at if state is _RETRYING and matter.case.has_instant else None


class Attempt(msgspec.Struct, gc=False):
    """The next automatic attempt."""

    kind: int
    at: int  # when it may go
    due_at: int  # when it was planned, or the instant of its cause
    why: tuple[str, ...]  # the rules that moved it


class _Prospect(msgspec.Struct, gc=False):
    """All that decides when an attempt of one case may go."""

    page: Page
    matter: Matter
    case: Case
    policy: Policy
    means: Means

    def allowed(self, at: int) -> Allowed | None:
        """The first instant from `at` on that every network rule allows, before the case ends."""
        allowed = first_allowed(self.page.rules.networks, self.matter, self.policy, self.means, at)
        return None if allowed is None or allowed.at >= self.case.ends_at else allowed

    def forbidding(self) -> tuple[str, ...]:
        """Name the rules that allow no attempt from now until the case ends."""
        networks = self.page.rules.networks
        allowed = first_allowed(networks, self.matter, self.policy, self.means, self.page.now)
        if allowed is None:
            return refusing_rules(networks, self.matter, self.policy, self.means)
        return allowed.why if allowed.at >= self.case.ends_at else ()

    def allowed_as_planned(self, at: int) -> Allowed | None:
        """The same for an attempt of the ladder, which the provider's own retry keeps back altogether."""
        now = self.page.now
        if not self.case.is_held:
            return self.allowed(max(at, now))
        until = held_until(self.case, now)
        if now <= at < until:
            return None
        allowed = self.allowed(max(at, now))
        return None if allowed is None or allowed.at < until else allowed


def _plan_attempt(page: Page, matter: Matter, case: Case, policy: Policy) -> Attempt | None:
    """Plan the next automatic attempt, and drop from the case what can never go: an immediate one, or a rung kept.

    Where there is none, `matter.rules` are the network rules that forbid it.
    """
    instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
    if matter.invoice.quarantined or instrument_id is None:
        return None
    means = matter.account.means(instrument_id)
    prospect = _Prospect(page, matter, case, policy, means)
    forbidding = forbidding_class(matter, means)
    if case.immediate is not None and not _is_forbidden(case.immediate, forbidding, means):
        attempt = _immediate(prospect, case.immediate.since, case.immediate.due_at)
        if attempt is not None:
            return attempt
    case.immediate = None  # no instant inside the window is left for it, or no instrument that may be charged
    if case.request is not None or forbidding is not None:
        return None
    if (
        case.technical_at is not None
        and (allowed := prospect.allowed_as_planned(case.technical_at)) is not None
    ):
        return Attempt(TECHNICAL, allowed.at, case.technical_at, allowed.why)
    attempt = _rung(prospect)
    if attempt is None:
        matter.rules = prospect.forbidding()
    return attempt


def _is_forbidden(owed: Immediate, forbidding: DeclineClass | None, means: Means) -> bool:
    """Tell whether a verdict forbids an immediate attempt; one older than a restart does not, except `never`."""
    if forbidding is None:
        return False
    fix_data_at = means.instrument.fix_data_at
    return (
        forbidding is NEVER
        or owed.kind == BY_RESUME
        or (fix_data_at is not None and fix_data_at > owed.since)
    )


def _missed_for_provider(page: Page, matter: Matter, case: Case, policy: Policy) -> int | None:
    """Tell when the next attempt falls due in vain, as the provider tries by itself and nobody knows until when."""
    if case.provider is None or not case.provider.holds or case.provider.next_at is not None:
        return None
    free = copy(case)
    free.provider = None
    if free.technical_at is not None and free.technical_at <= page.now:
        free.technical_at = None
    use_due_rungs(matter, free, policy, page.now, None)
    attempt = _plan_attempt(page, matter, free, policy)
    if attempt is not None and attempt.at <= page.now:  # a moved one, missed now
        free.carried_at = None
        attempt = _plan_attempt(page, matter, free, policy)
    if attempt is None or attempt.at <= page.now:
        return None
    return attempt.due_at if attempt.due_at > page.now else attempt.at


def _immediate(prospect: _Prospect, since: int, due_at: int) -> Attempt | None:
    """An immediate attempt waits for an answer, for the provider, and for the networks, as long as there is time."""
    case = prospect.case
    at = max(since, prospect.page.now)
    if case.request is not None:
        at = max(at, case.request.at + prospect.policy.answer_within)
    while True:
        hold = held_until(case, at)
        if hold and case.provider is not None and at >= (case.provider.next_at or FOR_EVER):
            at = hold
        allowed = prospect.allowed(at)
        if allowed is None or allowed.at == at:
            return None if allowed is None else Attempt(IMMEDIATE, at, due_at, allowed.why)
        at = allowed.at


def _rung(prospect: _Prospect) -> Attempt | None:
    case = prospect.case
    if case.carried_at is not None:
        if (attempt := _spaced(prospect, case.carried_at)) is not None:
            return attempt
        if prospect.allowed_as_planned(case.carried_at) is not None:
            case.carried_at = None  # it may go, but not so soon after the last attempt: dropped for good
    ahead = case
    if case.technical_at is not None or case.carried_at is not None:
        ahead = copy(case)  # these two will be dropped; the ladder goes on behind them
        ahead.carried_at = None
        pass_over_for_technical(prospect.matter, ahead, prospect.policy)
    for _, at in rungs(prospect.matter, ahead, prospect.policy):
        if at < prospect.page.now:
            continue  # it fell due while it could not go
        if at >= case.ends_at:
            break
        attempt = _spaced(prospect, at)
        if attempt is not None:
            return attempt
    return None


def _spaced(prospect: _Prospect, planned_at: int) -> Attempt | None:
    """A rung goes unless it is too close to the last attempt, whoever made that: as planned, and as moved."""
    gap, last_at = prospect.policy.min_gap, prospect.case.last_attempt_at
    if 0 <= planned_at - last_at < gap:
        return None
    allowed = prospect.allowed_as_planned(planned_at)
    if allowed is None or allowed.at - last_at < gap:
        return None
    return Attempt(RUNG, allowed.at, planned_at, allowed.why)
