"""Which events were taken already: an event told twice has its effect once (contract section 2).

What is about one invoice is remembered with the invoice, what is about more with the account.
"""

from typing import Any

from dunning.account import Matter, OpenAccount
from dunning.records import REMEMBERED_OF_ACCOUNT, digest, is_remembered, remembering
from schemas.envelope import Event


def invoice_knows(matter: Matter, event: Event[Any]) -> bool:
    """Tell whether this event of the invoice was taken before; if not, remember it."""
    one = digest(event.source, event.id)
    if is_remembered(matter.invoice.events, one):
        return True
    matter.invoice.events = remembering(matter.invoice.events, one)
    matter.account.matter_changed(matter)
    return False


def account_knows(account: OpenAccount, event: Event[Any]) -> bool:
    """Tell whether this event of the account was taken before; if not, remember it."""
    one = digest(event.source, event.id)
    if is_remembered(account.root.events, one):
        return True
    account.root.events = remembering(account.root.events, one, REMEMBERED_OF_ACCOUNT)
    account.root_changed()
    return False
