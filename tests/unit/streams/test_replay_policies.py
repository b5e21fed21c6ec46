"""The same history under other policies: the same ones change nothing, others differ where they should."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dunning.calendar import DAY, HOUR
from dunning.engine import Engine
from schemas.commands import PoliciesSet
from schemas.envelope import Event
from schemas.instants import moment
from schemas.pages import decode_page
from streams.what_if import Both, WhatIf
from tests.properties.histories import START, Action, Runner, actions, policies, written
from tests.stories.player import shipped_rules
from tests.unit.streams.test_replay import encoded
from tests.world import Wire, wire

Pages = Sequence[tuple[int, Sequence[Event[Any]]]]


def other(content: Mapping[str, Any]) -> dict[str, Any]:
    return {"policies": {"standard": dict(content)}, "select": [{"use": "standard"}]}


def compared(pages: Iterable[tuple[int, Sequence[Event[Any]]]], content: Mapping[str, Any]) -> WhatIf:
    found = WhatIf()
    both = Both(Engine(shipped_rules()), Engine(shipped_rules()), other(content), found)
    for number, (now, events) in enumerate(pages):
        both.fold(events, now, 0, f"page {number}")
    found.close(0)
    return found


def recorded(runner: Runner) -> Pages:
    return [(page.now, page.events) for page in runner.pages]


@settings(max_examples=60)
@given(actions, policies, st.integers(0, 3 * HOUR), st.integers(1, 4))
def test_the_same_policies_ask_for_the_same_however_late_the_ticks_were(
    drawn: list[Action], policy: dict[str, Any], late: int, every: int
) -> None:
    pages = recorded(written(drawn, policy)[1])
    # An engine that was slow, or down for a while: ticks come late or not at all.
    slow = [(now, events) for n, (now, events) in enumerate(pages) if events or n % every == 0]
    slow = [(now + late, events) for now, events in slow]
    found = compared(slow, policy)
    assert found.different == {}
    assert found.recorded == found.other == found.alike
    assert found.left_out == 0


INVOICE: Wire = wire(
    "invoice.issued", "i-1",
    {
        "invoice_id": "in-1", "account_id": "a", "subscription_id": "s", "amount_minor": 500, "currency": "EUR",
        "issued_at": "2026-06-01T09:00:00Z",
    },
    "2026-06-01T09:00:00Z",
)  # fmt: skip


def declined(number: int, days: int, **more: Any) -> tuple[int, list[Event[Any]]]:
    data = {
        "charge_id": f"ch-{number}", "invoice_id": "in-1", "account_id": "a", "subscription_id": "s",
        "instrument_id": "card-A", "amount_minor": 500, "currency": "EUR",
        "decline": {"code": "insufficient_funds", "dialect": "stripe"}, **more,
    }  # fmt: skip
    at = START + days * DAY
    when = moment(at).isoformat()
    return at, decode_page(encoded([wire("charge.declined", f"d-{number}", data, when)]))


def paid(days: int, **more: Any) -> tuple[int, list[Event[Any]]]:
    data = {
        "charge_id": "ch-paid", "invoice_id": "in-1", "account_id": "a", "subscription_id": "s",
        "amount_minor": 500, "currency": "EUR", **more,
    }  # fmt: skip
    at = START + days * DAY
    return at, decode_page(encoded([wire("charge.succeeded", "paid", data, moment(at).isoformat())]))


def answer(number: int, days: int) -> tuple[int, list[Event[Any]]]:
    return declined(number, days, initiated_by="retry", request_id=f"in-1/{number}")


FIRST = [(START, decode_page(encoded([INVOICE]))), declined(0, 0)]
TWO_ATTEMPTS: Pages = [*FIRST, (START + 3 * DAY, []), answer(1, 3), (START + 7 * DAY, []), answer(2, 7)]


def test_a_later_first_rung_is_the_first_difference_of_its_case() -> None:
    # The policies of the day are the built-in ones: 3, 7, 12 … days.
    found = compared(TWO_ATTEMPTS, {"ladder": {"steps": [5, 7]}})
    (case,) = found.different.values()
    assert case.recorded is not None
    assert case.other is not None
    assert (case.invoice_id, case.recorded.attempt) == ("in-1", 1)
    assert (case.recorded.due_at, case.other.due_at) == (moment(START + 3 * DAY), moment(START + 5 * DAY))
    # That of day 3 came before the attempt was asked for; the second attempt never was, the first being open.
    assert (found.left_out, found.other) == (2, 1)


def test_an_attempt_that_only_the_file_asks_for_is_made_between_two_pages() -> None:
    found = compared(TWO_ATTEMPTS, {"ladder": {"steps": [3, 5, 7]}})
    (case,) = found.different.values()
    assert case.recorded is not None
    assert case.other is not None
    assert (case.recorded.attempt, found.alike) == (2, 1)
    assert (case.recorded.due_at, case.other.due_at) == (moment(START + 7 * DAY), moment(START + 5 * DAY))


def test_an_attempt_that_the_file_does_not_ask_for_is_told() -> None:
    found = compared(TWO_ATTEMPTS, {"ladder": {"steps": [3]}})
    (case,) = found.different.values()
    assert case.recorded is not None
    assert (case.recorded.attempt, case.other, found.alike) == (2, None, 1)


def test_the_files_attempt_goes_out_before_a_payment_that_came_later() -> None:
    # Nothing is in the journal at day 5, for the policies of the day had nothing due then.
    pages: Pages = [*FIRST, (START + 3 * DAY, []), answer(1, 3), paid(6, initiated_by="customer")]
    found = compared(pages, {"ladder": {"steps": [3, 5]}})
    assert (found.recorded, found.other, found.alike) == (1, 2, 1)


def test_a_payment_by_an_attempt_that_the_file_has_not_made_is_unknown_to_it() -> None:
    pages: Pages = [*FIRST, (START + 3 * DAY, []), paid(3, request_id="in-1/1"), (START + 9 * DAY, [])]
    found = compared(pages, {"ladder": {"steps": [5]}})
    assert (found.recorded, found.other, found.left_out) == (1, 1, 1)
    (case,) = found.different.values()
    assert case.other is not None
    assert case.other.due_at == moment(START + 5 * DAY)


def test_an_answer_without_a_name_is_left_out_where_its_attempt_is() -> None:
    for names in ({}, {"charge_id": "in-1/1"}):
        unnamed = declined(1, 3, initiated_by="retry", **names)
        pages: Pages = [*FIRST, (START + 3 * DAY, []), unnamed, (START + 6 * DAY, [])]
        found = compared(pages, {"ladder": {"steps": [5]}})
        assert (found.recorded, found.other, found.left_out) == (1, 1, 1)


def test_the_policies_of_the_day_say_nothing_to_the_other_engine() -> None:
    data = PoliciesSet(policies=other({"ladder": {"steps": [4]}}))
    told = Event(id="p", source="dunning", type=PoliciesSet.TYPE, time=moment(START), data=data)
    pages: Pages = [(START, [told]), *FIRST, (START + 3 * DAY, []), (START + 4 * DAY, [])]
    found = compared(pages, {"ladder": {"steps": [3]}})
    (case,) = found.different.values()
    assert case.recorded is not None
    assert case.other is not None
    assert (case.recorded.due_at, case.other.due_at) == (moment(START + 4 * DAY), moment(START + 3 * DAY))


def test_where_the_engine_was_down_the_file_is_given_no_better_clock() -> None:
    # Nothing ticked at day 3: the engine was down until the decline of another invoice at day 4.
    late: Pages = [*FIRST, (START + 4 * DAY, [])]
    found = compared(late, {"ladder": {"steps": [3, 20]}})
    assert (found.recorded, found.other, found.alike) == (1, 1, 1)
