"""Why a told event changed nothing: what is said, and that the engine agrees."""

from collections.abc import Callable
from typing import Any

import pytest

COMMAND = {"issued_by": "ops-7", "reason": "asked on the phone"}
DECLINED = [{"outcome": "declined", "decline": {"dialect": "stripe", "code": "do_not_honor"}}]


def mark(life: Any, number: int) -> str | None:
    """Read the mark of a line: what its sentence ends in."""
    event_id = life.lines[number].event.id
    says = [entry.says for entry in life.story().entries if entry.id == event_id and entry.by != "engine"][-1]
    return says.removesuffix(")").rpartition(" (")[2] if says.endswith(")") else None


def requests(life: Any) -> list[Any]:
    return [event.data for event in life.decided if event.type == "charge.retry_requested"]


def test_a_stolen_card_that_is_corrected_gets_no_attempt(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0, "stolen_card").instrument(1, "details_updated", "card-1").run()
    assert mark(told, -1) == "card-1 must not be charged again, only another one helps: no attempt"
    assert requests(told) == []
    told.tell(2, "dunning.command", command="retry_now", **COMMAND).run()
    assert mark(told, -1) == "card-1 must not be charged again, only another one helps: no attempt"
    assert requests(told) == []


def test_a_card_that_nothing_is_charged_on_gets_no_attempt(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).instrument(1, "added", "card-2").run()
    told.instrument(2, "details_updated", "card-2").run()
    assert mark(told, -1) == "the subscription is charged on card-1: no attempt"
    assert requests(told) == []
    told.instrument(2, "bound", "card-1", subscription_ids=["sub-1"]).run()
    assert mark(told, -1) == "charged on it already: no attempt"
    assert requests(told) == []


def test_a_card_that_is_tried_has_no_mark(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).instrument(1, "details_updated", "card-1").run()
    assert mark(told, -1) is None
    assert len(requests(told)) == 1


def test_what_comes_after_the_end_gets_no_attempt(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).tell(1, "invoice.closed", reason="voided")
    told.instrument(2, "bound", "card-2", subscription_ids=["sub-1"]).run()
    assert mark(told, -1) == "the case is closed: no attempt"
    told.declined(3, instrument_id="card-2").run()
    assert mark(told, -1) == "the case is closed: it is counted, and the case goes on as it was"


def test_a_charge_whose_outcome_is_known_changes_nothing(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0, charge_id="c").run()
    before = told.decided
    told.declined(0, "stolen_card", charge_id="c").run()
    assert mark(told, -1) == "the outcome of charge c was told before: changes nothing"
    assert told.decided == before
    told.tell(1, "charge.succeeded", charge_id="c", instrument_id="card-1").run()
    assert mark(told, -1) is None, "a success is news"
    before = told.decided
    told.tell(2, "charge.succeeded", charge_id="c", instrument_id="card-1").run()
    assert mark(told, -1) == "the outcome of charge c was told before: changes nothing"
    assert told.decided == before


@pytest.mark.parametrize("code", ["pending", "duplicate_transaction"])
def test_the_outcome_of_a_charge_in_doubt_is_news(code: str, life: Callable[[], Any]) -> None:
    told = life().issued()
    if code == "pending":
        told.declined(0, charge_id="c").tell(1, "charge.pending", charge_id="c", instrument_id="card-1")
    else:
        told.declined(0, code, charge_id="c")
    before = told.run().decided
    told.declined(2, charge_id="c").run()
    assert mark(told, -1) is None
    assert told.decided != before


def test_a_decline_before_a_payment_is_old_news(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0)
    told.tell(1, "charge.succeeded", charge_id="part", instrument_id="card-1", amount_minor=900)
    told.declined(2, attempted_at="2026-02-02T12:00:00Z").run()
    assert mark(told, -1) == "older than a payment: it is counted, and the case goes on as it was"


def test_a_decline_on_a_card_that_was_replaced_is_old_news(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).instrument(1, "bound", "card-2", subscription_ids=["sub-1"])
    told.declined(2, initiated_by="psp").run(charger=DECLINED)
    assert mark(told, -1) == "charged on card-2 by now: it is counted, and the case goes on as it was"


def test_the_decline_of_a_superseded_request_is_old_news(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).instrument(4, "details_updated", "card-1")
    told.declined(5, initiated_by="retry", request_id="in-1/1", charge_id="x").run()
    assert mark(told, -1) == "request in-1/1 was superseded: it is counted, and the case goes on as it was"


def test_an_event_told_again_is_marked(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0, event_id="same", charge_id="c")
    told.declined(0, event_id="same", charge_id="c").run()
    assert mark(told, -1) == "told again: changes nothing"
