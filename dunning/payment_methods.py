"""What happens when an instrument is added, bound, edited, unbound or gone (contract section 2.1)."""

from collections.abc import Callable

from dunning.account import OpenAccount
from dunning.binding import charged_on, is_only_seen, set_own
from dunning.duplicates import account_knows
from dunning.instruments import charged_with, data_right, describe
from dunning.page import Page
from dunning.plan import touch
from dunning.restarts import details_updated, instrument_changed, instrument_seen
from schemas.decisions import Action, NoticeKind
from schemas.envelope import Event
from schemas.instants import micros
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated

# Looked up in each open case: a global costs a tenth of an enum's member.
_ADDED_NOT_BOUND, _REQUIRED = NoticeKind.INSTRUMENT_ADDED_NOT_BOUND, Action.REQUIRED


def on_updated(page: Page, event: Event[PaymentMethodUpdated]) -> str:
    """Take one change of an instrument. Returns the reason."""
    account = page.account(event.data.account_id)
    if account_knows(account, event):
        return "duplicate"
    return _CHANGES[event.data.change](page, account, event)


def _added(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> str:
    """Owning binds nothing; who has an open case on another instrument is told so, once for each new one."""
    instrument_id = event.data.instrument.instrument_id
    describe(page, account, event.data.instrument)
    for matter in list(account.open_matters()):
        case = matter.case
        charged = charged_on(account, matter.invoice.subscription_id)
        if charged == instrument_id or instrument_id in case.added_told:
            continue
        account.matter_changed(matter)  # the plan stays as it is
        case.added_told = (*case.added_told, instrument_id)
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


def _bound(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> str:
    data = event.data
    describe(page, account, data.instrument)
    new = data.instrument.instrument_id
    root = account.root
    tied = [] if data.replaces is None else account.tied_to(data.replaces)
    replacing = [name for name in tied if charged_on(account, name) == data.replaces]
    replaces_default = data.replaces is not None and root.default == data.replaces
    following = account.following() if data.account_default or replaces_default else []

    def bind() -> None:
        for name in (*data.subscription_ids, *replacing):
            subscription = account.subscription(name)
            # Who follows the account default goes on following it when the default itself is replaced.
            if name in data.subscription_ids or not (replaces_default and subscription.own is None):
                set_own(account, name, new)
            subscription.seen = None
            account.subscription_changed(name)
        if data.account_default or replaces_default:
            root.default = new
            account.root_changed()
            for name in following:
                subscription = account.subscription(name)
                if subscription.seen is not None:
                    subscription.seen = None
                    account.subscription_changed(name)

    return _rebind(page, account, [*replacing, *following, *data.subscription_ids], micros(event.time), bind)


def _unbound(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> str:
    return _released(page, account, event, list(event.data.subscription_ids))


def _gone(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> str:
    instrument_id, at = event.data.instrument.instrument_id, micros(event.time)
    reason = _released(page, account, event, account.tied_to(instrument_id))
    instrument = account.instrument(instrument_id)
    instrument.gone_at = max(instrument.gone_at or at, at)
    account.instrument_changed(instrument_id)
    return reason


def _released(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated], names: list[str]) -> str:
    """Take the instrument from subscriptions; one that is bound to another instrument by now keeps that."""
    gone = event.data.instrument.instrument_id
    describe(page, account, event.data.instrument)
    root = account.root

    def release() -> None:
        for name in names:
            subscription = account.subscription(name)
            if gone in (subscription.own, subscription.seen):
                if subscription.own == gone:
                    set_own(account, name, None)
                subscription.seen = None if subscription.seen == gone else subscription.seen
                account.subscription_changed(name)
        if event.data.change is not InstrumentChange.UNBOUND and root.default == gone:
            root.default = None
            account.root_changed()

    return _rebind(page, account, names, micros(event.time), release)


def _details_updated(page: Page, account: OpenAccount, event: Event[PaymentMethodUpdated]) -> str:
    instrument_id, at = event.data.instrument.instrument_id, micros(event.time)
    matters = list(charged_with(account, instrument_id))
    for matter in matters:
        touch(page, matter)
    describe(page, account, event.data.instrument)
    data_right(page, account, instrument_id, at)
    for matter in matters:
        details_updated(page, matter, at)
    return "details_updated"


def _rebind(page: Page, account: OpenAccount, names: list[str], at: int, change: Callable[[], None]) -> str:
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


_CHANGES: dict[InstrumentChange, Callable[[Page, OpenAccount, Event[PaymentMethodUpdated]], str]] = {
    InstrumentChange.ADDED: _added,
    InstrumentChange.BOUND: _bound,
    InstrumentChange.DETAILS_UPDATED: _details_updated,
    InstrumentChange.UNBOUND: _unbound,
    InstrumentChange.REMOVED: _gone,
    InstrumentChange.REVOKED: _gone,
}
