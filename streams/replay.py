"""History run again: the journal through a fresh engine, held against what is on the topics.

Rule: it only reads, one partition at a time. What an engine writes is a function of the journal (contract
section 2.2): the same pages give the same bytes, or something is wrong.
"""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from aiokafka import TopicPartition

from schemas.envelope import Event
from schemas.events import JournalData
from schemas.pages import PageError, decode_page
from streams.errors import Misuse, Trouble
from streams.partition_record import PartitionRecord, decode_record
from streams.ports import PARTITION_KEY, Broken, Fold, Step
from streams.settings import Settings
from streams.tally import Difference, Tally, first_of
from streams.topic_reader import (
    Tape,
    committed_offset,
    open_reader,
    open_tape,
    partitions_of,
    until_settled,
)
from streams.topics import JOURNAL, STATE, topic_name

_LAG = 2_000  # written events given by the fold and not looked up yet; our choice

Progress = Callable[[int, int], None]
"""Called with how many pages of a partition were folded, and how many there are."""


class Verdict(StrEnum):
    """What the replay of a partition has shown."""

    IDENTICAL = "identical"
    DIFFERENT = "different"
    CANNOT_TELL = "cannot_tell"  # the journal is not whole


@dataclass(slots=True)
class StateTally:
    """The rows of the state topic, held against those of the fold after the same page."""

    applied: int  # the first journal offset that is not in the state
    rows: int  # on the topic
    equal: int = 0
    missing: int = 0
    extra: int = 0
    different: int = 0
    is_clock_equal: bool = True
    first: str | None = None  # the key of the first row that differs, in order of keys

    @property
    def is_identical(self) -> bool:
        """Whether nothing differs."""
        return self.is_clock_equal and not (self.missing or self.extra or self.different)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionReplay:
    """What came of one partition."""

    partition: int
    verdict: Verdict
    begins_at: int  # offset of the oldest page that is still there
    applied: int  # the first page that was not decided when the topics were read
    ends_at: int
    pages: int  # folded
    events: int
    tallies: tuple[Tally, ...]
    state: StateTally | None  # None: not asked for
    first: Difference | None
    remark: str | None  # why it cannot be told


async def journal_partitions(settings: Settings, only: int | None) -> Sequence[int]:
    """List the partitions of the journal, or the one that is asked for.

    Raises:
        Misuse: the journal has no such partition.
        Trouble: the journal is missing, or no broker answers.
    """
    journal = topic_name(settings, JOURNAL)
    numbers = await partitions_of(settings, journal)
    if only is None:
        return numbers
    if only not in numbers:
        raise Misuse(f"--partition: {journal} has partitions 0 to {numbers[-1]}, not {only}")
    return [only]


async def replay_partition(
    settings: Settings,
    partition: int,
    new_fold: Callable[[], Fold],
    outputs: Sequence[str],
    *,
    with_state: bool,
    progress: Progress = lambda *_: None,
) -> PartitionReplay:
    """Fold a partition's journal from its beginning and compare; a running worker does no harm.

    Args:
        settings: how to reach the brokers, the topics' prefix, and the engine's consumer group.
        partition: its number.
        new_fold: makes an empty engine, as the workers' is.
        outputs: the contract's names of the topics that the engine writes.
        with_state: whether the rows of the state topic are compared too.
        progress: told now and then how far it is.

    Raises:
        Trouble: no broker answers, a topic is missing, or a page cannot be read or folded.
    """

    def place(topic: str) -> TopicPartition:
        return TopicPartition(topic_name(settings, topic), partition)

    # Whatever is committed at `applied` is on the topics below their ends, which are fixed next; what is on
    # the topics below these ends was decided by pages before the journal's end, which is fixed last.
    committed = await committed_offset(settings, settings.app_id, place(JOURNAL))
    await until_settled(settings, [place(topic) for topic in (*outputs, STATE)])
    async with AsyncExitStack() as stack:

        async def tape(topic: str) -> Tape:
            return await open_tape(await stack.enter_async_context(open_reader(settings)), place(topic))

        tapes = {topic: await tape(topic) for topic in outputs}
        state, record = None, None
        if with_state or committed is None:
            # The broker forgets the offsets of a group that was empty for a week; the state knows them too.
            state, record = await _read_state(await tape(STATE))
        applied = committed if committed is not None else (record.applied_offset + 1 if record else 0)
        run = Run(
            partition,
            await tape(JOURNAL),
            tapes,
            new_fold(),
            applied=applied,
            state=StateCheck(state, record) if with_state and state is not None else None,
            progress=progress,
        )
        return await run.replay()


