"""A Faust app that is as good as Faust can be: large batches, memory tables, no web server, no standby."""

import os
import sys

import faust


def new_app() -> faust.App:
    """Build the app that the environment describes."""
    return faust.App(
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


def run(app: faust.App) -> None:
    """Run it as `faust worker` does."""
    sys.argv = [sys.argv[0], "worker", "--loglevel", "warn", "--without-web"]
    app.main()
