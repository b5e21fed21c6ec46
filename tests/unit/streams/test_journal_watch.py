"""The watch: pages that the broker has and nobody gets stop the process; being slow, or an outage, does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from streams.errors import Trouble
from streams.journal_watch import JournalWatch
from streams.page_queue import PageQueue
from streams.ports import Page
from tests.unit.streams.conftest import START_MS, HandClock


@dataclass(eq=False)
class Restored:
    """A partition worker, as the watch sees it."""

    partition: int
    next_offset: int | None = 0
    queue: PageQueue = field(default_factory=lambda: PageQueue(1_000))


@dataclass
class Told:
    """What a broker says; `None`: it is away."""

    ends: dict[int, int] | None

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ask(self, partitions: Sequence[int]) -> Mapping[int, int]:
        if self.ends is None:
            raise KafkaConnectionError("away")
        return {partition: self.ends[partition] for partition in partitions}


class Bank:
    """Two restored partitions whose pages have all been applied, and the watch over them."""

    def __init__(self) -> None:
        self.workers: list[Any] = [Restored(0, 10), Restored(1, 20)]
        self.broker = Told({0: 10, 1: 20})
        self.is_rebalancing = False
        self.clock = HandClock()
        self.watch = JournalWatch(
            lambda: self.workers,
            self.broker,
            is_rebalancing=lambda: self.is_rebalancing,
            clock=self.clock,
        )

    async def after(self, seconds: int) -> None:
        """Look once a second."""
        for _ in range(seconds):
            self.clock.elapsed_s += 1
            await self.watch.look()


async def test_a_page_that_never_comes_stops_the_process() -> None:
    it = Bank()
    await it.after(3)
    assert it.broker.ends is not None
    it.broker.ends[1] = 22
    await it.after(5)
    assert it.watch.not_ready is None, "a page may be on its way"
    await it.after(1)
    assert it.watch.not_ready == "the next pages of partitions [1] do not come"
    await it.after(14)
    with pytest.raises(Trouble, match="stands still: page 20 of partition 1 has not come for 20 s"):
        await it.after(1)


async def test_a_consumer_that_stays_paused_after_a_rebalance_stops_the_process() -> None:
    it = Bank()
    it.is_rebalancing = True
    await it.after(1)
    assert it.watch.not_ready == "rebalancing: no pages are handed over yet"
    await it.after(19)
    with pytest.raises(Trouble, match="the consumer of the journal stands still"):
        await it.after(1)


async def test_a_rebalance_that_ends_is_nothing() -> None:
    it = Bank()
    it.is_rebalancing = True
    await it.after(15)
    it.is_rebalancing = False
    await it.after(100)
    assert it.watch.not_ready is None


async def test_a_partition_that_is_far_behind_but_goes_on_is_ready() -> None:
    it = Bank()
    it.broker.ends = {0: 1_000_000, 1: 20}
    for _ in range(100):
        it.workers[0].next_offset += 1
        await it.after(1)
    assert it.watch.not_ready is None, "lag is no part of readiness"


async def test_a_partition_with_pages_at_hand_waits_for_none() -> None:
    it = Bank()
    it.broker.ends = {0: 100, 1: 20}
    it.workers[0].queue.put(Page(10, START_MS, b"x" * 2_000))
    await it.after(100)
    assert it.watch.not_ready is None, "its commit is slow; the worker sees to that"


async def test_a_partition_that_is_being_restored_waits_for_none() -> None:
    it = Bank()
    it.broker.ends = {0: 100, 1: 20}
    it.workers[0].next_offset = None
    await it.after(100)


async def test_an_outage_is_waited_for_and_leaves_the_end_unknown() -> None:
    it = Bank()
    it.broker.ends = {0: 11, 1: 20}
    await it.after(15)
    assert it.watch.end(0) == 11
    it.broker.ends = None
    await it.after(600)
    assert it.watch.end(0) is None, "a lag that is not known is not told"
    it.broker.ends = {0: 11, 1: 20}
    await it.after(15)
    assert it.watch.end(0) == 11


async def test_a_partition_that_comes_back_is_counted_anew() -> None:
    it = Bank()
    it.broker.ends = {0: 11, 1: 20}
    await it.after(15)
    it.workers = []
    await it.after(1)
    it.workers = [Restored(0, 10)]
    await it.after(15)
