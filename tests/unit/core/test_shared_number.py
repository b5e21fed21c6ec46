"""One card number behind very many subscriptions, as a reseller has it: each with an instrument id of its own."""

from dataclasses import replace
from datetime import timedelta

from dunning.engine import Engine
from dunning.instruments import MOST_CORRECTED
from schemas.charges import ChargeDeclined, Decline, Dialect
from schemas.envelope import Event
from schemas.instants import micros
from tests.benchmarks.cases import BEGINS_AT, declined, issued
from tests.stories.player import shipped_rules

SUBSCRIPTIONS = MOST_CORRECTED * 4
ACCOUNT = "acct_1"


def on_one_number(number: int, charge: int = 1) -> Event[ChargeDeclined]:
    return declined(number, number, ACCOUNT, BEGINS_AT, charge, fingerprint="shared")


def reseller() -> tuple[Engine, dict[bytes, bytes | None]]:
    """An engine that holds an account whose subscriptions are all declined on one number, and its changelog."""
    engine, rows = Engine(shipped_rules()), {}
    for number in range(SUBSCRIPTIONS):
        step = engine.fold(
            [issued(number, number, ACCOUNT, BEGINS_AT), on_one_number(number)], micros(BEGINS_AT)
        )
        rows.update(step.changes)
    return engine, rows


def test_a_decline_looks_at_a_few_records_however_many_share_the_number() -> None:
    engine, _ = reseller()
    step = engine.fold([on_one_number(7, charge=2)], micros(BEGINS_AT + timedelta(minutes=1)))
    assert len(step.changes) < 10


def test_a_number_that_is_dead_stops_them_all_also_after_a_restore() -> None:
    engine, rows = reseller()
    restored = Engine(shipped_rules())
    for key, row in sorted(rows.items()):
        restored.load(key, row)
    restored.restored()
    declined_again = on_one_number(7, charge=2)
    stolen = Decline(code="stolen_card", dialect=Dialect.STRIPE)
    event = replace(declined_again, data=replace(declined_again.data, decline=stolen))
    now = micros(BEGINS_AT + timedelta(minutes=1))
    told = [one.fold([event], now).outputs for one in (engine, restored)]
    assert told[0] == told[1]
    assert sum(b"customer_action_needed" in output.value for output in told[0]) == SUBSCRIPTIONS
