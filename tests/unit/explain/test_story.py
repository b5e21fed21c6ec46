"""What a support agent is told: what happened, why, what comes next, what would change it."""

from collections.abc import Callable
from typing import Any

import pytest

from dunning.explanation.history import Told
from dunning.explanation.story import Story, as_data
from schemas.decisions import CaseState

DECLINED = [{"outcome": "declined", "decline": {"dialect": "stripe", "code": "do_not_honor"}}]
COMMAND = {"issued_by": "ops-7", "reason": "asked on the phone"}


def said(story: Story) -> str:
    return "\n".join(entry.says for entry in story.entries)


def aloud(story: Story) -> str:
    return " ".join(story.aloud)


def test_a_card_that_was_added_is_named_with_the_event_that_binds_it(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).instrument(4, "added", "card-2").run(until_day=4, charger=DECLINED)
    story = told.story()
    remedy = story.remedies[0]
    assert "card-2" in remedy.says
    assert "card-2 was added on 6 February 2026, but it is not used" in aloud(story)
    assert "adding binds it to nothing" in said(story)

    # The event does what is said: told to the engine, it gives one attempt at once.
    assert remedy.event_type is not None
    assert remedy.data is not None
    told.tell(5, remedy.event_type, **remedy.data).run(until_day=5)
    requests = [event.data for event in told.decided if event.type == "charge.retry_requested"]
    assert (requests[-1].instrument_id, requests[-1].reason) == ("card-2", "instrument_bound")
    assert not any("card-2, which" in one.says for one in told.story().remedies)
    assert "is not used" not in aloud(told.story())


def test_a_card_added_long_before_is_named_too(life: Callable[[], Any]) -> None:
    story = life().instrument(-30, "added", "card-9").issued().declined(0).run().story()
    assert "card-9" in story.remedies[0].says


def test_many_unused_cards_are_counted(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0)
    for number in range(6):
        told.instrument(1, "added", f"new-{number}")
    remedies = [remedy.says for remedy in told.run().story().remedies]
    assert [name for name in ("new-5", "new-4", "new-3", "new-2") if any(name in one for one in remedies)] == [
        "new-5", "new-4", "new-3",
    ]  # fmt: skip
    assert any("owns 3 more" in one for one in remedies)


def test_the_next_attempt_and_the_end_of_the_window_are_told(life: Callable[[], Any]) -> None:
    story = life().issued().declined(0).run().story()
    assert story.state is CaseState.RETRYING
    assert story.next == (
        "The next attempt is asked for on 2026-02-05 09:00 UTC, on card-1.",
        "Automatic attempts end on 2026-03-02 09:00 UTC; then the case closes, if the invoice is still open.",
    )
    assert "The next attempt is planned for 5 February 2026 at 09:00." in story.aloud


def test_a_provider_that_tries_by_itself_and_says_not_when_is_told(life: Callable[[], Any]) -> None:
    story = life().issued().declined(0, psp_will_retry=True).run().story()
    assert story.state is CaseState.RETRYING
    assert story.next[0].startswith("The payment provider tries again by itself")
    assert "The payment provider tries again by itself." in story.aloud
    assert not any("planned" in sentence for sentence in story.aloud)


def test_instants_are_told_in_the_time_zone_of_the_invoice(life: Callable[[], Any]) -> None:
    story = life().issued(time_zone="America/Los_Angeles").declined(0).run().story()
    assert story.next[0].startswith("The next attempt is asked for on 2026-02-05 01:00 America/Los_Angeles")


def test_a_restart_that_waits_for_an_answer_is_told(life: Callable[[], Any]) -> None:
    told = (
        life()
        .issued()
        .declined(0)
        .tell(3, "charge.pending", hour=8, charge_id="other", instrument_id="card-1")
    )
    waiting = told.instrument(3, "bound", "card-2", subscription_ids=["sub-1"]).run().story()
    assert waiting.state is CaseState.PENDING
    assert "charge other" in waiting.next[0]
    # Nothing was asked for before, but the change still waits.
    assert any("card-2, which was bound" in line for line in waiting.next)

    told = life().issued().declined(0).instrument(3, "bound", "card-2", hour=9, subscription_ids=["sub-1"])
    flying = told.run().story()
    assert flying.state is CaseState.IN_FLIGHT
    assert not any("which was bound" in line for line in flying.next), (
        "the request is on the new card already"
    )
    assert "awaited" in flying.next[0]

    told.instrument(3, "bound", "card-3", hour=10, subscription_ids=["sub-1"]).run(
        policy={"answer_within": "PT6H"}
    )
    assert any("card-3, which was bound" in line for line in told.story().next)


