"""The control: an aiokafka loop that reads records and sends them on, as it is found in most examples.

One rule: no state, no checks, no transaction; offsets are committed after the acknowledgements.
"""

import asyncio
import os

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


async def main() -> None:
    """Copy until killed."""
    bootstrap, output = os.environ["RIVAL_BOOTSTRAP"], os.environ["RIVAL_OUTPUT"]
    consumer = AIOKafkaConsumer(
        os.environ["RIVAL_INPUT"],
        bootstrap_servers=bootstrap,
        group_id=os.environ["RIVAL_NAME"],
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=60_000,
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=500_000
    )
    await consumer.start()
    await producer.start()
    while True:
        found = await consumer.getmany(timeout_ms=500, max_records=2_000)
        acks = [
            await producer.send(output, record.value, record.key, place.partition)
            for place, records in found.items()
            for record in records
        ]
        if acks:
            await asyncio.gather(*acks)
            await consumer.commit()


if __name__ == "__main__":
    asyncio.run(main())
