"""What a decline does to its case: it moves it, is only told, or leaves it in doubt. Read it from top to bottom.

The one rule: a decline on an instrument that the case is not charged on any more, or of a superseded request, is
counted and told, and moves nothing; its `never` or `fix_data` holds all the same (contract section 6, What a verdict
covers).
"""

import msgspec
from msgspec.structs import replace

from dunning.account import Matter
from dunning.attempts import Answered, attempt_of, attempted, attempted_beside, quarantine
from dunning.binding import blocking_class, charged_on
from dunning.classes import FIX_DATA, NEEDS_CUSTOMER, NEVER, RECONCILE, TECHNICAL
from dunning.declines.verdicts import Verdict
from dunning.instruments import apply_verdict, count, wait
from dunning.ladder import closes_early_at, failed, pass_past_rungs, plan_technical
from dunning.page import Page
from dunning.plan import plan, shown_attempt, state_of
from dunning.policy import Policy
from dunning.provider import has_tried
from dunning.reasons import Reason
from dunning.records import LETTER_OF, Case
from dunning.restarts import action_needed, tell_if_blocked
from schemas.charges import ChargeDeclined, Initiator
from schemas.decisions import Action, Audience, DeclineClass, NoticeKind

_BLOCKING = frozenset({FIX_DATA, NEEDS_CUSTOMER, NEVER})
# Looked up in every event: a global costs a tenth of an enum's member.
_SCHEDULE, _PSP = Initiator.SCHEDULE, Initiator.PSP
_PAYMENT_DECLINED, _REQUIRED, _NOTHING = NoticeKind.PAYMENT_DECLINED, Action.REQUIRED, Action.NONE


class Failure(msgspec.Struct, gc=False):
    """One decline, and what is known of it."""

    data: ChargeDeclined
    verdict: Verdict
    answer: Answered
    attempted_at: int  # microseconds UTC
    is_automatic: bool
    is_first: bool  # it opened the case
    is_turned: bool = False  # its instrument was seen with it, and is what the case is charged on from now on


def declined_in_case(page: Page, matter: Matter, failure: Failure) -> Reason:
    """Continue an open case after a decline. Returns the reason."""
    data, verdict, attempted_at = failure.data, failure.verdict, failure.attempted_at
    case, policy = matter.case, page.policies[matter.case.policy]
    charged = charged_on(matter.account, matter.invoice.subscription_id)
    moves = charged == data.instrument_id and not failure.answer.is_late
    before = blocking_class(matter.account, charged)
    apply_verdict(page, matter, data.instrument_id, verdict, attempted_at, is_told=failure.is_automatic)
    if moves or not failure.is_automatic:
        attempted(matter, attempted_at)  # of the customer or the staff whatever they tried it with
    else:
        attempted_beside(matter, attempted_at)
    if moves and verdict.decline_class is FIX_DATA and blocking_class(matter.account, charged):
        _forbid(page, case, failure)
    if not failure.is_automatic:
        matter.moved_by = "manual_attempt"
        return "manual_attempt"
    if moves:
        _close_early(matter, case, policy, verdict, attempted_at)
    begins = False
    if moves or failure.is_first:
        begins = failed(case, policy, attempted_at, failure.answer.kind)
        if moves and data.initiated_by is _PSP:
            has_tried(matter, case, policy, attempted_at, has_failed=True)
    if (moves and attempted_at >= case.decline_at) or failure.is_first:
        _decide(page, matter, failure, moves=moves)
    elif failure.answer.was_reconcile and case.decline_class == RECONCILE:
        # Of the charge that was in doubt this is the class, though it moves nothing else.
        case.decline_letter, case.decline_why = LETTER_OF[verdict.decline_class], verdict.why
    if begins:
        pass_past_rungs(matter, case, policy, page.now)
    matter.moved_by = "declined"
    _tell(page, matter, failure, charged if moves else None)
    if not (moves or failure.is_first):
        tell_if_stopped(page, matter, charged, before)
    return "declined" if moves else "declined_elsewhere"


def _decide(page: Page, matter: Matter, failure: Failure, *, moves: bool) -> None:
    """Let the class of a decline decide what becomes of the case."""
    case, verdict = matter.case, failure.verdict
    case.decline_letter, case.decline_why = LETTER_OF[verdict.decline_class], verdict.why
    case.decline_at = failure.attempted_at if moves else 0
    case.needs_customer = moves and verdict.decline_class is NEEDS_CUSTOMER
    case.technical_at = None
    if case.needs_customer:
        _forbid(page, case, failure)
    if moves and verdict.decline_class is TECHNICAL:
        plan_technical(matter, case, page.policies[case.policy], failure.attempted_at)


