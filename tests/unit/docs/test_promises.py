"""Promises of docs/limits.md that no other test holds."""

import json
from collections.abc import Iterable
from typing import Any

from dunning.calendar import DAY
from dunning.engine import Engine, Step
from schemas.commands import PoliciesSet
from schemas.envelope import Event
from schemas.instants import EPOCH, micros, read_instant
from schemas.reading import read_event
from streams.rules import load_rules

START = micros(read_instant("2026-03-02T09:00:00Z"))


def policies(*steps: int) -> Event[Any]:
    content = {"policies": {"standard": {"ladder": {"steps": list(steps)}}}}
    return Event(
        id=f"policies-{steps}",
        source="dunning",
        type=PoliciesSet.TYPE,
        time=EPOCH,
        data=PoliciesSet(policies=content),
    )


def declined(invoice_id: str) -> Event[Any]:
    data = {
        "charge_id": f"ch-{invoice_id}",
        "invoice_id": invoice_id,
        "account_id": "acct-1",
        "subscription_id": f"sub-{invoice_id}",
        "instrument_id": f"card-{invoice_id}",
        "amount_minor": 1_900,
        "currency": "EUR",
        "decline": {"dialect": "generic", "code": "retry_later"},
    }
    event = {
        "specversion": "1.0",
        "id": f"evt-{invoice_id}",
        "source": "/billing",
        "type": "charge.declined",
        "time": "2026-03-02T09:00:00Z",
        "data": data,
    }
    return read_event(json.dumps(event).encode())


def requested(steps: Iterable[Step]) -> list[tuple[str, int]]:
    """Which request was made on which day."""
    found = []
    for step in steps:
        for output in step.outputs:
            event = json.loads(output.value)
            if event["type"] == "charge.retry_requested":
                day = (micros(read_instant(event["time"])) - START) // DAY
                found.append((event["data"]["request_id"], day))
    return found


def test_a_policy_that_is_deployed_later_changes_no_open_case_not_even_after_a_restore() -> None:
    engine = Engine(load_rules())
    rows: dict[bytes, bytes | None] = {}
    for page in ([policies(2)], [declined("in-old")], [policies(5)], [declined("in-new")]):
        rows |= engine.fold(page, START).changes
    restored = Engine(load_rules())
    for key, value in rows.items():
        restored.load(key, value)
    restored.restored()
    for one in (engine, restored):
        days = [one.fold([], START + day * DAY) for day in range(1, 7)]
        assert requested(days) == [("in-old/1", 2), ("in-new/1", 5)]


def test_the_last_256_events_of_an_invoice_are_remembered() -> None:
    engine = Engine(load_rules())
    first = declined("in-1")
    engine.fold([first], START)

    def told(number: int) -> str:
        again = declined("in-1")
        event = Event(
            id=f"evt-{number}",
            source=again.source,
            type=again.type,
            time=again.time,
            data=again.data,
        )
        return engine.fold([event], START).notes[-1].reason

    assert {told(number) for number in range(255)} == {"charge_known"}
    assert engine.fold([first], START).notes[-1].reason == "duplicate"
    told(255)
    assert engine.fold([first], START).notes[-1].reason == "charge_known"
