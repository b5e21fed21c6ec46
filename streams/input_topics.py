"""The input topics as a consumer group reads them: `streams.ports.Source` on aiokafka.

One rule: an offset is committed only by `commit`, after everything read below it has been acknowledged.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from streams.clients import Connection
from streams.ports import Record, Unreadable

_log = structlog.get_logger()

REVOKE_S = 5.0  # how long a revocation waits for the round in flight; our choice


class InputTopics(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """The consumer of one intake.

    Args:
        topics: full names.
        group_id: of intake, not of the engine.
        client: how to reach the brokers.
        session_timeout_ms: a silent intake loses its partitions after this.
        instance_id: for static membership, or `None`.
    """

    def __init__(
        self,
        topics: Sequence[str],
        *,
        group_id: str,
        client: Connection,
        session_timeout_ms: int,
        instance_id: str | None,
    ) -> None:
        self.is_assigned = False
        self._at_rest = asyncio.Event()  # no records are between `read` and `commit`
        self._at_rest.set()
        self._topics = topics
        self._next: dict[TopicPartition, int] = {}  # the first offset that is not journalled
        self._consumer = AIOKafkaConsumer(
            **client,
            group_id=group_id,
            group_instance_id=instance_id,
            session_timeout_ms=session_timeout_ms,
            heartbeat_interval_ms=session_timeout_ms // 3,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # A biller may write in transactions: what it aborted never happened.
            isolation_level="read_committed",
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )

    async def start(self) -> None:
        """Join the group. Raises `KafkaError` when no broker answers."""
        await self._consumer.start()
        self._consumer.subscribe(self._topics, listener=self)

    async def stop(self) -> None:
        """Leave the group."""
        self._at_rest.set()
        await self._consumer.stop()

    @property
    def lag(self) -> int:
        """How many offsets of the assigned partitions can be read and are not journalled, as far as we know."""
        behind = 0
        for tp in self._consumer.assignment():
            end = self._consumer.last_stable_offset(tp)
            if end is not None and tp in self._next:
                behind += max(0, end - self._next[tp])
        return behind

    async def read(self, most: int, wait_s: float) -> Sequence[Sequence[Record]]:
        """Read at most `most` records, one sequence a topic partition, each in offset order."""
        self._at_rest.set()
        try:
            found = await self._consumer.getmany(timeout_ms=int(wait_s * 1000), max_records=most)
        except UnicodeDecodeError:
            found = await self._read_singly(most)
        batches = [records for records in found.values() if records]
        if batches:
            self._at_rest.clear()
        else:
            await self._pass_over_markers()
        return batches

    async def _pass_over_markers(self) -> None:
        """Count what was read to the end as read: the last offset of a transaction holds no record."""
        for tp in list(self._next):
            with contextlib.suppress(IllegalStateError):  # revoked meanwhile
                self._next[tp] = await self._consumer.position(tp)

    async def _read_singly(self, most: int) -> dict[TopicPartition, list[Record]]:
        """Read one by one, so that a record that the client cannot read is found and passed over.

        What the call that failed had taken already is lost with it: every partition begins anew where the
        last round committed.
        """
        found: dict[TopicPartition, list[Record]] = {}
        for tp in sorted(self._consumer.assignment()):
            if await self._consumer.committed(tp) is None:
                await self._consumer.seek_to_beginning(tp)
            else:
                await self._consumer.seek_to_committed(tp)
        for tp in sorted(self._consumer.assignment()):
            records = found.setdefault(tp, [])
            while len(records) < most:
                try:
                    one = await self._consumer.getmany(tp, timeout_ms=200, max_records=1)
                except UnicodeDecodeError:
                    offset = await self._consumer.position(tp)
                    self._consumer.seek(tp, offset + 1)
                    records.append(Unreadable(tp.topic, tp.partition, offset))
                    break
                if not one:
                    break
                records += one[tp]
        return found

    async def commit(self, offsets: Mapping[tuple[str, int], int]) -> bool:
        """Move the group's offsets; False if the group was rebalanced meanwhile."""
        moved = {TopicPartition(*place): offset for place, offset in offsets.items()}
        try:
            await self._consumer.commit(moved)
        except (CommitFailedError, IllegalStateError) as error:
            # Delivered again, to us or to another; the engine knows an event that is told twice.
            _log.info("intake.offsets_not_committed", reason=str(error))
            return False
        finally:
            self._at_rest.set()
        self._next.update(moved)
        return True

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Let the round in flight end, so that little is read twice."""
        self.is_assigned = False
        if revoked:
            try:
                await asyncio.wait_for(self._at_rest.wait(), REVOKE_S)
            except TimeoutError:
                _log.warning("intake.round_interrupted", seconds=REVOKE_S)
        self._next.clear()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Note that this intake may work."""
        self.is_assigned = True
        _log.info("intake.assigned", partitions=len(assigned))
