"""The judge: a clean run passes, and every planted fault is found under its own name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.charges import ChargeDeclined, Decline, Dialect
from schemas.decisions import CaseChanged, CaseState, NoticeRequested, RequestReason, RetryRequested
from schemas.envelope import Event
from streams.demo.charges import Charge, Outcome
from streams.demo.checks import _CHECKS
from streams.demo.evidence import Evidence
from streams.demo.verdict import judge
from tests.demo_evidence import SmallWorld


def requests(evidence: Evidence) -> list[Event[RetryRequested]]:
    return evidence.requests


def with_written(evidence: Evidence, *more: Event[Any]) -> Evidence:
    times = tuple(evidence.written_at) + (evidence.written_at[-1],) * len(more)
    return replace(evidence, written=(*evidence.written, *more), written_at=times)


def without(evidence: Evidence, is_gone: Callable[[Event[Any]], bool]) -> Evidence:
    kept = tuple(event for event in evidence.written if not is_gone(event))
    return replace(evidence, written=kept)


def another(evidence: Evidence, *, attempt: int, hours: float = 0, **changes: Any) -> Evidence:
    """Add a request like the last one, so many hours after it, and its (refused) charge."""
    last = requests(evidence)[-1]
    id_ = f"in-1/{attempt}"
    data = replace(last.data, request_id=id_, attempt=attempt, **changes)
    new = replace(last, id=id_, time=last.time + timedelta(hours=hours), data=data)
    charge = replace(evidence.charges[-1], request_id=id_, outcome=Outcome.TOO_LATE)
    return replace(with_written(evidence, new), charges=(*evidence.charges, charge))


def charged_again(evidence: Evidence) -> Evidence:
    paid = Charge(
        request_id="in-1/9",
        invoice_id="in-1",
        instrument_id="card-2",
        received_at=0,
        outcome=Outcome.UNREPORTED,
    )
    return replace(evidence, charges=(*evidence.charges, paid))


def window_moved(evidence: Evidence) -> Evidence:
    written = tuple(
        replace(event, data=replace(event.data, window_ends_at=event.time))
        if isinstance(event.data, RetryRequested) and event.data.attempt == 2
        else event
        for event in evidence.written
    )
    return replace(evidence, written=written)


def reported_stolen(evidence: Evidence) -> Evidence:
    stolen = Decline(code="stolen_card", dialect=Dialect.STRIPE)
    journal = tuple(
        replace(told, event=replace(told.event, data=replace(told.event.data, decline=stolen)))
        if isinstance(told.event.data, ChargeDeclined) and told.event.id == "d-0"
        else told
        for told in evidence.journal
    )
    return replace(evidence, journal=journal)


def unjournalled(id_: str) -> Callable[[Evidence], Evidence]:
    def doctored(evidence: Evidence) -> Evidence:
        return replace(evidence, journal=tuple(told for told in evidence.journal if told.event.id != id_))

    return doctored


def is_restart(event: Event[Any]) -> bool:
    return isinstance(event.data, RetryRequested) and event.data.reason is RequestReason.INSTRUMENT_BOUND


def is_end(event: Event[Any]) -> bool:
    return isinstance(event.data, CaseChanged) and event.data.state is CaseState.CLOSED


def is_added_notice(event: Event[Any]) -> bool:
    return isinstance(event.data, NoticeRequested) and event.data.new_instrument_id is not None


FAULTS: dict[str, tuple[str, Callable[[Evidence], Evidence]]] = {
    "a request written twice": (
        "duplicates requested",
        lambda evidence: with_written(evidence, requests(evidence)[1]),
    ),
    "a request before the answer to the one before": (
        "requested while another request was unanswered",
        unjournalled("answer-in-1/1"),
    ),
    "a charge executed under a second request id": ("charged twice", charged_again),
    "a request after the success": (
        "requested after close",
        lambda evidence: another(evidence, attempt=4, hours=5),
    ),
    "a request at the end of its window": ("requested after the window", window_moved),
    "a request on a card whose binding nobody told": (
        "requested on a card that was only added",
        unjournalled("card-2-bound"),
    ),
    "a request on a stolen card": ("requested on a lost or stolen card", reported_stolen),
    "a binding without a request": (
        "bindings without exactly one immediate attempt",
        lambda evidence: without(evidence, is_restart),
    ),
    "a binding with two requests": (
        "bindings without exactly one immediate attempt",
        lambda evidence: another(evidence, attempt=4),
    ),
    "an added card that nobody hears of": (
        "added cards without exactly one notice",
        lambda evidence: without(evidence, is_added_notice),
    ),
    "an attempt number left out": ("gaps in attempt numbers", lambda evidence: another(evidence, attempt=5)),
    "an event that never reached the journal": ("events lost", unjournalled("card-2-added")),
    "a request that the executor never saw": (
        "requests that never reached the executor",
        lambda evidence: replace(evidence, charges=evidence.charges[1:]),
    ),
    "a case that nobody closed": ("cases left open", lambda evidence: without(evidence, is_end)),
    "a decline that opened no case": (
        "cases left open",
        lambda evidence: without(evidence, lambda event: isinstance(event.data, CaseChanged)),
    ),
    "a good event in the dead letters": (
        "good events refused",
        lambda evidence: replace(evidence, dead_letters=1),
    ),
}


def test_a_clean_run_passes(world: SmallWorld) -> None:
    verdict = judge(world.evidence)
    assert {check.promise: check.faults for check in verdict.checks if check.faults} == {}
    assert verdict.holds
    assert verdict.outcomes == {"paid": 1}
    assert verdict.requests == {"scheduled": 2, "instrument_bound": 1}
    assert verdict.told_twice == 0


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(world: SmallWorld, name: str) -> None:
    promise, doctored = FAULTS[name]
    verdict = judge(doctored(world.evidence))
    faults = {check.promise: check.faults for check in verdict.checks}
    assert faults[promise], (
        f"not found; found instead: { {one: found for one, found in faults.items() if found} }"
    )
    assert not verdict.holds


def test_every_promise_has_been_seen_broken() -> None:
    assert {promise for promise, _ in FAULTS.values()} == set(_CHECKS)


def test_events_told_twice_are_counted_and_do_no_harm(world: SmallWorld) -> None:
    evidence = world.evidence
    twice = replace(
        evidence,
        published=(*evidence.published, *evidence.published[:4]),
        journal=(
            *evidence.journal,
            *(replace(told, stamp=told.stamp + 9 * 10**9) for told in evidence.journal[:4]),
        ),
    )
    verdict = judge(twice)
    assert verdict.holds
    assert verdict.told_twice == 4


def test_latency_is_from_the_binding_to_the_executor(world: SmallWorld) -> None:
    latency = judge(world.evidence).latency
    assert latency is not None
    # Published 5 ms before its page's stamp, received 20 ms after it.
    assert (latency.count, latency.median_ms, latency.p99_ms, latency.waited) == (1, 25.0, 25.0, 0)


def test_a_restart_that_waited_for_an_answer_is_not_in_the_latency(world: SmallWorld) -> None:
    late = unjournalled("answer-in-1/2")(world.evidence)
    latency = judge(late).latency
    assert latency is None


def test_money_that_moved_in_silence_is_counted(world: SmallWorld) -> None:
    evidence = world.evidence
    charges = tuple(replace(charge, invoice_id="in-7") for charge in evidence.charges[-1:])
    assert judge(replace(evidence, charges=(*evidence.charges, *charges))).unreported == 1