async def _read_state(tape: Tape) -> tuple[dict[bytes, bytes], PartitionRecord | None]:
    """Read the digest of each row, and how far the state goes."""
    rows: dict[bytes, bytes] = {}
    own: bytes | None = None
    while records := await tape.take():
        for record in records:
            if record.key == PARTITION_KEY:
                own = record.value
            elif record.value is None:
                rows.pop(record.key, None)
            else:
                rows[record.key] = digest_of(record.value)
    try:
        return rows, None if own is None else decode_record(own)
    except Broken as error:
        raise Trouble(str(error)) from error


class StateCheck:
    """Follows the rows of the fold up to the page after which the state topic was read.

    Args:
        held: the digest of each row on the topic.
        record: the partition record beside them.
    """

    def __init__(self, held: dict[bytes, bytes], record: PartitionRecord | None) -> None:
        self.applied = record.applied_offset + 1 if record else 0
        self.tally: StateTally | None = None
        self._held = held
        self._clock_ms = record.clock_ms if record else 0
        self._rows: dict[bytes, bytes] = {}

    def take(self, step: Step) -> None:
        """Take the changes of a page."""
        for key, value in step.changes.items():
            if value is None:
                self._rows.pop(key, None)
            else:
                self._rows[key] = digest_of(value)

    def compare(self, clock_ms: int) -> None:
        """Compare, once the fold has reached the same page."""
        tally = StateTally(self.applied, len(self._held), is_clock_equal=clock_ms == self._clock_ms)
        for key in sorted(self._rows.keys() | self._held.keys()):
            mine, theirs = self._rows.get(key), self._held.get(key)
            if mine == theirs:
                tally.equal += 1
                continue
            if theirs is None:
                tally.missing += 1
            elif mine is None:
                tally.extra += 1
            else:
                tally.different += 1
            if tally.first is None:
                tally.first = key.decode(errors="backslashreplace")
        self.tally = tally
        self._rows.clear()


