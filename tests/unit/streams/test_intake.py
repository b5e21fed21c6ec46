"""Intake's order of things, on topics in memory: acknowledged first, committed after."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from schemas.pages import decode_page
from streams.intake import Intake, IntakePlan, Journalled
from streams.page_builder import PageBuilder, partition_of
from streams.ports import Headers, Record
from tests.unit.streams.conftest import HandClock, rest
from tests.world import declined

PARTITIONS = 4
PLAN = IntakePlan(
    journal="journal",
    dead_letters="dead",
    inputs={"p.charge.declined": "charge.declined", "p.invoice.issued": "invoice.issued"},
    partitions=PARTITIONS,
    page_events=10,
)


@dataclass(frozen=True)
class KeptRecord:
    topic: str
    partition: int
    offset: int
    value: bytes | None
    timestamp: int = 0
    key: bytes | None = None
    headers: Headers = ()


@dataclass
class MemoryTopics:
    """Source and sink that remember; acknowledgements come when the test says so."""

    waiting: list[Sequence[Sequence[Record]]] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[tuple[str, bytes, int | None, Headers]] = field(default_factory=list)
    acks: "list[asyncio.Future[Any]]" = field(default_factory=list)
    committed: list[Mapping[tuple[str, int], int]] = field(default_factory=list)
    rounds: list[Journalled] = field(default_factory=list)

    async def read(self, most: int, wait_s: float) -> Sequence[Sequence[Record]]:
        assert most > 0
        assert wait_s > 0
        while not self.waiting:
            self.arrived.clear()
            await self.arrived.wait()
        return self.waiting.pop(0)

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> bool:
        self.committed.append(offsets)
        return True

    async def send(
        self,
        topic: str,
        value: bytes,
        *,
        partition: int | None = None,
        key: bytes | None = None,  # noqa: ARG002
        headers: Headers = (),
    ) -> "asyncio.Future[Any]":
        self.sent.append((topic, value, partition, headers))
        self.acks.append(asyncio.get_running_loop().create_future())
        return self.acks[-1]

    async def deliver(self, *batches: Sequence[Record]) -> None:
        self.waiting.append(batches)
        self.arrived.set()
        await rest()

    async def acknowledge(self) -> None:
        for ack in self.acks:
            if not ack.done():
                ack.set_result(None)
        await rest()


def records(first: int, count: int, *, topic: str = "p.charge.declined", account: str = "a") -> list[Record]:
    return [
        KeptRecord(topic, 0, number, declined(number, account)[1]) for number in range(first, first + count)
    ]


@pytest.fixture
async def topics() -> AsyncIterator[MemoryTopics]:
    kept = MemoryTopics()
    intake = Intake(PLAN, source=kept, sink=kept, clock=HandClock(), journalled=kept.rounds.append)
    task = asyncio.ensure_future(intake.run())
    yield kept
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_offsets_are_committed_after_every_page_is_acknowledged(topics: MemoryTopics) -> None:
    await topics.deliver(records(0, 25))
    assert len(topics.sent) == 3, "pages of ten"
    for ack in topics.acks[:2]:
        ack.set_result(None)
    await rest()
    assert topics.committed == []
    topics.acks[2].set_result(None)
    await rest()
    assert topics.committed == [{("p.charge.declined", 0): 25}]


async def test_offsets_are_committed_after_every_dead_letter_is_acknowledged(topics: MemoryTopics) -> None:
    await topics.deliver([KeptRecord("p.charge.declined", 3, 41, b"{")])
    assert topics.committed == []
    await topics.acknowledge()
    assert topics.committed == [{("p.charge.declined", 3): 42}]
    [(topic, value, _, headers)] = topics.sent
    assert (topic, value) == ("dead", b"{")
    assert dict(headers) | {"message": b""} == {
        "error": b"not_json",
        "error_path": b"",
        "message": b"",
        "topic": b"p.charge.declined",
        "partition": b"3",
        "offset": b"41",
    }
    assert topics.rounds[-1].rejected == [("charge.declined", "not_json")]


async def test_a_refused_page_commits_nothing(topics: MemoryTopics) -> None:
    await topics.deliver(records(0, 25))
    topics.acks[1].set_exception(ConnectionError("refused"))
    await topics.acknowledge()
    assert topics.committed == []


async def test_one_bad_event_costs_its_page_nothing_else(topics: MemoryTopics) -> None:
    good = records(0, 5)
    await topics.deliver([*good[:2], KeptRecord("p.charge.declined", 0, 9, b"?"), *good[2:]])
    pages = [value for topic, value, _, _ in topics.sent if topic == "journal"]
    assert [event.id for page in pages for event in decode_page(page)] == [
        f"d-{number}" for number in range(5)
    ]


async def test_an_account_keeps_its_order_and_its_partition(topics: MemoryTopics) -> None:
    await topics.deliver(*(records(number, 15, account=f"a-{number}") for number in range(0, 90, 15)))
    for topic, value, partition, _ in topics.sent:
        assert topic == "journal"
        for event in decode_page(value):
            account = event.data.account_id  # type: ignore[union-attr]
            assert partition_of(account, PARTITIONS) == partition
    order = [event.id for _, value, _, _ in topics.sent for event in decode_page(value)]
    for start in range(0, 90, 15):
        mine = [f"d-{number}" for number in range(start, start + 15)]
        assert [id_ for id_ in order if id_ in mine] == mine


async def test_topics_are_merged_by_their_records_timestamps(topics: MemoryTopics) -> None:
    late = KeptRecord("p.charge.declined", 0, 0, declined(2, "a")[1], timestamp=20)
    early = KeptRecord("p.charge.declined", 1, 0, declined(1, "a")[1], timestamp=10)
    await topics.deliver([late], [early])
    [(_, page, _, _)] = topics.sent
    assert [event.id for event in decode_page(page)] == ["d-1", "d-2"]


def test_a_page_is_bounded_in_bytes() -> None:
    builder = PageBuilder(1, most_events=1000, most_bytes=1000)
    for _ in range(10):
        builder.add("a", b"x" * 300)
    builder.add("a", b"y" * 5000)
    pages = builder.take()
    assert [len(page) // 300 for _, page in pages] == [3, 3, 3, 1, 16]
    assert builder.take() == []
