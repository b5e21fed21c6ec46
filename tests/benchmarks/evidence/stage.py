"""The stage of the evidence: a broker, three topics of one partition, and a Faust app that is killed and restarted.

One rule: what is told is read from the broker, never from the app.
"""

import asyncio
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from streams.broker import EmbeddedKafka
from tests.benchmarks.lanes import Contestant

APP = Path(__file__).parent / "history_app.py"
LIMIT_S = 60.0


class Stage:
    """The broker's side of the story."""

    def __init__(self, bootstrap: str, folder: Path, name: str) -> None:
        self.name = name
        self.input, self.output = f"{name}-payments", f"{name}-known"
        self.changelog = f"{name}-history-changelog"
        self._bootstrap = bootstrap
        self._folder = folder
        self._apps: list[Contestant] = []

    async def create(self, changelog_bytes: int) -> None:
        """Make the topics; records of the changelog may have so many bytes."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        changelog = {"cleanup.policy": "compact", "max.message.bytes": str(changelog_bytes)}
        await admin.create_topics(
            [
                NewTopic(self.input, 1, 1),
                NewTopic(self.output, 1, 1),
                NewTopic(self.changelog, 1, 1, topic_configs=changelog),
            ]
        )
        await admin.close()

    def start(self, **settings: str) -> Contestant:
        """Start the app."""
        log = self._folder / f"app-{len(self._apps)}.log"
        environment = {
            "EVIDENCE_NAME": self.name,
            "EVIDENCE_BOOTSTRAP": self._bootstrap,
            "EVIDENCE_INPUT": self.input,
            "EVIDENCE_OUTPUT": self.output,
            "EVIDENCE_DATA": str(log.with_suffix(".data")),
        }
        app = Contestant((str(APP),), environment | settings, log)
        self._apps.append(app)
        return app

    def end_all(self) -> None:
        """Stop what still runs."""
        for app in self._apps:
            app.end()

    async def publish(self, first: int, count: int, size: int) -> None:
        """Write payments of one account, each of `size` bytes."""
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, enable_idempotence=True)
        await producer.start()
        for number in range(first, first + count):
            await producer.send_and_wait(
                self.input, f"payment-{number} ".ljust(size, ".").encode(), b"account-1"
            )
        await producer.stop()

    async def told(self) -> list[int]:
        """What the app has written, as a committed reader sees it: how many payments it knew of, each time."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, isolation_level="read_committed", enable_auto_commit=False
        )
        await consumer.start()
        try:
            place = TopicPartition(self.output, 0)
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            found: list[int] = []
            while await consumer.position(place) < end:
                records = await consumer.getmany(place, timeout_ms=200)
                found += [int(record.value) for record in records.get(place, [])]
            return found
        finally:
            await consumer.stop()

    async def committed(self) -> int | None:
        """The app's committed offset."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap, group_id=self.name, enable_auto_commit=False
        )
        await consumer.start()
        try:
            place = TopicPartition(self.input, 0)
            consumer.assign([place])
            offset: int | None = await consumer.committed(place)
            return offset
        finally:
            await consumer.stop()

    async def until(self, condition: Callable[[], Awaitable[bool]], app: Contestant, what: str) -> None:
        """Wait for something, with a bound."""
        deadline = time.monotonic() + LIMIT_S
        while True:
            app.check()
            try:
                if await condition():
                    return
            except KafkaError:
                pass  # the topic's leader or the group's coordinator is not there yet
            assert time.monotonic() < deadline, f"waited {LIMIT_S} s for {what}:\n{app.tail()}"
            await asyncio.sleep(0.2)

    async def until_told(self, count: int, app: Contestant) -> list[int]:
        """Wait until the app has written so many records."""

        async def is_told() -> bool:
            return len(await self.told()) >= count

        await self.until(is_told, app, f"{count} outputs")
        return await self.told()


def kill(app: Contestant) -> None:
    """Kill it as a power cut would."""
    app.send(signal.SIGKILL)
    app.end()


@asynccontextmanager
async def stage(name: str) -> AsyncIterator[Stage]:
    """Set the stage for the length of a block."""
    with EmbeddedKafka() as kafka, tempfile.TemporaryDirectory(prefix="dunning-evidence-") as folder:
        place = Stage(kafka.bootstrap, Path(folder), name)
        try:
            yield place
        finally:
            place.end_all()
