"""The cast, the biller's events and the provider's plan: one seed, one show, and nothing the door would refuse."""

import random
from pathlib import Path

import pytest

from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded
from schemas.decisions import DeclineClass, RequestReason, RetryRequested
from schemas.instants import micros
from schemas.reading import read_event
from streams.demo import biller, pace
from streams.demo.biller import Fact, fact
from streams.demo.charges import ChargeMemory, Outcome
from streams.demo.executor import answers
from streams.demo.play import told_again
from streams.demo.stories import Kind, Story, write_stories
from streams.policies import load_policy_file
from tests.demo_evidence import SmallWorld


def test_one_seed_writes_the_same_stories() -> None:
    assert write_stories(300, seed=5) == write_stories(300, seed=5)
    assert write_stories(300, seed=5) != write_stories(300, seed=6)


@pytest.mark.parametrize("count", [20, 300])
def test_every_kind_of_story_is_told(count: int) -> None:
    stories = write_stories(count, seed=1)
    assert len(stories) == count
    assert {story.kind for story in stories} == set(Kind)
    assert [story.bills_on for story in stories] == sorted(story.bills_on for story in stories)
    assert max(story.bills_on for story in stories) < pace.BILLING_DAYS


def all_facts(story: Story) -> list[Fact]:
    turn = biller.turn(story)
    told = [biller.signed_up(story), *biller.first_bill(story), biller.card_edited(story)]
    return [*told, biller.card_added(story), biller.card_bound(story), *([turn] if turn else [])]


def test_what_the_biller_publishes_passes_the_door_under_ids_of_its_own() -> None:
    facts = [told for story in write_stories(60, seed=1) for told in all_facts(story)]
    events = [read_event(told.value, key=told.account_id.encode(), topic=told.type) for told in facts]
    assert len({event.id for event in events}) == len(events)
    assert all(event.data.account_id == told.account_id for event, told in zip(events, facts, strict=True))


def test_the_policy_of_the_demo_is_a_policy(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(pace.policy_text())
    policy = load_policy_file(file).content["policies"]["standard"]
    assert policy["window"]["length"] == f"PT{pace.WINDOW_DAYS * pace.DAY_S:.6g}S"
    assert len(policy["ladder"]["steps"]) == len(pace.RUNG_DAYS)
    assert pace.DAY_S < 1


def test_about_a_tenth_is_told_again_and_always_the_same() -> None:
    dice = random.Random(1)  # noqa: S311  # a seed
    seen = [Fact("t", "a", dice.randbytes(100)) for _ in range(3_000)]
    again = told_again(seen)
    assert 200 < len(again) < 400
    assert told_again(list(reversed(seen))) == list(reversed(again))


def request(world: SmallWorld, attempt: int, **changes: object) -> RetryRequested:
    """A request of the story, under a number of its own."""
    first = world.evidence.requests[0].data
    fields = {name: getattr(first, name) for name in RetryRequested.__slots__}
    return RetryRequested(**(fields | {"request_id": f"in-1/{attempt}", "attempt": attempt} | changes))


PLAN = {"in-1": {"card-1": ("pending", "do_not_honor", "succeeded")}}


def test_a_request_is_executed_once_and_each_number_has_its_own_answer(world: SmallWorld) -> None:
    memory = ChargeMemory(PLAN)
    now = micros(world.evidence.requests[0].time)
    outcomes = [memory.execute(request(world, attempt), now).outcome for attempt in (1, 1, 2, 3, 4, 2)]
    assert outcomes == ["pending", "repeated", "declined", "succeeded", "succeeded", "repeated"]
    assert memory.answer_again("in-1/2").code == "do_not_honor"
    with pytest.raises(KeyError):
        memory.answer_again("in-1/9")


def test_a_second_charge_is_not_hidden_from_the_judge(world: SmallWorld) -> None:
    memory = ChargeMemory({"in-1": {"card-1": ("succeeded",)}})
    now = micros(world.evidence.requests[0].time)
    assert all(memory.execute(request(world, attempt), now).is_paid for attempt in (1, 2))


def test_what_is_too_late_or_superseded_is_not_charged(world: SmallWorld) -> None:
    memory = ChargeMemory(PLAN)
    one = request(world, 1)
    late = micros(one.not_after) + 1
    assert memory.execute(one, late).outcome is Outcome.TOO_LATE
    newer = request(world, 2, supersedes="in-1/1", reason=RequestReason.INSTRUMENT_BOUND)
    assert memory.execute(newer, micros(one.due_at)).is_paid
    superseded = memory.execute(one, micros(one.due_at))
    assert (superseded.outcome, superseded.is_paid) == (Outcome.SUPERSEDED, False)


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ("succeeded", [ChargeSucceeded]),
        ("pending", [ChargePending, ChargeSucceeded]),
        ("unreported", []),
        ("expired_card", [ChargeDeclined]),
    ],
)
def test_answers_pass_the_door_and_name_their_request(world: SmallWorld, plan: str, told: list[type]) -> None:
    one = request(world, 1, decline_class=DeclineClass.RETRY_LATER)
    charge = ChargeMemory({"in-1": {"card-1": (plan,)}}).execute(one, micros(one.due_at))
    data = answers(one, charge)
    assert [type(answer) for answer in data] == told
    for answer in data:
        event = read_event(fact("executor", "x", answer).value, topic=answer.TYPE)
        assert getattr(event.data, "request_id", None) == "in-1/1"