def test_a_missing_answer_is_told(life: Callable[[], Any]) -> None:
    story = life().issued().declined(0).run(until_day=4).story()
    assert "The staff has been told that it is missing." in story.next[0]
    assert "The outcome of in-1/1" in story.remedies[0].says


@pytest.mark.parametrize(
    ("code", "next_words", "edit_helps"),
    [
        ("stolen_card", "only another one helps", False),
        ("expired_card", "details must be corrected", True),
        ("authentication_required", "has to confirm", True),
    ],
)
def test_what_a_waiting_case_waits_for(
    code: str, next_words: str, edit_helps: bool, life: Callable[[], Any]
) -> None:
    told = life().issued().declined(0, code).run()
    story = told.story()
    assert story.state is CaseState.WAITING
    assert next_words in story.next[0]
    edits = [
        remedy for remedy in story.remedies if remedy.says.startswith("Correcting the details of card-1")
    ]
    assert bool(edits) is edit_helps

    # The engine agrees: an edit restarts the case, or does not.
    told.instrument(1, "details_updated", "card-1").run()
    requests = [event for event in told.decided if event.type == "charge.retry_requested"]
    assert bool(requests) is edit_helps


def test_a_case_without_any_instrument(life: Callable[[], Any]) -> None:
    story = life().issued().declined(0).instrument(1, "removed", "card-1").run().story()
    assert "no payment method" in story.next[0]
    assert "There is no payment method" in aloud(story)


def test_a_pause_and_its_end(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).tell(1, "dunning.command", command="pause", **COMMAND).run(until_day=5)
    story = told.story()
    assert story.state is CaseState.PAUSED
    assert "ops-7 paused the account: asked on the phone" in said(story)
    assert story.remedies[0].data == {
        "account_id": "acc-1", "command": "resume", "issued_by": "…", "reason": "…",
    }  # fmt: skip
    told.tell(6, "dunning.command", command="resume", **COMMAND).run(until_day=6)
    assert "at once, because the pause is over" in said(told.story())


def test_an_exhausted_case(life: Callable[[], Any]) -> None:
    story = life().issued().declined(0).run(until_day=27, charger=DECLINED).story()
    assert story.state is CaseState.EXHAUSTED
    assert story.next[0] == "No planned attempt is left."
    assert "we have tried 6 times, the last time on 28 February 2026 at 09:00" in aloud(story)


def test_how_a_case_ended_and_what_could_still_happen(life: Callable[[], Any]) -> None:
    paid = life().issued().declined(0).run(until_day=3, charger=[{"outcome": "succeeded"}]).story()
    assert paid.state is CaseState.CLOSED
    assert "the invoice was paid" in paid.next[0]
    assert [remedy.event_type for remedy in paid.remedies] == ["invoice.reopened"]
    late = life().issued().declined(0).run(until_day=30, charger=DECLINED).story()
    assert "told later still turns the case into paid" in late.remedies[0].says
    ended = life().issued().declined(0).tell(1, "subscription.ended").run().story()
    assert ended.remedies == ()


def test_an_invoice_that_was_never_declined(life: Callable[[], Any]) -> None:
    story = life().issued().run().story()
    assert (story.state, story.remedies) == (None, ())
    assert story.next == ("Nothing: no charge of it was declined, so there is no case.",)
    assert story.aloud[1:] == ("We know of no charge of it that was declined.",)


@pytest.mark.parametrize("reason", ["window_closed", "stopped"])
def test_what_is_unpaid_at_the_end_is_read_aloud_as_open(reason: str, life: Callable[[], Any]) -> None:
    told = life().issued().declined(0)
    if reason == "stopped":
        told.tell(2, "dunning.command", command="stop", **COMMAND)
    story = told.run(until_day=2 if reason == "stopped" else 30, charger=DECLINED).story()
    assert story.next[0].startswith("Nothing: ")
    assert "49.00 EUR is still open. We do not charge it by ourselves any more." in aloud(story)
    assert "The matter is closed" not in aloud(story)


def test_the_end_of_a_subscription_is_not_read_aloud_as_paid(life: Callable[[], Any]) -> None:
    story = life().issued().declined(0).tell(1, "subscription.ended").run().story()
    assert story.aloud[-1] == "The subscription ended. We do not charge this invoice any more."


