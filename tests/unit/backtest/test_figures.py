"""What a backtest says of a policy, and what it leaves open."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dunning.backtest.answers import Basis
from dunning.backtest.comparison import FIGURES, Figures, as_data, figures_of
from dunning.backtest.costs import audit
from dunning.backtest.recording import Recording, read_recording
from dunning.backtest.trial import try_policies, without_network_rules
from dunning.charger import Charger, read_charger
from dunning.engine import Engine
from dunning.rules import Rules
from dunning.simulation import Line, Simulation
from schemas.decisions import RetryRequested
from schemas.instants import micros
from schemas.writing import read_written

DAY, HOUR, MINUTE = 86_400_000_000, 3_600_000_000, 60_000_000
STANDARD: dict[str, Any] = {"policies": {"standard": {}}}
SUCCEEDS = {"outcome": "succeeded"}
FAILS = {"outcome": "declined", "after": "PT1M", "decline": {"dialect": "stripe", "code": "do_not_honor"}}


def figures(
    recording: Recording,
    rules: Rules,
    content: dict[str, Any] = STANDARD,
    charger: Charger | None = None,
    days: int = 40,
) -> Figures:
    until = None if recording.begins_at is None else recording.begins_at + days * DAY
    return figures_of(recording, "p", content, rules, charger=charger, until=until)


def recorded(facts: list[Line], charger: Charger, rules: Rules) -> Recording:
    """Record what the standard policy does with a charger, its answers told back as billers tell them."""
    until = (facts[-1].arrives_at or 0) + 40 * DAY
    written = [read_written(value) for value in Simulation(Engine(rules), charger).run(facts, until)]
    requests = [event for event in written if isinstance(event.data, RetryRequested)]
    answers = [charger.answer(event.data, micros(event.time)) for event in requests]  # type: ignore[arg-type]
    told = [Line(at, event) for at, event in filter(None, answers)]
    return read_recording(sorted([*facts, *told], key=lambda line: line.arrives_at or 0))


def test_a_recording_under_its_own_policy_is_known_in_full(tape: Callable[[], Any], rules: Rules) -> None:
    facts = tape().invoice("in-1").invoice("in-2", HOUR).invoice("in-3", 2 * HOUR).lines
    charger = read_charger([{"match": {"invoice_id": "in-1", "attempt": 2}, **SUCCEEDS},
                            {"match": {"invoice_id": "in-2", "attempt": 1}, **SUCCEEDS}, FAILS])  # fmt: skip
    result = figures(recorded(facts, charger, rules), rules)
    assert (result.cases, result.requests, result.known, result.assumed) == (3, 9, 9, 0)
    assert (result.recovered, result.by_request, result.at_most, result.perhaps) == (2, 2, 2, 0)
    assert result.recovered_amount == {"EUR": 9800}
    assert result.requests_a_recovery == 1.5
    assert [(day.day, day.paid, day.declined) for day in result.days[:2]] == [(3, 1, 2), (7, 1, 1)]


def test_an_attempt_at_another_moment_is_not_known_and_pays_nothing(
    tape: Callable[[], Any], rules: Rules, content: Callable[..., dict[str, Any]]
) -> None:
    told = tape().invoice().succeeded(3 * DAY, request_id="in-1/1", charge_id="in-1/1")
    recording = read_recording(told.lines)
    later = figures(recording, rules, content(ladder={"anchor": "invoice_date", "steps": [2, 5]}))
    assert (later.requests, later.known, later.assumed) == (2, 0, 2)
    assert (later.recovered, later.recovered_amount, later.perhaps, later.at_most) == (0, {}, 1, 1)
    # Never tried after the moment of the recorded payment: not even perhaps.
    earlier = figures(recording, rules, content(ladder={"anchor": "invoice_date", "steps": [1, 2]}))
    assert (earlier.perhaps, earlier.at_most) == (0, 1)


@pytest.mark.parametrize(
    ("offset", "basis"),
    [(60, Basis.RECORDED), (61, Basis.ASSUMED), (-60, Basis.RECORDED), (-61, Basis.ASSUMED)],
)
def test_the_same_attempt_is_one_within_an_hour(
    offset: int, basis: Basis, tape: Callable[[], Any], rules: Rules
) -> None:
    told = tape().invoice().declined(3 * DAY + offset * MINUTE, request_id="in-1/1")
    recording = read_recording(told.lines)
    trial = try_policies(recording, STANDARD, rules, None, recording.ends_at + DAY)
    assert [attempt.answer.basis for attempt in trial.attempts] == [basis]


def test_an_outcome_on_another_instrument_is_another_attempt(tape: Callable[[], Any], rules: Rules) -> None:
    told = tape().invoice().succeeded(3 * DAY, request_id="in-1/1", instrument_id="card-2")
    result = figures(read_recording(told.lines), rules)
    assert (result.known, result.recovered) == (0, 0)


def test_request_ids_of_the_recorded_run_name_nothing_here(
    tape: Callable[[], Any], rules: Rules, content: Callable[..., dict[str, Any]]
) -> None:
    """Attempt 1 of the recorded run was on day 3; here day 3 is attempt 2, and attempt 1 is on day 1."""
    told = tape().invoice().declined(3 * DAY, charge_id="in-1/1", request_id="in-1/1")
    told.succeeded(7 * DAY, charge_id="in-1/2", request_id="in-1/2")
    daily = content(ladder={"anchor": "invoice_date", "steps": [1, 3, 7]})
    trial = try_policies(read_recording(told.lines), daily, rules, None, None)
    assert [(one.request.request_id, one.answer.basis, one.answer.succeeded) for one in trial.attempts] == [
        ("in-1/1", Basis.ASSUMED, False),
        ("in-1/2", Basis.RECORDED, False),
        ("in-1/3", Basis.RECORDED, True),
    ]
    (case,) = trial.cases.values()
    assert case.is_recovered


@pytest.mark.parametrize("who", ["schedule", "customer"])
def test_whose_charge_answers_a_request_is_as_the_engine_has_it(
    who: str, tape: Callable[[], Any], rules: Rules
) -> None:
    """Only `initiated_by: retry` makes a charge with the id of a request its answer; else it is a fact of its own."""
    told = tape().invoice().declined(2 * DAY, charge_id="in-1/1", initiated_by=who)
    result = figures(read_recording(told.lines), rules)
    assert (result.known, result.assumed) == (0, 6), (
        "each answer was taken, though a fact has the id of the first"
    )


def test_facts_hold_under_every_policy(
    tape: Callable[[], Any], rules: Rules, content: Callable[..., dict[str, Any]]
) -> None:
    told = tape().invoice().succeeded(4 * DAY, initiated_by="customer")
    result = figures(
        read_recording(told.lines), rules, content(ladder={"anchor": "invoice_date", "steps": [10]})
    )
    assert (result.recovered, result.by_request, result.requests, result.untried) == (1, 0, 0, 1)
    assert result.requests_a_recovery == 0


def test_currencies_are_never_added(tape: Callable[[], Any], rules: Rules) -> None:
    told = tape().invoice("in-1").invoice("in-2", currency="USD")
    told.succeeded(DAY, "in-1", initiated_by="admin").succeeded(
        DAY, "in-2", initiated_by="admin", currency="USD"
    )
    assert figures(read_recording(told.lines), rules).recovered_amount == {"EUR": 4900, "USD": 4900}


def test_a_part_payment_counts_as_money_and_not_as_recovery(tape: Callable[[], Any], rules: Rules) -> None:
    told = tape().invoice().succeeded(DAY, initiated_by="customer", amount_minor=900)
    result = figures(read_recording(told.lines), rules)
    assert (result.recovered, result.recovered_amount) == (0, {"EUR": 900})


def test_a_charger_answers_everything(tape: Callable[[], Any], rules: Rules) -> None:
    told = tape().invoice().succeeded(3 * DAY, request_id="in-1/1")
    result = figures(read_recording(told.lines), rules, charger=read_charger([FAILS]))
    assert (result.requests, result.known, result.assumed, result.recovered) == (6, 6, 0, 0)


HOURLY = {
    "ladder": {"anchor": "invoice_date", "steps": [f"PT{hour}H" for hour in range(1, 31)]},
    "min_gap": "PT30M", "closing_notice": None,
}  # fmt: skip


def test_ceilings_hit_and_fees_avoided(
    tape: Callable[[], Any], rules: Rules, content: Callable[..., dict[str, Any]]
) -> None:
    """With the first charge thirty-one attempts in a day and a half; Mastercard allows ten in 24 hours."""
    recording = read_recording(tape().invoice(network="mastercard").lines)
    result = figures(recording, rules, content(**HOURLY))
    assert (result.excess, result.ceilings) == (0, {"mastercard.limit.24h": 21})
    assert result.held_back == 21
    assert result.moved > 0
    fee = rules.fees.at("mastercard.fee.attempt", recording.ends_at)
    assert fee is not None
    assert result.fees_avoided == {fee.currency: 21 * fee.amount}

    ruthless = figures(recording, rules, content(**HOURLY, rules="none"))
    assert (ruthless.excess, ruthless.held_back, ruthless.fees_avoided) == (21, 0, {})


def test_attempts_of_others_count_for_the_ceilings(tape: Callable[[], Any], rules: Rules) -> None:
    told = tape().invoice(network="visa")
    for number in range(19):
        told.declined(number * MINUTE, charge_id=f"customer-{number}", initiated_by="customer")
    result = figures(read_recording(told.lines), rules)
    assert (result.requests, result.ceilings) == (0, {"visa.limit.30d": 6})


def test_a_debit_is_presented_twice_more_at_most(tape: Callable[[], Any], rules: Rules) -> None:
    bank = {"instrument": {"instrument_id": "card-1", "type": "sepa_debit"}}
    told = tape().tell(0, "invoice.issued", issued_at="2026-03-02T09:00:00Z", instrument_id="card-1")
    told.declined(0, decline={"dialect": "sepa", "code": "AM04"}, **bank)
    result = figures(read_recording(told.lines), rules)
    assert (result.requests, result.excess, result.ceilings) == (2, 0, {"sepa.limit.am04": 4})
    assert result.fees_avoided == {}


def test_waits_that_a_network_asks_for_are_ceilings(tape: Callable[[], Any], rules: Rules) -> None:
    wait = {"dialect": "mastercard", "code": "51", "advice_code": "30", "advice_dialect": "mastercard"}
    result = figures(read_recording(tape().invoice(decline=wait).lines), rules)
    assert result.ceilings == {"mastercard.mac.30": 2}
    assert result.moved == 1


networks = st.sampled_from(["visa", "mastercard", None])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(networks, min_size=1, max_size=4),
    hours=st.lists(st.integers(1, 300), min_size=5, max_size=40, unique=True).map(sorted),
    foreign=st.lists(st.integers(0, 200), max_size=12),
)
def test_the_engine_never_breaks_a_rule_that_the_audit_knows(
    kinds: list[str | None], hours: list[int], foreign: list[int], tape: Callable[[], Any], rules: Rules
) -> None:
    """The audit counts by another road than the engine: what the engine asks for never breaks what it counts."""
    told = tape()
    for number, network in enumerate(kinds):
        told.invoice(f"in-{number}", network=network)
    for number, hour in enumerate(sorted(foreign)):
        told.declined(hour * HOUR, "in-0", charge_id=f"f-{number}", initiated_by="customer")
    eager = {"policies": {"standard": {
        "ladder": {"anchor": "invoice_date", "steps": [f"PT{hour}H" for hour in hours]},
        "min_gap": "PT1M", "closing_notice": None}}}  # fmt: skip
    recording = read_recording(told.lines)
    until = recording.ends_at + 40 * DAY
    trial = try_policies(recording, eager, rules, None, until)
    assert audit(trial, recording, rules).excess == 0
    # And where nothing would break a rule, the rules change nothing.
    free = try_policies(recording, without_network_rules(eager), rules, None, until)
    if audit(free, recording, rules).excess == 0:
        assert [one.at for one in free.attempts] == [one.at for one in trial.attempts]


def test_a_policy_that_says_nothing_of_itself_loses_its_rules_too() -> None:
    free = without_network_rules({"policies": {"standard": None, "other": {"rules": "strict"}}})
    assert free["policies"] == {"standard": {"rules": "none"}, "other": {"rules": "none"}}


def test_every_figure_is_defined_and_written(tape: Callable[[], Any], rules: Rules) -> None:
    data = as_data(figures(read_recording(tape().invoice().lines), rules))
    assert set(FIGURES) < set(data)
    assert data["days"][0] == {"day": 3, "paid": 0, "declined": 0, "unknown": 1}
    assert json.loads(json.dumps(data)) == data, "JSON types only"


def test_two_backtests_are_the_same(tape: Callable[[], Any], rules: Rules) -> None:
    def once() -> dict[str, Any]:
        told = tape().invoice("in-2").invoice("in-1", HOUR, network="visa")
        return as_data(figures(read_recording(told.lines), rules))

    assert once() == once()
