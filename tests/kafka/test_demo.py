"""The demo's judge on real topics, and what is left of a demo that is stopped half-way."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil
import pytest
from aiokafka import AIOKafkaProducer

from dunning.engine import Engine
from schemas.decisions import RetryRequested
from schemas.pages import decode_page, encode_page
from schemas.writing import read_written, written_event
from streams.clients import admin_client, connection
from streams.demo import biller
from streams.demo.biller import Fact, Publisher, fact
from streams.demo.charges import Charge, ChargeMemory
from streams.demo.evidence import Evidence, read_evidence
from streams.demo.executor import answers
from streams.demo.stories import Kind, write_stories
from streams.demo.verdict import Verdict, judge
from streams.rules import load_rules
from streams.settings import Settings
from streams.topics import JOURNAL, create_topics, topic_name

PROJECT = Path(__file__).parents[2]


class Bench:
    """One partition of real topics with the engine in this very process: pages in, decisions out."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.charges: list[Charge] = []
        self.stories = [story for story in write_stories(60, seed=3) if story.kind is Kind.NEW_CARD]
        self._memory = ChargeMemory({story.invoice_id: dict(story.answers) for story in self.stories})
        self._engine = Engine(load_rules())
        self._publisher = Publisher(settings)
        self.producer = AIOKafkaProducer(**connection(settings))
        self.transactions = AIOKafkaProducer(**connection(settings), transactional_id=settings.app_id)

    async def __aenter__(self) -> Self:
        for client in (self._publisher, self.producer, self.transactions):
            await client.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for client in (self._publisher, self.producer, self.transactions):
            await client.stop()

    async def page(self, facts: Sequence[Fact]) -> None:
        """Publish, journal, decide with the broker's own stamp, and answer the requests."""
        await self._publisher.publish(facts)
        value = encode_page([one.value for one in facts])
        page = await self.producer.send_and_wait(topic_name(self.settings, JOURNAL), value, partition=0)
        step = self._engine.fold(decode_page(value), page.timestamp * 1000)
        async with self.transactions.transaction():
            for output in step.outputs:
                await self.write(self.transactions, output.topic, output.value)
        told = [read_written(output.value).data for output in step.outputs]
        replies = []
        for request in (data for data in told if isinstance(data, RetryRequested)):
            charge = self._memory.execute(request, page.timestamp * 1000 + 20_000)
            self.charges.append(charge)
            replies += [
                fact("executor", f"{data.TYPE}/{request.request_id}", data)
                for data in answers(request, charge)
            ]
        if replies:
            await self.page(replies)

    async def write(self, producer: AIOKafkaProducer, topic: str, value: bytes) -> None:
        await (await producer.send(topic_name(self.settings, topic), value, partition=0))

    async def evidence(self) -> Evidence:
        return await read_evidence(self.settings, tuple(self.charges))

    async def verdict(self) -> Verdict:
        return judge(await self.evidence())


def broken(verdict: Verdict) -> dict[str, tuple[str, ...]]:
    return {check.promise: check.faults for check in verdict.checks if check.faults}


async def test_real_topics_are_judged_and_a_planted_duplicate_is_found(settings: Settings) -> None:
    await create_topics(settings)
    async with Bench(settings) as bench:
        stories = bench.stories
        await bench.page([biller.signed_up(story) for story in stories])
        for story in stories:
            await bench.page(biller.first_bill(story))
        await bench.page([biller.card_added(story) for story in stories])
        for story in stories:
            await bench.page([biller.card_bound(story)])
        before = await bench.verdict()
        assert before.requests["instrument_bound"] == len(stories)
        assert before.notices["instrument_added_not_bound"] == len(stories)
        still_open = len(stories) - before.outcomes["paid"]
        assert len(broken(before).get("cases left open", ())) == still_open
        assert broken(before).keys() <= {"cases left open"}

        # A request that was written in a transaction that was given up is none.
        doubled = (await bench.evidence()).requests[0]
        value = written_event(doubled.type, doubled.id, doubled.time, doubled.data)
        with pytest.raises(ZeroDivisionError):
            async with bench.transactions.transaction():
                await bench.write(bench.transactions, doubled.type, value)
                raise ZeroDivisionError
        assert broken(await bench.verdict()) == broken(before)

        await bench.write(bench.producer, doubled.type, value)
        after = await bench.verdict()
        assert broken(after)["duplicates requested"] == (f"{doubled.data.request_id}: requested 2 times",)
        assert not after.holds


async def demo_topics(settings: Settings) -> set[str]:
    async with admin_client(settings) as admin:
        return {
            name for name in await admin.list_topics() if "demo-" in name and settings.topic_prefix in name
        }


def _start(command: list[str], output: Path) -> "subprocess.Popen[bytes]":
    """Start the program; its temporary files go beside its output."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DUNNING_")}
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "streams.cli.main", *command],
            cwd=PROJECT,
            env=environ | {"TMPDIR": str(output.parent)},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_demo_that_is_stopped_leaves_nothing_behind(
    settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    command = [
        *("demo", "--bootstrap", settings.bootstrap, "--replication", "1", "--subscriptions", "20"),
        *("--topic-prefix", settings.topic_prefix),
    ]
    output = tmp_path / "output"
    process = _start(command, output)
    try:
        deadline = time.monotonic() + 90
        while "have signed up" not in output.read_text():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            await asyncio.sleep(0.1)
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) == 3, "two workers and the executor"
        assert await demo_topics(settings)
        process.send_signal(number)
        exit_code = await asyncio.to_thread(process.wait, 40)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if number is signal.SIGKILL:
        gone, alive = await asyncio.to_thread(psutil.wait_procs, children, 30)
        assert (len(gone), alive) == (3, [])  # files and topics it could not remove
        return
    assert exit_code == 1
    assert output.read_text().splitlines()[-1] == "dunning: interrupted"
    assert not any(child.is_running() for child in children)
    assert _names(tmp_path) == ["output"]
    deadline = time.monotonic() + 20
    while await demo_topics(settings):  # a broker deletes in its own time
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
