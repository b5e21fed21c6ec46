"""`streams.ports.Ledger` on Apache Kafka, by way of aiokafka.

One rule: a producer with any doubtful outcome is never used again. Its successor's InitProducerId settles
the open transaction and fences everybody who came before.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import IllegalOperation, InvalidProducerEpoch, KafkaError, ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.pages import TICK
from streams.appender import BATCH_BYTES, Appender
from streams.clients import Connection
from streams.open_transaction import told_of
from streams.ports import Appended, Broken, Fenced, Output, Owner, Rows, Unsettled

_log = structlog.get_logger()

RECORD_BYTES = BATCH_BYTES - 1_000  # the first record of a batch is accepted at any size, so we check
TRANSACTION_S = 30.0  # the broker aborts an open transaction after so long
CLOSE_S = 3.0  # our choice: a revocation must end well inside the rebalance timeout
RESTORE_RECORDS = 500  # changelog records between two awaits
# How long a transaction of another program is waited for: Kafka lets none be open for longer than 15 minutes
# (`transaction.max.timeout.ms`, unless it is set) and looks every 10 s.
OPEN_S = 16 * 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTopics:
    """Full topic names, prefix included."""

    journal: str
    state: str
    outputs: Mapping[str, str]  # by the contract's name


class KafkaLedger:
    """One partition's transactional producer and the reader of its changelog. Used for one ownership.

    Args:
        partition: the journal partition; the outputs and the changelog use the same number.
        group_id: the Faust app's consumer group, whose journal offset moves in our transactions.
        topics: full topic names.
        client: how to reach the brokers.
        appender: the process's plain producer, for ticks.
    """

    def __init__(
        self,
        partition: int,
        *,
        group_id: str,
        topics: LedgerTopics,
        client: Connection,
        appender: Appender,
    ) -> None:
        self._partition = partition
        self._group_id = group_id
        self._topics = topics
        self._client = client
        self._appender = appender
        self._journal_tp = TopicPartition(topics.journal, partition)
        self._state_tp = TopicPartition(topics.state, partition)
        self._producer: AIOKafkaProducer | None = None
        self._reader: AIOKafkaConsumer | None = None

    async def fence(self) -> Owner:
        """Become the only owner; returns after InitProducerId has settled the former owner's transaction."""
        self._producer = AIOKafkaProducer(
            **self._client,
            # Derived from the partition alone: the older pattern that needs no fencing by group generation.
            transactional_id=f"{self._group_id}-{self._partition}",
            transaction_timeout_ms=int(TRANSACTION_S * 1000),
            request_timeout_ms=15_000,
            retry_backoff_ms=20,
            max_batch_size=BATCH_BYTES,
            max_request_size=2 * BATCH_BYTES,
        )
        async with _settling("fencing"):
            await self._producer.start()
        # Private to aiokafka 0.14, held by a test of the pinned version.
        transactions = self._producer._txn_manager  # noqa: SLF001
        return Owner(transactions.producer_id, transactions.producer_epoch)

    async def committed(self) -> int | None:
        """Read the group's journal offset."""
        async with _settling("reading the journal offset"):
            reader = await self._open_reader()
            offset: int | None = await reader.committed(self._journal_tp)
            return offset

    async def journal_range(self) -> tuple[int, int]:
        """Read the offsets of the oldest page and of the next to be written."""
        async with _settling("reading the journal's range"):
            reader = await self._open_reader()
            begin = await reader.beginning_offsets([self._journal_tp])
            end = await reader.end_offsets([self._journal_tp])
            return begin[self._journal_tp], end[self._journal_tp]

    async def first_after(self, stamp_ms: int) -> int | None:
        """Find the first page that is stamped later."""
        async with _settling("reading the journal's stamps"):
            reader = await self._open_reader()
            found = (await reader.offsets_for_times({self._journal_tp: stamp_ms + 1}))[self._journal_tp]
            return None if found is None else int(found.offset)

    async def changelog(self) -> AsyncIterator[Rows]:
        """Read the committed changelog from its beginning to its end.

        A transaction that is still open hides what lies behind it. After `fence` it is none of ours, but rows of
        ours may be behind it, so its end is waited for.
        """
        place = self._state_tp
        async with _settling("restoring"):
            reader = await self._open_reader()
            least: int = (await reader.end_offsets([place]))[place]
            position: int = (await reader.beginning_offsets([place]))[place]
            reader.seek(place, position)
        end: int | None = None  # comes with the first answer, even an empty one
        hidden: _Hidden | None = None
        # The last offset below the end may be a commit marker: wait for the position, never for a record.
        while end is None or position < end:
            before = position
            async with _settling("restoring"):
                records = await reader.getmany(place, timeout_ms=200, max_records=RESTORE_RECORDS)
                position = await reader.position(place)
                highwater = reader.highwater(place)
            if highwater is None:
                continue
            end = max(least, highwater)  # a leader that is new may know of less than it holds
            yield Rows(
                [(record.key, record.value) for record in records.get(place, ())], max(0, end - position)
            )
            stable: int = reader.last_stable_offset(place)
            if position > before or stable >= highwater:
                hidden = None
            else:
                hidden = hidden or await self._hidden(stable)
                hidden.refuse_if_old()
        async with _settling("restoring"):
            await self._close_reader()

    async def commit(
        self, outputs: Sequence[Output], changes: Mapping[bytes, bytes | None], next_offset: int
    ) -> None:
        """Write outputs, changelog rows and the journal offset in one transaction."""
        producer = self._producer
        assert producer is not None, "fence() comes first"
        # Decide and build everything first: nothing slow between begin and commit.
        by_topic: dict[str, list[tuple[bytes, bytes | None]]] = {}
        for output in outputs:
            by_topic.setdefault(self._topics.outputs[output.topic], []).append((output.key, output.value))
        by_topic[self._topics.state] = list(changes.items())
        batches: list[tuple[str, BatchBuilder]] = []
        for topic, rows in by_topic.items():
            for batch in self._batches(producer, topic, rows):
                batches.append((topic, batch))
                await asyncio.sleep(0)
        async with _settling("committing"):
            await producer.begin_transaction()
            acks = [
                await producer.send_batch(batch, topic, partition=self._partition) for topic, batch in batches
            ]
            await producer.send_offsets_to_transaction({self._journal_tp: next_offset}, self._group_id)
            # A refused batch fails its own future only; the commit would succeed without its records.
            await asyncio.gather(*acks)
            await producer.commit_transaction()

    async def tick(self) -> Appended:
        """Append an empty page to the journal."""
        return await self._appender.append(self._topics.journal, self._partition, TICK)

    async def close(self) -> None:
        """Let go of the producer and the reader within `CLOSE_S` seconds."""
        producer, self._producer = self._producer, None
        reader, self._reader = self._reader, None
        if producer is not None and not await _closed(producer):
            # Its sender would go on in the background; the next owner's fence settles what was open.
            sender = producer._sender.sender_task  # noqa: SLF001  # held by the pin test
            if sender is not None:
                sender.cancel()
            await _closed(producer.client)
        if reader is not None:
            await _closed(reader)

    def _batches(
        self, producer: AIOKafkaProducer, topic: str, rows: Iterable[tuple[bytes, bytes | None]]
    ) -> Iterator[BatchBuilder]:
        batch = producer.create_batch()
        append = batch.append
        for key, value in rows:
            if append(timestamp=None, key=key, value=value) is None:
                yield batch
                batch = producer.create_batch()
                append = batch.append
                append(timestamp=None, key=key, value=value)
            if value is not None and len(key) + len(value) > RECORD_BYTES:
                raise Broken(
                    f"a record of {len(key) + len(value)} bytes for {topic} is larger than {RECORD_BYTES}: "
                    "the engine must bound what it writes; please report it"
                )
        batch.close()
        yield batch

    async def _hidden(self, stable: int) -> "_Hidden":
        async with _settling("looking for an open transaction"):
            told = await told_of(self._client, self._state_tp, stable)
        _log.warning("ledger.hidden", partition=self._partition, problem=told)
        return _Hidden(told, asyncio.get_running_loop().time())

    async def _open_reader(self) -> AIOKafkaConsumer:
        if self._reader is None:
            reader = AIOKafkaConsumer(
                **self._client,
                group_id=self._group_id,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                max_partition_fetch_bytes=4 * 1024 * 1024,
                fetch_max_bytes=4 * 1024 * 1024,
                fetch_max_wait_ms=50,  # an empty changelog is no reason to wait
            )
            self._reader = reader
            await reader.start()
            # Assigned by hand: it reads the group's offsets and never joins the group.
            reader.assign([self._state_tp])
        return self._reader

    async def _close_reader(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.stop()


@dataclass(frozen=True, slots=True)
class _Hidden:
    """The rest of a changelog, behind a transaction that is open."""

    told: str
    since: float  # seconds of the event loop's clock

    def refuse_if_old(self) -> None:
        if asyncio.get_running_loop().time() - self.since > OPEN_S:
            raise Broken(f"{self.told} (it was waited for {OPEN_S / 60:.0f} minutes)")


async def _closed(client: Any) -> bool:
    """Close a client; say whether it did so in time and without an error."""
    close = client.stop if hasattr(client, "stop") else client.close
    try:
        await asyncio.wait_for(close(), CLOSE_S)
    except (KafkaError, OSError, AssertionError) as error:  # TimeoutError is an OSError
        _log.debug("ledger.close_failed", client=type(client).__name__, error=repr(error))
        return False
    return True


@asynccontextmanager
async def _settling(step: str) -> AsyncIterator[None]:
    """Turn the client's errors into the port's: fenced, or unsettled."""
    try:
        async with asyncio.timeout(TRANSACTION_S):
            yield
    except (ProducerFenced, InvalidProducerEpoch) as error:
        raise Fenced(f"{step}: another worker owns this partition now") from error
    # The client asserts that it knows a broker; one that has just come up may have told it of none.
    except (KafkaError, IllegalOperation, OSError, AssertionError) as error:  # TimeoutError is an OSError
        raise Unsettled(f"{step}: {error!r}") from error
