"""The watch over the way of pages from the journal to the workers.

One rule: it asks the broker itself. A consumer that stands still hears nothing, and has nothing to complain
about: after a rebalance that took it longer than one request, Faust leaves it paused for good, without a word.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from streams.clients import Connection
from streams.errors import Trouble
from streams.partition import PartitionWorker
from streams.ports import Clock

LOOK_S = 1.0  # between two looks
ANSWER_S = 5.0  # for an answer of the broker; without one the end of the journal is unknown
LATE_S = 5.0  # a page may take so long; longer, and the process is not ready
# Then the process stops. Our choice: longer than a client takes to reconnect after an outage (10 s).
STILL_S = 20.0


class Ends(Protocol):
    """Tells how far the journal goes."""

    async def start(self) -> None:
        """Connect. Raises `KafkaError` when no broker answers."""

    async def stop(self) -> None:
        """Disconnect."""

    async def ask(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Give the offset after the last page of each partition. Raises `KafkaError`, `OSError`."""


class JournalEnds:
    """`Ends` on a Kafka client of its own, in no group.

    Args:
        journal: the journal's full name.
        client: how to reach the brokers.
    """

    def __init__(self, journal: str, client: Connection) -> None:
        self._journal = journal
        self._consumer = AIOKafkaConsumer(**client, enable_auto_commit=False)

    async def start(self) -> None:
        """Connect. Raises `KafkaError` when no broker answers."""
        await self._consumer.start()

    async def stop(self) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def ask(self, partitions: Sequence[int]) -> Mapping[int, int]:
        """Give the offset after the last page of each partition. Raises `KafkaError`."""
        places = [TopicPartition(self._journal, partition) for partition in partitions]
        ends = await self._consumer.end_offsets(places)
        return {place.partition: end for place, end in ends.items()}


class JournalWatch(Service):
    """Stops the process when pages that are there do not come, and tells how far the journal goes.

    Args:
        workers: the workers of the owned partitions.
        ends: asked once a second.
        is_rebalancing: whether the consumer is paused for a rebalance that it has not finished.
        clock: the local clocks.
    """

    mundane_level = "debug"

    def __init__(
        self,
        workers: Callable[[], Iterable[PartitionWorker]],
        ends: Ends,
        *,
        is_rebalancing: Callable[[], bool],
        clock: Clock,
    ) -> None:
        super().__init__()
        self._workers = workers
        self._ends = ends
        self._is_rebalancing = is_rebalancing
        self._clock = clock
        self._heard: Mapping[int, int] = {}
        self._missing: dict[PartitionWorker, tuple[int, float]] = {}  # next offset, missed since

    async def on_start(self) -> None:
        """Connect and begin."""
        await self._ends.start()
        self.add_future(self._watch())

    async def on_shutdown(self) -> None:
        """Disconnect, after the last look."""
        await self._ends.stop()

    @property
    def not_ready(self) -> str | None:
        """Say why no pages come to restored partitions; `None` while they do."""
        if self._is_rebalancing():
            return "rebalancing: no pages are handed over yet"
        now = self._clock.monotonic()
        late = sorted(
            worker.partition for worker, (_, since) in self._missing.items() if now - since >= LATE_S
        )
        return f"the next pages of partitions {late} do not come" if late else None

    def end(self, partition: int) -> int | None:
        """Tell the offset after the last page, as the broker said a moment ago; `None`: it did not answer."""
        return self._heard.get(partition)

    async def look(self) -> None:
        """Ask the broker, and note whose next page is missing.

        Raises:
            Trouble: one has been missing for `STILL_S` seconds.
        """
        workers = list(self._workers())
        self._heard = await self._hear(sorted(worker.partition for worker in workers))
        now = self._clock.monotonic()
        missing: dict[PartitionWorker, tuple[int, float]] = {}
        for worker in workers:
            offset = worker.next_offset
            if offset is None or len(worker.queue) or not self._is_awaited(worker.partition, offset):
                continue  # it is being restored, or has pages to apply, or has applied all that are there
            before = self._missing.get(worker)
            missing[worker] = before if before is not None and before[0] == offset else (offset, now)
        self._missing = missing
        for worker, (offset, since) in missing.items():
            if now - since >= STILL_S:
                raise Trouble(
                    f"the consumer of the journal stands still: page {offset} of partition "
                    f"{worker.partition} has not come for {now - since:.0f} s; start the worker again"
                )

    async def _watch(self) -> None:
        while not self.should_stop:
            await self._clock.sleep(LOOK_S)
            await self.look()

    async def _hear(self, partitions: Sequence[int]) -> Mapping[int, int]:
        if not partitions:
            return {}
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._ends.ask(partitions)
        except (KafkaError, OSError):  # TimeoutError is an OSError
            return {}  # an outage is waited for: nothing is missing while the broker is away

    def _is_awaited(self, partition: int, offset: int) -> bool:
        end = self._heard.get(partition)
        return end is not None and (end > offset or self._is_rebalancing())
