"""A partition replayed from tapes in memory: each kind of damage is found, and nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from schemas.pages import TICK, decode_page, encode_event, encode_page
from schemas.reading import read_event
from streams.errors import Trouble
from streams.partition_record import PartitionRecord
from streams.replay import PartitionReplay, Run, StateCheck, Verdict, digest_of
from streams.tally import Kind
from tests.counting import OUTPUT, TIMED, CountingFold
from tests.world import Wire, declined, issued

STAMP = 1_790_000_000_000
TOPICS = (OUTPUT, TIMED)


@dataclass(frozen=True)
class Record:
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


class MemoryTape:
    """`streams.topic_reader.Tape`; hands out few at a time, so that the seams are tried too."""

    def __init__(self, records: Sequence[Record], begin: int = 0, end: int | None = None) -> None:
        self.begin = begin
        self.end = (records[-1].offset + 1 if records else begin) if end is None else end
        self._left = list(records)

    @property
    def is_over(self) -> bool:
        return not self._left

    async def take(self, most: int = 3) -> Sequence[Record]:
        taken, self._left = self._left[: min(most, 3)], self._left[min(most, 3) :]
        return taken


@dataclass(frozen=True)
class History:
    """What a worker has left behind."""

    pages: list[Record]
    topics: dict[str, list[Record]]
    rows: dict[bytes, bytes]
    applied: int
    clock_ms: int

    def cut(self, topic: str, records: Sequence[Record]) -> "History":
        return replace(self, topics={**self.topics, topic: list(records)})


def encoded(events: Sequence[Wire]) -> bytes:
    return encode_page([encode_event(read_event(value)) for _, value in events])


def history(applied: int | None = None) -> History:
    """Fold ten pages of three events, with a tick and a clock that goes back; commit the first `applied`."""
    values = [
        encoded(
            [declined(3 * n + i, f"a-{i}") for i in range(2)] + [issued(n, "a-9", labels={"due_ms": "1500"})]
        )
        for n in range(10)
    ]
    values.insert(5, TICK)
    pages = [Record(n, STAMP + 1_000 * n - 1_700 * (n == 7), None, value) for n, value in enumerate(values)]
    applied = len(pages) if applied is None else applied
    fold, clock_ms = CountingFold(), 0
    topics: dict[str, list[Record]] = {topic: [] for topic in TOPICS}
    rows: dict[bytes, bytes] = {}
    for page in pages[:applied]:
        clock_ms = max(clock_ms, page.timestamp)
        step = fold.fold(decode_page(page.value or b""), clock_ms * 1_000)
        for output in step.outputs:
            records = topics[output.topic]
            records.append(Record(len(records) * 2, 0, output.key, output.value))  # markers lie between
        for key, value in step.changes.items():
            rows.pop(key, None)
            if value is not None:
                rows[key] = value
    return History(pages, topics, rows, applied, clock_ms)


async def replayed(
    past: History,
    *,
    applied: int | None = None,
    with_state: bool = False,
    journal: MemoryTape | None = None,
    begins: dict[str, int] | None = None,
) -> PartitionReplay:
    record = PartitionRecord(
        begins_at=0, applied_offset=past.applied - 1, clock_ms=past.clock_ms, producer_id=1, epoch=0
    )
    state = (
        StateCheck({key: digest_of(row) for key, row in past.rows.items()}, record) if with_state else None
    )
    return await Run(
        0,
        journal or MemoryTape(past.pages),
        {topic: MemoryTape(past.topics[topic], (begins or {}).get(topic, 0)) for topic in TOPICS},
        CountingFold(),
        applied=past.applied if applied is None else applied,
        state=state,
        progress=lambda *_: None,
    ).replay()


def counts(found: PartitionReplay, topic: str = OUTPUT) -> dict[Kind, int]:
    (tally,) = (tally for tally in found.tallies if tally.topic == topic)
    return {kind: number for kind, number in tally.counts.items() if number}


async def test_what_a_worker_wrote_is_identical() -> None:
    found = await replayed(history(), with_state=True)
    assert (found.verdict, found.pages, found.events) == (Verdict.IDENTICAL, 11, 30)
    assert [tally.equal for tally in found.tallies] == [30, 8]
    assert found.state is not None
    assert (found.state.equal, found.state.is_identical, found.first) == (5, True, None)


async def test_a_lost_event_is_missing_with_its_page() -> None:
    past = history()
    records = past.topics[OUTPUT]
    found = await replayed(past.cut(OUTPUT, records[:10] + records[11:]))
    assert (found.verdict, counts(found)) == (Verdict.DIFFERENT, {Kind.MISSING: 1})
    assert found.first is not None
    assert (found.first.kind, found.first.page, found.first.found) == (Kind.MISSING, 3, None)
    assert found.first.expected == records[10].value


async def test_an_event_written_twice_is_extra() -> None:
    past = history()
    records = past.topics[OUTPUT]
    twice = replace(records[4], offset=9)
    found = await replayed(past.cut(OUTPUT, [*records[:5], twice, *records[5:]]))
    assert counts(found) == {Kind.EXTRA: 1}
    assert found.first is not None
    assert (found.first.kind, found.first.offset, found.first.found) == (Kind.EXTRA, 9, twice.value)


async def test_other_bytes_under_the_same_id_are_shown_from_both_sides() -> None:
    past = history()
    records = past.topics[OUTPUT]
    value = (records[7].value or b"").replace(b'"at":', b'"at": ')
    found = await replayed(past.cut(OUTPUT, [*records[:7], replace(records[7], value=value), *records[8:]]))
    assert counts(found) == {Kind.DIFFERENT: 1}
    assert found.first is not None
    assert (found.first.page, found.first.offset) == (2, 14)
    assert (found.first.expected, found.first.found) == (records[7].value, value)


async def test_another_key_is_a_difference() -> None:
    past = history()
    records = past.topics[OUTPUT]
    found = await replayed(past.cut(OUTPUT, [replace(records[0], key=b"a-7"), *records[1:]]))
    assert counts(found) == {Kind.DIFFERENT: 1}


async def test_two_events_that_changed_places_are_told() -> None:
    past = history()
    records = past.topics[OUTPUT]
    found = await replayed(past.cut(OUTPUT, [records[1], records[0], *records[2:]]))
    assert (found.verdict, counts(found)) == (Verdict.DIFFERENT, {Kind.MISPLACED: 1})


async def test_bytes_that_are_no_event_are_extra() -> None:
    past = history()
    junk = Record(999, 0, None, b"\xff")
    found = await replayed(past.cut(OUTPUT, [*past.topics[OUTPUT], junk]))
    assert counts(found) == {Kind.EXTRA: 1}


async def test_pages_that_are_not_decided_yet_are_no_fault() -> None:
    found = await replayed(history(applied=6))
    assert (found.verdict, found.applied, found.ends_at) == (Verdict.IDENTICAL, 6, 11)
    assert found.pages == 6, "nothing on the topics asks for the rest"


async def test_a_transaction_that_came_after_the_offset_was_read_is_no_fault() -> None:
    found = await replayed(history(applied=9), applied=4)
    assert found.verdict is Verdict.IDENTICAL
    assert found.pages == 9


async def test_half_of_what_an_undecided_page_gives_is_not_called_missing() -> None:
    past = history()
    found = await replayed(past.cut(OUTPUT, past.topics[OUTPUT][:-1]), applied=4)
    assert found.verdict is Verdict.IDENTICAL
    assert found.tallies[0].not_yet == 1


@pytest.mark.parametrize("gone", [1, 12, 29])
async def test_an_output_topic_that_lost_its_beginning_is_compared_from_there(gone: int) -> None:
    past = history()
    kept = past.topics[OUTPUT][gone:]
    begins = {OUTPUT: 2 * gone - 1}
    found = await replayed(past.cut(OUTPUT, kept), begins=begins)
    assert (found.verdict, found.tallies[0].gone, found.tallies[0].equal) == (
        Verdict.IDENTICAL,
        gone,
        30 - gone,
    )
    stranger = Record(begins[OUTPUT], 0, b"a", b'{"id":"never given"}')
    found = await replayed(past.cut(OUTPUT, [stranger, *kept]), begins=begins)
    assert found.verdict is Verdict.DIFFERENT


async def test_what_is_missing_after_the_lost_beginning_is_found() -> None:
    past = history()
    kept = past.topics[OUTPUT][12:]
    found = await replayed(past.cut(OUTPUT, kept[:3] + kept[4:]), begins={OUTPUT: 23})
    assert counts(found) == {Kind.MISSING: 1}


async def test_a_topic_of_which_nothing_is_left_is_not_called_different() -> None:
    found = await replayed(history().cut(OUTPUT, []), begins={OUTPUT: 60})
    assert (found.verdict, found.tallies[0].gone) == (Verdict.IDENTICAL, 30)


@pytest.mark.parametrize(
    ("journal", "words"),
    [
        (lambda pages: MemoryTape(pages[3:], begin=3), "begins at page 3"),
        (lambda _: MemoryTape([], begin=11), "begins at page 11"),
        (lambda pages: MemoryTape(pages[:4]), "ends at page 4, but 11 pages were decided"),
        (lambda pages: MemoryTape(pages[:4] + pages[5:]), "page 4 of the journal is missing"),
    ],
    ids=["retention", "all gone", "cut", "gap"],
)
async def test_a_journal_that_is_not_whole_tells_nothing(
    journal: Callable[[list[Record]], MemoryTape], words: str
) -> None:
    past = history()
    found = await replayed(past, journal=journal(past.pages))
    assert found.verdict is Verdict.CANNOT_TELL
    assert words in (found.remark or "")


async def test_rows_are_compared_at_the_page_of_the_state() -> None:
    past = history(applied=8)
    found = await replayed(past, applied=3, with_state=True)
    assert found.state is not None
    assert (found.verdict, found.state.applied, found.state.missing) == (Verdict.IDENTICAL, 8, 0)
    key, *others = past.rows
    damaged = replace(past, rows={**{other: past.rows[other] for other in others}, b"z/1": b"1", key: b"0"})
    found = await replayed(damaged, with_state=True)
    assert found.state is not None
    assert (found.verdict, found.state.different, found.state.extra) == (Verdict.DIFFERENT, 1, 1)
    found = await replayed(replace(past, rows=dict.fromkeys(others, b"")), with_state=True)
    assert found.state is not None
    assert found.state.missing == 1
    found = await replayed(replace(past, clock_ms=past.clock_ms - 1), with_state=True)
    assert (found.verdict, found.state is not None and found.state.is_clock_equal) == (
        Verdict.DIFFERENT,
        False,
    )


async def test_a_page_that_cannot_be_read_is_one_line() -> None:
    past = history()
    pages = [*past.pages[:2], replace(past.pages[2], value=b"{}"), *past.pages[3:]]
    with pytest.raises(Trouble, match="page 2 of journal partition 0 is unreadable"):
        await replayed(past, journal=MemoryTape(pages))