def test_a_decline_after_the_window_leaves_the_invoice_unpaid(life: Callable[[], Any]) -> None:
    story = life().issued().declined(40).run().story()
    assert story.state is None
    assert "time for automatic attempts was over" in story.next[0]
    assert "nothing to recover" not in " ".join((*story.next, *story.aloud))
    assert "49.00 EUR is still open. We do not charge it by ourselves." in aloud(story)


def test_a_charge_of_the_customer_opens_no_case(life: Callable[[], Any]) -> None:
    story = life().issued().declined(1, initiated_by="customer").run().story()
    assert story.state is None
    assert "opens no case" in story.next[0]
    assert "49.00 EUR is still open." in aloud(story)


@pytest.mark.parametrize(
    ("kind", "data", "word"),
    [
        ("charge.succeeded", {"charge_id": "c", "instrument_id": "card-1"}, "the invoice was paid"),
        ("invoice.closed", {"reason": "voided"}, "the invoice was voided"),
        ("invoice.adjusted", {"balance_minor": 0}, "the invoice was credited"),
    ],
)
def test_an_invoice_that_was_settled_without_a_case(
    kind: str, data: dict[str, Any], word: str, life: Callable[[], Any]
) -> None:
    story = life().issued().tell(1, kind, **data).declined(2).run().story()
    assert story.state is None
    assert story.next == (f"Nothing: {word}. There never was a case.",)
    assert story.aloud[-1] == f"The matter is closed: {word}."


def test_a_charge_in_doubt_is_not_read_aloud_as_declined(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0, "duplicate_transaction").run()
    assert told.story().state is CaseState.PENDING
    assert "did not go through" not in aloud(told.story())
    assert "It is not known yet whether a charge on 2 February 2026 went through." in aloud(told.story())
    charge_id = told.lines[1].event.data.charge_id
    told.declined(2, charge_id=charge_id).run()
    assert "A charge on 2 February 2026 did not go through: the bank declined it" in aloud(told.story())

    paid = life().issued().declined(0, "duplicate_transaction", charge_id="c")
    paid.tell(1, "charge.succeeded", charge_id="c", instrument_id="card-1").run()
    assert paid.story().aloud[1:] == ("The matter is closed: the invoice was paid.",)


def test_an_attempt_that_a_network_moved_says_when_it_was_planned(life: Callable[[], Any]) -> None:
    wait = {"code": "05", "dialect": "mastercard", "advice_code": "30", "advice_dialect": "mastercard"}
    told = life().issued().declined(0, decline=wait).run(until_day=11)
    assert "it was planned for 2026-02-05 09:00 UTC and had to wait" in said(told.story())
    assert said(told.story()).count("had to wait") == 1


def test_every_decision_has_its_reasons_in_words(life: Callable[[], Any]) -> None:
    story = life().issued().declined(0).run(until_day=30, charger=DECLINED).story()
    for entry in story.entries:
        assert all(one.says and not one.says.startswith("rule ") for one in entry.because)
        if entry.type in ("charge.retry_requested", "dunning.notice_requested"):
            assert entry.because


MASKED = {
    "lost_card": "lost", "stolen_card": "stolen", "fraudulent": "fraud", "merchant_blacklist": "list",
}  # fmt: skip


@pytest.mark.parametrize("code", MASKED)
def test_what_is_read_aloud_names_no_code_and_nothing_masked(code: str, life: Callable[[], Any]) -> None:
    story = life().issued().declined(0, code).run().story()
    assert code in said(story), "staff see the code"
    marked = [one.id for entry in story.entries for one in entry.because if one.masked]
    assert f"stripe.{code}" in marked
    for word in (code, MASKED[code], "stripe", "Stripe"):
        assert word not in aloud(story)
    assert "the bank does not allow this payment method" in aloud(story)


def test_the_story_as_data(life: Callable[[], Any]) -> None:
    data = as_data(life().issued().declined(0, "lost_card").instrument(1, "added", "card-2").run().story())
    assert data["state"] == "waiting"
    assert data["window_ends_at"] == "2026-03-02T09:00:00Z"
    notice = next(entry for entry in data["entries"] if entry["type"] == "dunning.notice_requested")
    assert notice["by"] == "engine"
    assert notice["why"][0] == {
        "id": "stripe.lost_card", "says": notice["why"][0]["says"], "staff_only": True,
    }  # fmt: skip
    assert data["would_change_it"][0]["event"]["type"] == "payment_method.updated"


