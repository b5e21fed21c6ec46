"""Faust's own way to count: an agent, a table and a send. For each event a state change and one output.

One rule: as good as Faust can do it. No JSON of Faust's own (msgspec is faster), the table in memory, large
batches, no web server, no standby; the send is not awaited beyond the producer's buffer.
"""

import os
from typing import Any

import msgspec

from tests.benchmarks.rivals.faust_app import new_app, run


class Fact(msgspec.Struct):
    """What the count needs of an event."""

    id: str
    type: str


decode = msgspec.json.Decoder(Fact).decode
encode = msgspec.json.Encoder().encode

app = new_app()
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
    run(app)
