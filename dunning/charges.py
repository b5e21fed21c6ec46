"""What happens when a charge is declined, succeeds, or has no outcome yet. Read it from top to bottom.

The one rule: an outcome is taken once, however often and in whatever order it is told (contract section 6).
"""

from typing import Any

from dunning.account import Matter, OpenAccount
from dunning.attempts import Answered, answered, attempted, attempted_beside, quarantine
from dunning.binding import blocking_class, charged_on
from dunning.classes import RECONCILE
from dunning.closing import REMEMBERED_FOR, settle, settled_again
from dunning.duplicates import invoice_knows
from dunning.failures import Failure, declined_in_case, doubted, tell_doubt, tell_if_stopped
from dunning.instruments import (
    apply_verdict,
    count,
    data_right,
    describe,
    know_debit,
    take_back,
    uncount,
)
from dunning.opening import chosen_policy, open_case
from dunning.page import Page
from dunning.plan import touch
from dunning.policy import Policy
from dunning.provider import has_paid, has_tried, hear
from dunning.reasons import Reason
from dunning.records import Invoice, digest, is_remembered, remembering
from dunning.restarts import seen_with
from schemas.charges import MANUAL, ChargeDeclined, ChargePending, ChargeSucceeded, Initiator, Outcome
from schemas.decisions import CloseReason
from schemas.envelope import Event
from schemas.instants import micros

# Looked up in every event: a global costs a tenth of an enum's member.
_SCHEDULE, _PSP = Initiator.SCHEDULE, Initiator.PSP
_PAID = CloseReason.PAID


def on_declined(page: Page, event: Event[ChargeDeclined]) -> Reason:
    """Take a decline: count it, let its verdict hold, and open or continue the case. Returns the reason."""
    data = event.data
    account = page.account(data.account_id)
    matter = _matter(page, account, data)
    invoice = matter.invoice
    charge = digest(data.charge_id)
    is_returned = is_remembered(invoice.succeeded, charge) and micros(event.time) > invoice.paid_at
    outcomes = (invoice.declined,) if is_returned else (invoice.declined, invoice.succeeded)
    if (told := _told_before(matter, event, charge, *outcomes)) is not None:
        return told
    attempted_at = micros(data.attempted_at or event.time)
    is_automatic = data.initiated_by not in MANUAL
    touch(page, matter)
    if data.instrument is not None:
        describe(page, account, data.instrument)
    know_debit(page, account, data)
    means = account.means(data.instrument_id)
    # A success is final, of a part too (contract section 2.1). What was paid and comes back, as bank debits do, is
    # counted and its verdict holds; open again it is by `invoice.reopened`.
    is_old = is_returned or attempted_at < invoice.paid_at
    may_open = is_automatic and invoice.case is None and invoice.settled is None and not is_old
    if may_open and invoice.issued_at is None and not invoice.adjusted:
        # Until the invoice comes its amount is that of the attempt which opens the case, not of a part somebody tried.
        invoice.balance = invoice.open_balance = max(0, data.amount_minor - invoice.paid)
    may_open = may_open and _is_collectable(matter)
    is_turned = False
    if data.initiated_by is _SCHEDULE and invoice.settled is None and not is_old:
        is_turned = seen_with(
            page, account, invoice.subscription_id, data.instrument_id, attempted_at, declined=matter
        )
    policy = _policy(page, matter)
    verdict = page.rules.declines.verdict(data.decline, attempted_at, policy.rules, means.credential.network)
    if verdict.unknown:
        page.note("declined", "unknown_code", data.account_id, data.invoice_id)
    answer = _answered(page, matter, data, is_final=verdict.decline_class is not RECONCILE)
    is_first = may_open and _opens(page, matter, policy, attempted_at)
    is_open = matter.has_open_case
    if answer.doubt is not None and answer.doubt.is_first and is_open:
        is_first = matter.case.decline_class == RECONCILE  # it has waited for what its first decline means
    if invoice.case is not None:
        hear(invoice.case, data, attempted_at)
    failure = Failure(data, verdict, answer, attempted_at, is_automatic, is_first, is_turned)
    if verdict.decline_class is RECONCILE:
        return doubted(page, matter, failure)
    invoice.declined = remembering(invoice.declined, charge)
    count(page, matter, data, (attempted_at, answer.request_id, answer.instrument_id), verdict.network)
    if is_open and not is_old:
        return declined_in_case(page, matter, failure)
    return _declined_aside(page, matter, failure)


def _opens(page: Page, matter: Matter, policy: Policy, attempted_at: int) -> bool:
    """Open the case of a first decline, if its window is not over yet. Returns whether there is one.

    Money in another currency than the invoice's, which came before, could not be told of without a case.
    """
    if open_case(page, matter, policy, attempted_at) is None:
        return False
    if any(one.is_other_money for one in matter.invoice.quarantined):
        tell_doubt(page, matter, None, "engine.currency_differs")
    return True