def _forbid(page: Page, case: Case, failure: Failure) -> None:
    """Give up the immediate attempt that is owed on what was now declined for good, or until it is mended.

    One that waited for this very answer is not given up: it was asked for whatever the class of the old decline
    (contract section 3, point 4).
    """
    owed, answer = case.immediate, failure.answer
    if owed is None:
        return
    was_asked = answer.request_id is not None and not answer.was_answered
    if was_asked or (answer.doubt is not None and answer.doubt.since <= owed.since):
        owed.since = page.now
    elif failure.attempted_at >= owed.since:
        case.immediate = None


def _close_early(matter: Matter, case: Case, policy: Policy, verdict: Verdict, attempted_at: int) -> None:
    """Shorten the time of a case on a dead or fraudulent card, from the first such decline on."""
    if verdict.decline_class is not NEVER and not verdict.fraud:
        return
    if case.provisional is not None and case.provisional.dead_at is None:
        case.provisional.dead_at = attempted_at
    if case.close_early_at is None:
        case.close_early_at = closes_early_at(policy, attempted_at, matter.invoice.zone)


def _tell(page: Page, matter: Matter, failure: Failure, moved_on: str | None) -> None:
    """Tell that a payment was declined, and what it takes where no retry can help."""
    data, verdict = failure.data, failure.verdict
    plan(page, matter)
    page.notice(
        matter,
        _PAYMENT_DECLINED,
        instrument_id=data.instrument_id,
        attempt=_attempt_number(data, failure.answer),
        decline_class=verdict.decline_class,
        action=_REQUIRED if verdict.decline_class in _BLOCKING else _NOTHING,
        next_attempt_at=shown_attempt(matter, state_of(matter)),
        why=verdict.why,
    )
    if moved_on is not None and _stops(matter, failure):
        action_needed(page, matter, moved_on, verdict.decline_class)
    elif failure.is_first or failure.is_turned:
        tell_if_blocked(page, matter)


def _stops(matter: Matter, failure: Failure) -> bool:
    """Tell whether the verdict of a decline keeps its case from going on; one that was told too late does not."""
    decline_class, case = failure.verdict.decline_class, matter.case
    if decline_class is NEEDS_CUSTOMER:
        return case.needs_customer and case.decline_at == failure.attempted_at
    if decline_class is FIX_DATA:
        return matter.account.instrument(failure.data.instrument_id).fix_data_at is not None
    return decline_class is NEVER


def tell_if_stopped(page: Page, matter: Matter, charged: str | None, before: DeclineClass | None) -> None:
    """Tell of a decline that moves nothing in its case, but whose verdict blocks what that is charged on now.

    `before`: the class that blocked it already.
    """
    blocking = blocking_class(matter.account, charged)
    if charged is not None and blocking is not None and blocking is not before:
        action_needed(page, matter, charged, blocking)


def _attempt_number(data: ChargeDeclined, answer: Answered) -> int | None:
    """The number of the attempt: 0 for the biller's own charge, none for one of the provider."""
    if answer.request_id is not None:
        return attempt_of(answer.request_id)
    return 0 if data.initiated_by is _SCHEDULE else None


def doubted(page: Page, matter: Matter, failure: Failure) -> Reason:
    """Quarantine a suspected duplicate: it is told to the operator, and as declined only once it is resolved."""
    data, answer, why = failure.data, failure.answer, failure.verdict.why
    # It counts as it stands (contract section 6, Counting); its outcome takes its place.
    count(
        page,
        matter,
        data,
        (failure.attempted_at, answer.request_id, answer.instrument_id),
        failure.verdict.network,
    )
    wait(
        page, matter.account, matter.account.means(data.instrument_id), failure.verdict, failure.attempted_at
    )
    answer = replace(answer, instrument_id=data.instrument_id)
    quarantine(
        page,
        matter,
        data,
        answer,
        reconcile=True,
        counted_at=failure.attempted_at,
        is_first=failure.is_first,
    )
    matter.moved_by = "reconcile"
    if matter.has_open_case and failure.is_automatic:
        charged = charged_on(matter.account, matter.invoice.subscription_id)
        moves = charged == data.instrument_id and not answer.is_late
        if failure.is_first or (moves and failure.attempted_at >= matter.case.decline_at):
            matter.case.decline_letter, matter.case.decline_why = LETTER_OF[RECONCILE], why
            matter.case.decline_at = failure.attempted_at if moves else 0
    if not answer.was_reconcile:
        tell_doubt(page, matter, data.instrument_id, *why, "engine.unknown")
    return "reconcile"


def tell_doubt(page: Page, matter: Matter, instrument_id: str | None, *why: str) -> None:
    """Tell the operator, where there is an open case, that money may have moved, or not: a person has to look."""
    if matter.has_open_case:
        page.notice(
            matter,
            NoticeKind.RECONCILE,
            audience=Audience.OPERATOR,
            instrument_id=instrument_id,
            action=Action.REQUIRED,
            decline_class=RECONCILE,
            why=why,
        )
