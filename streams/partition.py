"""The worker of one owned journal partition: takes it over, folds its pages, commits whole batches, ticks.

One rule: memory may run ahead of the last commit, but never survives a failure. Whatever goes wrong between
two commits, the partition is taken over again from what the broker holds.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from schemas.pages import PageError, decode_page
from streams.errors import Trouble
from streams.page_queue import PageQueue
from streams.partition_record import PartitionRecord, encode_record
from streams.ports import (
    PARTITION_KEY,
    Broken,
    Clock,
    Fenced,
    Fold,
    Ledger,
    Note,
    Output,
    Page,
    Unsettled,
)
from streams.takeover import Memory, take_over
from streams.ticker import Ticker

_log = structlog.get_logger()

HOUR_MS = 3_600_000

_SHARED = (
    "see that no two workers share one instance_id (DUNNING_INSTANCE_ID), and no two systems on this cluster one "
    "app_id (DUNNING_APP_ID)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of a worker's work. All are our choice unless they say otherwise."""

    queue_bytes: int = 16_000_000  # pages waiting or not committed; a second of work while restoring
    batch_bytes: int = 4_000_000  # of pages in one transaction
    batch_s: float = 0.1  # of folding in one transaction: what a waiting output may be delayed by
    slice_s: float = 0.003  # of work between two awaits
    lazy_s: float = 1.0  # a batch without effect waits so long for company
    gap_s: float = 10.0  # how long the next page may be missing while later ones arrive
    stamp_ahead_ms: int = HOUR_MS  # a stamp further ahead would close windows that are still open
    pause_s: float = 1.0  # after a failed step
    # After fencing: a worker that was paused learns of its lost partition within a heartbeat or two. Taking
    # the partition back before that would fence the rightful owner.
    fenced_pause_s: float = 7.0
    # How long failures may follow each other without a commit; then the process stops.
    patience_s: float = 60.0
    settled_s: float = 30.0  # a partition held so long was no failure, even if nothing was to be committed


@dataclass(slots=True)
class _Batch:
    begins_at: int
    began_at: float  # monotonic seconds
    pages: int = 0
    events: int = 0
    page_bytes: int = 0
    outputs: list[Output] = field(default_factory=list)
    changes: dict[bytes, bytes | None] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)

    @property
    def has_effect(self) -> bool:
        return bool(self.outputs or self.changes)


@dataclass(slots=True)
class _Gap:
    """A page that is missing while a later one has come."""

    since: float  # monotonic seconds
    page: int  # the later one's offset
    is_asked_again: bool = False  # Faust was asked to deliver the missing one again


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """What a transaction held, told once it is committed."""

    pages: int
    events: int
    outputs: Mapping[str, int]  # by topic
    notes: Sequence[Note]


