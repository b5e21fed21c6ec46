"""How a case begins: by the first decline of an invoice, or by an invoice that is open again."""

from bisect import bisect_left

from dunning.account import Matter
from dunning.binding import charged_on
from dunning.ladder import (
    closes_early_at,
    pass_past_rungs,
    planned_rungs,
    provisional_rungs,
    take_anew,
    technical_in_zone,
    window_end,
)
from dunning.page import Page
from dunning.plan import closing_at, settle_up, touch
from dunning.policy import Policy, WindowAnchor
from dunning.reasons import Reason
from dunning.records import NO_PLAN, Case, Invoice, Provisional
from dunning.restarts import tell_if_blocked
from schemas.instants import micros
from schemas.invoices import InvoiceReopened


def chosen_policy(page: Page, matter: Matter) -> Policy:
    """Choose the policy of an invoice among those in force."""
    invoice, account = matter.invoice, matter.account
    instrument_id = charged_on(account, invoice.subscription_id)
    instrument = None if instrument_id is None else account.instrument(instrument_id)
    policy, _ = page.book.in_force.choose(
        named=invoice.policy_name,
        currency=invoice.currency,
        labels=invoice.labels or {},
        instrument_type=None if instrument is None else instrument.type,
        country=None if instrument is None else instrument.country,
        amount_minor=_amount(invoice),
    )
    return policy


def _amount(invoice: Invoice) -> int:
    """Give the invoice's amount; while that has not come, what the first decline or the biller has said."""
    if invoice.amount is not None:
        return invoice.amount
    return (invoice.balance or 0) + (0 if invoice.adjusted else invoice.paid)


def open_case(page: Page, matter: Matter, policy: Policy, first_decline_at: int | None) -> Case | None:
    """Open the case of an invoice; rungs that are past already are skipped, never fired in a burst.

    Args:
        page: the page that holds the cause.
        matter: the invoice.
        policy: the policy that the case keeps from now on.
        first_decline_at: when the first failed attempt was made; None for a reopened invoice.

    Returns:
        None if the window of a first decline is over already: then there is no case (contract section 6, Window).
    """
    brought = matter.invoice.reopened_until
    ends_at = window_end(policy, matter.invoice, first_decline_at) if brought is None else brought
    if first_decline_at is not None and page.now >= ends_at:
        return None
    touch(page, matter)
    counts = matter.invoice.issued_at is None or policy.window_anchor is WindowAnchor.FIRST_DECLINE
    anchor = first_decline_at if counts else None  # nothing else asks for it
    case = Case(policy=page.book.number(policy), window_ends_at=ends_at, first_decline_at=anchor)
    case.provisional = Provisional() if matter.invoice.issued_at is None else None
    case.window_given, matter.invoice.reopened_until = brought is not None, None
    case.last_attempt_at = matter.invoice.attempted_at
    matter.invoice.case = matter.case = case
    matter.invoice.forget_at = matter.invoice.settled_at = None
    _begin(page, matter, case, policy)
    return case


def reanchor(page: Page, matter: Matter) -> None:
    """Take policy and anchor of a provisional case anew, now that its invoice has come.

    One that is closed keeps its window; by the policy go its stages, and what is to come if it is reopened.
    """
    case = matter.case
    touch(page, matter)
    policy = chosen_policy(page, matter)
    before = case.policy, case.window_ends_at
    case.policy = page.book.number(policy)
    if not case.window_given and case.closed is None:
        case.window_ends_at = window_end(policy, matter.invoice, case.first_decline_at)
    if matter.invoice.settled is None:  # what is settled changes no more
        case.is_window_shown = case.is_window_shown and before == (case.policy, case.window_ends_at)
    is_same = case.policy == before[0]
    kept, case.provisional = case.provisional, None
    if kept is not None and kept.dead_at is not None:
        case.close_early_at = closes_early_at(policy, kept.dead_at, matter.invoice.zone)
    if kept is not None and not is_same:
        take_anew(matter, case, policy, kept)
    else:
        technical_in_zone(matter, case, policy, page.now)
    if case.closed is not None:
        # Its age is known now.
        page.subscriptions[matter.account.account_id, matter.invoice.subscription_id] = None
        return
    case.plan_kind = NO_PLAN
    if case.carried_at is not None:
        case.carried_at = _waiting_rung(matter, case, policy, page.now, is_same=is_same)
    _begin(page, matter, case, policy)


