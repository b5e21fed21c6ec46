"""What happens when the billing side issues, adjusts, closes or reopens an invoice, or ends a subscription."""

from dunning.account import Matter
from dunning.closing import REMEMBERED_FOR, settle, settled_again
from dunning.duplicates import account_knows, invoice_knows
from dunning.failures import tell_doubt
from dunning.opening import open_reopened, reanchor, reopen
from dunning.page import Page
from dunning.plan import touch
from dunning.reasons import Reason
from dunning.records import BY_OTHERS, UNKNOWN_CHARGE, Invoice, Quarantined
from dunning.restarts import seen_with, tell_if_blocked
from schemas.decisions import CloseReason
from schemas.envelope import Event
from schemas.instants import micros
from schemas.invoices import InvoiceAdjusted, InvoiceClosed, InvoiceIssued, InvoiceReopened
from schemas.subscriptions import SubscriptionEnded


def on_issued(page: Page, event: Event[InvoiceIssued]) -> Reason:
    """Take the anchor and the amount; opens nothing by itself. Returns the reason."""
    data = event.data
    account = page.account(data.account_id)
    matter = account.matter(data.invoice_id)
    if matter is None:
        matter = account.new_matter(data.invoice_id, Invoice(data.subscription_id, data.currency))
    if invoice_knows(matter, event):
        return "duplicate"
    invoice = matter.invoice
    if invoice.issued_at is not None:
        return "invoice_known"
    touch(page, matter)
    if data.instrument_id is not None:
        subscription_id = invoice.subscription_id or data.subscription_id
        seen_with(page, account, subscription_id, data.instrument_id, micros(event.time))
    _take_terms(page, matter, data)
    if invoice.settled is not None:
        if invoice.case is not None and invoice.case.provisional is not None:
            reanchor(page, matter)  # for the case that it is reopened
        return "already_settled"
    if not invoice.adjusted:
        invoice.balance = max(0, data.amount_minor - invoice.paid)
        invoice.open_balance = invoice.balance
    if invoice.balance and invoice.case is not None and invoice.case.closed is not None:
        reanchor(page, matter)
        matter.moved_by = "invoice_issued"
        return "case_closed"
    if not invoice.balance:
        settle(page, matter, CloseReason.PAID, invoice.paid_at or micros(event.time))
        return CloseReason.PAID
    ended_at = account.subscription(invoice.subscription_id).ended_at
    if invoice.case is None and invoice.is_reopened and (ended_at or 0) <= (invoice.settled_at or 0):
        open_reopened(page, matter)
        matter.moved_by = "reopened"
        tell_if_blocked(page, matter)
        return "reopened"
    if invoice.case is None:
        invoice.forget_at = page.now + REMEMBERED_FOR
        return "issued"
    reanchor(page, matter)
    matter.moved_by = "invoice_issued"
    return "reanchored"


def on_adjusted(page: Page, event: Event[InvoiceAdjusted]) -> Reason:
    """Take the corrected balance; 0 closes `credited`. Returns the reason."""
    data = event.data
    matter = _matter(page, data.account_id, data.invoice_id)
    if invoice_knows(matter, event):
        return "duplicate"
    invoice = matter.invoice
    if invoice.settled is not None:
        if data.balance_minor == 0:
            settled_again(page, matter, micros(event.time))
        elif invoice.settled_at is not None and micros(event.time) >= invoice.settled_at:
            touch(page, matter)
            # What it goes back to if it is reopened.
            invoice.open_balance, invoice.adjusted = data.balance_minor, True
        return "already_settled"
    touch(page, matter)
    invoice.adjusted = True
    invoice.open_balance = data.balance_minor or invoice.balance or invoice.open_balance
    invoice.balance = data.balance_minor
    matter.moved_by = "adjusted"
    if data.balance_minor == 0:
        settle(page, matter, CloseReason.CREDITED, micros(event.time))
        return CloseReason.CREDITED
    return "adjusted"


def on_closed(page: Page, event: Event[InvoiceClosed]) -> Reason:
    """Settle the invoice as the billing side says. Returns the reason."""
    data = event.data
    matter = _matter(page, data.account_id, data.invoice_id)
    if invoice_knows(matter, event):
        return "duplicate"
    if matter.invoice.settled is not None:
        settled_again(page, matter, micros(event.time))
        return "already_settled"
    settle(page, matter, CloseReason(data.reason), micros(event.time))
    return data.reason


def on_reopened(page: Page, event: Event[InvoiceReopened]) -> Reason:
    """Open the invoice again. Returns the reason."""
    data = event.data
    matter = _matter(page, data.account_id, data.invoice_id)
    if invoice_knows(matter, event):
        return "duplicate"
    return reopen(page, matter, data, micros(event.time))


def on_ended(page: Page, event: Event[SubscriptionEnded]) -> Reason:
    """Close the cases of a subscription that is over; nothing opens one any more. Returns the reason."""
    data = event.data
    account = page.account(data.account_id)
    if account_knows(account, event):
        return "duplicate"
    subscription = account.subscription(data.subscription_id)
    for matter in list(account.open_matters_of(data.subscription_id)):
        settle(page, matter, CloseReason.SUBSCRIPTION_ENDED, micros(event.time))
    subscription.ended_at = max(subscription.ended_at or 0, micros(event.time))
    account.subscription_changed(data.subscription_id)
    page.subscriptions[data.account_id, data.subscription_id] = None
    return CloseReason.SUBSCRIPTION_ENDED


def _take_terms(page: Page, matter: Matter, data: InvoiceIssued) -> None:
    """Take from the invoice what it alone can say."""
    invoice = matter.invoice
    if invoice.paid and invoice.currency != data.currency:
        _hold_back(page, matter)
    invoice.subscription_id, invoice.currency = invoice.subscription_id or data.subscription_id, data.currency
    invoice.amount, invoice.issued_at = data.amount_minor, micros(data.issued_at)
    invoice.zone = data.time_zone
    invoice.policy_name, invoice.labels = data.policy, data.labels or None


def _hold_back(page: Page, matter: Matter) -> None:
    """Take back what was paid in another currency than the invoice is in; nothing is asked for until it ends.

    Money came in, but not the money that is owed: as where the invoice came first, only that the charge is not known
    any more.
    """
    invoice = matter.invoice
    invoice.paid = invoice.paid_at = 0
    invoice.quarantined.append(
        Quarantined(UNKNOWN_CHARGE, None, BY_OTHERS, reconcile=True, since=page.now, is_named=False)
    )
    tell_doubt(page, matter, None, "engine.currency_differs")


def _matter(page: Page, account_id: str, invoice_id: str) -> Matter:
    """Find the invoice, or keep one of which only this is known yet."""
    account = page.account(account_id)
    matter = account.matter(invoice_id)
    if matter is None:
        matter = account.new_matter(invoice_id, Invoice("", "", forget_at=page.now + REMEMBERED_FOR))
    return matter