class PartitionWorker:
    """Owns one partition from its assignment to its revocation.

    Args:
        partition: its number, for messages.
        queue: where its pages arrive.
        open_ledger: makes a fresh ledger of this partition; called for every takeover.
        new_fold: makes an empty engine.
        clock: the local clocks.
        committed: told what each committed transaction held.
        limits: bounds of the work.
        deliver_again: asks Faust to deliver from an offset on.
    """

    def __init__(
        self,
        partition: int,
        *,
        queue: PageQueue,
        open_ledger: Callable[[], Ledger],
        new_fold: Callable[[], Fold],
        clock: Clock,
        committed: Callable[[Committed], None] = lambda _: None,
        limits: Limits = Limits(),  # frozen
        deliver_again: Callable[[int], Awaitable[None]] | None = None,
    ) -> None:
        self.partition = partition
        self.queue = queue
        self.restore_remaining: int | None = None  # changelog records still to be read; None: not known yet
        self.committed_at: float | None = None  # monotonic seconds of the last commit
        self._open_ledger = open_ledger
        self._new_fold = new_fold
        self._clock = clock
        self._committed = committed
        self._limits = limits
        self._ticker = Ticker(clock)
        self._memory: Memory | None = None
        self._failing_since: float | None = None
        self._is_fenced_before = False
        self._restored_at: float | None = None
        self._gap: _Gap | None = None
        self._deliver_again = deliver_again
        self._slice_began = 0.0
        self._log = _log.bind(partition=partition)

    @property
    def is_restored(self) -> bool:
        """Whether the state is restored and pages are being applied."""
        return self._memory is not None

    @property
    def next_offset(self) -> int | None:
        """The first journal offset not folded yet; `None` before the state is restored."""
        return self._memory.next_offset if self._memory else None

    @property
    def overdue_s(self) -> float:
        """For how many seconds the oldest due timer has been waiting."""
        due_at = self._memory.fold.next_due if self._memory else None
        return 0.0 if due_at is None else max(0.0, self._ticker.overdue_s(due_at))

    @property
    def open_cases(self) -> int:
        """How many cases of the partition are open."""
        return self._memory.fold.open_cases if self._memory else 0

    async def run(self) -> None:
        """Apply pages until cancelled.

        Raises:
            Broken: an invariant does not hold, or the fold failed; the process must stop.
            Trouble: the broker, or another owner, kept the partition from us for too long.
        """
        while True:
            ledger = self._open_ledger()
            try:
                self._memory = await take_over(ledger, self._new_fold, self._clock, self._restoring)
                self._restored_at = self._clock.monotonic()
                self._log.info("partition.restored", next_offset=self._memory.next_offset)
                await self._apply_pages(ledger, self._memory)
            except Fenced as error:
                # Once is a pause that we slept through, and a revocation follows. If none does, and we are fenced
                # again, somebody uses our transactional id who is not of our group, or whom it takes for us.
                self._failed("partition.fenced", error, _SHARED if self._is_fenced_before else None)
                self._is_fenced_before = True
                pause_s = self._limits.fenced_pause_s
            except Unsettled as error:
                self._failed("partition.unsettled", error)
                pause_s = self._limits.pause_s
            finally:
                self._memory = None
                self.restore_remaining = None
                self._gap = None
                self.queue.rewind()
                await ledger.close()
            await self._clock.sleep(pause_s)

    def _restoring(self, remaining: int) -> None:
        self.restore_remaining = remaining

    def _failed(self, name: str, error: Exception, advice: str | None = None) -> None:
        now = self._clock.monotonic()
        held_s = 0.0 if self._restored_at is None else now - self._restored_at
        self._restored_at = None
        if self._failing_since is None or held_s >= self._limits.settled_s:
            self._failing_since = now
        told = {} if advice is None else {"advice": advice}
        self._log.warning(name, error=str(error), failing_s=round(now - self._failing_since, 1), **told)
        if now - self._failing_since >= self._limits.patience_s:
            raise Trouble(
                f"partition {self.partition} could not be kept for {self._limits.patience_s:.0f} s: {error}; "
                f"{advice or 'check the broker'}"
            ) from error

    async def _apply_pages(self, ledger: Ledger, memory: Memory) -> None:
        batch = self._new_batch(memory)
        while True:
            page = self._next_page(memory)
            if page is not None:
                self._fold(memory, batch, page)
                if self._clock.monotonic() - self._slice_began >= self._limits.slice_s:
                    await self._clock.sleep(0)
                    self._slice_began = self._clock.monotonic()
                if not self._is_full(batch):
                    continue
            if self._is_ready(batch, at_rest=page is None):
                await self._commit(ledger, memory, batch)
                batch = self._new_batch(memory)
            elif page is None:
                await self._wait(ledger, memory, batch)

    def _new_batch(self, memory: Memory) -> _Batch:
        return _Batch(memory.next_offset, self._clock.monotonic())

    def _next_page(self, memory: Memory) -> Page | None:
        """Take the next page in offset order; pages delivered a second time are dropped."""
        while (page := self.queue.peek()) is not None:
            if page.offset == memory.next_offset:
                self._gap = None
                return self.queue.take()
            if page.offset > memory.next_offset:
                self._check_gap(memory, page)
            elif page.stamp_ms > memory.clock_ms:
                raise Broken(
                    f"page {page.offset} of journal partition {self.partition} is stamped later than page "
                    f"{memory.next_offset - 1}, the last one applied: the journal was made anew"
                )
            self.queue.drop()
        return None

    def _check_gap(self, memory: Memory, page: Page) -> None:
        """Tolerate, for a moment, a page that Faust still held from before a rebalance.

        It is delivered again, in order. If the next page does not come, a page is lost.
        """
        if self._gap is None:
            self._gap = _Gap(self._clock.monotonic(), page.offset)
        self._gap.page = page.offset
        self._check_gap_age(memory)

    def _check_gap_age(self, memory: Memory) -> None:
        gap = self._gap
        if gap is not None and self._clock.monotonic() - gap.since > self._limits.gap_s:
            raise Broken(
                f"page {memory.next_offset} of journal partition {self.partition} was never delivered, "
                f"but page {gap.page} was: restart the worker; check the journal if it happens again"
            )

    def _fold(self, memory: Memory, batch: _Batch, page: Page) -> None:
        if page.stamp_ms - self._clock.now_ms() > self._limits.stamp_ahead_ms:
            raise Broken(
                f"page {page.offset} of journal partition {self.partition} is stamped {page.stamp_ms} ms, "
                "more than an hour ahead of this machine: set the clocks of broker and worker right"
            )
        memory.clock_ms = max(memory.clock_ms, page.stamp_ms)
        self._ticker.heard(page.stamp_ms)
        try:
            events = decode_page(page.value)
            step = memory.fold.fold(events, memory.clock_ms * 1000)
        except PageError as error:
            raise Broken(
                f"page {page.offset} of journal partition {self.partition} is unreadable: {error}"
            ) from error
        except Exception as error:
            raise Broken(
                f"the fold failed at page {page.offset} of journal partition {self.partition}: "
                f"{type(error).__name__}: {error}; please report it with this page"
            ) from error
        if batch.pages == 0:
            batch.began_at = self._clock.monotonic()
        memory.next_offset = page.offset + 1
        memory.more_due = step.more_due
        batch.pages += 1
        batch.events += len(events)
        batch.page_bytes += len(page.value)
        batch.outputs += step.outputs
        batch.changes.update(step.changes)
        batch.notes += step.notes

    def _is_full(self, batch: _Batch) -> bool:
        return (
            batch.page_bytes >= self._limits.batch_bytes
            or self._clock.monotonic() - batch.began_at >= self._limits.batch_s
        )

    def _is_ready(self, batch: _Batch, *, at_rest: bool) -> bool:
        if batch.pages == 0:
            return False
        age_s = self._clock.monotonic() - batch.began_at
        if not batch.has_effect:
            return age_s >= self._limits.lazy_s or batch.page_bytes >= self._limits.batch_bytes
        return at_rest or self._is_full(batch)

    async def _commit(self, ledger: Ledger, memory: Memory, batch: _Batch) -> None:
        record = PartitionRecord(
            begins_at=batch.begins_at,
            applied_offset=memory.next_offset - 1,
            clock_ms=memory.clock_ms,
            producer_id=memory.owner.producer_id,
            epoch=memory.owner.epoch,
            rows=memory.fold.row_count,
        )
        batch.changes[PARTITION_KEY] = encode_record(record)
        await ledger.commit(batch.outputs, batch.changes, memory.next_offset)
        self._failing_since = None
        self.committed_at = self._slice_began = self._clock.monotonic()
        self.queue.settle(memory.next_offset)
        self._committed(
            Committed(
                pages=batch.pages,
                events=batch.events,
                outputs=Counter(output.topic for output in batch.outputs),
                notes=batch.notes,
            )
        )

    async def _wait(self, ledger: Ledger, memory: Memory, batch: _Batch) -> None:
        """Rest until a page arrives; append a tick when something is due."""
        self._check_gap_age(memory)
        gap = self._gap
        if gap is not None and not gap.is_asked_again and self._deliver_again is not None:
            # Faust drops what it fetches before its flow resumes, and seeks back only where an offset is committed.
            gap.is_asked_again = True
            self._log.info("partition.delivered_again", next_offset=memory.next_offset)
            await self._deliver_again(memory.next_offset)
        tick_s = self._ticker.delay_s(
            memory.fold.next_due, more_due=memory.more_due, next_offset=memory.next_offset
        )
        if tick_s == 0:
            await self._tick(ledger)
            return
        waits = [] if tick_s is None else [tick_s]
        if (gap := self._gap) is not None:  # nothing may follow that would bring us back here
            waits.append(gap.since + self._limits.gap_s - self._clock.monotonic() + 0.001)
        if batch.pages:
            waits.append(max(0.001, batch.began_at + self._limits.lazy_s - self._clock.monotonic()))
        await self._clock.wait(self.queue.arrived, min(waits, default=None))
        self._slice_began = self._clock.monotonic()

    async def _tick(self, ledger: Ledger) -> None:
        """Ask the broker's clock. A tick lies outside of any transaction: one that fails is asked for again."""
        self._ticker.asked()
        try:
            self._ticker.answered(await ledger.tick())
        except Unsettled as error:
            self._failed("partition.tick_failed", error)
            await self._clock.sleep(self._limits.pause_s)
