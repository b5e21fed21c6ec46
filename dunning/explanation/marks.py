"""Marks behind told events: why one changed nothing, where a person would expect that it did.

The one rule: a mark is set only where the record proves it; an event without one may still have done little.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from dunning.explanation.history import Fact, History
from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded, Outcome
from schemas.commands import Command, CommandName
from schemas.decisions import (
    CaseChanged,
    CaseState,
    DeclineClass,
    NoticeKind,
    NoticeRequested,
    RetryRequested,
)
from schemas.instants import micros
from schemas.invoices import InvoiceReopened
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated

FORBIDDING = (NoticeKind.PAYMENT_DECLINED, NoticeKind.CUSTOMER_ACTION_NEEDED)
"""Notices whose class is that of a decline on the instrument they name."""


def marks(history: History) -> Iterator[str | None]:
    """Give the mark of each fact of a history, in its order; None: there is nothing to say."""
    record = _Record(history)
    for fact in history.facts:
        mark = None
        if fact.is_decision:
            record.decided(fact)
        elif fact.is_repeated:
            mark = "told again: changes nothing"
        elif fact.is_undecided:
            mark = "not decided yet"
        else:
            mark = record.told(fact)
        yield mark


def never_again(facts: Iterable[Fact]) -> frozenset[str]:
    """Name the instruments that a decline forbids for good, as far as somebody was told; only another one helps."""
    notices = (fact.event.data for fact in facts if isinstance(fact.event.data, NoticeRequested))
    return frozenset(
        notice.instrument_id
        for notice in notices
        if notice.decline_class is DeclineClass.NEVER
        and notice.instrument_id is not None
        and notice.kind in FORBIDDING
    )


@dataclass(slots=True)
class _Record:
    """What is known at a point of the history."""

    history: History
    state: CaseState | None = None
    dead: set[str] = field(default_factory=set)
    superseded: set[str] = field(default_factory=set)
    declined: set[str] = field(default_factory=set)  # charges
    succeeded: set[str] = field(default_factory=set)
    in_doubt: set[str] = field(default_factory=set)  # pending, or declined as `reconcile`
    paid_at: int = 0  # microseconds UTC

    def decided(self, fact: Fact) -> None:
        data = fact.event.data
        self.dead |= never_again((fact,))
        if isinstance(data, CaseChanged):
            self.state = data.state
        elif isinstance(data, RetryRequested) and data.supersedes is not None:
            self.superseded.add(data.supersedes)

    def told(self, fact: Fact) -> str | None:
        data = fact.event.data
        if isinstance(data, Outcome):
            known = self._known(fact, data)
            if known is not None:
                return known
            cause = self._beside(fact, data) if isinstance(data, ChargeDeclined) else None
            self._take(fact, data)
            if cause is None or any(isinstance(one, CaseChanged) for one in self._decided_with(fact)):
                return None
            return f"{cause}: it is counted, and the case goes on as it was"
        if isinstance(data, InvoiceReopened):
            self.state = None  # what becomes of it is decided on the same page
        if isinstance(data, PaymentMethodUpdated):
            return self._instrument(fact, data)
        if isinstance(data, Command) and data.command is CommandName.RETRY_NOW:
            return self._no_attempt(fact.charged_on)
        return None

    def _known(self, fact: Fact, data: Outcome) -> str | None:
        """An outcome is taken once, however often it is told (contract section 6, What a verdict covers)."""
        if data.charge_id in self.in_doubt:
            return None
        is_final = data.charge_id in self.succeeded
        if isinstance(data, ChargeDeclined) and is_final:
            is_final = micros(fact.event.time) <= self.paid_at  # a later one is a debit that came back
        elif isinstance(data, ChargePending) and is_final:
            is_final = _attempted_at(fact, data) <= self.paid_at
        if is_final or (isinstance(data, ChargeDeclined) and data.charge_id in self.declined):
            return f"the outcome of charge {data.charge_id} was told before: changes nothing"
        return None

    def _beside(self, fact: Fact, data: ChargeDeclined) -> str | None:
        """Say why a decline moves nothing in its case (contract sections 3, point 8, and 6)."""
        if _attempted_at(fact, data) < self.paid_at:
            return "older than a payment"
        if self.state is None:
            return None
        if self.state is CaseState.CLOSED:
            return "the case is closed"
        if data.request_id in self.superseded:
            return f"request {data.request_id} was superseded"
        if fact.charged_on not in (None, data.instrument_id):
            return f"charged on {fact.charged_on} by now"
        return None

    def _take(self, fact: Fact, data: Outcome) -> None:
        told = {one.kind for one in self._decided_with(fact) if isinstance(one, NoticeRequested)}
        is_doubted = isinstance(data, ChargePending) or NoticeKind.RECONCILE in told
        if is_doubted or data.currency != self.history.currency:
            self.in_doubt.add(data.charge_id)
            return
        self.in_doubt.discard(data.charge_id)
        if isinstance(data, ChargeSucceeded):
            self.succeeded.add(data.charge_id)
            self.paid_at = max(self.paid_at, _attempted_at(fact, data))
        elif NoticeKind.PAYMENT_DECLINED in told:
            self.declined.add(data.charge_id)

    def _decided_with(self, fact: Fact) -> list[Any]:
        """List what was decided at the instant at which an event was told."""
        return [one.event.data for one in self.history.facts if one.is_decision and one.at == fact.at]

    def _instrument(self, fact: Fact, data: PaymentMethodUpdated) -> str | None:
        name = data.instrument.instrument_id
        if data.change not in (InstrumentChange.BOUND, InstrumentChange.DETAILS_UPDATED):
            return None
        if any(isinstance(one, RetryRequested) for one in self._decided_with(fact)):
            return None
        if fact.restarts:
            return self._no_attempt(name)
        if fact.charged_on == name:
            return "charged on it already: no attempt"
        on = "nothing" if fact.charged_on is None else fact.charged_on
        return f"the subscription is charged on {on}: no attempt"

    def _no_attempt(self, instrument_id: str | None) -> str | None:
        if self.state is CaseState.CLOSED:
            return "the case is closed: no attempt"
        if instrument_id is None:
            return "there is no payment method: no attempt"
        if instrument_id in self.dead:
            return f"{instrument_id} must not be charged again, only another one helps: no attempt"
        return None


def _attempted_at(fact: Fact, data: Outcome) -> int:
    return micros(data.attempted_at or fact.event.time)
