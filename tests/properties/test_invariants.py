"""What holds after any history (contract section 3)."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given

from dunning.calendar import Duration
from schemas.decisions import CaseChanged, RetryRequested, StageChanged
from schemas.instants import micros
from tests.properties.histories import Action, Page, actions, policies, written
from tests.properties.observer import Observer

RESTARTS = ("instrument_bound", "details_updated", "command", "resumed")


@given(actions, policies)
def test_of_an_invoice_at_most_one_request_is_unanswered(drawn: list[Action], policy: dict[str, Any]) -> None:
    answer_within = Duration.parse(policy.get("answer_within", "PT1H")).exact_micros()
    observer = Observer()
    for page, request in observer.follow(written(drawn, policy)[1].pages):
        known = observer.invoice(request.invoice_id)
        assert not known.pending, "a charge is pending"
        if known.unanswered is None:
            assert request.supersedes is None
        else:
            assert request.supersedes == known.unanswered.request_id
            assert request.reason in RESTARTS
            assert page.now - known.asked_at >= answer_within


@given(actions, policies)
def test_nothing_is_requested_after_the_close_or_at_the_end_of_the_window(
    drawn: list[Action], policy: dict[str, Any]
) -> None:
    observer = Observer()
    for page, request in observer.follow(written(drawn, policy)[1].pages):
        closed = [
            data.invoice_id
            for data in page.written()
            if isinstance(data, CaseChanged) and data.state == "closed"
        ]
        assert request.invoice_id not in closed
        known = observer.invoice(request.invoice_id)
        assert known.is_open or _opens_here(page, request.invoice_id)
        assert page.now < micros(request.not_after) <= micros(request.window_ends_at)
        assert micros(request.due_at) <= page.now


@given(actions, policies)
def test_attempt_numbers_are_contiguous_and_name_the_request(
    drawn: list[Action], policy: dict[str, Any]
) -> None:
    observer = Observer()
    for _, request in observer.follow(written(drawn, policy)[1].pages):
        assert request.attempt == observer.invoice(request.invoice_id).attempts + 1
        assert request.request_id == f"{request.invoice_id}/{request.attempt}"


@given(actions, policies)
def test_a_request_carries_the_newest_binding(drawn: list[Action], policy: dict[str, Any]) -> None:
    observer = Observer()
    for _, request in observer.follow(written(drawn, policy)[1].pages):
        if request.subscription_id not in observer.unsure:
            assert request.instrument_id == observer.bindings.charged_on(request.subscription_id)


@given(actions, policies)
def test_nothing_is_requested_on_an_instrument_that_was_declined_never(
    drawn: list[Action], policy: dict[str, Any]
) -> None:
    observer = Observer()
    for _, request in observer.follow(written(drawn, policy)[1].pages):
        assert (request.account_id, request.instrument_id) not in observer.dead


@given(actions, policies)
def test_a_balance_is_never_negative_and_never_asked_for_in_full_when_part_is_paid(
    drawn: list[Action], policy: dict[str, Any]
) -> None:
    balances: dict[str, int] = {}
    for page in written(drawn, policy)[1].pages:
        told = list(page.written())
        for data in told:
            if isinstance(data, CaseChanged):
                assert data.balance_minor >= 0
                balances[data.invoice_id] = data.balance_minor
        for data in told:
            if isinstance(data, RetryRequested):
                assert data.amount_minor == balances[data.invoice_id] > 0


@given(actions, policies)
def test_a_page_tells_of_a_case_once_after_its_other_events_and_only_what_differs(
    drawn: list[Action], policy: dict[str, Any]
) -> None:
    shown: dict[str, Mapping[str, Any]] = {}
    for page in written(drawn, policy)[1].pages:
        told: set[str] = set()
        for data in page.written():
            if isinstance(data, StageChanged):
                continue
            if not isinstance(data, CaseChanged):
                assert getattr(data, "invoice_id", None) not in told
                continue
            assert data.invoice_id not in told
            told.add(data.invoice_id)
            before = shown.get(data.invoice_id)
            fields = {name: getattr(data, name) for name in _SHOWN}
            fields["reason"] = data.reason if data.state == "closed" else None
            assert before is None or before != fields
            assert data.previous_state == (None if before is None else before["state"])
            assert (data.next_attempt_at is not None) == (data.state == "retrying")
            shown[data.invoice_id] = fields


@given(actions, policies)
def test_an_id_is_never_used_twice_and_time_never_runs_backwards(
    drawn: list[Action], policy: dict[str, Any]
) -> None:
    runner = written(drawn, policy)[1]
    ids = [one for one, _ in runner.outputs()]
    assert len(ids) == len(set(ids))
    instants = [page.now for page in runner.pages]
    assert instants == sorted(instants)


@given(actions, policies)
def test_a_retrying_case_is_tried_when_it_says_unless_something_happens_before(
    drawn: list[Action], policy: dict[str, Any]
) -> None:
    said: dict[str, int] = {}
    for page in written(drawn, policy)[1].pages:
        requested = {data.invoice_id for data in page.written() if isinstance(data, RetryRequested)}
        changed = {data.invoice_id: data for data in page.written() if isinstance(data, CaseChanged)}
        for invoice_id, at in list(said.items()):
            if at <= page.now and invoice_id not in requested:
                assert page.events, f"{invoice_id} was not tried although nothing came between"
                assert invoice_id in changed
        for invoice_id, data in changed.items():
            said.pop(invoice_id, None)
            if data.next_attempt_at is not None:
                said[invoice_id] = micros(data.next_attempt_at)
                assert said[invoice_id] >= page.now


def _opens_here(page: Page, invoice_id: str) -> bool:
    return any(
        isinstance(data, CaseChanged)
        and data.invoice_id == invoice_id
        and data.previous_state in (None, "closed")
        for data in page.written()
    )


_SHOWN = ("state", "attempts", "next_attempt_at", "window_ends_at", "balance_minor", "policy")
