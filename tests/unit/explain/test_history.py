"""Which recorded events belong to an invoice, and in which order they are told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dunning.explanation.binding import Binding
from dunning.explanation.history import History, history_of, invoices_of
from dunning.explanation.wording import instant, money, spoken
from schemas.instants import micros, read_instant
from schemas.payment_methods import Instrument, InstrumentChange, InstrumentType, PaymentMethodUpdated
from streams.cli.simulated_stories import told_in

DECLINED = [{"outcome": "declined", "decline": {"dialect": "stripe", "code": "do_not_honor"}}]


def history(life: Any, invoice_id: str = "in-1") -> History:
    told = told_in(life.lines, life.decided, life.charger, life.until)
    found = history_of(invoice_id, "acc-1", told, life.decided)
    assert found is not None
    return found


def kinds(life: Any, invoice_id: str = "in-1") -> list[str]:
    return [fact.event.type for fact in history(life, invoice_id).facts]


def test_an_answer_of_the_same_instant_follows_its_request(life: Callable[[], Any]) -> None:
    told = kinds(life().issued().declined(0).run(until_day=3, charger=DECLINED))
    request = told.index("charge.retry_requested")
    assert told[request : request + 5] == [
        "charge.retry_requested", "dunning.case_changed",
        "charge.declined", "dunning.notice_requested", "dunning.case_changed",
    ]  # fmt: skip


def test_what_was_told_stands_before_what_was_decided_about_it(life: Callable[[], Any]) -> None:
    assert kinds(life().issued().declined(0).run()) == [
        "invoice.issued", "charge.declined", "dunning.notice_requested", "dunning.case_changed",
    ]  # fmt: skip


def test_other_invoices_and_subscriptions_are_left_out(life: Callable[[], Any]) -> None:
    other = {"invoice_id": "in-2", "subscription_id": "sub-2", "charge_id": "ch-x"}
    told = life().issued().declined(0).declined(1, **other)
    told.tell(1, "subscription.ended", subscription_id="sub-2")
    told.tell(1, "dunning.command", command="pause", issued_by="x", reason="y", invoice_id="in-2").run()
    assert "subscription.ended" not in kinds(told)
    assert "dunning.command" not in kinds(told)
    assert {getattr(fact.event.data, "invoice_id", "in-1") for fact in history(told).facts} == {"in-1"}
    assert invoices_of(told.decided) == (("acc-1", "in-1"), ("acc-1", "in-2"))


def test_what_concerns_the_whole_account_belongs_to_each_invoice(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).tell(1, "dunning.command", command="pause", issued_by="x", reason="y")
    told.instrument(2, "added", "card-2").instrument(3, "bound", "card-2", account_default=True).run()
    assert [kind for kind in kinds(told) if not kind.startswith(("charge", "invoice", "dunning.n", "dunning.ca"))] == [
        "dunning.command", "payment_method.updated", "payment_method.updated",
    ]  # fmt: skip


def test_an_event_told_twice_is_marked(life: Callable[[], Any]) -> None:
    told = (
        life()
        .issued()
        .declined(0, event_id="same", charge_id="c")
        .declined(0, event_id="same", charge_id="c")
        .run()
    )
    assert [fact.is_repeated for fact in history(told).facts if fact.event.type == "charge.declined"] == [
        False,
        True,
    ]


def test_stages_of_another_invoice_are_left_out_and_the_end_is_told(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0)
    told.tell(20, "charge.succeeded", charge_id="paid", instrument_id="card-1")
    told.run(until_day=21, policy={"stages": [{"name": "warning", "after": 10}]})
    stages = [fact.event.data for fact in history(told).facts if fact.event.type == "dunning.stage_changed"]
    assert [(stage.stage, stage.previous_stage) for stage in stages] == [("warning", None), (None, "warning")]


def test_bindings_before_the_invoice_count_but_are_not_told(life: Callable[[], Any]) -> None:
    told = life().instrument(-9, "bound", "card-0", account_default=True)
    told.tell(0, "invoice.issued", issued_at="2026-02-02T09:00:00Z").declined(0, instrument_id="card-0").run()
    assert kinds(told)[0] == "invoice.issued"
    assert history(told).binding.charged_on == "card-0"


def test_nothing_recorded_is_no_history(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).run(until_day=3)
    assert history_of("in-9", "acc-1", [], told.decided) is None
    assert history_of("in-1", "acc-9", [], told.decided) is None
    decided_only = history_of("in-1", "acc-1", [], told.decided)
    assert decided_only is not None
    assert decided_only.subscription_id == "sub-1"


def changed(change: InstrumentChange, name: str, **more: Any) -> PaymentMethodUpdated:
    instrument = Instrument(instrument_id=name, type=InstrumentType.CARD)
    return PaymentMethodUpdated(account_id="a", change=change, instrument=instrument, **more)


BOUND, ADDED = InstrumentChange.BOUND, InstrumentChange.ADDED


@pytest.mark.parametrize(
    ("changes", "charged_on"),
    [
        ([changed(ADDED, "b")], "card-1"),
        ([changed(BOUND, "b", subscription_ids=("sub-1",))], "b"),
        ([changed(BOUND, "b", subscription_ids=("sub-2",))], "card-1"),
        ([changed(BOUND, "b", replaces="card-1")], "b"),
        ([changed(BOUND, "b", replaces="z")], "card-1"),
        ([changed(BOUND, "d", account_default=True)], "d"),
        ([changed(BOUND, "b", subscription_ids=("sub-1",)), changed(BOUND, "d", account_default=True)], "b"),
        (
            [
                changed(BOUND, "d", account_default=True),
                changed(BOUND, "b", subscription_ids=("sub-1",)),
                changed(InstrumentChange.UNBOUND, "b", subscription_ids=("sub-1",)),
            ],
            "d",
        ),
        ([changed(InstrumentChange.REMOVED, "card-1")], None),
        ([changed(BOUND, "d", account_default=True), changed(InstrumentChange.REVOKED, "d")], None),
        ([changed(BOUND, "d", account_default=True), changed(BOUND, "e", replaces="d")], "e"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_the_binding_is_followed_as_the_contract_says(
    changes: list[PaymentMethodUpdated], charged_on: str | None, life: Callable[[], Any]
) -> None:
    binding = Binding("sub-1")
    issued = life().issued().lines[0].event
    for data in (issued.data, *changes):
        binding.take(replace(issued, data=data))
    assert binding.charged_on == charged_on


def test_a_card_that_is_gone_is_not_shown_by_an_older_decline(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0)
    told.instrument(2, "removed", "card-1").declined(3, attempted_at=told.lines[1].event.time.isoformat())
    binding = Binding("sub-1")
    for line in told.lines:
        binding.take(line.event)
    assert binding.charged_on is None


def test_the_binding_agrees_with_the_engine(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).instrument(1, "bound", "card-2", replaces="card-1")
    told.instrument(5, "bound", "card-3", account_default=True)
    told.instrument(8, "unbound", "card-2", subscription_ids=["sub-1"]).run(until_day=20, charger=DECLINED)
    for request in (fact for fact in history(told).facts if fact.event.type == "charge.retry_requested"):
        binding = Binding("sub-1")
        for line in told.lines:
            if line.arrives_at <= request.at:
                binding.take(line.event)
        assert request.event.data.instrument_id == binding.charged_on


def test_amounts_and_instants_are_written_for_people() -> None:
    at = micros(read_instant("2026-07-05T05:04:00Z"))
    assert money(123_456_789, "EUR") == "1,234,567.89 EUR"
    assert money(500, "JPY") == "500 JPY"
    assert money(1_234, "KWD") == "1.234 KWD"
    assert instant(at, "Europe/Berlin") == "2026-07-05 07:04 Europe/Berlin"
    assert instant(at + 1_000_000, "UTC") == "2026-07-05 05:04:01 UTC"
    assert spoken(at, "America/New_York") == "5 July 2026 at 01:04"
