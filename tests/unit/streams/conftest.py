"""A broker in memory and a clock turned by hand, for the partition worker's tests."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from schemas.pages import TICK
from streams.page_queue import PageQueue
from streams.partition import Limits, PartitionWorker
from streams.ports import Appended, Fenced, Output, Owner, Page, Rows, Unsettled
from tests.counting import CountingFold

START_MS = 1_790_000_000_000


class HandClock:
    """`streams.ports.Clock`; time passes only by `advance`."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now_ms(self) -> int:
        return START_MS + round(self.elapsed_s * 1000)

    def monotonic(self) -> float:
        return self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._alarm(seconds)

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        if event.is_set():
            return True
        tasks: list[asyncio.Future[object]] = [asyncio.ensure_future(event.wait())]
        if seconds is not None:
            tasks.append(asyncio.ensure_future(self._alarm(seconds)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
        return event.is_set()

    async def _alarm(self, seconds: float) -> None:
        alarm = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.elapsed_s + seconds, alarm))
        await alarm

    async def advance(self, seconds: float) -> None:
        """Let time pass and everything that follows from it happen."""
        self.elapsed_s += seconds
        due = [alarm for at, alarm in self._sleepers if at <= self.elapsed_s + 1e-9]
        self._sleepers = [(at, alarm) for at, alarm in self._sleepers if at > self.elapsed_s + 1e-9]
        for alarm in due:
            if not alarm.done():
                alarm.set_result(None)
        await rest()


async def rest() -> None:
    """Let every task run until it waits; nothing here needs more than a few dozen turns."""
    for _ in range(200):
        await asyncio.sleep(0)


@dataclass
class MemoryBroker:
    """One partition of everything. `faults` are raised by the next commits: (error, was it applied)."""

    clock: HandClock
    journal: list[Page] = field(default_factory=list)
    journal_begins_at: int = 0
    changelog: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    transactions: list[tuple[int, int, int]] = field(default_factory=list)  # outputs, rows, next offset
    committed: int | None = None
    epoch: int = -1
    faults: list[tuple[Exception, bool]] = field(default_factory=list)
    tick_faults: list[Exception] = field(default_factory=list)
    skew_ms: int = 0
    on_append: Callable[[Page], None] = lambda _: None

    def append(self, value: bytes, stamp_ms: int | None = None) -> Page:
        stamp = self.clock.now_ms() + self.skew_ms if stamp_ms is None else stamp_ms
        page = Page(self.journal_begins_at + len(self.journal), stamp, value)
        self.journal.append(page)
        self.on_append(page)
        return page

    def open(self) -> "MemoryLedger":
        return MemoryLedger(self)

    @property
    def state(self) -> dict[bytes, bytes]:
        rows: dict[bytes, bytes] = {}
        for key, value in self.changelog:
            rows.pop(key, None)
            if value is not None:
                rows[key] = value
        return rows


class MemoryLedger:
    """`streams.ports.Ledger` on `MemoryBroker`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker
        self._epoch = -1
        self.closed = False

    async def fence(self) -> Owner:
        self._broker.epoch += 1
        self._epoch = self._broker.epoch
        return Owner(7, self._epoch)

    async def committed(self) -> int | None:
        assert self._epoch >= 0, "the offset is read after the fence"
        return self._broker.committed

    async def journal_range(self) -> tuple[int, int]:
        begin = self._broker.journal_begins_at
        return begin, begin + len(self._broker.journal)

    async def first_after(self, stamp_ms: int) -> int | None:
        return next((page.offset for page in self._broker.journal if page.stamp_ms > stamp_ms), None)

    async def changelog(self) -> AsyncIterator[Rows]:
        assert self._epoch >= 0, "the state is read after the fence"
        rows = list(self._broker.changelog)
        for start in range(0, len(rows), 3):
            yield Rows(rows[start : start + 3], max(0, len(rows) - start - 3))

    async def commit(
        self, outputs: Sequence[Output], changes: Mapping[bytes, bytes | None], next_offset: int
    ) -> None:
        await asyncio.sleep(0)
        if self._epoch != self._broker.epoch:
            raise Fenced("a newer owner")
        error, is_applied = self._broker.faults.pop(0) if self._broker.faults else (None, True)
        if is_applied:
            self._broker.outputs += outputs
            self._broker.changelog += changes.items()
            self._broker.committed = next_offset
            self._broker.transactions.append((len(outputs), len(changes), next_offset))
        if error is not None:
            raise error

    async def tick(self) -> Appended:
        if self._broker.tick_faults:
            raise self._broker.tick_faults.pop(0)
        page = self._broker.append(TICK)
        return Appended(page.offset, page.stamp_ms)

    async def close(self) -> None:
        self.closed = True


@dataclass
class Bench:
    """A worker on the broker in memory. Pages appended through it are delivered as Faust would."""

    clock: HandClock
    broker: MemoryBroker
    worker: PartitionWorker
    folds: list[CountingFold]
    task: "asyncio.Task[None]"

    async def deliver(self, *values: bytes) -> None:
        for value in values:
            self.broker.append(value)
        await rest()


class BenchMaker:
    """Starts workers and stops them at the end of the test."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[None]] = []

    async def __call__(
        self, broker: MemoryBroker | None = None, limits: Limits | None = None, timers_per_page: int = 100
    ) -> Bench:
        broker = broker or MemoryBroker(HandClock())
        limits = limits or Limits()
        folds: list[CountingFold] = []

        def new_fold() -> CountingFold:
            folds.append(CountingFold(timers_per_page))
            return folds[-1]

        queue = PageQueue(limits.queue_bytes)
        worker = PartitionWorker(
            0, queue=queue, open_ledger=broker.open, new_fold=new_fold, clock=broker.clock, limits=limits
        )
        broker.on_append = queue.put
        task = asyncio.ensure_future(worker.run())
        self.tasks.append(task)
        await rest()
        return Bench(broker.clock, broker, worker, folds, task)


@pytest.fixture
async def bench() -> AsyncIterator[BenchMaker]:
    maker = BenchMaker()
    yield maker
    for task in maker.tasks:
        task.cancel()
    await asyncio.gather(*maker.tasks, return_exceptions=True)


def unsettled() -> Exception:
    return Unsettled("no answer")
