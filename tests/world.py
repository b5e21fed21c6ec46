"""Topics, worker processes and a judge for tests on a real broker.

The judge reads topics only: what committed readers see must be the fold of the journal, byte for byte.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from schemas.events import INPUT_TYPES
from schemas.pages import decode_page
from streams import topics as names
from streams.clients import connection
from streams.partition_record import decode_record
from streams.ports import PARTITION_KEY, Fold
from streams.replay import Verdict, replay_partition
from streams.settings import PREFIX, Settings
from streams.topics import create_topics, topic_name

PROJECT = Path(__file__).parent.parent

# Brokers stamp with today's time: a fixed date would one day be past the end of its window.
RECENTLY = f"{datetime.now(UTC) - timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}"

Wire = tuple[str, bytes]
"""Event type and structured CloudEvent."""


def declined(number: int, account: str) -> Wire:
    """A first decline of an invoice of its own."""
    return wire(
        "charge.declined",
        f"d-{number}",
        {
            "charge_id": f"ch-{number}",
            "invoice_id": f"in-{number}",
            "account_id": account,
            "subscription_id": f"sub-{account}",
            "instrument_id": f"card-{account}",
            "amount_minor": 1999,
            "currency": "EUR",
            "decline": {"code": "insufficient_funds", "dialect": "stripe"},
        },
    )


def issued(number: int, account: str, **more: Any) -> Wire:
    """An invoice of the same number as `declined` uses."""
    data = {
        "invoice_id": f"in-{number}",
        "account_id": account,
        "subscription_id": f"sub-{account}",
        "amount_minor": 1999,
        "currency": "EUR",
        "issued_at": RECENTLY,
    }
    return wire("invoice.issued", f"i-{number}", data | more)


def bound(number: int, account: str) -> Wire:
    """Another card, which is charged at once."""
    data = {
        "account_id": account,
        "change": "bound",
        "instrument": {"instrument_id": f"new-{account}", "type": "card"},
        "subscription_ids": [f"sub-{account}"],
    }
    return wire("payment_method.updated", f"b-{number}", data)


def wire(kind: str, id_: str, data: dict[str, Any], when: str = RECENTLY) -> Wire:
    """Wrap data into an event."""
    event = {"specversion": "1.0", "id": id_, "source": "test", "type": kind, "time": when, "data": data}
    return kind, json.dumps(event).encode()


class World:
    """One set of topics and the processes that work on them."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        self.settings = settings
        self.processes: list[Process] = []
        self._logs = logs
        self._logs.mkdir(exist_ok=True)

    async def create(self) -> None:
        await create_topics(self.settings)

    def start(self, *command: str) -> "Process":
        """Start `python -m command`; its settings are this world's, its output goes to a file."""
        log = self._logs / f"process-{len(self.processes)}.log"
        process = Process(command, self._environment(), log)
        self.processes.append(process)
        return process

    def end_all(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            process.kill()

    @contextlib.asynccontextmanager
    async def producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            **connection(self.settings), enable_idempotence=True, max_batch_size=500_000, linger_ms=2
        )
        await producer.start()
        try:
            yield producer
        finally:
            await producer.stop()

    async def publish(self, events: Iterable[Wire]) -> int:
        async with self.producer() as producer:
            acks = [await producer.send(self.name(kind), value) for kind, value in events]
            await asyncio.gather(*acks)
        return len(acks)

    def name(self, topic: str) -> str:
        return topic_name(self.settings, topic)

    async def read(self, topic: str, partition: int, isolation: str = "read_committed") -> list[Any]:
        """Read a partition from its beginning to its end."""
        place = TopicPartition(self.name(topic), partition)
        consumer = AIOKafkaConsumer(
            **connection(self.settings), isolation_level=isolation, enable_auto_commit=False
        )
        await consumer.start()
        try:
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            records: list[Any] = []
            while await consumer.position(place) < end:
                found = await consumer.getmany(place, timeout_ms=500)
                records += found.get(place, [])
            return records
        finally:
            await consumer.stop()

    async def read_all(self, topic: str) -> list[Any]:
        found = [await self.read(topic, partition) for partition in range(self.settings.partitions)]
        return [record for records in found for record in records]

    async def offset(self, group: str, topic: str, partition: int) -> int | None:
        """Read a group's committed offset."""
        consumer = AIOKafkaConsumer(**connection(self.settings), group_id=group, enable_auto_commit=False)
        await consumer.start()
        try:
            place = TopicPartition(self.name(topic), partition)
            consumer.assign([place])
            offset: int | None = await consumer.committed(place)
            return offset
        finally:
            await consumer.stop()

    async def until_settled(self, inputs: int, limit_s: float = 60.0) -> None:
        """Wait until all inputs are journalled and every page of the journal is applied."""

        async def is_settled() -> bool:
            return await self._is_taken_in(inputs) and await self._is_applied()

        await until(is_settled, limit_s, "everything to be applied", self.last_words)

    async def until_settled_input(self, inputs: int, limit_s: float = 30.0) -> None:
        """Wait until all inputs are journalled and their offsets committed."""

        async def is_settled() -> bool:
            return await self._is_taken_in(inputs)

        await until(is_settled, limit_s, "everything to be journalled", self.last_words)

    def last_words(self) -> str:
        return "\n".join(process.tail() for process in self.processes)

    async def _is_taken_in(self, inputs: int) -> bool:
        ends = await self._ends(INPUT_TYPES)
        return (
            await self._has_committed(f"{self.settings.app_id}-intake", ends) and sum(ends.values()) >= inputs
        )

    async def _is_applied(self) -> bool:
        return await self._has_committed(self.settings.app_id, await self._ends([names.JOURNAL]))

    async def _has_committed(self, group: str, ends: dict[TopicPartition, int]) -> bool:
        """Whether a group has committed all that is there."""
        admin = AIOKafkaAdminClient(**connection(self.settings))
        await admin.start()
        try:
            committed = await admin.list_consumer_group_offsets(group)
        finally:
            await admin.close()
        return all(
            not end or (place in committed and committed[place].offset >= end) for place, end in ends.items()
        )

    async def _ends(self, topics: Iterable[str]) -> dict[TopicPartition, int]:
        places = [
            TopicPartition(self.name(topic), partition)
            for topic in topics
            for partition in range(self.settings.partitions)
        ]
        consumer = AIOKafkaConsumer(**connection(self.settings))
        await consumer.start()
        try:
            ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
            return ends
        finally:
            await consumer.stop()

    def _environment(self) -> dict[str, str]:
        given = self.settings.model_dump(include=self.settings.model_fields_set)
        ours = {f"DUNNING_{name.upper()}": str(value) for name, value in given.items() if value is not None}
        theirs = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        return {**theirs, **ours, "DUNNING_LOG_FORMAT": "json", "PYTHONPATH": str(PROJECT)}


