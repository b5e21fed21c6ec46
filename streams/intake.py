"""Intake: upstream events, whatever their keys and partitions, become pages of the journal.

One rule: pages and dead letters are acknowledged by the broker before the offsets of what they came from are
committed. A crash in between tells events twice, never not at all; the engine knows an event told twice.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from schemas.pages import encode_event
from schemas.reading import read_event
from schemas.rejections import ErrorCode, Rejected
from streams.dead_letters import dead_letter
from streams.page_builder import PageBuilder
from streams.ports import Clock, Record, Sink, Source, Unreadable

READ_S = 0.5  # how long a look for new records waits; a stop is noticed after it
SLICE = 128  # records handled between two awaits: a few milliseconds
# Above this, pages wait for company, so that a worker sees few pages with many events.
BUSY_EVENTS_PER_S = 300
PAGES_PER_S = 1000  # of all partitions together: Faust spends about 0.3 ms on each


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakePlan:
    """Names and bounds of an intake. Topic names are full names."""

    journal: str
    dead_letters: str
    inputs: Mapping[str, str]  # full name -> the event type that it carries
    partitions: int  # of the journal
    exempt: frozenset[str] = frozenset()  # id fields that may look like card numbers
    linger_s: float = 0.005
    read_records: int = 2000  # in one round
    page_events: int = 500
    page_bytes: int = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Journalled:
    """What one round of intake wrote, told after its acknowledgement."""

    events: int
    pages: int
    rejected: Sequence[tuple[str, str]]  # (event type of the topic, error)


class Intake:
    """Moves records from the input topics into the journal, round by round.

    Args:
        plan: names and bounds.
        source: the input topics.
        sink: the journal and the dead letters.
        clock: the local clocks.
        journalled: told what each round wrote.
    """

    def __init__(
        self,
        plan: IntakePlan,
        *,
        source: Source,
        sink: Sink,
        clock: Clock,
        journalled: Callable[[Journalled], None] = lambda _: None,
    ) -> None:
        self._plan = plan
        self._source = source
        self._sink = sink
        self._clock = clock
        self._journalled = journalled
        self._linger_s = max(plan.linger_s, plan.partitions / PAGES_PER_S)
        self._pages = PageBuilder(plan.partitions, most_events=plan.page_events, most_bytes=plan.page_bytes)

    async def run(self) -> None:
        """Move records until cancelled.

        Raises:
            KafkaError: the broker refused or did not answer; nothing unacknowledged is committed.
        """
        rested_at = self._clock.monotonic()
        while True:
            batches = await self._source.read(self._plan.read_records, READ_S)
            if not batches:
                rested_at = self._clock.monotonic()
                continue
            count = await self._round(batches)
            now = self._clock.monotonic()
            is_busy = count > BUSY_EVENTS_PER_S * (now - rested_at)
            rested_at = now
            # A full round means that more is waiting already: no company to wait for.
            if is_busy and 1 < count < self._plan.read_records:
                await self._clock.sleep(self._linger_s)

    async def _round(self, batches: Sequence[Sequence[Record]]) -> int:
        rejected = await self._admit(batches)
        pages = self._pages.take()
        acks = [
            await self._sink.send(self._plan.journal, page, partition=partition) for partition, page in pages
        ]
        for record, verdict in rejected:
            acks.append(await self._reject(record, verdict))
            await self._clock.sleep(0)  # masking a large one takes long; the group must not lose us over it
        await asyncio.gather(*acks)
        await self._source.commit(
            {(records[-1].topic, records[-1].partition): records[-1].offset + 1 for records in batches}
        )
        count = sum(map(len, batches))
        inputs = self._plan.inputs
        self._journalled(
            Journalled(
                events=count - len(rejected),
                pages=len(pages),
                rejected=[(inputs[record.topic], verdict.error) for record, verdict in rejected],
            )
        )
        return count

    async def _admit(self, batches: Sequence[Sequence[Record]]) -> list[tuple[Record, Rejected]]:
        """Check every record and add its event to a page; give back what was refused."""
        rejected: list[tuple[Record, Rejected]] = []
        inputs, exempt, add = self._plan.inputs, self._plan.exempt, self._pages.add
        for handled, record in enumerate(_in_order(batches), start=1):
            try:
                if isinstance(record, Unreadable):
                    raise Rejected(ErrorCode.BAD_HEADER, "headers", "the name of a header is not UTF-8")
                event = read_event(
                    record.value,
                    headers=record.headers,
                    key=record.key,
                    topic=inputs[record.topic],
                    exempt=exempt,
                )
            except Rejected as verdict:
                rejected.append((record, verdict))
            else:
                add(event.data.account_id, encode_event(event))
            if handled % SLICE == 0:
                await self._clock.sleep(0)
        return rejected

    async def _reject(self, record: Record, verdict: Rejected) -> "asyncio.Future[Any]":
        letter = dead_letter(record, verdict)
        return await self._sink.send(
            self._plan.dead_letters, letter.value, key=letter.key, headers=letter.headers
        )


def _in_order(batches: Sequence[Sequence[Record]]) -> Iterable[Record]:
    """Merge the topics by the records' timestamps, so that an invoice comes before its decline.

    A courtesy: the engine copes with any order. Within a topic partition the order is kept as it is.
    """
    return batches[0] if len(batches) == 1 else heapq.merge(*batches, key=attrgetter("timestamp"))
