"""The desk between the Faust agent and the partition workers: it hands pages over, and hires and dismisses.

One rule: a worker lives from one assignment to the next revocation. Whatever was handed over before a
revocation is forgotten with it: Faust delivers it again, to whoever owns the partition then.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog
from mode import Service

from streams.page_queue import PageQueue
from streams.partition import PartitionWorker
from streams.ports import Page

_log = structlog.get_logger()

DISMISS_S = 10.0  # closing a worker's clients is bounded more tightly; inside the rebalance timeout of 30 s


class Flow(Protocol):
    """Where pages come from. Both calls may be repeated; what is fetched already still comes, in order."""

    def hold(self, partition: int) -> None:
        """Fetch no more of a partition."""

    def let_go(self, partition: int) -> None:
        """Fetch it again."""


class Desk(Service):
    """Runs one worker for each assigned partition. A worker's exception crashes the whole process.

    Args:
        hire: makes the worker of a partition, given its queue.
        new_queue: makes a queue; a page may arrive a moment before the assignment is announced.
    """

    mundane_level = "debug"
    flow: Flow  # set before pages come

    def __init__(
        self, hire: Callable[[int, PageQueue], PartitionWorker], new_queue: Callable[[], PageQueue]
    ) -> None:
        super().__init__()
        self.is_assigned = False
        self._hire = hire
        self._new_queue = new_queue
        self._queues: dict[int, PageQueue] = {}
        self._workers: dict[int, PartitionWorker] = {}
        self._running: dict[int, asyncio.Future[None]] = {}
        self._held: set[int] = set()  # partitions of full queues

    @property
    def workers(self) -> Iterable[PartitionWorker]:
        """The workers of the assigned partitions."""
        return self._workers.values()

    @property
    def not_ready(self) -> str | None:
        """Say what is still missing before every owned partition is served; `None` when nothing is."""
        if not self.is_assigned:
            return "no partitions assigned yet"
        restoring = sorted(worker.partition for worker in self.workers if not worker.is_restored)
        return f"restoring partitions {restoring}" if restoring else None

    def hand_over(self, partition: int, page: Page) -> None:
        """Give a page to its partition. A full queue holds its own partition; the others go on."""
        queue = self._queue(partition)
        queue.put(page)
        if queue.has_room.is_set():
            return
        self.flow.hold(partition)  # at each page: Faust has reasons of its own to let a partition go
        if partition not in self._held:
            self._held.add(partition)
            self.add_future(self._wait_for_room(partition, queue))

    async def assign(self, partitions: Iterable[int]) -> None:
        """Start the workers of the assigned partitions; does not wait until they are restored."""
        await self.revoke()
        owned = sorted(partitions)
        _log.info("engine.assigned", partitions=owned)
        for partition in owned:
            worker = self._hire(partition, self._queue(partition))
            self._workers[partition] = worker
            # A future of the service, not a bare task: its exception must stop the process.
            self._running[partition] = self.add_future(worker.run())
        # Pages that Faust still held from before; they are not ours any more.
        for partition in self._queues.keys() - set(owned):
            self._forget(partition)
        self.is_assigned = True

    async def revoke(self) -> None:
        """Stop all workers and forget their pages. Open transactions die with their producers."""
        self.is_assigned = False
        tasks, self._running = self._running, {}
        for partition in list(self._workers):
            self._forget(partition)
        self._workers.clear()
        for task in tasks.values():
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks.values(), timeout=DISMISS_S)
            if late:
                _log.warning("engine.workers_still_closing", workers=len(late), seconds=DISMISS_S)

    async def on_stop(self) -> None:
        """Stop all workers: a graceful stop announces no revocation."""
        await self.revoke()

    def _queue(self, partition: int) -> PageQueue:
        if partition not in self._queues:
            self._queues[partition] = self._new_queue()
        return self._queues[partition]

    async def _wait_for_room(self, partition: int, queue: PageQueue) -> None:
        await queue.has_room.wait()
        if self._queues.get(partition) is queue:  # a forgotten one was let go at once
            self._let_go(partition)

    def _forget(self, partition: int) -> None:
        # Whoever waits for room in a forgotten queue must wake up to see that it is gone.
        self._queues.pop(partition).has_room.set()
        self._let_go(partition)

    def _let_go(self, partition: int) -> None:
        if partition in self._held:
            self._held.discard(partition)
            self.flow.let_go(partition)