def reopen(page: Page, matter: Matter, data: InvoiceReopened, at: int) -> Reason:
    """Open an invoice again, the only way back from a closed case. Returns the reason of what was done.

    The old window stays unless the event brings one; no immediate attempt is made. One that speaks of a moment
    before the payment or the subscription's end (`at`, microseconds UTC) comes too late: terminal wins.
    """
    invoice, account = matter.invoice, matter.account
    ended_at = account.subscription(invoice.subscription_id).ended_at
    if any(later is not None and at < later for later in (invoice.settled_at, ended_at)):
        return "settled_later"
    touch(page, matter)
    if invoice.issued_at is None and invoice.case is None:
        return _reopen_unknown(invoice, data, at)
    balance = data.balance_minor or invoice.open_balance or invoice.amount
    if not balance:
        return "nothing_owed"
    case = invoice.case
    if case is None or case.closed is not None or data.balance_minor is not None:
        invoice.balance = invoice.open_balance = balance
        invoice.adjusted = True  # an invoice that arrives later states an older amount
    invoice.settled = invoice.settled_at = invoice.forget_at = None
    is_new = case is None
    if case is None:
        case = open_reopened(page, matter)
    if data.window_ends_at is not None:
        ends_at = micros(data.window_ends_at)
        case.is_window_shown = case.is_window_shown and case.window_ends_at == ends_at
        case.window_ends_at, case.window_given = ends_at, True
    is_closed = case.closed is not None
    if is_closed:
        case.closed = case.close_early_at = None
        if case.provisional is not None:
            case.provisional.dead_at = None
        settle_up(page, matter)  # it was closed when the page took it up
    _begin(page, matter, case, page.policies[case.policy])
    matter.moved_by = "reopened"
    if is_closed or is_new:
        tell_if_blocked(page, matter)
    page.subscriptions[account.account_id, invoice.subscription_id] = None
    return "reopened"


def open_reopened(page: Page, matter: Matter) -> Case:
    """Open the case of an invoice that is open again without ever having had one."""
    case = open_case(page, matter, chosen_policy(page, matter), None)
    assert case is not None, "only a first decline can come too late"
    return case


def _reopen_unknown(invoice: Invoice, data: InvoiceReopened, at: int) -> Reason:
    """Open an invoice again that has not come yet; what is owed comes with it, or with a decline."""
    invoice.settled, invoice.settled_at = None, at
    invoice.paid = 0  # what was paid has gone back
    # The amounts of charges are no statement of what was open before.
    if data.window_ends_at is not None:
        invoice.reopened_until = micros(data.window_ends_at)
    stated = data.balance_minor or (invoice.open_balance if invoice.adjusted else 0)
    invoice.balance, invoice.open_balance, invoice.adjusted = stated or None, stated, stated > 0
    return "unknown_invoice"


def _waiting_rung(matter: Matter, case: Case, policy: Policy, now: int, *, is_same: bool) -> int | None:
    """Find the rung of the ladder that the invoice has brought which waits for a network in place of the old one.

    On the same ladder from another date it is the rung of the same number, and ahead again if it is planned for later;
    on another ladder the one which fell due while the old one waited.
    """
    waits_since = case.carried_at
    if waits_since is None or (policy.is_by_gap and not is_same):
        return None
    if is_same and not policy.is_by_invoice:
        return waits_since
    rungs = planned_rungs(matter, case, policy)
    if not is_same:
        return next((at for at in rungs if waits_since <= at < now), None)
    assert case.first_decline_at is not None, "until now the ladder counted from it"
    number = bisect_left(provisional_rungs(matter, policy, case.first_decline_at), waits_since)
    if rungs[number] < now:
        return rungs[number]
    case.rung = min(case.rung, number)
    return None


def _begin(page: Page, matter: Matter, case: Case, policy: Policy) -> None:
    account, subscription_id = matter.account, matter.invoice.subscription_id
    pass_past_rungs(matter, case, policy, page.now)
    closing = closing_at(policy, case, matter.invoice.zone)
    case.closing_told = closing is not None and closing < page.now
    subscription = account.subscription(subscription_id)
    if matter.id not in subscription.unpaid:
        subscription.unpaid.append(matter.id)
        account.subscription_changed(subscription_id)
    page.subscriptions[account.account_id, subscription_id] = None