def _declined_aside(page: Page, matter: Matter, failure: Failure) -> Reason:
    """Take a decline that finds no open case, or comes too late for it: its verdict holds. Returns the reason."""
    data, invoice = failure.data, matter.invoice
    charged = charged_on(matter.account, invoice.subscription_id)
    before = blocking_class(matter.account, charged)
    apply_verdict(
        page,
        matter,
        data.instrument_id,
        failure.verdict,
        failure.attempted_at,
        is_told=failure.is_automatic,
    )
    if matter.has_open_case:
        matter.moved_by = "declined"
        tell_if_stopped(page, matter, charged, before)
        return "paid_later"
    if not failure.is_automatic or (not failure.answer.is_late and charged in (None, data.instrument_id)):
        attempted(matter, failure.attempted_at)
    elif invoice.case is not None:
        attempted_beside(matter, failure.attempted_at)
    return "case_closed" if invoice.case is not None or invoice.settled else "no_case"


def on_succeeded(page: Page, event: Event[ChargeSucceeded]) -> Reason:
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
        answer = answered(matter, data, is_final=False)
        quarantine(page, matter, data, answer, reconcile=True)
        matter.moved_by = "reconcile"
        if not answer.was_reconcile:
            tell_doubt(page, matter, data.instrument_id, "engine.currency_differs")
        return "currency_differs"
    invoice.succeeded = remembering(invoice.succeeded, charge)
    case = invoice.case
    answer = _answered(page, matter, data, is_final=True)
    instrument_id = data.instrument_id or answer.instrument_id
    if answer.request_id is not None and instrument_id:
        uncount(page, matter, answer.instrument_id or instrument_id, answer.request_id)
    if case is not None and answer.request_id is not None and not answer.is_late and not answer.was_answered:
        case.immediate = None  # a restart that waited for this answer is not needed (section 3, point 4)
    if instrument_id:
        data_right(page, account, instrument_id, attempted_at)
    _pay(invoice, data.amount_minor)
    invoice.paid_at = max(invoice.paid_at, attempted_at)
    attempted(matter, attempted_at)
    if case is not None and data.initiated_by is _PSP:
        has_paid(case, attempted_at)
    if case is not None and case.closed is None:
        if data.initiated_by is _PSP:
            has_tried(matter, case, page.policies[case.policy], attempted_at)
        matter.moved_by = "part_paid"
    if invoice.settled is not None:
        settled_again(page, matter, micros(event.time))
        return "already_settled"
    is_amount_known = case is not None or invoice.issued_at is not None or invoice.adjusted
    if invoice.balance == 0 and is_amount_known:
        settle(page, matter, _PAID, micros(event.time))
        return _PAID
    return "part_paid"


def _pay(invoice: Invoice, amount_minor: int) -> None:
    invoice.paid += amount_minor
    if invoice.balance is not None and invoice.settled is None:
        left = max(0, invoice.balance - amount_minor)
        invoice.open_balance = left or invoice.balance or invoice.open_balance
        invoice.balance = left


def on_pending(page: Page, event: Event[ChargePending]) -> Reason:
    """Quarantine the case until the outcome of this charge is known. Returns the reason."""
    data = event.data
    account = page.account(data.account_id)
    matter = _matter(page, account, data)
    invoice = matter.invoice
    charge = digest(data.charge_id)
    told = _told_before(matter, event, charge, invoice.declined, invoice.succeeded)
    attempted_at = micros(data.attempted_at or event.time)
    last_at = max(invoice.attempted_at, 0 if invoice.case is None else invoice.case.last_attempt_at)
    if told == "duplicate" or (told is not None and attempted_at <= max(last_at, invoice.paid_at)):
        return told  # of a later moment something may be under way, on a charge that has an outcome too
    if invoice.settled is not None and attempted_at < (invoice.settled_at or 0):
        return "already_settled"
    touch(page, matter)
    answer = answered(matter, data, is_final=False)
    if answer.was_answered and attempted_at <= last_at:
        return "answered_before"
    quarantine(page, matter, data, answer, reconcile=answer.was_reconcile)
    if data.instrument_id in (None, charged_on(account, invoice.subscription_id)):
        attempted(matter, attempted_at)
    matter.moved_by = "pending"
    return "pending"


def _answered(
    page: Page, matter: Matter, data: ChargeDeclined | ChargeSucceeded, *, is_final: bool
) -> Answered:
    """Find what an outcome answers; what was counted of it while it was in doubt gives way to it."""
    answer = answered(matter, data, is_final=is_final)
    for doubt in answer.doubts:
        if doubt.counted_at:
            take_back(page, matter, doubt.instrument_id, doubt.counted_at)
    return answer


def _told_before(matter: Matter, event: Event[Any], charge: bytes, *outcomes: bytes) -> Reason | None:
    """Give the reason why an outcome changes nothing: the event was taken, or its charge has one of the outcomes."""
    if invoice_knows(matter, event):
        return "duplicate"
    in_doubt = matter.invoice.quarantined
    if in_doubt and any(one.charge_id == event.data.charge_id for one in in_doubt):
        return None
    for digests in outcomes:
        if is_remembered(digests, charge):
            return "charge_known"
    return None


# ---- the invoice behind an outcome ----


def _matter(page: Page, account: OpenAccount, data: Outcome) -> Matter:
    """Find the invoice; one that has not come yet is provisional, with the amount of the attempt."""
    matter = account.matter(data.invoice_id)
    if matter is None:
        provisional = Invoice(data.subscription_id, data.currency, forget_at=page.now + REMEMBERED_FOR)
        matter = account.new_matter(data.invoice_id, provisional)
    elif not matter.invoice.currency:
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
