"""A small true story for the demo's judge: one customer, six weeks, decided by the engine itself.

Its evidence is clean; tests plant one fault at a time.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from dunning.engine import Engine
from schemas.decisions import RetryRequested
from schemas.envelope import Event
from schemas.events import JournalData
from schemas.instants import micros
from schemas.reading import read_event
from schemas.writing import OutputData, read_written
from streams.demo.charges import Charge, ChargeMemory, Outcome
from streams.demo.evidence import Evidence, Journalled, Published
from streams.rules import load_rules
from tests.world import wire

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANSWERS = {"in-1": {"card-1": ("insufficient_funds",), "card-2": ("succeeded",)}}
WHO = {"account_id": "acct-1", "subscription_id": "sub-1", "amount_minor": 1_900, "currency": "EUR"}


class SmallWorld:
    """Feeds an engine and keeps what the topics would hold. Days are counted from `START`."""

    def __init__(self) -> None:
        self.published: list[Published] = []
        self.journal: list[Journalled] = []
        self.written: list[Event[OutputData]] = []
        self.charges: list[Charge] = []
        self._engine = Engine(load_rules())
        self._memory = ChargeMemory(ANSWERS)
        self._tell_the_story()

    @property
    def evidence(self) -> Evidence:
        return Evidence(
            published=tuple(self.published),
            journal=tuple(self.journal),
            written=tuple(self.written),
            written_at=tuple(micros(event.time) for event in self.written),
            dead_letters=0,
            charges=tuple(self.charges),
        )

    def page(self, day: float, *told: tuple[str, str, dict[str, Any]]) -> None:
        """Tell events (type, id, data) as one page, and answer what is requested a minute later."""
        at = START + timedelta(days=day)
        events: list[Event[JournalData]] = []
        for kind, id_, data in told:
            _, value = wire(kind, id_, data, at.isoformat().replace("+00:00", "Z"))
            event = read_event(value)
            events.append(event)
            self.published.append(Published(key=(event.source, event.id), type=kind, at=micros(at) - 5_000))
        self.journal += [Journalled(stamp=micros(at), event=event) for event in events]
        new = [read_written(output.value) for output in self._engine.fold(events, micros(at)).outputs]
        self.written += new
        for decision in new:
            if isinstance(decision.data, RetryRequested):
                self._answer(day, decision.data)

    def _answer(self, day: float, request: RetryRequested) -> None:
        charge = self._memory.execute(request, micros(START + timedelta(days=day, milliseconds=20)))
        self.charges.append(charge)
        kind = "charge.succeeded" if charge.outcome is Outcome.SUCCEEDED else "charge.declined"
        data: dict[str, Any] = {
            **WHO,
            "charge_id": f"ch-{request.request_id}",
            "invoice_id": request.invoice_id,
            "instrument_id": request.instrument_id,
            "request_id": request.request_id,
            "initiated_by": "retry",
        }
        if charge.code is not None:
            data["decline"] = {"dialect": "stripe", "code": charge.code}
        self.page(day + 1 / 1_440, (kind, f"answer-{request.request_id}", data))

    def _tell_the_story(self) -> None:
        declined = {"dialect": "stripe", "code": "insufficient_funds"}
        first = {**WHO, "charge_id": "ch-0", "invoice_id": "in-1", "instrument_id": "card-1"}
        issued = {**WHO, "invoice_id": "in-1", "issued_at": "2026-03-02T09:00:00Z"}
        self.page(-9, card("bound", "card-1"))
        self.page(
            0, ("invoice.issued", "i-1", issued), ("charge.declined", "d-0", {**first, "decline": declined})
        )
        self.page(3)
        self.page(7)
        self.page(8, card("added", "card-2"))
        self.page(9, card("bound", "card-2"))
        self.page(30)


def card(change: str, instrument_id: str) -> tuple[str, str, dict[str, Any]]:
    """What happens to a card of the one customer."""
    data: dict[str, Any] = {
        "account_id": "acct-1",
        "change": change,
        "instrument": {"instrument_id": instrument_id, "type": "card", "network": "visa"},
    }
    if change == "bound":
        data["subscription_ids"] = ["sub-1"]
    return "payment_method.updated", f"{instrument_id}-{change}", data
