"""What an operator may order: pause, resume, stop, retry now (contract section 2.1).

The one rule: an order is carried out for each open case in its scope, the narrowest that it names.
"""

from dunning.account import Matter, OpenAccount
from dunning.binding import charged_on, forbidding_class, is_dead
from dunning.closing import REMEMBERED_FOR, close
from dunning.duplicates import account_knows
from dunning.page import Page
from dunning.pauses import is_paused, pause, resume
from dunning.plan import touch
from dunning.reasons import Reason
from dunning.records import BY_ORDER, BY_RESUME, Immediate, ImmediateKind, Invoice
from schemas.commands import Command, CommandName
from schemas.decisions import CloseReason, RequestReason
from schemas.envelope import Event
from schemas.instants import micros


def on_command(page: Page, event: Event[Command]) -> Reason:
    """Carry out an order. Returns the reason."""
    data = event.data
    account = page.account(data.account_id)
    if account_knows(account, event):
        return "duplicate"
    matters = _in_scope(account, data)
    for matter in matters:
        touch(page, matter)
    at = micros(event.time)
    match data.command:
        case CommandName.PAUSE:
            _pause(page, account, data, matters)
        case CommandName.RESUME:
            _resume(page, account, data, matters, at)
        case CommandName.STOP:
            for matter in matters:
                close(page, matter, CloseReason.STOPPED)
        case CommandName.RETRY_NOW:
            for matter in matters:
                _retry_now(page, matter, at)
    return data.command if matters else "no_open_case"


def _in_scope(account: OpenAccount, data: Command) -> list[Matter]:
    """List the open cases within the narrowest scope that the command names."""
    if data.invoice_id is not None:
        matter = account.matter(data.invoice_id)
        return [matter] if matter is not None and matter.has_open_case else []
    if data.subscription_id is not None:
        return list(account.open_matters_of(data.subscription_id))
    return list(account.open_matters())


def _pause(page: Page, account: OpenAccount, data: Command, matters: list[Matter]) -> None:
    for matter in matters:
        matter.moved_by = "paused"
    pause(account, data)
    if data.invoice_id is not None and data.subscription_id is not None:
        _know(page, account, data.invoice_id, data.subscription_id)


def _know(page: Page, account: OpenAccount, invoice_id: str, subscription_id: str) -> None:
    """Keep whose invoice it is, if only the command says so yet: `resume` of the subscription is one of it too."""
    matter = account.matter(invoice_id)
    if matter is None:
        unknown = Invoice(subscription_id, "", forget_at=page.now + REMEMBERED_FOR)
        touch(page, account.new_matter(invoice_id, unknown))
    elif not matter.invoice.subscription_id:
        touch(page, matter)
        matter.invoice.subscription_id = subscription_id


def _resume(page: Page, account: OpenAccount, data: Command, matters: list[Matter], at: int) -> None:
    paused = [matter for matter in matters if is_paused(matter)]
    resume(account, data)
    for matter in paused:
        case = matter.case
        if is_paused(matter):
            continue  # another, wider pause goes on
        matter.moved_by = RequestReason.RESUMED
        instrument_id = charged_on(account, matter.invoice.subscription_id)
        is_owed = (
            case.dropped_while_paused
            and instrument_id is not None
            and forbidding_class(matter, account.means(instrument_id)) is None
        )
        # What was asked for before the pause goes on as what it is.
        if case.immediate.asked_in_pause if case.immediate is not None else is_owed:
            kind: ImmediateKind = BY_RESUME if case.immediate is None else case.immediate.kind
            case.immediate = Immediate(RequestReason.RESUMED, at, page.now, kind=kind)
        case.dropped_while_paused = False


def _retry_now(page: Page, matter: Matter, at: int) -> None:
    case = matter.case
    instrument_id = charged_on(matter.account, matter.invoice.subscription_id)
    if instrument_id is None or is_dead(matter.account, instrument_id):
        return
    if case.immediate is None:  # one that is owed already is enough, and says why
        case.immediate = Immediate(RequestReason.COMMAND, at, page.now, is_paused(matter), kind=BY_ORDER)
    matter.moved_by = RequestReason.COMMAND
