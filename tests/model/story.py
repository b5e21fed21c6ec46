"""What each event says about the world of one account. Answers with notices; asks for nothing yet."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded
from schemas.commands import Command, CommandName
from schemas.envelope import Event
from schemas.instants import micros
from schemas.invoices import InvoiceAdjusted, InvoiceClosed, InvoiceIssued, InvoiceReopened
from schemas.payment_methods import PaymentMethodUpdated
from schemas.subscriptions import SubscriptionEnded
from tests.model.charge_events import ChargeEvents
from tests.model.facts import Restart
from tests.model.invoice_events import InvoiceEvents
from tests.model.method_events import MethodEvents


@dataclass
class Story(ChargeEvents, MethodEvents, InvoiceEvents):
    """All events of one account."""

    def take(self, event: Event[Any], now: int) -> list[dict[str, Any]]:
        """Fold one event; returns the notices it gives rise to."""
        self.now, self.notices = now, []
        takers: dict[type, Callable[[Any, int], None]] = {
            InvoiceIssued: self.issued,
            InvoiceAdjusted: self.adjusted,
            InvoiceClosed: self.invoice_closed,
            InvoiceReopened: self.reopened,
            ChargeDeclined: self.declined,
            ChargeSucceeded: self.succeeded,
            ChargePending: self.pending,
            PaymentMethodUpdated: self.method_updated,
            SubscriptionEnded: self.ended,
            Command: self.command,
        }
        takers[type(event.data)](event.data, micros(event.time))
        return self.notices

    def ended(self, data: SubscriptionEnded, moment: int) -> None:
        ended = self.account.ended
        ended[data.subscription_id] = max(moment, ended.get(data.subscription_id, 0))
        for invoice in self.account.invoices.values():
            case = self.account.cases.get(invoice.invoice_id)
            if invoice.subscription_id == data.subscription_id and case is not None and case.closed is None:
                invoice.settled, invoice.settled_at = "subscription_ended", moment
                self.close(case, "subscription_ended")

    def command(self, data: Command, time: int) -> None:
        account = self.account
        before = {case.invoice_id: account.is_paused(case) for case in account.open_cases()}
        if data.command in {CommandName.PAUSE, CommandName.RESUME}:
            account.set_pause(data.command, data.subscription_id, data.invoice_id)
        for case in account.open_cases():
            inside = (
                case.invoice_id == data.invoice_id
                if data.invoice_id
                else data.subscription_id in {None, case.subscription_id}
            )
            if data.command is CommandName.STOP and inside:
                self.close(case, "stopped")
                case.invoice.settled = "stopped"
            elif data.command is CommandName.RETRY_NOW and inside:
                used = account.charged_on(case.subscription_id)
                if used is not None and not account.is_never(used) and not _is_owed(case.restart):
                    case.restart = Restart("command", time, self.now, account.is_paused(case), is_order=True)
            elif before[case.invoice_id] and not account.is_paused(case):
                is_missed = case.dropped_by_pause and account.block(case) is None
                if case.restart.asked_in_pause if case.restart is not None else is_missed:
                    before_it = case.restart or Restart("", 0, 0, for_rung=True)
                    case.restart = replace(before_it, reason="resumed", due_at=time, since=self.now)
                    case.restart.asked_in_pause = False
                case.dropped_by_pause = False


def _is_owed(restart: Restart | None) -> bool:
    """Tell whether an attempt is owed already that another order adds nothing to."""
    return restart is not None
