"""Restarts: another instrument, or the same one edited in place, is a new chance (contract section 3, point 4).

The one rule: each open case gets exactly one immediate attempt per cause, whatever it has to wait for.
"""

from dunning.account import Matter, OpenAccount
from dunning.binding import (
    blocking_class,
    charged_on,
    forbidding_class,
    is_bound,
    is_dead,
    is_news,
    see,
    was_gone_since,
)
from dunning.classes import FIX_DATA, NEVER
from dunning.ladder import begin_anew
from dunning.page import Page
from dunning.pauses import is_paused
from dunning.plan import touch
from dunning.records import Immediate
from schemas.decisions import Action, DeclineClass, NoticeKind, RequestReason

# Looked up for many cases: a global costs a tenth of an enum's member.
_ACTION_NEEDED = NoticeKind.CUSTOMER_ACTION_NEEDED
RESTARTS = (RequestReason.INSTRUMENT_BOUND, RequestReason.DETAILS_UPDATED)


def instrument_changed(page: Page, matter: Matter, due_at: int) -> None:
    """Restart a case whose subscription is charged on another instrument now, or on none.

    `due_at` is the instant of the cause, microseconds UTC.
    """
    touch(page, matter)
    case = matter.case
    case.immediate = None
    instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
    if instrument_id is None:
        matter.moved_by = NoticeKind.NO_INSTRUMENT
        no_instrument(page, matter)
        return
    case.needs_customer = False
    begin_anew(case, page.policies[case.policy])
    if is_dead(matter.account, instrument_id):
        matter.moved_by = RequestReason.INSTRUMENT_BOUND
        action_needed(page, matter, instrument_id, NEVER)
    else:
        case.close_early_at = None
        if case.provisional is not None:
            case.provisional.dead_at = None
        matter.moved_by = RequestReason.INSTRUMENT_BOUND
        case.immediate = Immediate(RequestReason.INSTRUMENT_BOUND, due_at, page.now, is_paused(matter))


def seen_with(
    page: Page,
    account: OpenAccount,
    subscription_id: str,
    instrument_id: str,
    at: int,
    *,
    declined: Matter | None = None,
) -> bool:
    """Note an instrument that was seen with a subscription at an instant, microseconds UTC, and turn its cases to it.

    Returns:
        Whether the subscription is charged on another instrument now. The invoice that was `declined` on it tells
        that itself.
    """
    if not is_news(account, subscription_id, instrument_id):
        return False
    if was_gone_since(account, instrument_id, at):
        return False
    before = charged_on(account, subscription_id)
    matters = [] if is_bound(account, subscription_id) else list(account.open_matters_of(subscription_id))
    for matter in matters:
        touch(page, matter)
    see(account, subscription_id, instrument_id)
    if charged_on(account, subscription_id) in (None, before):
        return False
    for matter in matters:
        instrument_seen(page, matter, is_told=matter is not declined)
    return True


def instrument_seen(page: Page, matter: Matter, *, is_told: bool = True) -> None:
    """Turn a case to an instrument that was only seen with its subscription.

    It restarts nothing; the next attempt goes to it, also one that a restart still waits for, unless the attempt that
    it waits for is on this very instrument: then nothing has changed. Who waits now, because it may not be charged,
    is told.
    """
    touch(page, matter)
    case = matter.case
    matter.moved_by = "instrument_seen"
    instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
    assert instrument_id is not None, "it was seen"
    is_back = case.request is not None and case.request.instrument_id == instrument_id
    if is_back and case.immediate is not None and case.immediate.reason in RESTARTS:
        case.immediate = None
    blocking = blocking_class(matter.account, instrument_id)
    if blocking is not None and is_told:
        action_needed(page, matter, instrument_id, blocking)


def details_updated(page: Page, matter: Matter, due_at: int) -> None:
    """Restart a case whose instrument was edited in place; a dead one stays dead (contract section 3, point 5)."""
    instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
    if instrument_id is None or is_dead(matter.account, instrument_id):
        return
    touch(page, matter)
    case = matter.case
    case.needs_customer = False
    begin_anew(case, page.policies[case.policy])
    case.immediate = Immediate(RequestReason.DETAILS_UPDATED, due_at, page.now, is_paused(matter))
    matter.moved_by = RequestReason.DETAILS_UPDATED


def action_needed(page: Page, matter: Matter, instrument_id: str, decline_class: DeclineClass) -> None:
    """Ask the customer for what only the customer can give: data, consent, or another instrument."""
    case = matter.case
    means = matter.account.means(instrument_id)
    why: tuple[str, ...] = ()
    if decline_class is NEVER:
        why = means.credential.dead_why
    elif decline_class is FIX_DATA:
        why = means.instrument.fix_data_why
    page.notice(
        matter,
        _ACTION_NEEDED,
        instrument_id=instrument_id,
        action=Action.REQUIRED,
        decline_class=decline_class,
        why=why or case.decline_why,
    )


def no_instrument(page: Page, matter: Matter) -> None:
    """Ask for an instrument: there is none that the case could be charged on."""
    page.notice(
        matter,
        NoticeKind.NO_INSTRUMENT,
        instrument_id=None,
        action=Action.REQUIRED,
        decline_class=matter.case.decline_class,
        why=("engine.no_instrument",),
    )


def tell_if_blocked(page: Page, matter: Matter) -> None:
    """Tell what is missing of a case that begins with no instrument, or on one that may not be charged."""
    instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
    if instrument_id is None:
        no_instrument(page, matter)
        return
    forbidding = forbidding_class(matter, matter.account.means(instrument_id))
    if forbidding is not None:
        action_needed(page, matter, instrument_id, forbidding)
