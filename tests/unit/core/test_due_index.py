"""The due index is a hint that never loses a timer."""

import random

import pytest

from dunning.calendar import HOUR
from dunning.due_index import KIND_BITS, DueIndex, Timer

FOR_EVER = 1 << 62


def timer(at: int, invoice: str = "in-1", account: str = "acc") -> Timer:
    return (at << KIND_BITS, invoice, account)


def test_two_timers_in_one_hour_survive_a_move() -> None:
    rows = {"acc": [timer(HOUR + 1), timer(HOUR + 2, "in-2")]}
    index = DueIndex(lambda key: rows[key])
    index.move("acc", (), rows["acc"])
    index.move("acc", rows["acc"], rows["acc"])
    assert index.first(FOR_EVER) == rows["acc"][0]
    index.take()
    assert index.first(FOR_EVER) == rows["acc"][1]


def test_to_ask_when_something_is_due_loads_nothing() -> None:
    far = 400 * 24 * HOUR
    rows = {"acc": [timer(far)]}
    index = DueIndex(lambda key: rows[key])
    index.move("acc", (), rows["acc"])
    due_at = index.next_at()
    assert due_at is not None
    assert far - 2 * HOUR < due_at <= far
    # A row that comes later and is due sooner lies in a bucket, one entry however often it is written.
    rows["other"] = [timer(HOUR)]
    index.move("other", (), rows["other"])
    for _ in range(3):
        index.move("other", rows["other"], rows["other"])
    assert index.first(FOR_EVER) == timer(HOUR)
    index.take()
    assert index.first(timer(far)[0]) is None


def test_an_index_without_timers_has_no_first() -> None:
    assert DueIndex(lambda _: []).first(FOR_EVER) is None


def test_timers_of_one_instant_come_by_kind_then_invoice_then_account() -> None:
    rows = {
        name: [timer(HOUR, invoice, name)] for name, invoice in (("b", "in-1"), ("a", "in-2"), ("c", "in-1"))
    }
    index = DueIndex(lambda key: rows[key])
    for name, timers in rows.items():
        index.move(name, (), timers)
    seen = []
    while (first := index.first(FOR_EVER)) is not None:
        seen.append(first[1:])
        index.take()
    assert seen == [("in-1", "b"), ("in-1", "c"), ("in-2", "a")]


@pytest.mark.parametrize("seed", range(20))
def test_after_any_moves_every_timer_comes_out_at_its_time(seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - moves, not secrets
    rows: dict[str, list[Timer]] = {}
    index = DueIndex(lambda key: rows[key])
    for _ in range(200):
        name = f"acc-{draw.randrange(6)}"
        before = rows.get(name, [])
        kept = [one for one in before if draw.random() < 0.6]
        fresh = [
            timer(draw.randrange(6 * HOUR), f"in-{draw.randrange(9)}", name) for _ in range(draw.randrange(3))
        ]
        rows[name] = kept + fresh
        index.move(name, before, rows[name])
    wanted = {one for timers in rows.values() for one in timers}
    came: list[Timer] = []
    while (first := index.first(FOR_EVER)) is not None:
        came.append(index.take())
        assert came[-1] == first
    assert wanted <= set(came)
    assert came == sorted(came)
