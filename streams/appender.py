"""Plain, idempotent appending: pages, ticks and policies to the journal, dead letters to their topic.

One rule: the journal is never written in a transaction. So its offsets are contiguous, and a lost page can be
told from a commit marker.
"""

from asyncio import Future
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.clients import Connection
from streams.ports import Appended, Headers, Unsettled

BATCH_BYTES = 900_000  # below the broker's default message.max.bytes of 1,048,588; whole batches are fast


class Appender:
    """`streams.ports.Sink` on one idempotent producer of this process.

    Args:
        client: how to reach the brokers.
    """

    def __init__(self, client: Connection) -> None:
        self._producer = AIOKafkaProducer(
            **client,
            enable_idempotence=True,
            acks="all",
            max_batch_size=BATCH_BYTES,
            max_request_size=2 * BATCH_BYTES,
            request_timeout_ms=30_000,
            retry_backoff_ms=20,
        )

    async def start(self) -> None:
        """Connect. Raises `KafkaError` when no broker answers."""
        await self._producer.start()

    async def stop(self) -> None:
        """Send what is waiting and disconnect."""
        await self._producer.stop()

    async def partitions(self, topic: str) -> int:
        """Count the partitions of a topic."""
        return len(await self._producer.partitions_for(topic))

    async def send(
        self,
        topic: str,
        value: bytes,
        *,
        partition: int | None = None,
        key: bytes | None = None,
        headers: Headers = (),
    ) -> "Future[Any]":
        """Hand a record over; the future is its acknowledgement. No timestamp: the broker's clock counts."""
        acknowledged: Future[Any] = await self._producer.send(
            topic, value, key, partition, headers=list(headers)
        )
        return acknowledged

    async def append(self, topic: str, partition: int, value: bytes) -> Appended:
        """Append a record and wait until the broker has it.

        Raises:
            Unsettled: no acknowledgement came; the record may or may not be there.
        """
        try:
            metadata = await (await self.send(topic, value, partition=partition))
        except (KafkaError, OSError) as error:
            raise Unsettled(f"appending to {topic}[{partition}]: {error!r}") from error
        return Appended(metadata.offset, metadata.timestamp)
