"""The broker, the topics and the lanes of the races: our processes, Faust's table way, Quix Streams, a bare loop.

One rule: every contender gets the same bytes under the same keys; whoever needs one topic gets one topic.
"""

import contextlib
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from schemas.events import INPUT_TYPES
from schemas.pages import TICK
from schemas.writing import OUTPUT_TYPES
from streams import topics as names
from streams.broker import EmbeddedKafka
from streams.settings import Settings
from streams.topics import create_topics, topic_name
from tests.benchmarks.feeding import (
    Broker,
    Feeding,
    connected,
    on_one_topic,
    on_one_topic_as_pages,
    on_the_journal,
    on_their_topics,
)
from tests.benchmarks.lanes import Contestant, Lane
from tests.benchmarks.machine import described, pin, sides
from tests.benchmarks.workload import Workload
from tests.world import PROJECT

PARTITIONS = 4
PAGE_EVENTS = 200
ACCOUNTS = 50_000
RIVALS = Path(__file__).parent / "rivals"
RIVALS_PYTHON = PROJECT / ".venv" / "rivals" / "bin" / "python"


@dataclass(slots=True)
class Arena:
    """A broker with room for several contenders."""

    broker: Broker
    logs: Path
    machine: dict[str, Any]
    accounts: int = ACCOUNTS

    # ---- ours ----

    async def ours(self, label: str, *commands: tuple[str, ...], events: int) -> Lane:
        """Our processes (`dunning …` commands), from the input topics on, or from the journal on."""
        settings = await self._settings(label)
        is_fed_by_journal = all("--no-intake" in command for command in commands)
        has_engine = any("worker" in command for command in commands)
        journal = topic_name(settings, names.JOURNAL)
        inputs = {kind: topic_name(settings, kind) for kind in INPUT_TYPES}
        books = self.books()

        def start() -> list[Contestant]:
            return [
                Contestant(
                    ("-m", "streams.cli.main", *command),
                    _environment(settings),
                    self._log(f"{label}-{command[0]}"),
                )
                for command in commands
            ]

        async def feed(events: int) -> int:
            told = next(books).take(events)
            if is_fed_by_journal:
                await self.broker.fill(on_the_journal(told, journal, PARTITIONS, PAGE_EVENTS))
            else:
                await self.broker.fill(on_their_topics(told, inputs, PARTITIONS))
            return events

        async def is_done() -> bool:
            if not is_fed_by_journal:
                for topic in inputs.values():
                    if not await self.broker.is_consumed(f"{settings.app_id}-intake", topic, PARTITIONS):
                        return False
            return not has_engine or await self.broker.is_consumed(settings.app_id, journal, PARTITIONS)

        return Lane(label, start, feed, is_done, events)

    async def _settings(self, label: str) -> Settings:
        name = self._unique(label)
        settings = Settings(
            bootstrap=self.broker.bootstrap,
            app_id=name,
            topic_prefix=f"{name}.",
            partitions=PARTITIONS,
            replication=1,
            session_timeout_ms=60_000,  # they are paused while their topics are filled
            metrics_port=0,
        )
        await create_topics(settings)
        return settings

    # ---- rivals ----

    async def rival(
        self,
        label: str,
        script: str,
        *,
        events: int,
        feeding: Feeding = on_one_topic,
        also_writes: Iterable[str] = (),
        python: Path | None = None,
    ) -> Lane:
        """A rival's program: reads one topic, and answers every record on another one, or every empty page.

        Args:
            label: what it is called in the report.
            script: its file in `rivals/`.
            events: in one repetition.
            feeding: how events become records of its topic.
            also_writes: further topics, which begin with its name.
            python: the interpreter of another environment.
        """
        name = self._unique(label)
        input_topic, output_topic = f"{name}.input", f"{name}.output"
        await self._create(input_topic, output_topic, *(f"{name}.{topic}" for topic in also_writes))
        books = self.books()
        fed = 0

        def start() -> list[Contestant]:
            log = self._log(label)
            environment = {
                "RIVAL_BOOTSTRAP": self.broker.bootstrap,
                "RIVAL_NAME": name,
                "RIVAL_INPUT": input_topic,
                "RIVAL_OUTPUT": output_topic,
                "RIVAL_PARTITIONS": str(PARTITIONS),
                "RIVAL_DATA": str(log.with_suffix(".data")),
            }
            command = (str(RIVALS / script),)
            if python is None:
                return [Contestant(command, environment, log)]
            return [Contestant(command, environment, log, str(python))]

        async def feed(events: int) -> int:
            nonlocal fed
            records = list(feeding(next(books).take(events), input_topic, PARTITIONS))
            await self.broker.fill(records)
            fed += sum(value == TICK for *_, value in records) or len(records)
            return events

        async def is_done() -> bool:
            written = await self.broker.length(output_topic, PARTITIONS)
            assert written <= fed, f"{label}: {written} answers to {fed} records"
            return written == fed

        return Lane(label, start, feed, is_done, events)

    async def faust_count(self, *, events: int) -> Lane:
        """Faust's own way with the least work: a table and a send for each event."""
        return await self.rival("Faust table + send, a count", "faust_count.py", events=events)

    async def faust_decisions(self, *, events: int) -> Lane:
        """Faust's own way with our work: the same fold, its rows in a table, a send for each output."""
        return await self.rival(
            "Faust table + send, our decisions",
            "faust_decisions.py",
            events=events,
            feeding=on_one_topic_as_pages,
            also_writes=OUTPUT_TYPES,
        )

    async def quix(self, *, events: int) -> Lane:
        """Quix Streams: a stateful count and an output for each event."""
        assert RIVALS_PYTHON.exists(), f"{RIVALS_PYTHON.name} of the rivals is missing: run `make bench`"
        return await self.rival("Quix Streams count", "quix_count.py", events=events, python=RIVALS_PYTHON)

    async def bare_copy(self, *, events: int) -> Lane:
        """The control: read and `send`, no state, no checks."""
        return await self.rival("bare aiokafka copy (control)", "bare_copy.py", events=events)

    # ---- what both need ----

    def books(self) -> Iterator[Workload]:
        """The same events for everyone, they begin five minutes ago; each repetition is about other payers.

        So every repetition is the same work on top of what is there, and none goes on where the last one ended.
        """
        for number in count(1):
            yield Workload(
                accounts=self.accounts,
                begins_at=datetime.now(UTC) - timedelta(minutes=5),
                step=timedelta(microseconds=100),
                book=f"b{number}_",
            )

    async def _create(self, *topics: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        await admin.start()
        try:
            await admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in topics])
        finally:
            await admin.close()

    def _unique(self, label: str) -> str:
        words = "".join(letter if letter.isalnum() else "-" for letter in label.lower())
        return f"b{secrets.token_hex(3)}-{words}"

    def _log(self, label: str) -> Path:
        name = "".join(letter if letter.isalnum() else "-" for letter in label)
        return self.logs / f"{name}.log"


def _environment(settings: Settings) -> dict[str, str]:
    given = settings.model_dump(include=settings.model_fields_set)
    return {f"DUNNING_{name.upper()}": str(value) for name, value in given.items() if value is not None} | {
        "DUNNING_LOG_FORMAT": "json"
    }


@asynccontextmanager
async def arena(bootstrap: str | None = None) -> AsyncIterator[Arena]:
    """Start a broker of its own on one core, and leave the others to the contenders.

    Args:
        bootstrap: a broker that runs already, which is used instead and left where it is.
    """
    with contextlib.ExitStack() as cleanup:
        logs = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="dunning-bench-"))
        machine = described()
        if bootstrap is None:
            kafka = cleanup.enter_context(EmbeddedKafka())
            pin(kafka.pid, sides()[0])
            bootstrap, machine = kafka.bootstrap, described(kafka.jars)
        async with connected(bootstrap) as broker:
            yield Arena(broker, Path(logs), machine)
