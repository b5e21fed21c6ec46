"""What happens when a charge is declined, succeeds, or has no outcome yet. Read it from top to bottom.

The one rule: an outcome is taken once, however often and in whatever order it is told (contract section 6).
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from dunning.account import Matter, OpenAccount
from dunning.attempts import Answered, Outcome, answered, attempt_of, quarantine
from dunning.binding import charged_on, is_bound, see, verdict_on
from dunning.closing import REMEMBERED_FOR, settle, settled_again
from dunning.declines.verdicts import Verdict
from dunning.duplicates import invoice_knows
from dunning.instruments import (
    apply_verdict,
    count,
    data_right,
    describe,
    know_debit,
    take_back,
    uncount,
    wait,
)
from dunning.ladder import closes_early_at, failed, pass_past_rungs, plan_technical, use_next_rung
from dunning.opening import chosen_policy, open_case
from dunning.page import Page
from dunning.plan import plan, shown_attempt, state_of, touch
from dunning.policy import Policy
from dunning.records import LETTER_OF, Case, Invoice, ProvidersWord, digest, is_remembered, remembering
from dunning.restarts import action_needed, tell_if_blocked
from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded, Initiator
from schemas.decisions import Action, Audience, CloseReason, DeclineClass, NoticeKind
from schemas.envelope import Event
from schemas.instants import micros

BLOCKING = frozenset({DeclineClass.FIX_DATA, DeclineClass.NEEDS_CUSTOMER, DeclineClass.NEVER})
# Looked up in every event: a global costs a tenth of an enum's member.
_SCHEDULE, _PSP = Initiator.SCHEDULE, Initiator.PSP
_RECONCILE, _TECHNICAL = DeclineClass.RECONCILE, DeclineClass.TECHNICAL
_NEVER, _NEEDS_CUSTOMER, _FIX_DATA = DeclineClass.NEVER, DeclineClass.NEEDS_CUSTOMER, DeclineClass.FIX_DATA
_PAYMENT_DECLINED, _REQUIRED, _NOTHING = NoticeKind.PAYMENT_DECLINED, Action.REQUIRED, Action.NONE
_PAID = CloseReason.PAID
_MANUAL = (Initiator.CUSTOMER, Initiator.ADMIN)


def on_declined(page: Page, event: Event[ChargeDeclined]) -> str:
    """Take a decline: count it, let its verdict hold, and open or continue the case. Returns the reason."""
    data = event.data
    account = page.account(data.account_id)
    matter = _matter(page, account, data)
    invoice = matter.invoice
    charge = digest(data.charge_id)
    if (told := _told_before(matter, event, charge, invoice.declined, invoice.succeeded)) is not None:
        return told
    attempted_at = micros(data.attempted_at or event.time)
    is_automatic = data.initiated_by not in _MANUAL
    touch(page, matter)
    if data.instrument is not None:
        describe(page, account, data.instrument)
    know_debit(page, account, data)
    means = account.means(data.instrument_id)
    is_old = attempted_at < invoice.paid_at  # a success is final, of a part too (contract section 2.1)
    may_open = is_automatic and invoice.case is None and invoice.settled is None and not is_old
    if may_open and invoice.issued_at is None and not invoice.adjusted:
        # Until the invoice comes its amount is that of the attempt which opens the case, not of a part somebody tried.
        invoice.balance = invoice.open_balance = max(0, data.amount_minor - invoice.paid)
    may_open = may_open and _is_collectable(matter)
    if data.initiated_by is _SCHEDULE and invoice.settled is None:
        see_all(page, account, data.subscription_id, data.instrument_id, attempted_at)
    policy = _policy(page, matter)
    verdict = page.rules.declines.verdict(data.decline, attempted_at, policy.rules, means.credential.network)
    if verdict.unknown:
        page.note("declined", "unknown_code", data.account_id, data.invoice_id)
    answer = _answered(page, matter, data)
    is_first = may_open and open_case(page, matter, policy, attempted_at) is not None
    is_open = matter.has_open_case
    failure = _Failure(data, verdict, answer, attempted_at, is_automatic, is_first)
    if verdict.decline_class is _RECONCILE:
        return _reconcile(page, matter, failure)
    invoice.declined = remembering(invoice.declined, charge)
    count(page, matter, data, (attempted_at, answer.request_id), verdict.network)
    if is_open and not is_old:
        return _declined_in_case(page, matter, failure)
    charged = charged_on(account, data.subscription_id)
    before = None if charged is None else verdict_on(account.means(charged))
    apply_verdict(page, matter, data.instrument_id, verdict, attempted_at, is_told=is_automatic)
    if is_open:
        matter.moved_by = "declined"
        _tell_if_stopped(page, matter, charged, before)
        return "paid_later"
    if not answer.is_late and charged in (None, data.instrument_id):
        _attempted(matter, attempted_at)
    if invoice.case is not None:
        _hold_back(invoice.case, data, attempted_at)
    return "case_closed" if invoice.case is not None or invoice.settled else "no_case"


def on_succeeded(page: Page, event: Event[ChargeSucceeded]) -> str:
    """Take a success: lower the balance; at zero the case closes `paid`. Returns the reason."""
    data = event.data
    account = page.account(data.account_id)
    matter = _matter(page, account, data)
    invoice = matter.invoice
    charge = digest(data.charge_id)
    if (told := _told_before(matter, event, charge, invoice.succeeded)) is not None:
        return told
    attempted_at = micros(data.attempted_at or event.time)
    touch(page, matter)
    if data.currency != invoice.currency:
        # Money came in, but not the money that is owed: nothing more is asked for until somebody has looked.
        answer = answered(matter, data)
        quarantine(page, matter, data, answer, reconcile=True)
        if not answer.was_reconcile:
            _tell_reconcile(page, matter, data.instrument_id, "engine.currency_differs")
        return "currency_differs"
    invoice.succeeded = remembering(invoice.succeeded, charge)
    case = invoice.case
    answer = _answered(page, matter, data)
    instrument_id = data.instrument_id or answer.instrument_id
    if answer.request_id is not None and instrument_id:
        uncount(page, matter, instrument_id, answer.request_id)
    if case is not None and answer.request_id is not None and not answer.is_late and not answer.was_answered:
        case.immediate = None  # a restart that waited for this answer is not needed (section 3, point 4)
    if instrument_id:
        data_right(page, account, instrument_id, attempted_at)
    _pay(invoice, data.amount_minor)
    invoice.paid_at = max(invoice.paid_at, attempted_at)
    _attempted(matter, attempted_at)
    if case is not None and data.initiated_by is _PSP:
        _provider_said(case, ProvidersWord(attempted_at, holds=False))
    if case is not None and case.closed is None:
        if data.initiated_by is _PSP:
            _provider_tried(matter, case, page.policies[case.policy], attempted_at)
        matter.moved_by = "part_paid"
    if invoice.settled is not None:
        settled_again(page, matter, micros(event.time))
        return "already_settled"
    if invoice.balance == 0:
        settle(page, matter, _PAID, micros(event.time))
        return _PAID
    return "part_paid"


def _pay(invoice: Invoice, amount_minor: int) -> None:
    invoice.paid += amount_minor
    if invoice.balance is not None and invoice.settled is None:
        left = max(0, invoice.balance - amount_minor)
        invoice.open_balance = left or invoice.balance or invoice.open_balance
        invoice.balance = left


def on_pending(page: Page, event: Event[ChargePending]) -> str:
    """Quarantine the case until the outcome of this charge is known. Returns the reason."""
    data = event.data
    account = page.account(data.account_id)
    matter = _matter(page, account, data)
    invoice = matter.invoice
    charge = digest(data.charge_id)
    if (told := _told_before(matter, event, charge, invoice.declined, invoice.succeeded)) is not None:
        return told
    attempted_at = micros(data.attempted_at or event.time)
    if invoice.settled is not None and attempted_at < (invoice.settled_at or 0):
        return "already_settled"
    touch(page, matter)
    answer = answered(matter, data)
    if answer.was_answered and invoice.case is not None and attempted_at <= invoice.case.last_attempt_at:
        return "answered_before"
    quarantine(page, matter, data, answer, reconcile=answer.was_reconcile)
    if data.instrument_id in (None, charged_on(account, data.subscription_id)):
        _attempted(matter, attempted_at)
    matter.moved_by = "pending"
    return "pending"


def _answered(page: Page, matter: Matter, data: ChargeDeclined | ChargeSucceeded) -> Answered:
    """Find what an outcome answers; what was counted of it while it was in doubt gives way to it."""
    answer = answered(matter, data)
    if answer.counted_at:
        take_back(page, matter, answer.instrument_id, answer.counted_at)
    return answer


def _told_before(matter: Matter, event: Event[Any], charge: bytes, *outcomes: bytes) -> str | None:
    """Give the reason why an outcome changes nothing: the event was taken, or its charge has one of the outcomes."""
    if invoice_knows(matter, event):
        return "duplicate"
    for digests in outcomes:
        if is_remembered(digests, charge):
            return "charge_known"
    return None


def _attempted(matter: Matter, attempted_at: int) -> None:
    """Let `min_gap` count from an attempt, whoever made it; also before there is a case, and once it is closed."""
    case = matter.invoice.case
    if case is None:
        matter.invoice.attempted_at = max(matter.invoice.attempted_at, attempted_at)
    else:
        case.last_attempt_at = max(case.last_attempt_at, attempted_at)


def see_all(page: Page, account: OpenAccount, subscription_id: str, instrument_id: str, at: int) -> None:
    """Note an instrument that was seen at an instant; the next attempts of the subscription's cases may go to it."""
    subscription = account.subscription(subscription_id)
    last_seen = subscription.own if subscription.is_own_seen else subscription.seen
    if last_seen == instrument_id:
        return  # as most times
    gone_at = account.instrument(instrument_id).gone_at
    if gone_at is not None and at < gone_at:
        return
    if not is_bound(account, subscription_id):
        for matter in list(account.open_matters_of(subscription_id)):
            touch(page, matter)
    see(account, subscription_id, instrument_id)