def test_a_record_with_holes_says_so(life: Callable[[], Any]) -> None:
    provisional = life().declined(0).run().story()
    assert any("days are shown in UTC" in remark for remark in provisional.remarks)
    assert life().issued().declined(0).run().story().remarks == ()


def _paused(life: Any) -> Any:
    return life().issued().declined(0).tell(1, "dunning.command", command="pause", **COMMAND)


def _pending(life: Any) -> Any:
    pending = {"charge_id": "other", "instrument_id": "card-1"}
    return life().issued().declined(0).tell(1, "charge.pending", **pending)


def _in_flight(life: Any) -> Any:
    return life().issued().declined(0).tell(3, "invoice.adjusted", hour=9, balance_minor=4800)


@pytest.mark.parametrize(
    ("history", "state", "day", "when"),
    [
        (_paused, CaseState.PAUSED, 5, "after the pause"),
        (_pending, CaseState.PENDING, 5, "once the outcome of the charge is known"),
        (_in_flight, CaseState.IN_FLIGHT, 3, "once the request is answered or `answer_within` has passed"),
    ],
    ids=["paused", "pending", "in_flight"],
)
def test_no_attempt_at_once_is_promised_where_the_engine_makes_none(
    history: Callable[[Any], Any], state: CaseState, day: int, when: str, life: Callable[[], Any]
) -> None:
    told = history(life).instrument(day, "added", "card-2").run(policy={"answer_within": "PT6H"})
    story = told.story()
    assert story.state is state
    new_chances = [one.says for one in story.remedies if "card-2" in one.says or "Correcting" in one.says]
    assert len(new_chances) == 2
    assert all(when in one for one in new_chances)
    assert not any("at once" in one for one in new_chances)
    assert "try it at once" not in aloud(story)

    told.instrument(day, "bound", "card-2", hour=10, subscription_ids=["sub-1"])
    told.run(policy={"answer_within": "PT6H"})
    requests = [event.data for event in told.decided if event.type == "charge.retry_requested"]
    assert "card-2" not in [request.instrument_id for request in requests]
    assert any("card-2, which was bound" in line for line in told.story().next)


@pytest.mark.parametrize(
    ("history", "day"), [(_pending, 2), (_in_flight, 3), (_paused, 2)], ids=["pending", "in_flight", "paused"]
)
@pytest.mark.parametrize(
    ("kind", "state", "reason"),
    [
        ("charge.succeeded", CaseState.CLOSED, "paid"),
        ("charge.declined", CaseState.RETRYING, "declined"),
        ("invoice.closed", CaseState.CLOSED, "paid_elsewhere"),
    ],
)
def test_the_event_beside_a_remedy_does_what_is_said(
    life: Callable[[], Any],
    *,
    history: Callable[[Any], Any],
    day: int,
    kind: str,
    state: CaseState,
    reason: str,
) -> None:
    told = history(life).run()
    found = [remedy.data for remedy in told.story().remedies if remedy.event_type == kind]
    if history is _paused and kind != "invoice.closed":
        assert found == [], "no outcome is waited for"
        return
    assert found[0] is not None
    told.tell(day, kind, hour=10, **found[0]).run()
    last = [event.data for event in told.decided if event.type == "dunning.case_changed"][-1]
    assert (last.state, last.reason) == (state, reason)


def test_a_payment_after_the_end_is_named_with_its_event(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).run(until_day=30, charger=DECLINED)
    remedy = told.story().remedies[0]
    assert remedy.event_type == "charge.succeeded"
    assert remedy.data is not None
    told.tell(31, remedy.event_type, **remedy.data | {"charge_id": "late"}).run(
        until_day=31, charger=DECLINED
    )
    assert "the invoice was paid" in told.story().next[0]


def test_an_overdue_request_holds_a_new_card_back_no_more(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).instrument(4, "added", "card-2").run()
    story = told.story()
    assert story.state is CaseState.IN_FLIGHT
    assert any("at once, in place of request in-1/1" in remedy.says for remedy in story.remedies)
    assert "we try it at once" in aloud(story)
    told.instrument(4, "bound", "card-2", hour=10, subscription_ids=["sub-1"]).run()
    last = [event.data for event in told.decided if event.type == "charge.retry_requested"][-1]
    assert (last.instrument_id, last.supersedes) == ("card-2", "in-1/1")


