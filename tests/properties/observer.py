"""What an outsider knows who reads the events in and the events out: bindings, answers, balances.

Written from the contract alone, without looking at the engine's state; a property compares it with what was asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded, Initiator
from schemas.decisions import CaseChanged, RetryRequested
from schemas.invoices import InvoiceIssued
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated
from tests.properties.histories import SUBSCRIPTIONS, Page


@dataclass
class Bindings:
    """Own binding, account default, last seen (contract section 6, Binding)."""

    own: dict[str, str | None] = field(default_factory=dict)
    seen: dict[str, str | None] = field(default_factory=dict)
    default: dict[str, str | None] = field(default_factory=dict)

    def charged_on(self, subscription: str) -> str | None:
        account = SUBSCRIPTIONS[subscription]
        return self.own.get(subscription) or self.default.get(account) or self.seen.get(subscription)

    def see(self, subscription: str, instrument: str) -> None:
        default = self.default.get(SUBSCRIPTIONS[subscription])
        if self.own.get(subscription) is None and default is not None and default != instrument:
            self.own[subscription] = instrument
        else:
            self.seen[subscription] = instrument

    def change(self, data: PaymentMethodUpdated) -> None:
        account, name = data.account_id, data.instrument.instrument_id
        mine = [one for one, of in SUBSCRIPTIONS.items() if of == account]
        if data.change is InstrumentChange.BOUND:
            old = data.replaces
            follows = {one: self.own.get(one) is None and self.default.get(account) == old for one in mine}
            for one in mine:
                if one in data.subscription_ids or (
                    old is not None and self.charged_on(one) == old and not follows[one]
                ):
                    self.own[one], self.seen[one] = name, None
            if data.account_default or (old is not None and self.default.get(account) == old):
                self.default[account] = name
                for one in mine:
                    self.seen[one] = None
        elif data.change in (InstrumentChange.UNBOUND, InstrumentChange.REMOVED, InstrumentChange.REVOKED):
            everybody = data.change is not InstrumentChange.UNBOUND
            for one in mine if everybody else data.subscription_ids:
                self.own[one] = None if self.own.get(one) == name else self.own.get(one)
                self.seen[one] = None if self.seen.get(one) == name else self.seen.get(one)
            if everybody and self.default.get(account) == name:
                self.default[account] = None


@dataclass
class Invoice:
    """What is known of one invoice."""

    unanswered: RetryRequested | None = None
    asked_at: int = 0
    attempts: int = 0
    pending: list[tuple[str, str | None]] = field(default_factory=list)
    outcomes: set[str] = field(default_factory=set)
    case: CaseChanged | None = None

    @property
    def is_open(self) -> bool:
        return self.case is not None and self.case.state != "closed"


class Observer:
    """Follows the pages of a run."""

    def __init__(self) -> None:
        self.bindings = Bindings()
        self.invoices: dict[str, Invoice] = {}
        # Subscriptions of which a decline came that may or may not count as seen.
        self.unsure: set[str] = set()
        self.dead: set[tuple[str, str]] = set()  # (account, instrument) that was declined `never`
        self._issued: set[str] = set()

    def invoice(self, invoice_id: str) -> Invoice:
        return self.invoices.setdefault(invoice_id, Invoice())

    def follow(self, pages: list[Page]) -> Iterator[tuple[Page, RetryRequested]]:
        """Give each request, with everything known as it stood just before it."""
        for page in pages:
            opened = {
                data.invoice_id
                for data in page.written()
                if isinstance(data, CaseChanged) and data.previous_state is None
            }
            for event in page.events:
                self._see(event.data, opened)
                self._take(event.data)
            for data in page.written():
                if isinstance(data, RetryRequested):
                    yield page, data
                    one = self.invoice(data.invoice_id)
                    one.unanswered, one.asked_at, one.attempts = data, page.now, data.attempt
                elif isinstance(data, CaseChanged):
                    self.invoice(data.invoice_id).case = data

    def _see(self, data: Any, opened: set[str]) -> None:
        if isinstance(data, InvoiceIssued) and data.invoice_id not in self._issued:
            self._issued.add(data.invoice_id)
            if data.instrument_id is not None:
                self.bindings.see(data.subscription_id, data.instrument_id)
                self.unsure.discard(data.subscription_id)
        elif isinstance(data, ChargeDeclined) and data.initiated_by is Initiator.SCHEDULE:
            one = self.invoice(data.invoice_id)
            if data.charge_id in one.outcomes:
                return
            if one.is_open or data.invoice_id in opened:
                self.bindings.see(data.subscription_id, data.instrument_id)
                self.unsure.discard(data.subscription_id)
            else:
                self.unsure.add(data.subscription_id)

    def _take(self, data: Any) -> None:
        if isinstance(data, PaymentMethodUpdated):
            self.bindings.change(data)
        elif isinstance(data, ChargeDeclined | ChargeSucceeded | ChargePending):
            self._outcome(data)

    def _outcome(self, data: ChargeDeclined | ChargeSucceeded | ChargePending) -> None:
        one = self.invoice(data.invoice_id)
        if data.charge_id in one.outcomes:
            return
        request = one.unanswered.request_id if one.unanswered is not None else None
        if isinstance(data, ChargePending) or (
            isinstance(data, ChargeDeclined) and data.decline.code == "reconcile"
        ):
            self._held(one, data, request)
            return
        one.outcomes.add(data.charge_id)
        if isinstance(data, ChargeDeclined) and data.decline.code == "never":
            self.dead.add((data.account_id, data.instrument_id))
        held = [
            each
            for each in one.pending
            if each[0] == data.charge_id or (each[1] and each[1] == data.request_id)
        ]
        if held:
            one.pending.remove(held[0])
        elif data.initiated_by is Initiator.RETRY and data.request_id in (None, request):
            one.unanswered = None

    def _held(self, one: Invoice, data: Any, request: str | None) -> None:
        held = [
            each
            for each in one.pending
            if each[0] == data.charge_id or (each[1] and each[1] == data.request_id)
        ]
        if held:
            return
        if (
            data.request_id is not None
            and data.request_id != request
            and data.initiated_by is Initiator.RETRY
        ):
            return  # of a request that was superseded or answered long ago
        one.pending.append((data.charge_id, data.request_id))
        if data.request_id is not None and data.request_id == request:
            one.unanswered = None
