"""What a subscription is charged on, and whether that may be charged (contract section 6, Binding).

Its own binding; else the account default; else the instrument last seen with it. Owning an instrument binds nothing.
"""

from dunning.account import Matter, Means, OpenAccount
from dunning.classes import FIX_DATA, NEEDS_CUSTOMER, NEVER
from schemas.decisions import DeclineClass


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


def set_own(account: OpenAccount, subscription_id: str, instrument_id: str | None) -> None:
    """Give the subscription a binding of its own, or none."""
    subscription = account.subscription(subscription_id)
    subscription.own, subscription.is_own_seen = instrument_id, False
    account.subscription_changed(subscription_id)


def is_bound(account: OpenAccount, subscription_id: str) -> bool:
    """Tell whether somebody has bound an instrument to the subscription itself."""
    subscription = account.subscription(subscription_id)
    return subscription.own is not None and not subscription.is_own_seen


def verdict_against(matter: Matter, means: Means) -> DeclineClass | None:
    """Tell which class of decline forbids automatic attempts of this case on the instrument; None: nothing does.

    `never` holds for the credential, `fix_data` for the instrument, `needs_customer` for the case
    (contract section 6, What a verdict covers).
    """
    if (blocked := verdict_on(means)) is not None:
        return blocked
    case = matter.invoice.case
    return NEEDS_CUSTOMER if case is not None and case.needs_customer else None


def verdict_on(means: Means) -> DeclineClass | None:
    """Tell which class of decline forbids automatic attempts on the instrument, whatever the case."""
    if means.credential.dead_why:
        return NEVER
    return None if means.instrument.fix_data_at is None else FIX_DATA


def verdict_on_charged(account: OpenAccount, charged: str | None) -> DeclineClass | None:
    """The same for what a subscription is charged on; nothing blocks who is charged on nothing."""
    return None if charged is None else verdict_on(account.means(charged))


def is_dead(account: OpenAccount, instrument_id: str) -> bool:
    """Tell whether the instrument's credential was ever declined `never`."""
    return bool(account.means(instrument_id).credential.dead_why)


def is_paused(matter: Matter) -> bool:
    """Tell whether a pause covers the case: on its account, its subscription or its invoice."""
    pauses = matter.account.root.pauses
    return bool(pauses) and any(
        scope in pauses for scope in ("", "s:" + matter.invoice.subscription_id, "i:" + matter.id)
    )