# ---- a decline in an open case ----


class _Failure(msgspec.Struct, gc=False):
    """One decline, and what is known of it."""

    data: ChargeDeclined
    verdict: Verdict
    answer: Answered
    attempted_at: int  # microseconds UTC
    is_automatic: bool
    is_first: bool  # it opened the case


def _declined_in_case(page: Page, matter: Matter, failure: _Failure) -> str:
    """Continue an open case after a decline.

    One on an instrument that the case is not charged on any more, or of a superseded request, is counted and
    told, and moves nothing in the case; its `never` or `fix_data` holds all the same.
    """
    data, verdict, attempted_at = failure.data, failure.verdict, failure.attempted_at
    case, policy = matter.case, page.policies[matter.case.policy]
    charged = charged_on(matter.account, matter.invoice.subscription_id)
    moves = charged == data.instrument_id and not failure.answer.is_late
    before = None if charged is None else verdict_on(matter.account.means(charged))
    apply_verdict(page, matter, data.instrument_id, verdict, attempted_at, is_told=failure.is_automatic)
    if moves:
        _attempted(matter, attempted_at)
        if verdict.decline_class is _FIX_DATA and verdict_on(matter.account.means(data.instrument_id)):
            _forbid(page, case, failure)
    _hold_back(case, data, attempted_at)
    if not failure.is_automatic:
        matter.moved_by = "manual_attempt"
        return "manual_attempt"
    if moves:
        _close_early(matter, case, policy, verdict, attempted_at)
    begins = False
    if moves or failure.is_first:
        begins = failed(case, policy, attempted_at, failure.answer.kind)
        if moves and data.initiated_by is _PSP:
            _provider_tried(matter, case, policy, attempted_at, has_failed=True)
    if (moves and attempted_at >= case.decline_at) or failure.is_first:
        _decide(page, matter, failure, moves=moves)
    elif failure.answer.was_reconcile and case.decline_class == _RECONCILE:
        # Of the charge that was in doubt this is the class, though it moves nothing else.
        case.decline_letter, case.decline_why = LETTER_OF[verdict.decline_class], verdict.why
    if begins:
        pass_past_rungs(matter, case, policy, page.now)
    matter.moved_by = "declined"
    _tell(page, matter, failure, charged if moves else None)
    if not (moves or failure.is_first):
        _tell_if_stopped(page, matter, charged, before)
    return "declined" if moves else "declined_elsewhere"


