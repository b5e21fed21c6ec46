"""Our own decisions the way Faust means it to be done: an agent, a table that holds the rows, a send for each output.

One rule: as good as Faust can do it. The fold is ours and reads its rows from memory of its own, so that the table
only has to write; it is in memory too, takes bytes as they are, and no send is awaited beyond the producer's buffer.
A record is a page of one event; an empty one asks for an answer: everything before it is done.
"""

import os
from collections import defaultdict
from typing import Any

import faust

from dunning.engine import Engine
from schemas.pages import decode_page
from schemas.writing import OUTPUT_TYPES
from streams.rules import load_rules
from tests.benchmarks.rivals.faust_app import new_app, run

PARTITIONS = int(os.environ["RIVAL_PARTITIONS"])

app = new_app()


def _topic(name: str) -> Any:
    return app.topic(
        name, key_type=bytes, value_type=bytes, value_serializer="raw", partitions=PARTITIONS, internal=True
    )


events = _topic(os.environ["RIVAL_INPUT"])
answers = _topic(os.environ["RIVAL_OUTPUT"])
decided = {kind: _topic(f"{os.environ['RIVAL_NAME']}.{kind}") for kind in OUTPUT_TYPES}
as_they_are: Any = faust.Schema(
    key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"
)
rows = app.Table("rows", schema=as_they_are)

rules = load_rules()
engines: dict[int, Engine] = defaultdict(lambda: Engine(rules))
clocks: dict[int, int] = defaultdict(int)


@app.agent(events)
async def decide(stream: Any) -> None:
    """Fold each event; keep what changed in the table, send what was decided."""
    async for event in stream.events():
        partition = event.message.partition
        told = decode_page(event.value)
        if not told:
            await answers.send(key=event.key, value=b"done")
            continue
        clocks[partition] = max(clocks[partition], int(event.message.timestamp * 1_000_000))
        step = engines[partition].fold(told, clocks[partition])
        for key, row in step.changes.items():
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
        for output in step.outputs:
            await decided[output.topic].send(key=output.key, value=output.value)


if __name__ == "__main__":
    run(app)
