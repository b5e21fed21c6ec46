"""What happens when an instrument is added, bound, edited, unbound or gone (contract section 2.1)."""

from collections.abc import Callable, Sequence
from functools import partial

from dunning.account import OpenAccount
from dunning.binding import bind, charged_on, is_only_seen, note_gone, reach_of, release
from dunning.duplicates import account_knows
from dunning.instruments import charged_with, data_right, describe
from dunning.page import Page
from dunning.plan import touch
from dunning.reasons import Reason
from dunning.records import REMEMBERED
from dunning.restarts import details_updated, instrument_changed, instrument_seen
from schemas.decisions import Action, NoticeKind
from schemas.envelope import Event
from schemas.instants import micros
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated

# Looked up in each open case: a global costs a tenth of an enum's member.
_ADDED_NOT_BOUND, _REQUIRED = NoticeKind.INSTRUMENT_ADDED_NOT_BOUND, Action.REQUIRED


def on_updated(page: Page, event: Event[PaymentMethodUpdated]) -> Reason:
    """Take one change of an instrument. Returns the reason."""
    account = page.account(event.data.account_id)
    if account_knows(account, event):
        return "duplicate"
    return _CHANGES[event.data.change](page, account, event)


def _added(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> Reason:
    """Owning binds nothing; who has an open case on another instrument is told so, once for each new one."""
    instrument_id = event.data.instrument.instrument_id
    describe(page, account, event.data.instrument)
    for matter in list(account.open_matters()):
        case = matter.case
        charged = charged_on(account, matter.invoice.subscription_id)
        if charged == instrument_id or instrument_id in case.added_told:
            continue
        account.matter_changed(matter)  # the plan stays as it is
        # A thief tries cards by the thousand.
        case.added_told = (*case.added_told, instrument_id)[-REMEMBERED:]
        page.notice(
            matter,
            _ADDED_NOT_BOUND,
            instrument_id=charged,
            new_instrument_id=instrument_id,
            action=_REQUIRED,
            decline_class=case.decline_class,
            why=("engine.added_not_bound",),
        )
    return "added"


def _bound(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> Reason:
    data = event.data
    describe(page, account, data.instrument)
    reach = reach_of(account, data)
    change = partial(bind, account, data.instrument.instrument_id, reach)
    return _rebind(page, account, reach.subscriptions, micros(event.time), change)


def _unbound(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> Reason:
    return _released(page, account, event, event.data.subscription_ids)


def _gone(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> Reason:
    instrument_id = event.data.instrument.instrument_id
    reason = _released(page, account, event, account.tied_to(instrument_id), from_default=True)
    note_gone(account, instrument_id, micros(event.time))
    return reason


def _released(
    page: Page,
    account: OpenAccount,
    event: Event[PaymentMethodUpdated],
    names: Sequence[str],
    *,
    from_default: bool = False,
) -> Reason:
    instrument = event.data.instrument
    describe(page, account, instrument)
    change = partial(release, account, instrument.instrument_id, names, from_default=from_default)
    return _rebind(page, account, names, micros(event.time), change)


def _details_updated(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> Reason:
    instrument_id, at = event.data.instrument.instrument_id, micros(event.time)
    matters = list(charged_with(account, instrument_id))
    for matter in matters:
        touch(page, matter)
    describe(page, account, event.data.instrument)
    data_right(page, account, instrument_id, at)
    for matter in matters:
        details_updated(page, matter, at)
    return "details_updated"


def _rebind(
    page: Page, account: OpenAccount, names: Sequence[str], at: int, change: Callable[[], None]
) -> Reason:
    """Carry out a change of bindings and restart every open case that is charged on another instrument now.

    One that was only seen restarts nothing: the next attempt goes to it (contract section 6, Binding).
    """
    before = {name: charged_on(account, name) for name in names}
    matters = {name: list(account.open_matters_of(name)) for name in before}
    for touched in matters.values():
        for matter in touched:
            touch(page, matter)
    change()
    moved = [name for name, charged in before.items() if charged_on(account, name) != charged]
    for name in moved:
        for matter in matters[name]:
            if is_only_seen(account, name):
                instrument_seen(page, matter)
            else:
                instrument_changed(page, matter, at)
    return "instrument_changed" if moved else "same_binding"


_CHANGES: dict[InstrumentChange, Callable[[Page, OpenAccount, Event[PaymentMethodUpdated]], Reason]] = {
    InstrumentChange.ADDED: _added,
    InstrumentChange.BOUND: _bound,
    InstrumentChange.DETAILS_UPDATED: _details_updated,
    InstrumentChange.UNBOUND: _unbound,
    InstrumentChange.REMOVED: _gone,
    InstrumentChange.REVOKED: _gone,
}