def _tell_if_stopped(page: Page, matter: Matter, charged: str | None, before: DeclineClass | None) -> None:
    """Tell of a decline that moves nothing in its case, but whose verdict blocks what that is charged on now."""
    blocked = None if charged is None else verdict_on(matter.account.means(charged))
    if charged is not None and blocked is not None and blocked is not before:
        action_needed(page, matter, charged, blocked)


def _decide(page: Page, matter: Matter, failure: _Failure, *, moves: bool) -> None:
    """Let the class of a decline decide what becomes of the case."""
    case, verdict = matter.case, failure.verdict
    case.decline_letter, case.decline_why = LETTER_OF[verdict.decline_class], verdict.why
    case.decline_at = failure.attempted_at if moves else 0
    case.needs_customer = moves and verdict.decline_class is _NEEDS_CUSTOMER
    case.technical_at = None
    if case.needs_customer:
        _forbid(page, case, failure)
    if moves and verdict.decline_class is _TECHNICAL:
        plan_technical(matter, case, page.policies[case.policy], failure.attempted_at)


def _tell(page: Page, matter: Matter, failure: _Failure, moved_on: str | None) -> None:
    """Tell that a payment was declined, and what it takes where no retry can help."""
    data, verdict = failure.data, failure.verdict
    plan(page, matter)
    page.notice(
        matter,
        _PAYMENT_DECLINED,
        instrument_id=data.instrument_id,
        attempt=_attempt_number(data, failure.answer),
        decline_class=verdict.decline_class,
        action=_REQUIRED if verdict.decline_class in BLOCKING else _NOTHING,
        next_attempt_at=shown_attempt(matter, state_of(matter)),
        why=verdict.why,
    )
    if moved_on is not None and _stops(matter, failure):
        action_needed(page, matter, moved_on, verdict.decline_class)
    elif failure.is_first:
        tell_if_blocked(page, matter)


