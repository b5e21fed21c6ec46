"""The evidence, indexed for judging. Rule: an event told twice counts where it came first.

Everything here is read off the journal and the written events; nothing is taken from the engine's state.
"""

import math
from collections import defaultdict
from functools import cached_property
from typing import TypeVar

from schemas.charges import ChargeDeclined, ChargeSucceeded, Initiator
from schemas.decisions import CaseChanged, CaseState, RetryRequested
from schemas.envelope import Event
from schemas.instants import micros
from schemas.invoices import InvoiceClosed
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated
from schemas.subscriptions import SubscriptionEnded
from streams.demo.evidence import EventKey, Evidence, Journalled

Request = Event[RetryRequested]
Data = TypeVar("Data")


class Facts:
    """The evidence, indexed. An event told twice counts where it came first."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.journal: dict[EventKey, Journalled] = {}
        for told in evidence.journal:
            first = self.journal.get(told.key)
            if first is None or told.stamp < first.stamp:
                self.journal[told.key] = told

    def told(self, shape: type[Data]) -> list[tuple[Journalled, Data]]:
        """List the events of one type, in order of their stamps."""
        found = [
            (told, told.event.data) for told in self.journal.values() if isinstance(told.event.data, shape)
        ]
        return sorted(found, key=lambda pair: pair[0].stamp)

    @cached_property
    def requests(self) -> dict[str, list[Request]]:
        """By invoice, in order of attempt."""
        found: dict[str, list[Request]] = defaultdict(list)
        for request in self.evidence.requests:
            found[request.data.invoice_id].append(request)
        for requests in found.values():
            requests.sort(key=lambda request: (request.data.attempt, request.time))
        return dict(found)

    @cached_property
    def changes(self) -> dict[str, list[Event[CaseChanged]]]:
        """By invoice, in order."""
        found: dict[str, list[Event[CaseChanged]]] = defaultdict(list)
        for change in self.evidence.changes:
            found[change.data.invoice_id].append(change)
        return dict(found)

    @cached_property
    def last_changes(self) -> dict[str, Event[CaseChanged]]:
        """By invoice."""
        return {invoice_id: changes[-1] for invoice_id, changes in self.changes.items()}

    @cached_property
    def paid_ids(self) -> set[str]:
        """Invoices of which a success was told."""
        return {data.invoice_id for _, data in self.told(ChargeSucceeded)}

    @cached_property
    def settled_at(self) -> dict[str, int]:
        """By invoice: the stamp of the first fact that ends its collection."""
        found: dict[str, int] = {}
        ends: list[tuple[Journalled, ChargeSucceeded | InvoiceClosed]] = [
            *self.told(ChargeSucceeded),
            *self.told(InvoiceClosed),
        ]
        for told, data in ends:
            found[data.invoice_id] = min(told.stamp, found.get(data.invoice_id, told.stamp))
        ended = {data.subscription_id: told.stamp for told, data in self.told(SubscriptionEnded)}
        for invoice_id, changes in self.changes.items():
            if (stamp := ended.get(changes[0].data.subscription_id)) is not None:
                found[invoice_id] = min(stamp, found.get(invoice_id, stamp))
        return found

    @cached_property
    def answered_at(self) -> dict[str, int]:
        """By request: the stamp of its outcome."""
        found: dict[str, int] = {}
        outcomes: list[tuple[Journalled, ChargeSucceeded | ChargeDeclined]] = [
            *self.told(ChargeSucceeded),
            *self.told(ChargeDeclined),
        ]
        for told, data in outcomes:
            if data.request_id is not None:
                found[data.request_id] = min(told.stamp, found.get(data.request_id, told.stamp))
        return found

    @cached_property
    def bindings(self) -> list[tuple[Journalled, PaymentMethodUpdated]]:
        """All bindings, in order of their stamps."""
        changes = self.told(PaymentMethodUpdated)
        return [(told, data) for told, data in changes if data.change is InstrumentChange.BOUND]

    @cached_property
    def bound_at(self) -> dict[tuple[str, str], int]:
        """By account and instrument: the stamp of its first binding."""
        found: dict[tuple[str, str], int] = {}
        for told, data in self.bindings:
            found.setdefault((data.account_id, data.instrument.instrument_id), told.stamp)
        return found

    def is_open(self, invoice_id: str, at: int) -> bool:
        """Tell whether a case stood open at an instant."""
        before = [change for change in self.changes.get(invoice_id, ()) if micros(change.time) < at]
        return bool(before) and not is_closed(before[-1])

    def open_cases(self, account_id: str, at: int) -> list[str]:
        """List the invoices of an account whose cases stood open at an instant."""
        return [
            invoice_id
            for invoice_id, changes in self.changes.items()
            if changes[0].data.account_id == account_id and self.is_open(invoice_id, at)
        ]

    def is_unanswered(self, invoice_id: str, at: int) -> bool:
        """Tell whether a request of the invoice had no outcome yet at an instant."""
        return any(
            micros(request.time) <= at < self.answered_at.get(request.data.request_id, math.inf)
            for request in self.requests.get(invoice_id, ())
        )

    def is_charged_on(self, invoice_id: str, instrument_id: str, at: int) -> bool:
        """Tell whether an invoice was charged on an instrument already before an instant.

        By the last binding of its account before that; without one, by its first charge.
        """
        account_id = self.changes[invoice_id][0].data.account_id
        before = [
            data.instrument.instrument_id
            for told, data in self.bindings
            if data.account_id == account_id and told.stamp < at
        ]
        if before:
            return before[-1] == instrument_id
        return any(
            data.invoice_id == invoice_id
            and data.initiated_by is Initiator.SCHEDULE
            and data.instrument_id == instrument_id
            for _, data in self.told(ChargeDeclined)
        )


def is_closed(change: Event[CaseChanged]) -> bool:
    """Tell whether a change is the end of its case."""
    return change.data.state is CaseState.CLOSED
