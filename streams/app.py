"""The Faust application: group membership, assignment and fetching of the journal, and nothing else.

One rule: Faust never commits. The journal topic takes no acknowledgements, values stay raw bytes, and the
offset moves in the partition workers' transactions only.
"""

import time
from collections import deque
from collections.abc import Collection
from typing import Any

import faust
import structlog
from faust.types import TP, AppT

from streams.clients import Connection
from streams.desk import Desk
from streams.errors import Trouble
from streams.ports import Page

_log = structlog.get_logger()

WATCH_S = 1.0
REBALANCE_S = 30.0  # upper bound of what a revocation may take
# Our choice: so many revocations within so many seconds are no scaling any more; two members with one instance_id take
# the partitions from each other every two seconds.
MANY_REVOCATIONS = 10
MANY_WITHIN_S = 60.0


class DunningApp(faust.App):
    """A Faust app that watches its own group membership and starts the desk early.

    The client raises a fatal group error only where Faust does not look: without the watchdog the process
    would stay up, outside its group, in silence.
    """

    mundane_level = "debug"
    desk: Desk

    async def on_start(self) -> None:
        """Start the desk and the watchdog; Faust's own timers would start after the first assignment only."""
        await super().on_start()
        await self.add_runtime_dependency(self.desk)
        self.add_future(self._watch_group())

    def _create_directories(self) -> None:
        """Create none: no store of ours is a file. Private to Faust, held by a test of the pinned version."""

    async def _watch_group(self) -> None:
        while not self.should_stop:
            await self.sleep(WATCH_S)
            if (reason := stranded(self)) is not None:
                advice = name_taken(reason, self.conf.consumer_group_instance_id) or (
                    "check the broker's limits for session timeouts and this worker's permissions"
                )
                await self.crash(Trouble(f"out of consumer group {self.conf.id}: {reason}; {advice}"))


def name_taken(reason: str, instance_id: str | None) -> str | None:
    """Say what is wrong if a group's refusal means that another member goes by our instance_id; else `None`.

    Args:
        reason: the client's error, as `repr` writes it.
        instance_id: of this worker.
    """
    # The client does not know that refusal (FENCED_INSTANCE_ID): to it, it is an unknown error.
    if instance_id is None or "UnknownError" not in reason:
        return None
    return (
        f"another worker seems to go by the instance_id {instance_id}: give each a name of its own "
        "(--instance-id, DUNNING_INSTANCE_ID)"
    )


class Revocations:
    """Counts how often partitions are taken away."""

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=MANY_REVOCATIONS)

    def are_many(self, now: float) -> bool:
        """Count one more at `now`, monotonic seconds; say whether they come too fast. Then the count begins anew."""
        self._at.append(now)
        if len(self._at) < MANY_REVOCATIONS or now - self._at[0] > MANY_WITHIN_S:
            return False
        self._at.clear()
        return True


class JournalFlow:
    """`streams.desk.Flow` on Faust's consumer.

    Faust's `pause_partitions` would lose pages: it drops what it has fetched of a partition that is paused. What
    is used here is made for full buffers, and delivers that first.
    """

    def __init__(self, app: AppT, journal: str) -> None:
        self._app = app
        self._journal = journal

    def hold(self, partition: int) -> None:
        """Fetch no more of a partition."""
        self._app.consumer.on_buffer_full(TP(self._journal, partition))

    def let_go(self, partition: int) -> None:
        """Fetch it again."""
        self._app.consumer.on_buffer_drop(TP(self._journal, partition))


def stranded(app: AppT) -> str | None:
    """Say why the consumer has left its group for good; `None` while it has not."""
    # Private names of Faust and aiokafka, held by a test of the pinned versions.
    consumer = getattr(getattr(app.consumer, "_thread", None), "_consumer", None)
    coordinator = getattr(consumer, "_coordinator", None)
    if coordinator is None:
        return None
    if coordinator._pending_exception is not None:  # noqa: SLF001
        return repr(coordinator._pending_exception)  # noqa: SLF001
    return "its coordinator task has ended" if coordinator._coordination_task.done() else None  # noqa: SLF001


def build_app(
    *,
    app_id: str,
    journal: str,
    client: Connection,
    desk: Desk,
    session_timeout_s: float,
    instance_id: str | None,
) -> DunningApp:
    """Build the app with its one agent.

    Args:
        app_id: the consumer group.
        journal: the journal's full name.
        client: how to reach the brokers.
        desk: where pages go.
        session_timeout_s: a silent worker loses its partitions after this.
        instance_id: for static membership; must be unique. `None` for a dynamic member.
    """
    app = DunningApp(
        app_id,
        broker=";".join(f"kafka://{address.strip()}" for address in client["bootstrap_servers"].split(",")),
        broker_credentials=_credentials(client),
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance_id,
        agent_supervisor="mode.CrashingSupervisor",  # the default restarts a crashed agent and skips a page
        stream_wait_empty=False,  # nothing is ever acknowledged, so nothing must be waited for
        table_standby_replicas=0,  # 1 selects Faust's own assignor even without tables
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_session_timeout=session_timeout_s,
        broker_heartbeat_interval=session_timeout_s / 3,
        broker_request_timeout=max(30.0, session_timeout_s + 5.0),
        broker_rebalance_timeout=max(REBALANCE_S, session_timeout_s),
        broker_max_poll_records=500,
        consumer_max_fetch_size=4 * 1024 * 1024,
        stream_buffer_maxsize=1024,  # pages, not events
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.desk = desk
    desk.flow = JournalFlow(app, journal)
    topic = app.topic(
        journal, acks=False, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw"
    )

    @app.agent(topic, concurrency=1, name="pages")
    async def pages(stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            # Faust turned the broker's milliseconds into seconds, as a float.
            page = Page(message.offset, round(message.timestamp * 1000), message.value)
            desk.hand_over(message.partition, page)

    revocations = Revocations()

    @app.on_partitions_revoked.connect
    async def on_revoked(*sent: Any, **_: Any) -> None:
        revoked: Collection[TP] = sent[1]
        _log.info("engine.revoked", partitions=sorted(tp.partition for tp in revoked))
        if revocations.are_many(time.monotonic()) and instance_id is not None:
            _log.warning(
                "engine.revoked_again_and_again",
                times=MANY_REVOCATIONS,
                within_s=MANY_WITHIN_S,
                advice=f"see that no other worker goes by the instance_id {instance_id} (DUNNING_INSTANCE_ID)",
            )
        await desk.revoke()

    @app.on_partitions_assigned.connect
    async def on_assigned(*sent: Any, **_: Any) -> None:
        assigned: Collection[TP] = sent[1]
        await desk.assign(tp.partition for tp in assigned if tp.topic == journal)

    return app


def _credentials(client: Connection) -> faust.SASLCredentials | faust.SSLCredentials | None:
    context = client.get("ssl_context")
    if "sasl_mechanism" in client:
        return faust.SASLCredentials(
            mechanism=client["sasl_mechanism"],
            username=client["sasl_plain_username"],
            password=client["sasl_plain_password"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
