"""The recorded events that belong to one invoice, in the order in which they were known and decided.

The one rule: an event of the account is in it if it could have moved the case; nothing is left out for looks.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from dunning.explanation.binding import Binding
from schemas.charges import Outcome
from schemas.commands import Command, PoliciesSet
from schemas.decisions import CaseChanged, CaseState, DeadLetter, RetryRequested, StageChanged
from schemas.envelope import Event
from schemas.events import JournalData
from schemas.instants import micros
from schemas.invoices import InvoiceIssued
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated
from schemas.subscriptions import SubscriptionEnded
from schemas.writing import OutputData


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the journal, and when the engine came to know it."""

    at: int  # the stamp of its page, microseconds UTC; in a simulation its arrival
    event: Event[JournalData]
    is_undecided: bool = False  # the engine had not come so far when the record was read


@dataclass(frozen=True, slots=True)
class Fact:
    """One event of the story."""

    at: int  # microseconds UTC
    event: Event[Any]
    is_decision: bool  # written by the engine; else told to it
    is_repeated: bool = False  # told before: it changed nothing
    charged_on: str | None = None  # what the subscription was charged on after it, as far as is recorded
    is_undecided: bool = False  # told, and the engine has not come so far yet
    restarts: bool = False  # it changed what the subscription is charged on, or edited that: a new chance


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What is recorded about one invoice."""

    invoice_id: str
    account_id: str
    subscription_id: str
    issued: InvoiceIssued | None  # None: not recorded, or not any more
    facts: tuple[Fact, ...]
    binding: Binding  # as it stands at the end

    @property
    def zone(self) -> str:
        """The time zone of the invoice; UTC while that is not known."""
        return "UTC" if self.issued is None else self.issued.time_zone

    @property
    def undecided(self) -> int:
        """How many of the events told the engine has not decided about yet."""
        return sum(fact.is_undecided for fact in self.facts)

    @property
    def currency(self) -> str:
        """The currency of the invoice as the first event says it; empty where none does."""
        found = (getattr(fact.event.data, "currency", None) for fact in self.facts)
        return next((str(currency) for currency in found if currency is not None), "")

    @property
    def requests(self) -> tuple[RetryRequested, ...]:
        """The attempts that were asked for, in order."""
        return tuple(fact.event.data for fact in self.facts if isinstance(fact.event.data, RetryRequested))


def history_of(
    invoice_id: str, account_id: str, told: Iterable[Told], decided: Iterable[Event[OutputData]]
) -> History | None:
    """Collect what is recorded about an invoice.

    Args:
        invoice_id: which one.
        account_id: its payer; events of others are passed over.
        told: events of the journal in its order; more of the account is welcome, more of others does no harm.
        decided: written events in the order decided.

    Returns:
        None if nothing is recorded about it.
    """
    journal = [one for one in told if getattr(one.event.data, "account_id", None) == account_id]
    own = [one for one in journal if getattr(one.event.data, "invoice_id", None) == invoice_id]
    of_account = [event for event in decided if getattr(event.data, "account_id", None) == account_id]
    subscription_id = _subscription(invoice_id, own, of_account)
    written = list(_about(of_account, invoice_id, subscription_id))
    if not own and not written:
        return None
    binding = Binding(subscription_id)
    begins_at = min([one.at for one in own[:1]] + [micros(event.time) for event in written[:1]])
    inputs = _facts_told(journal, invoice_id, binding, begins_at)
    decisions = [Fact(micros(event.time), event, is_decision=True) for event in written]
    return History(
        invoice_id=invoice_id,
        account_id=account_id,
        subscription_id=subscription_id,
        issued=next((one.event.data for one in own if isinstance(one.event.data, InvoiceIssued)), None),
        facts=tuple(_in_order(inputs, decisions)),
        binding=binding,
    )


def _facts_told(journal: Sequence[Told], invoice_id: str, binding: Binding, begins_at: int) -> list[Fact]:
    """Pick the events of the account that belong to the story; the binding follows all of them, to its end."""
    facts: list[Fact] = []
    seen: set[tuple[str, str]] = set()
    for one in journal:
        data, key = one.event.data, (one.event.source, one.event.id)
        belongs = one.at >= begins_at and _belongs(data, invoice_id, binding)
        is_repeated, before = key in seen, binding.charged_on
        if not is_repeated:
            seen.add(key)
            binding.take(one.event)
        if belongs:
            facts.append(
                Fact(
                    one.at,
                    one.event,
                    is_decision=False,
                    is_repeated=is_repeated,
                    charged_on=binding.charged_on,
                    is_undecided=one.is_undecided,
                    restarts=not is_repeated and _restarts(data, before, binding),
                )
            )
    return facts


def invoices_of(decided: Iterable[Event[OutputData]]) -> tuple[tuple[str, str], ...]:
    """Name the invoices that have a case, as (account id, invoice id), in the order of their first change."""
    found: dict[tuple[str, str], None] = {}
    for event in decided:
        if isinstance(event.data, CaseChanged):
            found[event.data.account_id, event.data.invoice_id] = None
    return tuple(found)


def _subscription(invoice_id: str, own: Sequence[Told], written: Sequence[Event[OutputData]]) -> str:
    decisions = (event.data for event in written)
    for data in (
        *(one.event.data for one in own),
        *(data for data in decisions if getattr(data, "invoice_id", None) == invoice_id),
    ):
        name = getattr(data, "subscription_id", None)
        if name:
            return str(name)
    return ""


def _about(
    written: Sequence[Event[OutputData]], invoice_id: str, subscription_id: str
) -> Iterator[Event[OutputData]]:
    """Pick the decisions about the invoice, the stages that it brought and the end of the last of them."""
    brought = False
    for event in written:
        data = event.data
        if not isinstance(data, StageChanged):
            if not isinstance(data, DeadLetter) and data.invoice_id == invoice_id:
                yield event
        elif data.subscription_id == subscription_id:
            is_ours = data.oldest_invoice_id == invoice_id
            if is_ours or (brought and data.oldest_invoice_id is None):
                yield event
            brought = is_ours


def _belongs(data: JournalData, invoice_id: str, binding: Binding) -> bool:
    if isinstance(data, PoliciesSet):
        return False
    if isinstance(data, PaymentMethodUpdated):
        return binding.concerns(data)
    if isinstance(data, SubscriptionEnded):
        return data.subscription_id == binding.subscription_id
    if isinstance(data, Command):
        if data.invoice_id is not None:
            return data.invoice_id == invoice_id
        return data.subscription_id in (None, binding.subscription_id)
    return data.invoice_id == invoice_id


def _restarts(data: JournalData, before: str | None, binding: Binding) -> bool:
    """Tell whether an event is a new chance for open cases (contract section 3, point 4); `binding` is as after it."""
    if not isinstance(data, PaymentMethodUpdated) or binding.charged_on is None:
        return False
    if data.change is InstrumentChange.DETAILS_UPDATED:
        return data.instrument.instrument_id == binding.charged_on
    return binding.charged_on != before and not binding.is_only_seen


def _in_order(inputs: list[Fact], decisions: list[Fact]) -> list[Fact]:
    """Join both by time. Of one instant what was told comes first, but an answer after its request."""
    ordered: list[Fact] = []
    position = 0
    for index, decision in enumerate(decisions):
        data = decision.event.data
        # The change to `in_flight` ends the page of the request; the answer came with a later page.
        asks = isinstance(data, CaseChanged) and data.state is CaseState.IN_FLIGHT
        still_to_ask = _asked_at(decisions[index:], decision.at)
        while position < len(inputs) and inputs[position].at <= decision.at:
            fact = inputs[position]
            answered = _answered(fact)
            if fact.at == decision.at and answered is not None and (asks or answered in still_to_ask):
                break
            ordered.append(fact)
            position += 1
        ordered.append(decision)
    return ordered + inputs[position:]


def _asked_at(decisions: Sequence[Fact], at: int) -> frozenset[str]:
    same = takewhile(lambda fact: fact.at == at, decisions)
    return frozenset(
        fact.event.data.request_id for fact in same if isinstance(fact.event.data, RetryRequested)
    )


def _answered(fact: Fact) -> str | None:
    data = fact.event.data
    if isinstance(data, Outcome):
        return data.request_id or data.charge_id
    return None
