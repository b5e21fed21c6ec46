"""Quix Streams counts the events of each account: a stateful step and one output for each event.

One rule: it runs in an environment of its own (`.venv/rivals`) and imports nothing of ours.
"""

import os
from typing import Any

from quixstreams import Application, State

app = Application(
    broker_address=os.environ["RIVAL_BOOTSTRAP"],
    consumer_group=os.environ["RIVAL_NAME"],
    auto_offset_reset="earliest",
    commit_interval=1.0,
    state_dir=os.environ["RIVAL_DATA"],
    loglevel="WARNING",
    consumer_extra_config={"session.timeout.ms": 60_000},
)
facts = app.topic(os.environ["RIVAL_INPUT"], value_deserializer="json")
counted = app.topic(os.environ["RIVAL_OUTPUT"], value_serializer="json")


def count(fact: dict[str, Any], state: State) -> dict[str, Any]:
    """Count one event."""
    number = state.get("count", 0) + 1
    state.set("count", number)
    account_id = fact["data"]["account_id"]
    return {"id": f"{account_id}/{number}", "type": fact["type"], "event": fact["id"]}


app.dataframe(facts).apply(count, stateful=True).to_topic(counted)

if __name__ == "__main__":
    app.run()
