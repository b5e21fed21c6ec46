"""Faust's own way to count: an agent, a table and a send. For each event a state change and one output.

One rule: as good as Faust can do it. No JSON of Faust's own (msgspec is faster), the table in memory, large
batches, no web server, no standby; the send is not awaited beyond the producer's buffer.
"""

import os
import sys
from typing import Any

import faust
import msgspec


class Fact(msgspec.Struct):
    """What the count needs of an event."""

    id: str
    type: str


decode = msgspec.json.Decoder(Fact).decode
encode = msgspec.json.Encoder().encode

app = faust.App(
    os.environ["RIVAL_NAME"],
    broker=f"kafka://{os.environ['RIVAL_BOOTSTRAP']}",
    store="memory://",
    topic_partitions=int(os.environ["RIVAL_PARTITIONS"]),
    topic_replication_factor=1,
    table_standby_replicas=0,
    consumer_auto_offset_reset="earliest",
    broker_session_timeout=60.0,
    producer_linger=0.005,
    producer_max_batch_size=500_000,
    web_enabled=False,
    worker_redirect_stdouts=False,
    datadir=os.environ["RIVAL_DATA"],
)
facts = app.topic(os.environ["RIVAL_INPUT"], key_type=bytes, value_type=bytes, value_serializer="raw")
counted = app.topic(os.environ["RIVAL_OUTPUT"], key_type=bytes, value_type=bytes, value_serializer="raw")
counts = app.Table("counts", default=int, key_type=str, value_type=int)


@app.agent(facts)
async def count(stream: Any) -> None:
    """Count the events of each account."""
    async for event in stream.events():
        fact = decode(event.value)
        account_id = event.key.decode()
        counts[account_id] += 1
        answer = {"id": f"{account_id}/{counts[account_id]}", "type": fact.type, "event": fact.id}
        await counted.send(key=event.key, value=encode(answer))


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "--loglevel", "warn", "--without-web"]
    app.main()
