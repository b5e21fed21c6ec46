"""Pauses: a flag on an account, a subscription or an invoice (contract section 6, Restarts that wait).

A pause holds for cases that open later; `resume` clears its scope and all inside it. The one rule: nobody else knows
how a scope is written in the account's record.
"""

from dunning.account import Matter, OpenAccount
from schemas.commands import Command

_ACCOUNT, _SUBSCRIPTION, _INVOICE = "", "s:", "i:"


def is_paused(matter: Matter) -> bool:
    """Tell whether a pause covers the case: on its account, its subscription or its invoice."""
    pauses = matter.account.root.pauses
    return bool(pauses) and any(
        scope in pauses
        for scope in (_ACCOUNT, _SUBSCRIPTION + matter.invoice.subscription_id, _INVOICE + matter.id)
    )


def pause(account: OpenAccount, order: Command) -> None:
    """Set the flag on the scope of a command."""
    root, scope = account.root, _scope(order)
    if scope not in root.pauses:
        root.pauses = sorted((*root.pauses, scope))
        account.root_changed()


def resume(account: OpenAccount, order: Command) -> None:
    """Take the flags from the scope of a command and from all inside it."""
    account.root.pauses = [scope for scope in account.root.pauses if not _is_within(account, scope, order)]
    account.root_changed()


def forget_pause(account: OpenAccount, invoice_id: str) -> None:
    """Take the flag from an invoice that is forgotten."""
    if (scope := _INVOICE + invoice_id) in account.root.pauses:
        account.root.pauses.remove(scope)
        account.root_changed()


def _scope(order: Command) -> str:
    if order.invoice_id is not None:
        return _INVOICE + order.invoice_id
    return _ACCOUNT if order.subscription_id is None else _SUBSCRIPTION + order.subscription_id


def _is_within(account: OpenAccount, scope: str, order: Command) -> bool:
    """Tell whether a pause lies inside the scope of the command."""
    if order.invoice_id is not None or order.subscription_id is None:
        return order.invoice_id is None or scope == _scope(order)
    if not scope.startswith(_INVOICE):
        return scope == _scope(order)
    matter = account.matter(scope.removeprefix(_INVOICE))
    return matter is not None and matter.invoice.subscription_id == order.subscription_id
