"""One worker process: intake, engine or both, with their clients and the health page, wired in one place.

One rule: whatever crashes, the whole process stops with a reason and exit code 1. A restart continues from
what the broker holds.
"""

import asyncio
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from aiokafka.record.default_records import DefaultRecordBatch
from faust.types import TP
from mode import Service

from schemas.decisions import DeadLetter
from schemas.pages import PageError
from streams import topics as names
from streams.app import build_app, name_taken
from streams.appender import Appender
from streams.clients import LastError, connection, unreachable
from streams.clock import SystemClock
from streams.collector import look_seldom
from streams.desk import Desk
from streams.errors import Trouble
from streams.health import HealthPage
from streams.input_topics import InputTopics
from streams.intake import Intake, IntakePlan
from streams.journal_watch import JournalEnds, JournalWatch
from streams.ledger import KafkaLedger, LedgerTopics
from streams.library_lines import LibraryLines
from streams.metrics import EngineGauges, IntakeGauges, Meters
from streams.page_queue import PageQueue
from streams.partition import Committed, Limits, PartitionWorker
from streams.policy_sync import sync_policies
from streams.ports import Broken, Fold, Unsettled
from streams.settings import Settings
from streams.topics import require_topics, topic_name

_log = structlog.get_logger()

STOP_S = 20.0  # a stop that takes longer is given up; nothing is lost by it


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a process is to do.

    `new_fold` is `None` for a process without an engine; `policies` is a policy file's content, or `None`
    to leave in force what is in force.
    """

    settings: Settings
    with_intake: bool
    new_fold: Callable[[], Fold] | None
    policies: dict[str, Any] | None


def run(plan: Plan) -> None:
    """Run a worker until it is told to stop (SIGTERM, SIGINT).

    Raises:
        Trouble: it could not start, or crashed; one line says why.
        Misuse: a setting is wrong.
    """
    require_fast_client()
    look_seldom()
    for handler in logging.getLogger().handlers:
        handler.addFilter(LibraryLines())
    asyncio.run(_run(plan))


def require_fast_client() -> None:
    """Refuse a Kafka client without its C extension: the checksums alone would cost 61 µs a record.

    Raises:
        Trouble: the extension is missing.
    """
    if "_crecords" not in DefaultRecordBatch.__module__:
        raise Trouble("aiokafka was installed without its C extension: install a wheel for this platform")


async def _run(plan: Plan) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    process = WorkerProcess(plan)
    starting = asyncio.ensure_future(_start(process, plan.settings))
    ends = {asyncio.ensure_future(stop.wait()), asyncio.ensure_future(process.wait_until_stopped())}
    await asyncio.wait({starting, *ends}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and starting.exception() is None:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for task in (starting, *ends):
        task.cancel()
    await asyncio.wait({starting, *ends})
    if process.started:
        _log.info("worker.stopping")
    try:
        await asyncio.wait_for(process.stop(), STOP_S)
    except TimeoutError:
        _log.warning("worker.stop_given_up", seconds=STOP_S)
    # From here on the exit code is decided; the loop's end would give a second signal back its deadly default.
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    reason = process.crash_reason or (None if starting.cancelled() else starting.exception())
    if reason is not None:
        raise _told(reason, plan.settings) from reason


async def _start(process: "WorkerProcess", settings: Settings) -> None:
    await require_topics(settings)
    await process.start()


def _told(reason: BaseException, settings: Settings) -> BaseException:
    """Turn what crashed the process into one line for a person."""
    if isinstance(reason, Trouble):
        return reason
    if isinstance(reason, Broken | Unsettled):
        if not isinstance(reason.__cause__, KafkaError | OSError | PageError | None):
            _log.error("worker.crashed", exc_info=reason)  # a mistake of ours: where it happened matters
        return Trouble(str(reason))
    if isinstance(reason, KafkaError):
        advice = (
            name_taken(repr(reason), settings.instance_id) or "check the broker, then start the worker again"
        )
        return Trouble(f"{settings.bootstrap}: {reason!r}; {advice}")
    _log.error("worker.crashed", exc_info=reason)
    return Trouble(f"{type(reason).__name__}: {reason}; please report it")


class WorkerProcess(Service):
    """The root of the services of one process.

    Args:
        plan: what to do.
    """

    mundane_level = "debug"

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.meters = Meters()
        self._plan = plan
        self._settings = plan.settings
        self._client = connection(plan.settings)
        self._clock = SystemClock()
        self._parts_not_ready: list[Callable[[], str | None]] = []
        self.health: HealthPage | None = None
        self._appender: Appender | None = None

    async def on_start(self) -> None:
        """Connect, tell the policies, then start the parts."""
        settings = self._settings
        self.health = HealthPage(
            settings.metrics_host, settings.metrics_port, self.meters.registry, self._not_ready
        )
        await self.add_runtime_dependency(self.health)
        self._appender = appender = Appender(self._client)
        with LastError() as last:
            try:
                await appender.start()
            except KafkaError as error:
                raise Trouble(unreachable(settings, last.cause)) from error
        if self._plan.with_intake and self._plan.policies is not None:
            await sync_policies(
                self._plan.policies,
                journal=topic_name(settings, names.JOURNAL),
                group_id=f"{settings.app_id}-policies",
                client=self._client,
                appender=appender,
                clock=self._clock,
            )
        parts: list[Service] = []
        if self._plan.with_intake:
            parts.append(await self._intake(appender))
        if self._plan.new_fold is not None:
            parts += self._engine(appender, self._plan.new_fold)
        for part in parts:
            await self.add_runtime_dependency(part)

    async def on_shutdown(self) -> None:
        """Disconnect, after the parts have stopped."""
        if self._appender is not None:
            await self._appender.stop()

    def _not_ready(self) -> str | None:
        if not self._parts_not_ready:
            return "starting"
        return next(filter(None, (part() for part in self._parts_not_ready)), None)

    async def _intake(self, appender: Appender) -> "IntakeService":
        settings = self._settings
        journal = topic_name(settings, names.JOURNAL)
        plan = IntakePlan(
            journal=journal,
            dead_letters=topic_name(settings, DeadLetter.TYPE),
            inputs={topic_name(settings, name): name for name in names.INPUTS},
            partitions=await appender.partitions(journal),
            exempt=frozenset(settings.card_number_exempt_fields),
            linger_s=settings.intake_linger_ms / 1000,
            page_events=settings.intake_page_events,
            page_bytes=settings.intake_page_bytes,
        )
        source = InputTopics(
            list(plan.inputs),
            group_id=f"{settings.app_id}-intake",
            client=self._client,
            session_timeout_ms=settings.session_timeout_ms,
            instance_id=settings.instance_id,
        )
        self.meters.registry.register(IntakeGauges(lambda: source.lag))
        self._parts_not_ready.append(lambda: None if source.is_assigned else "intake: not in its group yet")
        intake = Intake(
            plan, source=source, sink=appender, clock=self._clock, journalled=self.meters.journalled
        )
        return IntakeService(source, intake)

    def _engine(self, appender: Appender, new_fold: Callable[[], Fold]) -> Sequence[Service]:
        settings = self._settings
        journal = topic_name(settings, names.JOURNAL)
        session_s = settings.session_timeout_ms / 1000
        limits = Limits(
            batch_bytes=settings.engine_batch_bytes,
            batch_s=settings.engine_batch_ms / 1000,
            fenced_pause_s=session_s * 0.75,  # two heartbeats, and a little
            patience_s=max(60.0, session_s * 4),
        )
        topics = LedgerTopics(
            journal=journal,
            state=topic_name(settings, names.STATE),
            outputs={name: topic_name(settings, name) for name in names.OUTPUTS},
        )

        def hire(partition: int, queue: PageQueue) -> PartitionWorker:
            return PartitionWorker(
                partition,
                queue=queue,
                open_ledger=lambda: KafkaLedger(
                    partition, group_id=settings.app_id, topics=topics, client=self._client, appender=appender
                ),
                new_fold=new_fold,
                clock=self._clock,
                committed=self._committed,
                limits=limits,
                deliver_again=lambda offset: app.consumer.seek(TP(journal, partition), offset),
            )

        desk = Desk(hire, lambda: PageQueue(limits.queue_bytes))
        app = build_app(
            app_id=settings.app_id,
            journal=journal,
            client=self._client,
            desk=desk,
            session_timeout_s=session_s,
            instance_id=settings.instance_id,
        )
        watch = JournalWatch(
            lambda: desk.workers,
            JournalEnds(journal, self._client),
            is_rebalancing=lambda: app.rebalancing,
            clock=self._clock,
        )
        self.meters.registry.register(EngineGauges(lambda: desk.workers, watch.end, self._clock))
        self._parts_not_ready += [lambda: desk.not_ready, lambda: watch.not_ready]
        return watch, app

    def _committed(self, told: Committed) -> None:
        self.meters.committed(told)
        if not _log.isEnabledFor(logging.DEBUG):
            return
        for note in told.notes:
            _log.debug(
                "case.decided",
                account_id=note.account_id,
                invoice_id=note.invoice_id,
                request_id=note.request_id,
                trigger=note.trigger,
                reason=note.reason,
            )


class IntakeService(Service):
    """Runs intake as long as the process lives."""

    mundane_level = "debug"

    def __init__(self, source: InputTopics, intake: Intake) -> None:
        super().__init__()
        self._source = source
        self._intake = intake

    async def on_start(self) -> None:
        """Join the group and begin."""
        await self._source.start()
        self.add_future(self._intake.run())

    async def on_shutdown(self) -> None:
        """Leave the group, after the loop has ended."""
        await self._source.stop()