def _stops(matter: Matter, failure: _Failure) -> bool:
    """Tell whether the verdict of a decline keeps its case from going on; one that was told too late does not."""
    decline_class, case = failure.verdict.decline_class, matter.case
    if decline_class is _NEEDS_CUSTOMER:
        return case.needs_customer and case.decline_at == failure.attempted_at
    if decline_class is _FIX_DATA:
        return matter.account.instrument(failure.data.instrument_id).fix_data_at is not None
    return decline_class is _NEVER


def _hold_back(case: Case, data: ChargeDeclined, attempted_at: int) -> None:
    """Follow what the provider says about its own next attempt (contract section 6, Provider's hold).

    Who says nothing changes nothing. It is about the invoice, whatever instrument the provider charges.
    """
    if data.psp_will_retry:
        next_at = None if data.psp_next_attempt_at is None else micros(data.psp_next_attempt_at)
        _provider_said(case, ProvidersWord(attempted_at, holds=True, next_at=next_at))
    elif data.initiated_by is _PSP or data.psp_will_retry is False:
        _provider_said(case, ProvidersWord(attempted_at, holds=False))


def _provider_said(case: Case, word: ProvidersWord) -> None:
    """Of what a provider says, or answers by an attempt, the latest moment counts, in whatever order it is told."""
    if case.provider is None or case.provider.at <= word.at:
        case.provider = word


def _forbid(page: Page, case: Case, failure: _Failure) -> None:
    """Give up the immediate attempt that is owed on what was now declined for good, or until it is mended.

    One that waited for this very answer is not given up: it was asked for whatever the class of the old decline
    (contract section 3, point 4).
    """
    owed, answer = case.immediate, failure.answer
    if owed is None:
        return
    was_asked = answer.request_id is not None and not answer.was_answered
    if was_asked or (answer.doubted_since is not None and answer.doubted_since <= owed.since):
        owed.since = page.now
    elif failure.attempted_at >= owed.since:
        case.immediate = None


