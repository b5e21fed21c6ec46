"""A Faust app as its documentation shows it: a table with a growing value, and an output for each event.

One rule: it is the subject of the evidence, so it does nothing clever. `EVIDENCE_GUARANTEE` and
`EVIDENCE_COMMIT_S` are Faust's own settings.
"""

import os
import sys
from typing import Any

import faust

app = faust.App(
    os.environ["EVIDENCE_NAME"],
    broker=f"kafka://{os.environ['EVIDENCE_BOOTSTRAP']}",
    store="memory://",
    topic_partitions=1,
    topic_replication_factor=1,
    table_standby_replicas=0,
    consumer_auto_offset_reset="earliest",
    broker_session_timeout=10.0,  # the default of 60 s only makes the restart slower
    broker_heartbeat_interval=3.0,
    processing_guarantee=os.environ.get("EVIDENCE_GUARANTEE", "at_least_once"),
    broker_commit_interval=float(os.environ.get("EVIDENCE_COMMIT_S", "0.5")),
    web_enabled=False,
    worker_redirect_stdouts=False,
    datadir=os.environ["EVIDENCE_DATA"],
)
payments = app.topic(os.environ["EVIDENCE_INPUT"], key_type=str, value_type=str, value_serializer="raw")
known = app.topic(os.environ["EVIDENCE_OUTPUT"], key_type=str, value_type=str, value_serializer="raw")
history = app.Table("history", default=list)


@app.agent(payments)
async def remember(stream: Any) -> None:
    """Add each payment to its account's history, and tell how many are known."""
    async for account_id, payment in stream.items():
        history[account_id] = [*history[account_id], payment]
        await known.send(key=account_id, value=str(len(history[account_id])))


if __name__ == "__main__":
    sys.argv = [sys.argv[0], "worker", "--loglevel", "error", "--without-web"]
    app.main()
