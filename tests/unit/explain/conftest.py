"""A simulated life of invoices, and the story that is told about it."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import pytest

from dunning.charger import Charger, read_charger
from dunning.engine import Engine
from dunning.explanation.history import Told, history_of
from dunning.explanation.reasons import Reasons
from dunning.explanation.story import Story, tell
from dunning.policy_file import read_policies
from dunning.rules import Rules
from dunning.simulation import Line, Simulation
from schemas.commands import PoliciesSet
from schemas.envelope import Event
from schemas.instants import EPOCH, micros, read_instant
from schemas.reading import read_event
from schemas.writing import OutputData, read_written
from streams.cli.simulated_stories import told_in
from streams.reasons import load_reasons
from streams.rules import load_rules

DEFAULTS = {"invoice_id": "in-1", "account_id": "acc-1", "subscription_id": "sub-1"}


class Life:
    """Events of an account told day by day; `run` lets the engine decide about them."""

    def __init__(self, rules: Rules, reasons: Reasons) -> None:
        self.rules = rules
        self.reasons = reasons
        self.lines: list[Line] = []
        self.decided: list[Event[OutputData]] = []
        self.charger = Charger()
        self.until: int | None = None

    def tell(self, day: int, kind: str, hour: int = 9, event_id: str | None = None, **data: Any) -> "Life":
        """Add an event at `hour` o'clock UTC, `day` days after 2 February 2026."""
        at = read_instant(f"2026-02-02T{hour:02}:00:00Z")
        moment = at.fromtimestamp(at.timestamp() + day * 86_400, tz=at.tzinfo)
        if kind == "subscription.ended":
            fields: dict[str, Any] = {"account_id": "acc-1", "subscription_id": "sub-1"}
        elif kind.startswith("charge.") or kind == "invoice.issued":
            fields = {**DEFAULTS, "amount_minor": 4900, "currency": "EUR"}
        elif kind.startswith("invoice."):
            fields = {"account_id": "acc-1", "invoice_id": "in-1"}
        else:
            fields = {"account_id": "acc-1"}
        event = {
            "specversion": "1.0", "id": event_id or f"e-{len(self.lines)}", "source": "test", "type": kind,
            "time": moment, "data": fields | data,
        }  # fmt: skip
        self.lines.append(Line(micros(moment), read_event(msgspec.json.encode(event))))
        return self

    def issued(self, **data: Any) -> "Life":
        return self.tell(
            0, "invoice.issued", issued_at="2026-02-02T09:00:00Z", instrument_id="card-1", **data
        )

    def declined(self, day: int, code: str = "insufficient_funds", **data: Any) -> "Life":
        decline = {"dialect": "stripe", "code": code}
        charge = {"charge_id": f"ch-{len(self.lines)}", "instrument_id": "card-1", "decline": decline}
        return self.tell(day, "charge.declined", **(charge | data))

    def instrument(self, day: int, change: str, name: str, hour: int = 9, **data: Any) -> "Life":
        return self.tell(
            day,
            "payment_method.updated",
            hour,
            change=change,
            instrument={"instrument_id": name, "type": "card"},
            **data,
        )

    def run(
        self,
        *,
        until_day: int | None = None,
        charger: list[dict[str, Any]] | None = None,
        policy: dict[str, Any] | None = None,
    ) -> "Life":
        """Decide; `until_day` lets the clock run on to noon of that day."""
        engine = Engine(self.rules)
        if policy is not None:
            content = {"policies": {"standard": policy}}
            read_policies(content)
            data = PoliciesSet(policies=content)
            engine.fold([Event(id="p", source="test", type=PoliciesSet.TYPE, time=EPOCH, data=data)], 0)
        self.charger = read_charger(charger or [])
        start = micros(read_instant("2026-02-02T12:00:00Z"))
        self.until = None if until_day is None else start + until_day * 86_400_000_000
        written = Simulation(engine, self.charger).run(self.lines, self.until)
        self.decided = [read_written(value) for value in written]
        return self

    def story(self, invoice_id: str = "in-1", more: Iterable[Told] = ()) -> Story:
        """Tell what is recorded; `more` came last and is not decided."""
        told = [*told_in(self.lines, self.decided, self.charger, self.until), *more]
        history = history_of(invoice_id, "acc-1", told, self.decided)
        assert history is not None
        return tell(history, self.reasons)


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()


@pytest.fixture(scope="session")
def reasons(rules: Rules) -> Reasons:
    return load_reasons(rules.declines.tables)


@pytest.fixture
def life(rules: Rules, reasons: Reasons) -> Callable[[], Life]:
    """Begin a life; call it for each one."""
    return lambda: Life(rules, reasons)
