"""Filling topics fast, and asking the broker how far a contender has come.

One rule: records are placed as a biller's producer would place them (Kafka's default partitioner on the key),
and those of one key keep their order.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.pages import TICK, encode_event, encode_page
from schemas.reading import read_event
from streams.page_builder import PageBuilder, partition_of
from tests.benchmarks.workload import Wire

CHUNK = 2_000  # records between two waits for acknowledgements: topics keep pace with each other
_BATCH_BYTES = 500_000

Placed = tuple[str, int, bytes | None, bytes]
"""Topic, partition, key, value."""

Feeding = Callable[[Sequence[Wire], str, int], Iterable[Placed]]
"""How events become records of one topic with so many partitions."""


class Broker:
    """A producer and a reader on one broker, for one benchmark."""

    def __init__(self, producer: AIOKafkaProducer, reader: AIOKafkaConsumer, bootstrap: str) -> None:
        self._producer = producer
        self._reader = reader
        self.bootstrap = bootstrap
        self._groups: dict[str, AIOKafkaConsumer] = {}

    async def fill(self, records: Iterable[Placed]) -> int:
        """Append records in whole batches. Returns how many."""
        written = 0
        stream = iter(records)
        while chunk := list(islice(stream, CHUNK)):
            by_place: dict[tuple[str, int], list[tuple[bytes | None, bytes]]] = {}
            for topic, partition, key, value in chunk:
                by_place.setdefault((topic, partition), []).append((key, value))
            acks = [
                await self._producer.send_batch(batch, topic, partition=partition)
                for (topic, partition), rows in by_place.items()
                for batch in self._batches(rows)
            ]
            await asyncio.gather(*acks)
            written += len(chunk)
        return written

    def _batches(self, rows: Sequence[tuple[bytes | None, bytes]]) -> Iterator[Any]:
        batch = self._producer.create_batch()
        for key, value in rows:
            if batch.append(key=key, value=value, timestamp=None) is None:
                batch.close()
                yield batch
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
        batch.close()
        yield batch

    async def ends(self, topic: str, partitions: int) -> dict[int, int]:
        """Read the end offsets of a topic, those of open transactions excluded."""
        places = [TopicPartition(topic, partition) for partition in range(partitions)]
        found = await self._reader.end_offsets(places)
        return {place.partition: end for place, end in found.items()}

    async def length(self, topic: str, partitions: int) -> int:
        """Count the offsets of a topic: its records, where nobody writes in transactions."""
        return sum((await self.ends(topic, partitions)).values())

    async def is_consumed(self, group: str, topic: str, partitions: int) -> bool:
        """Whether a group has committed a topic's very end."""
        consumer = self._groups.get(group)
        if consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False
            )
            await consumer.start()
            self._groups[group] = consumer
        for partition, end in (await self.ends(topic, partitions)).items():
            place = TopicPartition(topic, partition)
            if end and (await consumer.committed(place) or 0) < end:
                return False
        return True

    async def stop(self) -> None:
        """Disconnect."""
        for client in (self._producer, self._reader, *self._groups.values()):
            await client.stop()


@asynccontextmanager
async def connected(bootstrap: str) -> AsyncIterator[Broker]:
    """Connect to a broker for the length of a block."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=_BATCH_BYTES
    )
    reader = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed"
    )
    await producer.start()
    await reader.start()
    broker = Broker(producer, reader, bootstrap)
    try:
        yield broker
    finally:
        await broker.stop()


def on_their_topics(events: Iterable[Wire], names: Mapping[str, str], partitions: int) -> Iterator[Placed]:
    """Place events on the topics of their types; `names` gives the full names."""
    for event in events:
        partition = partition_of(event.account_id, partitions)
        yield names[event.type], partition, event.account_id.encode(), event.value


def on_one_topic(events: Iterable[Wire], topic: str, partitions: int) -> Iterator[Placed]:
    """Place the same bytes, with the same keys, on one topic."""
    for event in events:
        yield topic, partition_of(event.account_id, partitions), event.account_id.encode(), event.value


def on_one_topic_as_pages(events: Iterable[Wire], topic: str, partitions: int) -> Iterator[Placed]:
    """Take events through the door and place each as a page of its own; an empty page ends every partition."""
    for event in events:
        page = encode_page([encode_event(read_event(event.value, topic=event.type))])
        yield topic, partition_of(event.account_id, partitions), event.account_id.encode(), page
    for partition in range(partitions):
        yield topic, partition, b"", TICK


def on_the_journal(events: Sequence[Wire], journal: str, partitions: int, page_events: int) -> list[Placed]:
    """Take events through the door and place them on the journal, in pages."""
    pages = PageBuilder(partitions, most_events=page_events, most_bytes=262_144)
    for event in events:
        pages.add(event.account_id, encode_event(read_event(event.value, topic=event.type)))
    return [(journal, partition, None, page) for partition, page in pages.take()]
