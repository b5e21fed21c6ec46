"""The workload is what it says: the same for everyone, in the right shares, and fit for the door."""

import json
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from schemas.reading import read_event
from tests.benchmarks.workload import DUPLICATES, MOST_DECLINES, SHARES, Workload

BEGINS_AT = datetime(2026, 11, 2, tzinfo=UTC)
EVENTS = 20_000


def workload(seed: int = 1) -> Workload:
    return Workload(accounts=EVENTS, begins_at=BEGINS_AT, seed=seed)


def test_a_seed_gives_the_same_bytes() -> None:
    assert workload().take(2_000) == workload().take(2_000)
    assert workload().take(2_000) != workload(seed=2).take(2_000)


def test_portions_do_not_change_what_is_told() -> None:
    one, other = workload(), workload()
    assert one.take(1_500) == other.take(700) + other.take(800)


def test_the_shares_are_those_of_dw_1() -> None:
    told = workload().take(EVENTS)
    counted = Counter(event.type for event in told)
    assert counted.keys() == SHARES.keys()
    for kind, share in SHARES.items():
        assert counted[kind] / EVENTS == pytest.approx(share, abs=0.02), kind
    doubled = EVENTS - len({event.value for event in told})
    assert doubled / EVENTS == pytest.approx(DUPLICATES, abs=0.004)
    assert 400 < sum(len(event.value) for event in told) / EVENTS < 700


def test_some_events_come_late() -> None:
    ids = [json.loads(event.value)["id"] for event in workload().take(EVENTS)]
    late = sum(later < earlier for earlier, later in pairwise(ids))
    assert 2 <= late <= EVENTS // 200


def test_every_event_passes_the_door() -> None:
    for event in workload().take(3_000):
        assert read_event(event.value, topic=event.type, key=event.account_id.encode()).data.account_id


def test_an_invoice_is_declined_a_few_times_and_is_quiet_once_it_is_paid() -> None:
    declines: Counter[str] = Counter()
    paid: set[str] = set()
    for value in dict.fromkeys(event.value for event in workload().take(EVENTS)):
        event = json.loads(value)
        if event["type"] == "charge.succeeded":
            paid.add(event["data"]["invoice_id"])
        elif event["type"] == "charge.declined":
            declines[event["data"]["invoice_id"]] += 1
    assert max(declines.values()) == MOST_DECLINES
    assert paid