def _provider_tried(
    matter: Matter, case: Case, policy: Policy, attempted_at: int, *, has_failed: bool = False
) -> None:
    """Let an attempt of the provider use a rung, and one of the ladder that the invoice may still bring."""
    kept = case.provisional
    if kept is not None:
        kept.provider_tried_at = (*kept.provider_tried_at, attempted_at)
    if not (has_failed and policy.is_by_gap):
        use_next_rung(matter, case, policy, attempted_at)


def _close_early(matter: Matter, case: Case, policy: Policy, verdict: Verdict, attempted_at: int) -> None:
    """Shorten the time of a case on a dead or fraudulent card, from the first such decline on."""
    if verdict.decline_class is not _NEVER and not verdict.fraud:
        return
    if case.provisional is not None and case.provisional.dead_at is None:
        case.provisional.dead_at = attempted_at
    if case.close_early_at is None:
        case.close_early_at = closes_early_at(policy, attempted_at, matter.invoice.zone)


def _attempt_number(data: ChargeDeclined, answer: Answered) -> int | None:
    """The number of the attempt: 0 for the biller's own charge, none for one of the provider."""
    if answer.request_id is not None:
        return attempt_of(answer.request_id)
    return 0 if data.initiated_by is _SCHEDULE else None


def _reconcile(page: Page, matter: Matter, failure: _Failure) -> str:
    """Quarantine a suspected duplicate: it is told to the operator, and as declined only once it is resolved."""
    data, answer, why = failure.data, failure.answer, failure.verdict.why
    # It counts as it stands (contract section 6, Counting); its outcome takes its place.
    count(page, matter, data, (failure.attempted_at, answer.request_id), failure.verdict.network)
    wait(
        page, matter.account, matter.account.means(data.instrument_id), failure.verdict, failure.attempted_at
    )
    if matter.invoice.case is not None:
        _hold_back(matter.case, data, failure.attempted_at)
    answer = replace(answer, instrument_id=data.instrument_id, counted_at=failure.attempted_at)
    quarantine(page, matter, data, answer, reconcile=True)
    matter.moved_by = "reconcile"
    if matter.has_open_case and failure.is_automatic:
        charged = charged_on(matter.account, matter.invoice.subscription_id)
        if failure.is_first or (charged == data.instrument_id and not answer.is_late):
            matter.case.decline_letter, matter.case.decline_why = LETTER_OF[_RECONCILE], why
    if not answer.was_reconcile:
        _tell_reconcile(page, matter, data.instrument_id, *why, "engine.unknown")
    return "reconcile"


def _tell_reconcile(page: Page, matter: Matter, instrument_id: str | None, *why: str) -> None:
    if matter.has_open_case:
        page.notice(
            matter,
            NoticeKind.RECONCILE,
            audience=Audience.OPERATOR,
            instrument_id=instrument_id,
            action=Action.REQUIRED,
            decline_class=_RECONCILE,
            why=why,
        )


# ---- the invoice behind an outcome ----


def _matter(page: Page, account: OpenAccount, data: Outcome) -> Matter:
    """Find the invoice; one that has not come yet is provisional, with the amount of the attempt."""
    matter = account.matter(data.invoice_id)
    if matter is None:
        provisional = Invoice(data.subscription_id, data.currency, forget_at=page.now + REMEMBERED_FOR)
        matter = account.new_matter(data.invoice_id, provisional)
    elif not matter.invoice.subscription_id:
        matter.invoice.subscription_id, matter.invoice.currency = data.subscription_id, data.currency
    invoice = matter.invoice
    if invoice.balance is None and not isinstance(data, ChargeSucceeded):
        invoice.balance = max(0, data.amount_minor - invoice.paid)
        invoice.open_balance = invoice.open_balance or invoice.balance
    return matter


def _policy(page: Page, matter: Matter) -> Policy:
    case = matter.invoice.case
    return chosen_policy(page, matter) if case is None else page.policies[case.policy]


def _is_collectable(matter: Matter) -> bool:
    """Tell whether a decline may open a case: something is owed, and the subscription goes on."""
    invoice = matter.invoice
    return bool(invoice.balance) and matter.account.subscription(invoice.subscription_id).ended_at is None