def test_a_card_bound_in_a_pause_is_tried_when_it_ends(life: Callable[[], Any]) -> None:
    told = _paused(life).instrument(2, "bound", "card-2", subscription_ids=["sub-1"]).run()
    story = told.story()
    assert story.remedies[0].says == "Resuming: one attempt on card-2, which was bound, is made at once."
    told.tell(2, "dunning.command", hour=10, command="resume", **COMMAND).run()
    assert [event.type for event in told.decided].count("charge.retry_requested") == 1


def test_what_was_bound_before_the_case_opened_is_no_restart_that_waits(life: Callable[[], Any]) -> None:
    told = life().issued().instrument(0, "bound", "card-2", subscription_ids=["sub-1"])
    told.declined(1, instrument_id="card-2")
    pending = told.tell(2, "charge.pending", charge_id="other", instrument_id="card-2").run().story()
    assert pending.state is CaseState.PENDING
    assert not any("which was bound" in line for line in pending.next)


def test_a_dead_card_is_never_offered(life: Callable[[], Any]) -> None:
    told = life().instrument(-1, "bound", "card-1", subscription_ids=["sub-1"])
    told.issued().declined(0, "stolen_card")
    told.instrument(1, "bound", "card-2", subscription_ids=["sub-1"]).run()
    story = told.story()
    assert not any("card-1" in remedy.says for remedy in story.remedies)
    told.instrument(2, "bound", "card-1", subscription_ids=["sub-1"]).run()
    requests = [event.data for event in told.decided if event.type == "charge.retry_requested"]
    assert [request.instrument_id for request in requests] == ["card-2"], "the engine agrees"


def test_what_the_engine_has_not_decided_yet_is_said_to_be_undecided(life: Callable[[], Any]) -> None:
    told = life().issued().run()
    at = told.lines[-1].arrives_at
    late = life().declined(1, event_id="late").lines[-1].event
    story = told.story(more=[Told(at + 1, late, is_undecided=True)])
    assert said(story).endswith("insufficient_funds (not decided yet)")
    assert story.next[0].startswith("The engine has still to decide about 1 event told last")
    assert not any("Nothing" in line for line in story.next)
    assert "not worked through yet" in story.aloud[-1]

    paid = (
        life()
        .tell(1, "charge.succeeded", event_id="late", charge_id="c", instrument_id="card-1")
        .lines[-1]
        .event
    )
    story = life().issued().declined(0).run().story(more=[Told(at + 1, paid, is_undecided=True)])
    assert story.next[0].startswith("The engine has still to decide about 1 event told last")
    assert "The next attempt is asked for" in story.next[2]


def test_where_a_limit_is_reached_no_attempt_at_once_is_promised(life: Callable[[], Any]) -> None:
    decline = {"dialect": "sepa", "code": "AM04"}
    told = life().issued().declined(0, decline=decline)
    told.run(until_day=14, charger=[{"outcome": "declined", "decline": decline}])
    story = told.story()
    assert story.state is CaseState.EXHAUSTED
    edit = next(one for one in story.remedies if one.says.startswith("Correcting"))
    assert edit.says.endswith(": one attempt as soon as the limit on attempts with it allows one.")
    assert edit.data is not None
    assert edit.data["instrument"]["type"] == "sepa_debit"
    before = len([event for event in told.decided if event.type == "charge.retry_requested"])
    told.tell(15, "payment_method.updated", **edit.data)
    told.run(until_day=15, charger=[{"outcome": "declined", "decline": decline}])
    assert len([event for event in told.decided if event.type == "charge.retry_requested"]) == before


def test_a_type_that_nobody_has_told_is_left_open(life: Callable[[], Any]) -> None:
    edit = life().issued().declined(0).run().story().remedies[1]
    assert edit.data is not None
    assert edit.data["instrument"] == {"instrument_id": "card-1", "type": "…"}


def test_what_a_charge_of_the_staff_has_blocked_is_not_promised(life: Callable[[], Any]) -> None:
    told = life().issued().declined(0).declined(1, "stolen_card", initiated_by="admin").run()
    story = told.story()
    assert story.state is CaseState.WAITING
    edit = next(one for one in story.remedies if one.says.startswith("Correcting"))
    assert edit.says.endswith("unless it must not be charged again at all.")
