"""What a subscription is charged on, what changes that, and whether it may be charged (contract section 6, Binding).

Its own binding; else the account default; else the instrument last seen with it. Owning an instrument binds nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from dunning.account import Matter, Means, OpenAccount
from dunning.classes import FIX_DATA, NEEDS_CUSTOMER, NEVER
from schemas.decisions import DeclineClass
from schemas.payment_methods import PaymentMethodUpdated


def charged_on(account: OpenAccount, subscription_id: str) -> str | None:
    """Tell which instrument the subscription is charged on now; None: on none."""
    subscription = account.subscription(subscription_id)
    return subscription.own or account.root.default or subscription.seen


def is_only_seen(account: OpenAccount, subscription_id: str) -> bool:
    """Tell whether the subscription is charged on an instrument that nobody has bound, only seen with it."""
    subscription = account.subscription(subscription_id)
    return subscription.own is None and account.root.default is None and subscription.seen is not None


def see(account: OpenAccount, subscription_id: str, instrument_id: str) -> None:
    """Note an instrument that was seen with the subscription; it restarts nothing.

    One that differs from a known account default counts as a binding of the subscription's own, until another is seen.
    """
    subscription = account.subscription(subscription_id)
    subscription.own, subscription.seen, subscription.is_own_seen = _seen(
        account, subscription_id, instrument_id
    )
    account.subscription_changed(subscription_id)


def is_news(account: OpenAccount, subscription_id: str, instrument_id: str) -> bool:
    """Tell whether seeing the instrument with the subscription changes anything; most times it does not."""
    subscription = account.subscription(subscription_id)
    now = (subscription.own, subscription.seen, subscription.is_own_seen)
    return now != _seen(account, subscription_id, instrument_id)


def _seen(
    account: OpenAccount, subscription_id: str, instrument_id: str
) -> tuple[str | None, str | None, bool]:
    """Give the own binding and the instrument last seen as they are then, and whether the binding was only seen."""
    subscription = account.subscription(subscription_id)
    if is_bound(account, subscription_id):
        return subscription.own, instrument_id, False
    is_known = subscription.is_own_seen and subscription.own == instrument_id
    if account.root.default == instrument_id or (account.root.default is None and not is_known):
        return None, instrument_id, False
    return instrument_id, None, True


def is_bound(account: OpenAccount, subscription_id: str) -> bool:
    """Tell whether somebody has bound an instrument to the subscription itself."""
    subscription = account.subscription(subscription_id)
    return subscription.own is not None and not subscription.is_own_seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What a binding moves."""

    named: Sequence[str]  # the subscriptions that it names
    replacing: Sequence[str]  # those charged on the instrument that it replaces
    following: Sequence[str]  # those that may follow the account default, if it sets that
    replaces_default: bool
    sets_default: bool

    @property
    def subscriptions(self) -> list[str]:
        """All subscriptions that may be charged on another instrument afterwards."""
        return [*self.replacing, *self.following, *self.named]


def reach_of(account: OpenAccount, said: PaymentMethodUpdated) -> Reach:
    """Tell what a binding (`bound`) will move, as the account stands before it."""
    replaced = said.replaces
    tied = [] if replaced is None else account.tied_to(replaced)
    replaces_default = replaced is not None and account.root.default == replaced
    sets_default = said.account_default or replaces_default
    return Reach(
        named=said.subscription_ids,
        replacing=[name for name in tied if charged_on(account, name) == replaced],
        following=account.following() if sets_default else [],
        replaces_default=replaces_default,
        sets_default=sets_default,
    )


def bind(account: OpenAccount, instrument_id: str, reach: Reach) -> None:
    """Bind an instrument to all that a binding reaches; what was seen there before is forgotten."""
    for name in (*reach.named, *reach.replacing):
        subscription = account.subscription(name)
        # Who follows the account default goes on following it when the default itself is replaced.
        if not (reach.replaces_default and subscription.own is None) or name in reach.named:
            _set_own(account, name, instrument_id)
        subscription.seen = None
        account.subscription_changed(name)
    if reach.sets_default:
        account.root.default = instrument_id
        account.root_changed()
        for name in reach.following:
            subscription = account.subscription(name)
            if subscription.seen is not None:
                subscription.seen = None
                account.subscription_changed(name)


def release(
    account: OpenAccount, instrument_id: str, subscription_ids: Sequence[str], *, from_default: bool
) -> None:
    """Take an instrument from subscriptions, and `from_default` from the account.

    A subscription that is bound to another instrument by now keeps that.
    """
    for name in subscription_ids:
        subscription = account.subscription(name)
        if instrument_id in (subscription.own, subscription.seen):
            if subscription.own == instrument_id:
                _set_own(account, name, None)
            subscription.seen = None if subscription.seen == instrument_id else subscription.seen
            account.subscription_changed(name)
    if from_default and account.root.default == instrument_id:
        account.root.default = None
        account.root_changed()


def _set_own(account: OpenAccount, subscription_id: str, instrument_id: str | None) -> None:
    subscription = account.subscription(subscription_id)
    subscription.own, subscription.is_own_seen = instrument_id, False
    account.subscription_changed(subscription_id)


def note_gone(account: OpenAccount, instrument_id: str, at: int) -> None:
    """Note that the instrument was removed or revoked at an instant, microseconds UTC."""
    instrument = account.instrument(instrument_id)
    instrument.gone_at = max(instrument.gone_at or at, at)
    account.instrument_changed(instrument_id)


def was_gone_since(account: OpenAccount, instrument_id: str, at: int) -> bool:
    """Tell whether the instrument has gone since an instant: who saw it then saw what is there no more."""
    gone_at = account.instrument(instrument_id).gone_at
    return gone_at is not None and at < gone_at


def forbidding_class(matter: Matter, means: Means) -> DeclineClass | None:
    """Tell which class of decline forbids automatic attempts of this case on the instrument; None: nothing does.

    `never` holds for the credential, `fix_data` for the instrument, `needs_customer` for the case
    (contract section 6, What a verdict covers).
    """
    if (blocking := _blocking_class(means)) is not None:
        return blocking
    case = matter.invoice.case
    return NEEDS_CUSTOMER if case is not None and case.needs_customer else None


def blocking_class(account: OpenAccount, instrument_id: str | None) -> DeclineClass | None:
    """Tell which class of decline blocks the instrument for every case; None: nothing does, or there is none."""
    return None if instrument_id is None else _blocking_class(account.means(instrument_id))


def _blocking_class(means: Means) -> DeclineClass | None:
    if means.credential.dead_why:
        return NEVER
    return None if means.instrument.fix_data_at is None else FIX_DATA


def is_dead(account: OpenAccount, instrument_id: str) -> bool:
    """Tell whether the instrument's credential was ever declined `never`."""
    return bool(account.means(instrument_id).credential.dead_why)