class Process:
    """A child process; only ever ended by its own pid."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command], env=environment, cwd=PROJECT, stdout=file, stderr=file
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        if self.is_running:
            self._process.kill()  # also ends a paused one
        self._process.wait(10)

    async def ended(self, limit_s: float = 20.0) -> int:
        """Wait for its end and give the exit code."""
        deadline = time.monotonic() + limit_s
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"still running after {limit_s} s:\n{self.tail()}"
            await asyncio.sleep(0.05)
        return self._process.returncode

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def tail(self) -> str:
        return "\n".join(self.text().splitlines()[-15:])

    async def until_logged(self, words: str, limit_s: float = 30.0, times: int = 1) -> None:
        """Wait until its log holds `words`, as often as that."""

        async def is_logged() -> bool:
            assert self.is_running or words in self.text(), f"ended early:\n{self.tail()}"
            return self.text().count(words) >= times

        await until(is_logged, limit_s, f"{words!r} in the log", self.tail)


async def until(
    condition: Callable[[], Any], limit_s: float, what: str, last_words: Callable[[], str]
) -> None:
    """Wait for a condition, with a bound."""
    deadline = time.monotonic() + limit_s
    while not await condition():
        assert time.monotonic() < deadline, f"waited {limit_s} s for {what}\n{last_words()}"
        await asyncio.sleep(0.1)


async def judge(world: World, new_fold: Callable[[], Fold], sent: set[str], outputs: Sequence[str]) -> int:
    """Hold outputs, state and offsets against the journal, folded here once more.

    Args:
        new_fold: makes the engine that the workers ran.
        sent: the ids of all published events; each must be in the journal.
        outputs: the contract's names of the output topics.

    Returns:
        How many output events were compared.
    """
    journalled: set[str] = set()
    compared = 0
    for partition in range(world.settings.partitions):
        pages = await world.read(names.JOURNAL, partition)
        assert [page.offset for page in pages] == list(range(len(pages))), "the journal's offsets have a gap"
        journalled.update(event.id for page in pages for event in decode_page(page.value))
        found = await replay_partition(world.settings, partition, new_fold, outputs, with_state=True)
        if found.verdict is not Verdict.IDENTICAL:
            # Read once more: whether the topic or the reading is at fault is the first question of whoever looks.
            again = await replay_partition(world.settings, partition, new_fold, outputs, with_state=True)
            told = [
                [(one.topic, one.expected, one.found, one.counts) for one in run.tallies]
                for run in (found, again)
            ]
            pytest.fail(
                f"partition {partition} differs, read twice: {told}; first {found.first}, then {again.first}"
            )
        assert found.applied == found.pages == len(pages)
        compared += sum(tally.equal for tally in found.tallies)
        chain_at = 0
        for record in await world.read(names.STATE, partition):
            if record.key == PARTITION_KEY:
                applied = decode_record(record.value)
                assert applied.begins_at == chain_at, "the line of owners is broken"
                chain_at = applied.applied_offset + 1
        assert chain_at == len(pages)
        if pages:
            assert await world.offset(world.settings.app_id, names.JOURNAL, partition) == len(pages)
    assert sent <= journalled, f"{len(sent - journalled)} events were lost on their way to the journal"
    return compared
