"""A transaction that some program has left open: what is known of it, and how to end it.

One rule: it is only told. Whether the program behind it still lives is for a person to say.
"""

from datetime import UTC, datetime

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.clients import Connection

_WAIT_MS = 5_000  # for its first record, which the broker has; our choice


async def told_of(client: Connection, place: TopicPartition, offset: int) -> str:
    """Say since when a transaction has been open, and how to find and end it with Kafka's own tool.

    Args:
        client: how to reach the brokers.
        place: the topic and partition that it holds up.
        offset: of its first record, which is the last stable offset of the partition.

    Raises:
        KafkaError: no broker answers, or it refused.
    """
    tool = f"kafka-transactions.sh --bootstrap-server {client['bootstrap_servers']}"
    where = f"--topic {place.topic} --partition {place.partition}"
    return (
        f"topic {place.topic}, partition {place.partition}: another program has had a transaction open since "
        f"{await _stamp(client, place, offset)} (offset {offset}), and nothing behind it can be read: "
        f"`{tool} describe-producers {where}` names the producer, whose program should end it; if that is gone, "
        f"`{tool} abort {where} --start-offset {offset}`"
    )


async def _stamp(client: Connection, place: TopicPartition, offset: int) -> str:
    reader = AIOKafkaConsumer(**client, enable_auto_commit=False, isolation_level="read_uncommitted")
    await reader.start()
    try:
        reader.assign([place])
        reader.seek(place, offset)
        found = (await reader.getmany(place, timeout_ms=_WAIT_MS, max_records=1)).get(place)
    finally:
        await reader.stop()
    if not found:
        return "an unknown time"
    return f"{datetime.fromtimestamp(found[0].timestamp / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
