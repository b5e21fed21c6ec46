"""Remembered ids, and rows that grow into many."""

from datetime import date

import pytest

from dunning.records import DIGEST, REMEMBERED, digest, is_remembered, remembering
from tests.properties.histories import Runner, replayed
from tests.stories.words import Calendar, Teller


def test_an_id_is_remembered_and_another_is_not() -> None:
    kept = remembering(b"", digest("biller", "e-1"))
    assert is_remembered(kept, digest("biller", "e-1"))
    assert not is_remembered(kept, digest("biller", "e-2"))


def test_words_are_kept_apart_in_a_digest() -> None:
    assert digest("ab", "c") != digest("a", "bc")


def test_digests_are_compared_at_their_own_places_only() -> None:
    first, second = b"\x00" * 4 + b"\x01" * 4, b"\x02" * 8
    assert not is_remembered(first + second, b"\x01" * 4 + b"\x02" * 4)
    assert is_remembered(first + second, second)


def test_the_oldest_ids_leave_first() -> None:
    kept = b""
    for number in range(REMEMBERED + 1):
        kept = remembering(kept, digest(str(number)))
    assert len(kept) == REMEMBERED * DIGEST
    assert not is_remembered(kept, digest("0"))
    assert is_remembered(kept, digest("1"))


@pytest.mark.parametrize("others", [0, 60], ids=["one row", "past four thousand bytes"])
def test_a_large_account_decides_as_a_small_one(others: int) -> None:
    calendar = Calendar(date(2026, 6, 1), "UTC")
    runner = Runner({})
    teller = Teller(calendar)
    for number in range(others):
        words = f"issued invoice=other-{number} sub=sub-other-{number} on=card-other-{number}"
        runner.take(teller.events(words, calendar.instant("0")), calendar.instant("0"))
    rows = [key for key in runner.engine.tables.rows if key.startswith("acc")]
    assert (len(rows) > 1) == bool(others)
    for day, words in (
        ("0", "issued on=card-A"),
        ("0", "declined 0"),
        ("4", "bound card-B replaces=card-A"),
        ("5", "settled voided"),
    ):
        runner.take(teller.events(words, calendar.instant(day)), calendar.instant(day))
    told = [one for one, _ in runner.outputs() if not one.startswith("other")]
    assert told == [
        "in-1/payment_declined/1",
        "in-1/case/1",
        "in-1/1",
        "in-1/case/2",
        "in-1/outcome_missing/2",
        "in-1/2",
        "in-1/case/3",
        "in-1/outcome_missing/3",
        "in-1/case/4",
    ]


def test_a_restored_large_account_has_the_same_rows_and_the_same_future() -> None:
    calendar, teller = Calendar(date(2026, 6, 1), "UTC"), Teller(Calendar(date(2026, 6, 1), "UTC"))
    now = calendar.instant("0")
    script = [
        (now, teller.events(f"{what} invoice=in-{number} sub=sub-{number}", now))
        for number in range(40)
        for what in ("issued on=card-A", "declined 0")
    ]
    straight = replayed(script, {})
    assert len(straight.requests()) == 40
    assert len([key for key in straight.engine.tables.rows if key.startswith("acc")]) > 40
