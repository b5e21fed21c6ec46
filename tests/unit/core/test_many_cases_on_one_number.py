"""One card number behind very many open cases: a reseller's subscriptions, or one that is billed by use."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dunning.engine import Engine
from dunning.instruments import MOST_CORRECTED
from dunning.tables import Tables
from schemas.charges import ChargeDeclined, Decline, Dialect
from schemas.envelope import Event
from schemas.instants import micros
from tests.benchmarks.cases import BEGINS_AT, declined, issued
from tests.stories.player import shipped_rules

CASES = MOST_CORRECTED * 4
ACCOUNT = "acct_1"
LATER = BEGINS_AT + timedelta(minutes=1)


def on_one_number(number: int, charge: int, *, subscriptions: int) -> Event[ChargeDeclined]:
    return declined(number, number % subscriptions, ACCOUNT, BEGINS_AT, charge, fingerprint="shared")


def payer(*, subscriptions: int) -> tuple[Engine, dict[bytes, bytes | None]]:
    """An engine that holds an account whose invoices were all declined on one number, and its changelog."""
    engine, rows = Engine(shipped_rules()), {}
    for number in range(CASES):
        step = engine.fold(
            [
                issued(number, number % subscriptions, ACCOUNT, BEGINS_AT),
                on_one_number(number, 1, subscriptions=subscriptions),
            ],
            micros(BEGINS_AT),
        )
        rows.update(step.changes)
    return engine, rows


@pytest.mark.parametrize("subscriptions", [1, CASES])
def test_a_decline_looks_at_a_few_records_however_many_cases_there_are(
    subscriptions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = payer(subscriptions=subscriptions)
    read: list[str] = []
    record = Tables.record

    def counted(tables: Tables, account_id: str, name: str) -> Any:
        read.append(name)
        return record(tables, account_id, name)

    monkeypatch.setattr(Tables, "record", counted)
    step = engine.fold([on_one_number(7, 2, subscriptions=subscriptions)], micros(LATER))
    assert len(step.changes) < 10
    assert 0 < len(read) < CASES / 2


@pytest.mark.parametrize("subscriptions", [1, CASES])
def test_a_number_that_is_dead_stops_them_all_also_after_a_restore(subscriptions: int) -> None:
    engine, rows = payer(subscriptions=subscriptions)
    restored = Engine(shipped_rules())
    for key, row in sorted(rows.items()):
        restored.load(key, row)
    restored.restored()
    again = on_one_number(7, 2, subscriptions=subscriptions)
    stolen = Decline(code="stolen_card", dialect=Dialect.STRIPE)
    event = replace(again, data=replace(again.data, decline=stolen))
    told = [one.fold([event], micros(LATER)).outputs for one in (engine, restored)]
    assert told[0] == told[1]
    assert sum(b"customer_action_needed" in output.value for output in told[0]) == CASES
