"""Reading topics from outside: for the commands that look at what was recorded.

Rule: it only reads: as nobody's consumer group, committed records, up to the ends of the moment.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError

from streams.clients import LastError, admin_client, connection, unreachable
from streams.errors import Trouble
from streams.open_transaction import told_of
from streams.settings import Settings

AT_ONCE = 2_000  # records between two awaits; our choice
_WAIT_MS = 500
_SILENCE_S = 60.0  # a broker that hands out nothing for so long is given up; our choice
_OPEN_S = 60.0  # twice the time after which the broker itself aborts a transaction of ours
_FETCH_BYTES = 4 * 1024 * 1024
# A fetch at the end of a topic holds up those of the next one, as there is one at a time for each broker.
_FETCH_WAIT_MS = 20

Take = Callable[[int, int, bytes], None]
"""Called with partition, stamp (milliseconds since 1970) and value of each record, in order."""


@asynccontextmanager
async def open_reader(
    settings: Settings,
    isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
    group_id: str | None = None,
) -> AsyncIterator[AIOKafkaConsumer]:
    """Open a consumer that joins no group; it is closed at the end of the block.

    Args:
        settings: how to reach the brokers.
        isolation: what it sees of transactions.
        group_id: whose committed offsets it may ask for.

    Raises:
        Trouble: no broker answers, or a call inside the block was refused.
    """
    reader = AIOKafkaConsumer(
        **connection(settings),
        group_id=group_id,
        enable_auto_commit=False,
        isolation_level=isolation,
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_bytes=4 * _FETCH_BYTES,
        fetch_max_wait_ms=_FETCH_WAIT_MS,
    )
    with LastError() as last:
        try:
            await reader.start()
            yield reader
        except KafkaConnectionError as error:
            raise Trouble(unreachable(settings, last.cause)) from error
        except KafkaError as error:
            raise Trouble(
                f"Kafka at {settings.bootstrap} refused: {error!r}; run `dunning topics check`"
            ) from error
        finally:
            await reader.stop()


async def partitions_of(settings: Settings, topic: str) -> Sequence[int]:
    """List the partitions of a topic (its full name).

    Raises:
        Trouble: it is missing, or no broker answers.
    """
    async with admin_client(settings) as admin:
        # Describing a topic that is missing could create it.
        if topic not in await admin.list_topics():
            raise Trouble(f"topic {topic} is missing: check --topic-prefix, or run `dunning topics check`")
        (described,) = await admin.describe_topics([topic])
    return sorted(partition["partition"] for partition in described["partitions"])


async def read(reader: AIOKafkaConsumer, topic: str, partitions: Iterable[int], take: Take) -> None:
    """Read a topic's partitions from their beginnings to the ends they have now; deletions are passed over.

    Raises:
        KafkaError: the broker refused.
    """
    places = [TopicPartition(topic, partition) for partition in partitions]
    reader.assign(places)
    ends = await reader.end_offsets(places)
    begins = await reader.beginning_offsets(places)
    left = [place for place in places if begins[place] < ends[place]]
    for place in places:
        reader.seek(place, begins[place])
    while left:
        found = await reader.getmany(*left, timeout_ms=_WAIT_MS, max_records=AT_ONCE)
        for place, records in found.items():
            for record in records:
                if record.offset < ends[place] and record.value is not None:
                    take(place.partition, record.timestamp, record.value)
        # The last offset below the end may be a commit marker: wait for the position, never for a record.
        left = [place for place in left if await reader.position(place) < ends[place]]


class Tape(Protocol):
    """The records of one partition, taken in portions, up to an end that is fixed when it is opened."""

    @property
    def begin(self) -> int:
        """Offset of the oldest record that is still there."""

    @property
    def end(self) -> int:
        """The first offset that is not taken any more."""

    @property
    def is_over(self) -> bool:
        """Whether everything before the end was taken."""

    async def take(self, most: int = AT_ONCE) -> Sequence[Any]:
        """Take the next records, at least one unless the tape is over; nothing comes twice."""


class TopicTape:
    """A tape read from a topic, through a reader of its own."""

    def __init__(self, reader: AIOKafkaConsumer, place: TopicPartition, begin: int, end: int) -> None:
        """Use `open_tape`."""
        self.begin = begin
        self.end = end
        self._reader = reader
        self._place = place
        self._position = begin

    @property
    def is_over(self) -> bool:
        """Whether everything before the end was taken."""
        return self._position >= self.end

    async def take(self, most: int = AT_ONCE) -> Sequence[Any]:
        """Take the next records, at least one unless the tape is over.

        Raises:
            KafkaError: the broker refused.
            Trouble: it handed out nothing for a minute.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _SILENCE_S
        while not self.is_over:
            before = self._position
            found = await self._reader.getmany(self._place, timeout_ms=_WAIT_MS, max_records=most)
            self._position = await self._reader.position(self._place)
            records = [record for record in found.get(self._place, ()) if record.offset < self.end]
            if records:
                return records
            if self._position > before:
                deadline = loop.time() + _SILENCE_S
            elif loop.time() > deadline:
                raise Trouble(
                    f"topic {self._place.topic}, partition {self._place.partition}: nothing came after offset "
                    f"{self._position} for {_SILENCE_S:.0f} s, but it ends at {self.end}: check the broker"
                )
        return ()


async def open_tape(reader: AIOKafkaConsumer, place: TopicPartition) -> Tape:
    """Put a partition into a reader of its own, from the oldest record to the end of the moment.

    Raises:
        KafkaError: the broker refused.
    """
    reader.assign([place])
    begin = (await reader.beginning_offsets([place]))[place]
    end = (await reader.end_offsets([place]))[place]
    reader.seek(place, begin)
    return TopicTape(reader, place, begin, end)


async def until_settled(settings: Settings, places: Sequence[TopicPartition]) -> None:
    """Wait until every transaction that is open now has ended, so that committed readers see its records.

    Raises:
        KafkaError: the broker refused.
        Trouble: one stays open for longer than the broker may leave it so.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _OPEN_S
    async with open_reader(settings, "read_uncommitted") as everything, open_reader(settings) as committed:
        ends = await everything.end_offsets(places)
        while behind := [
            (place, stable)
            for place, stable in (await committed.end_offsets(places)).items()
            if stable < ends[place]
        ]:
            if loop.time() > deadline:
                raise Trouble(await told_of(connection(settings), *behind[0]))
            await asyncio.sleep(0.1)


async def committed_offset(settings: Settings, group_id: str, place: TopicPartition) -> int | None:
    """Read the offset that a group has committed, without joining it; None if the broker knows none.

    Raises:
        Trouble: no broker answers, or it refused.
    """
    async with open_reader(settings, group_id=group_id) as reader:
        reader.assign([place])
        offset: int | None = await reader.committed(place)
        return offset
