"""When an attempt may go: network ceilings, issuers' waits and the limits of bank debits, counted anew each time."""

from dunning.rules import Rules
from tests.model.facts import FOREVER, Account, Case


def first_allowed(account: Account, case: Case, rules: Rules, earliest: int) -> int:
    """Give the first instant at or after `earliest` at which the case may be charged; FOREVER is never."""
    instrument = account.charged_on(case.subscription_id)
    assert instrument is not None
    card = account.card(instrument)
    profile = case.policy.rules.value
    counted = [one.at for one in account.charges if one.card == card and one.outcome in {"declined", "asked"}]
    waits = [wait.until for wait in account.waits if wait.card == card]
    if profile == "none":
        waits = []
    at = max([earliest, *waits])
    while True:
        limits = rules.networks.card_limits(account.networks.get(card), profile, at)
        broken = [
            sorted(when + limit.period for when in counted if at - limit.period < when <= at)[-limit.limit]
            for limit in limits
            if sum(at - limit.period < when <= at for when in counted) >= limit.limit
        ]
        if not broken:
            break
        at = max(broken)
    return at if at < debit_end(account, case, rules, instrument) else FOREVER


def debit_end(account: Account, case: Case, rules: Rules, instrument: str) -> int:
    """Give the instant from which a bank debit may not be presented again: 0 if it may not be at all."""
    kind = account.debit_kind(instrument)
    limit = None if kind is None else rules.networks.debit_limit(kind, case.policy.rules.value)
    if limit is None:
        return FOREVER
    presented = [
        one
        for one in account.charges
        if one.invoice_id == case.invoice_id and one.debit == kind and one.outcome in {"declined", "asked"}
    ]
    returned = [(one.at, one.amount) for one in presented if one.is_limited]
    if not returned:
        return FOREVER
    first_at, amount = min(returned, key=lambda one: one[0])
    if sum(one.at >= first_at for one in presented) > limit.further:
        return 0
    return 0 if limit.same_amount and amount != case.balance else limit.ends_at(first_at)


def not_after(account: Account, case: Case, rules: Rules, instrument: str, ends: int) -> int:
    """Give the instant after which a request may never be executed; the case `ends` by itself."""
    return min(ends, debit_end(account, case, rules, instrument))
