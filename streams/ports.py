"""What the shell needs from the world: the narrow protocols behind which Kafka and the clocks live.

One rule: the partition worker and everything above the broker reach the outside through these protocols
only. Kafka is one implementation (`streams.ledger`); a deterministic one in memory can take its place.
"""

# ruff: noqa: D102  # what is only read (a property here) is told by its class

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from schemas.envelope import Event
from schemas.events import JournalData

PARTITION_KEY = b"\x00partition"
"""Key of the changelog row that belongs to the shell: how far this partition has been applied."""


class Fenced(Exception):
    """Another owner has taken the partition over. Nothing of the last transaction is visible."""


class Unsettled(Exception):
    """The broker did not confirm a step: its outcome is unknown until the next `Ledger.fence`."""


class Broken(Exception):
    """An invariant does not hold: a wrong charge is worse than a late one, so the process stops."""


@dataclass(frozen=True, slots=True)
class Page:
    """One record of the journal, as the broker holds it."""

    offset: int
    stamp_ms: int  # the broker's LogAppendTime, milliseconds since 1970
    value: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an appended page came to rest, and the broker's stamp on it (milliseconds since 1970)."""

    offset: int
    stamp_ms: int


@dataclass(frozen=True, slots=True)
class Owner:
    """What fencing gave us; written into the partition record so that owners form a line."""

    producer_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of the changelog, in order; `None` deletes. `remaining` records are still to be read."""

    rows: Sequence[tuple[bytes, bytes | None]]
    remaining: int


class Output(Protocol):
    """One event for an output topic. `topic` is the contract's name, without a prefix."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes: ...
    @property
    def value(self) -> bytes: ...


class Note(Protocol):
    """One decision, for logs and metrics. Holds ids and reasons, never card data."""

    @property
    def trigger(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def account_id(self) -> str: ...
    @property
    def invoice_id(self) -> str | None: ...
    @property
    def request_id(self) -> str | None: ...


class Step(Protocol):
    """What folding one page gave."""

    @property
    def outputs(self) -> Sequence[Output]: ...
    @property
    def changes(self) -> Mapping[bytes, bytes | None]: ...
    @property
    def notes(self) -> Sequence[Note]: ...
    @property
    def more_due(self) -> bool: ...


class Fold(Protocol):
    """The pure engine of one partition (`dunning.engine.Engine`). Instants are microseconds since 1970."""

    def load(self, key: bytes, value: bytes | None, /) -> None:
        """Take one changelog row; of one key the last row wins."""

    def restored(self) -> None:
        """Build what is derived from the rows, after the last `load`."""

    def fold(self, events: Sequence[Event[JournalData]], now: int, /) -> Step:
        """Apply a page: events first, then the timers due at `now`."""

    @property
    def next_due(self) -> int | None:
        """An instant before which nothing is due, microseconds UTC; None when nothing ever is."""

    def due_before(self, at: int) -> int | None:
        """Give the earliest instant before `at` at which something may be due."""

    @property
    def open_cases(self) -> int: ...
    @property
    def row_count(self) -> int: ...


class Ledger(Protocol):
    """The broker as one partition worker sees it. Every method but `close` may raise `Unsettled`."""

    async def fence(self) -> Owner:
        """Become the only owner: ends the former owner's transaction, whatever became of it."""

    async def committed(self) -> int | None:
        """Read the group's journal offset: the first page not applied. Only valid after `fence`."""

    async def journal_range(self) -> tuple[int, int]:
        """Read the offsets of the oldest page that the journal still holds and of the next to be written."""

    async def first_after(self, stamp_ms: int) -> int | None:
        """Find the first page that is stamped later; `None` where there is none."""

    def changelog(self) -> AsyncIterator[Rows]:
        """Read the committed changelog from its beginning to its end. Only valid after `fence`; read last.

        Raises:
            Broken: a transaction of another program hides its end, for longer than the broker should allow.
        """

    async def commit(
        self, outputs: Sequence[Output], changes: Mapping[bytes, bytes | None], next_offset: int
    ) -> None:
        """Write outputs, changelog rows and the journal offset in one transaction.

        Raises:
            Fenced: another owner is there; nothing was written.
            Unsettled: the outcome is unknown; fence and restore before anything else.
            Broken: a record is too large for the broker.
        """

    async def tick(self) -> Appended:
        """Append an empty page to the journal, outside any transaction."""

    async def close(self) -> None:
        """Let go of everything, quickly. An open transaction dies with it. Never raises."""


Headers = Sequence[tuple[str, bytes]]
"""The headers of a Kafka record."""


class Record(Protocol):
    """One record of an input topic, as the broker holds it."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a record that the client cannot read: the name of a header is not UTF-8."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 0
    key: None = None
    value: None = None
    headers: tuple[()] = ()


class Source(Protocol):
    """The input topics as intake sees them."""

    async def read(self, most: int, wait_s: float) -> Sequence[Sequence[Record]]:
        """Read at most `most` records, one sequence a topic partition, each in offset order."""

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> bool:
        """Move the group's offsets (topic, partition -> next offset).

        Returns:
            False if the group was rebalanced meanwhile: the records are read again, by somebody.
        """


class Sink(Protocol):
    """Where intake appends."""

    async def send(
        self,
        topic: str,
        value: bytes,
        *,
        partition: int | None = None,
        key: bytes | None = None,
        headers: Headers = (),
    ) -> "asyncio.Future[Any]":
        """Hand a record over; the future is its acknowledgement."""


class Clock(Protocol):
    """The local clocks. No decision depends on them: they say when to look, never what is decided."""

    def now_ms(self) -> int:
        """Wall time, milliseconds since 1970. Serves two purposes: when to tick, and the stamp guard."""

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Let `seconds` pass; 0 lets the other tasks run."""

    async def wait(self, event: asyncio.Event, seconds: float | None) -> bool:
        """Wait for `event`, at most `seconds` (`None`: without bound); say whether it is set."""
