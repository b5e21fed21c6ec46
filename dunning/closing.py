"""How a case ends, and how an invoice stops being collected. Terminal wins (contract section 3, point 8)."""

from dunning.account import Matter
from dunning.calendar import DAY
from dunning.page import Page
from dunning.plan import touch
from dunning.records import NO_PLAN
from schemas.decisions import Action, CloseReason, NoticeKind

# Our choice: longer than the 13 months in which an unauthorised debit can come back.
REMEMBERED_FOR = 400 * DAY

# A case that closed for one of these may still be paid or settled: the money is owed all the same.
STILL_OWED = frozenset({CloseReason.WINDOW_CLOSED, CloseReason.STOPPED})

_PAID = CloseReason.PAID  # looked up often: a global costs a tenth of an enum's member


def close(page: Page, matter: Matter, reason: CloseReason) -> None:
    """Close the case of an invoice; nothing is requested for it any more."""
    touch(page, matter)
    case = matter.case
    case.closed = reason
    case.immediate = case.technical_at = case.carried_at = None
    case.plan_kind = NO_PLAN
    case.dropped_while_paused = False
    matter.moved_by = reason
    page.note("closed", reason, matter.account.account_id, matter.id)


def settle(page: Page, matter: Matter, reason: CloseReason, at: int) -> None:
    """Note that nothing is to be collected any more, and close the case for that reason if it has one.

    `at` is the moment that the event speaks of, microseconds UTC.
    """
    touch(page, matter)
    invoice, account = matter.invoice, matter.account
    invoice.settled, invoice.settled_at = reason, at
    invoice.forget_at, invoice.stage_at = page.now + REMEMBERED_FOR, None
    if invoice.case is None:
        return
    if matter.has_open_case or invoice.case.closed in STILL_OWED:
        close(page, matter, reason)
        if reason is _PAID:
            page.notice(
                matter,
                NoticeKind.RECOVERED,
                instrument_id=None,
                action=Action.NONE,
                attempt=invoice.case.attempts,
                why=("engine.recovered",),
            )
    subscription = account.subscription(invoice.subscription_id)
    if matter.id in subscription.unpaid:
        subscription.unpaid.remove(matter.id)
        account.subscription_changed(invoice.subscription_id)
    page.subscriptions[account.account_id, invoice.subscription_id] = None


def settled_again(page: Page, matter: Matter, at: int) -> None:
    """Note a later moment at which an invoice was settled that is settled already: what is older reopens nothing."""
    invoice = matter.invoice
    if invoice.settled_at is not None and invoice.settled_at < at:
        touch(page, matter)
        invoice.settled_at = at


def window_closed(page: Page, matter: Matter) -> None:
    """Close a case whose window, or whose shorter time after a dead card, is over."""
    close(page, matter, CloseReason.WINDOW_CLOSED)
    case = matter.case
    early = case.close_early_at is not None and case.close_early_at < case.window_ends_at
    page.notice(
        matter,
        NoticeKind.WINDOW_CLOSED,
        instrument_id=None,
        action=Action.NONE,
        decline_class=case.decline_class,
        attempt=case.attempts,
        why=("policy.never.close_after" if early else "policy.window",),
    )
