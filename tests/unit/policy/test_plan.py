"""The plan of an example invoice, held against what the engine does with that invoice."""

from typing import Any

import msgspec
import pytest

from dunning.charger import read_charger
from dunning.engine import Engine
from dunning.policy_file import read_policies
from dunning.policy_plan import Plan, PlanKind, plan_of
from dunning.simulation import Line, Simulation
from schemas.commands import PoliciesSet
from schemas.decisions import RetryRequested
from schemas.envelope import Event
from schemas.instants import EPOCH, micros, read_instant
from schemas.reading import read_event
from schemas.writing import read_written
from streams.rules import load_rules

START = "2026-06-01T10:00:00Z"
ZONE = "Europe/Berlin"
DECLINE = {"dialect": "generic", "code": "retry_later"}


def planned(policy: dict[str, Any], invoice_id: str) -> Plan:
    content = {"policies": {"standard": policy}}
    return plan_of(read_policies(content).policies["standard"], micros(read_instant(START)), ZONE, invoice_id)


def done(policy: dict[str, Any], invoice_id: str) -> list[tuple[int, str]]:
    """Let the engine ask, decline everything at once, and list when it asked and for which rung."""
    engine = Engine(load_rules())
    data = PoliciesSet(policies={"policies": {"standard": policy}})
    engine.fold([Event(id="p", source="test", type=PoliciesSet.TYPE, time=EPOCH, data=data)], 0)
    ids = {"invoice_id": invoice_id, "account_id": "a", "subscription_id": "s", "instrument_id": "card"}
    money = {"amount_minor": 100, "currency": "EUR"}
    told: dict[str, dict[str, Any]] = {
        "invoice.issued": {"issued_at": START, "time_zone": ZONE},
        "charge.declined": {"charge_id": "first", "decline": DECLINE},
    }
    lines = [
        Line(
            micros(read_instant(START)),
            read_event(
                msgspec.json.encode(
                    {"specversion": "1.0", "id": kind, "source": "test", "type": kind, "time": START,
                     "data": ids | money | more}
                )
            ),
        )
        for kind, more in told.items()
    ]  # fmt: skip
    charger = read_charger([{"outcome": "declined", "decline": DECLINE}])
    written = Simulation(engine, charger).run(lines, micros(read_instant("2026-12-01T00:00:00Z")))
    events = [read_written(value) for value in written]
    return [
        (micros(event.time), event.data.why[0]) for event in events if isinstance(event.data, RetryRequested)
    ]


@pytest.mark.parametrize(
    "policy",
    [
        {},
        {"ladder": {"anchor": "previous_attempt", "steps": ["PT6H", 1, "PT6H", 3]}, "min_gap": "PT12H"},
        {"ladder": {"steps": [1, "PT30H", 2, "PT50H", 9]}, "at": "09:00"},
        {"ladder": {"steps": [1, "PT25H", 2]}, "min_gap": "PT12H"},
        {"ladder": {"steps": [2, 3, 4, 5, 6]}, "spread": "P3D", "min_gap": "PT1H"},
        {"ladder": {"steps": [3, 40]}},
    ],
    ids=["standard", "gaps", "mixed", "too_near", "spread", "outside"],
)
def test_the_plan_is_what_the_engine_does(policy: dict[str, Any]) -> None:
    for invoice_id in ("in-1", "in-2", "in-3", "in-4"):
        rungs = [
            (point.at, f"policy.ladder.{point.number}")
            for point in planned(policy, invoice_id).points
            if point.kind is PlanKind.RUNG
        ]
        assert rungs == done(policy, invoice_id)


def test_rungs_that_a_spread_swaps_are_counted_in_their_order() -> None:
    policy = {"ladder": {"steps": [2, 3, 4, 5, 6]}, "spread": "P3D", "min_gap": "PT0S"}
    for number in range(8):
        points = planned(policy, f"in-{number}").points
        rungs = [point for point in points if point.kind in (PlanKind.RUNG, PlanKind.SKIPPED_RUNG)]
        assert [point.number for point in rungs] == [1, 2, 3, 4, 5]