class Run:
    """One partition while it is replayed.

    Args:
        partition: its number, for messages.
        journal: its pages.
        tapes: the output topics, by the contract's names.
        fold: an empty engine.
        applied: the first page that may not have been decided yet when the tapes were opened.
        state: follows the rows, if they are to be compared.
        progress: told after each portion.
    """

    def __init__(
        self,
        partition: int,
        journal: Tape,
        tapes: dict[str, Tape],
        fold: Fold,
        *,
        applied: int,
        state: StateCheck | None,
        progress: Progress,
    ) -> None:
        self._partition = partition
        self._journal = journal
        self._tapes = tapes
        self._fold = fold
        self._applied = applied
        self._state = state
        self._progress = progress
        self._tallies = {
            topic: Tally(topic, is_cut=tape.begin > 0, applied=applied) for topic, tape in tapes.items()
        }
        self._next = 0  # the first page not folded
        self._clock_ms = 0
        self._events = 0

    async def replay(self) -> PartitionReplay:
        """Fold and compare to the end.

        Raises:
            KafkaError: the broker refused.
            Trouble: a page cannot be read or folded.
        """
        if (remark := self._broken_journal()) is not None:
            return self._result(remark)
        self._compare_state()
        await self._look_up()  # where a topic was cut, its first record says up to where
        while self._is_needed() and (pages := await self._journal.take(500)):
            for page in pages:
                if page.offset != self._next:
                    return self._result(
                        f"page {self._next} of the journal is missing (page {page.offset} comes next), and with "
                        "it what it decided"
                    )
                self._take(page)
                if any(tally.wanted > _LAG for tally in self._tallies.values()):
                    await self._look_up()
            await self._look_up()
            self._progress(self._next, max(self._next, min(self._applied, self._journal.end)))
        for topic, tape in self._tapes.items():
            while not tape.is_over:
                await self._hold(topic)
        for tally in self._tallies.values():
            tally.close()
        return self._result(None)

    def _broken_journal(self) -> str | None:
        begin, end = self._journal.begin, self._journal.end
        if begin > 0:
            return (
                f"the journal begins at page {begin}: what was known before is not recorded any more, so what "
                "later pages decided cannot be decided again"
            )
        if end < self._applied:
            return f"the journal ends at page {end}, but {self._applied} pages were decided: it was cut or made anew"
        return None

    def _is_needed(self) -> bool:
        """Whether the next page can say anything about what is on the topics."""
        if self._next < self._applied or (self._state is not None and self._state.tally is None):
            return True
        return any(not tape.is_over for tape in self._tapes.values()) or any(
            tally.has_unexplained for tally in self._tallies.values()
        )

    def _take(self, page: Any) -> None:
        self._clock_ms = max(self._clock_ms, page.timestamp)
        where = f"page {page.offset} of journal partition {self._partition}"
        events = decoded_page(page.value, where)
        step = folded(self._fold, events, self._clock_ms * 1_000, where)
        for output in step.outputs:
            self._tallies[output.topic].give(output.key, output.value, page.offset)
        self._events += len(events)
        self._next = page.offset + 1
        if self._state is not None and self._state.tally is None:
            self._state.take(step)
            self._compare_state()

    def _compare_state(self) -> None:
        if self._state is not None and self._next == self._state.applied:
            self._state.compare(self._clock_ms)

    async def _look_up(self) -> None:
        """Read the topics as far as the fold has come."""
        for topic, tally in self._tallies.items():
            while tally.wanted and not self._tapes[topic].is_over:
                await self._hold(topic, tally.wanted)

    async def _hold(self, topic: str, most: int = _LAG) -> None:
        tally = self._tallies[topic]
        for record in await self._tapes[topic].take(most):
            tally.hold(record.key, record.value, record.offset, max(0, self._next - 1))

    def _result(self, remark: str | None) -> PartitionReplay:
        tallies = tuple(self._tallies.values())
        state = self._state.tally if self._state is not None else None
        if remark is None and self._state is not None and state is None:
            remark = f"the state was written up to page {self._state.applied}, but the journal ends before it"
        if remark is not None:
            verdict = Verdict.CANNOT_TELL
        elif all(tally.is_identical for tally in tallies) and (state is None or state.is_identical):
            verdict = Verdict.IDENTICAL
        else:
            verdict = Verdict.DIFFERENT
        return PartitionReplay(
            partition=self._partition,
            verdict=verdict,
            begins_at=self._journal.begin,
            applied=self._applied,
            ends_at=self._journal.end,
            pages=self._next,
            events=self._events,
            tallies=tallies,
            state=state,
            first=first_of(iter(tallies)),
            remark=remark,
        )


def decoded_page(value: bytes, where: str) -> list[Event[JournalData]]:
    """Read the events of a page.

    Raises:
        Trouble: it is none; the message says `where`.
    """
    try:
        return decode_page(value)
    except PageError as error:
        raise Trouble(f"{where} is unreadable: {error}") from error


def folded(fold: Fold, events: Sequence[Event[JournalData]], now: int, where: str) -> Step:
    """Fold a page at `now`, microseconds UTC.

    Raises:
        Trouble: an invariant is broken; the message says `where`.
    """
    try:
        return fold.fold(events, now)
    except Exception as error:  # whatever an engine of another version trips over
        raise Trouble(
            f"the fold failed at {where}: {type(error).__name__}: {error}; please report it"
        ) from error


def digest_of(value: bytes) -> bytes:
    """Stand for a row's value where many are compared."""
    return blake2b(value, digest_size=16).digest()
