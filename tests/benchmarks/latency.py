"""Idle latency: from an event that binds a new card to its retry request, as a committed reader sees it.

One rule: an open loop. Events are sent on a timetable, whatever becomes of the ones before, and the time counts
from the instant on the timetable, not from the send.
"""

import asyncio
import json
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from streams.broker import EmbeddedKafka
from streams.settings import Settings
from tests.benchmarks.figures import Report
from tests.benchmarks.machine import described
from tests.world import Wire, World, declined, issued, wire

RATE = 8.0  # events a second: idle
FLOOR_MEDIAN_MS, FLOOR_P99_MS = 40.0, 120.0
LATE_S = 30.0  # how long the last answers may take


def measure(*, quick: bool) -> Report:
    """Measure the engine, and what the broker alone takes."""
    with EmbeddedKafka() as kafka, tempfile.TemporaryDirectory(prefix="dunning-bench-") as logs:
        report = Report("latency", "python -m tests.benchmarks latency", quick, described(kafka.jars))
        asyncio.run(_measure(report, kafka.bootstrap, Path(logs), samples=20 if quick else 400))
    return report


async def _measure(report: Report, bootstrap: str, logs: Path, *, samples: int) -> None:
    name = f"b{secrets.token_hex(3)}-latency"
    settings = Settings(
        bootstrap=bootstrap,
        app_id=name,
        topic_prefix=f"{name}.",
        partitions=4,
        replication=1,
        metrics_port=0,
    )
    world = World(settings, logs)
    await world.create()
    try:
        worker = world.start("streams.cli.main", "worker")
        await worker.until_logged("partition.restored", times=settings.partitions)
        accounts = [f"acct-{number}" for number in range(samples)]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        opened = []
        for number, account in enumerate(accounts):
            opened += [issued(number, account, issued_at=now), _declined(number, account, now)]
        await world.until_settled(await world.publish(opened))
        ours = await _timed(
            world, "charge.retry_requested", [_bound(n, a, now) for n, a in enumerate(accounts)]
        )
        # What the broker takes by itself, at the same pace: a record in, the same record out.
        bare = await _timed(world, "dunning.command", [_bare(n, a) for n, a in enumerate(accounts)])
    finally:
        world.end_all()
    _tell(report, "new card bound -> request readable", ours)
    _tell(report, "one record through the broker (control)", bare)
    median, p99 = statistics.median(ours), _percentile(ours, 0.99)
    report.target("idle latency, median", median, "<=", FLOOR_MEDIAN_MS, "ms")
    report.target("idle latency, p99", p99, "<=", FLOOR_P99_MS, "ms")


def _tell(report: Report, name: str, found: Sequence[float]) -> None:
    report.figure(f"{name}: samples", "", [len(found)])
    report.figure(f"{name}: all", "ms", found)
    report.figure(f"{name}: p90", "ms", [_percentile(found, 0.90)])
    report.figure(f"{name}: p99", "ms", [_percentile(found, 0.99)])


async def _timed(world: World, topic: str, events: Sequence[Wire]) -> list[float]:
    """Send events on a timetable; give the milliseconds until each account's record is readable."""
    dice = random.Random(len(events))  # noqa: S311  # reproducible, not secret
    seen: dict[str, float] = {}
    async with _reader(world, topic) as reader, _sender(world) as sender:
        watching = asyncio.ensure_future(_watch(reader, seen, len(events)))
        intended: dict[str, float] = {}
        acks = []
        at = time.perf_counter() + 0.2
        for kind, value in events:
            at += dice.uniform(0.5, 1.5) / RATE
            await asyncio.sleep(max(0.0, at - time.perf_counter()))
            account_id = json.loads(value)["data"]["account_id"]
            intended[account_id] = at
            acks.append(await sender.send(world.name(kind), value, account_id.encode()))
        await asyncio.gather(*acks)
        await asyncio.wait_for(watching, LATE_S)
    return [(seen[account_id] - at) * 1000 for account_id, at in intended.items()]


async def _watch(reader: AIOKafkaConsumer, seen: dict[str, float], wanted: int) -> None:
    while len(seen) < wanted:
        found = await reader.getmany(timeout_ms=500)
        now = time.perf_counter()
        for records in found.values():
            for record in records:
                account_id = json.loads(record.value)["data"]["account_id"]
                assert account_id not in seen, f"a second request for {account_id}"
                seen[account_id] = now


@asynccontextmanager
async def _reader(world: World, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A committed reader that stands at the end of a topic."""
    reader = AIOKafkaConsumer(
        world.name(topic),
        bootstrap_servers=world.settings.bootstrap,
        isolation_level="read_committed",
        auto_offset_reset="latest",
        enable_auto_commit=False,
    )
    await reader.start()
    try:
        await reader.seek_to_end()
        for place in reader.assignment():
            await reader.position(place)
        yield reader
    finally:
        await reader.stop()


@asynccontextmanager
async def _sender(world: World) -> AsyncIterator[AIOKafkaProducer]:
    """A biller's producer as it comes: no linger."""
    sender = AIOKafkaProducer(bootstrap_servers=world.settings.bootstrap, acks="all")
    await sender.start()
    try:
        yield sender
    finally:
        await sender.stop()


def _declined(number: int, account: str, now: str) -> Wire:
    return _at(declined(number, account), now)


def _bound(number: int, account: str, now: str) -> Wire:
    data: dict[str, Any] = {
        "account_id": account,
        "change": "bound",
        "instrument": {"instrument_id": f"new-{account}", "type": "card"},
        "subscription_ids": [f"sub-{account}"],
    }
    return wire("payment_method.updated", f"b-{number}", data, now)


def _bare(number: int, account: str) -> Wire:
    """A record on a topic that nobody but us reads in the end; intake takes it too, and the engine ignores it."""
    data = {
        "account_id": account,
        "invoice_id": f"no-{number}",
        "command": "resume",
        "issued_by": "x",
        "reason": "x",
    }
    return wire("dunning.command", f"c-{number}", data)


def _at(event: Wire, now: str) -> Wire:
    kind, value = event
    return kind, json.dumps(json.loads(value) | {"time": now}).encode()


def _percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
