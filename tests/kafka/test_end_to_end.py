"""The whole path on a real broker: events in, requests out, through `dunning worker` as it is."""

import asyncio
import functools
import json
import signal
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from dunning.engine import Engine
from streams.rules import load_rules
from streams.settings import Settings
from streams.topics import OUTPUTS
from tests.world import Process, World, bound, declined, issued, judge

WORKER = ("streams.cli.main", "worker")
RESTORED = "partition.restored"
DECIDED = tuple(topic for topic in OUTPUTS if topic != "dunning.dead_letter")


@pytest.fixture
def world(settings: Settings, tmp_path: Path) -> World:
    return World(settings, tmp_path / "logs")


async def get(worker: Process, path: str) -> tuple[int, str]:
    """Ask the health page; its port stands in the log."""
    line = next(line for line in worker.text().splitlines() if "health.listening" in line)
    url = f"http://127.0.0.1:{json.loads(line)['port']}{path}"

    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # loopback
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    return await asyncio.to_thread(fetch)


async def test_declines_become_requests_exactly_once_across_a_restart(world: World) -> None:
    await world.create()
    accounts = [f"acct-{number}" for number in range(60)]
    first = [
        event for n, account in enumerate(accounts) for event in (issued(n, account), declined(n, account))
    ]
    second = [bound(number, account) for number, account in enumerate(accounts)]
    try:
        worker = world.start(*WORKER)
        await worker.until_logged(RESTORED, times=2)
        published = await world.publish(first)
        await world.until_settled(published)
        assert (await get(worker, "/livez"))[0] == 200
        assert (await get(worker, "/readyz"))[0] == 200
        _, metrics = await get(worker, "/metrics")
        assert "dunning_events_journalled_total 120.0" in metrics
        assert 'dunning_journal_lag{partition="0"} 0.0' in metrics
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0

        published += await world.publish(second)
        published += await world.publish(second)  # told twice
        again = world.start(*WORKER)
        await again.until_logged(RESTORED, times=2)
        await world.until_settled(published)
        again.send(signal.SIGTERM)
        assert await again.ended() == 0
    finally:
        world.end_all()

    requests = [json.loads(record.value) for record in await world.read_all("charge.retry_requested")]
    asked = Counter(request["data"]["invoice_id"] for request in requests)
    assert set(asked) == {f"in-{number}" for number in range(60)}
    restarts = [request for request in requests if request["data"]["reason"] == "instrument_bound"]
    assert len(restarts) == 60, "one immediate attempt for each bound card"
    assert len({request["id"] for request in requests}) == len(requests)
    ids = {json.loads(value)["id"] for _, value in first + second}
    assert await judge(world, functools.partial(Engine, load_rules()), ids, DECIDED) > 60


async def test_each_decision_is_one_log_line_that_names_its_request(world: World) -> None:
    await world.create()
    try:
        worker = world.start(*WORKER, "--log-level", "debug")
        await worker.until_logged(RESTORED, times=2)
        published = await world.publish([issued(1, "a-1"), declined(1, "a-1")])
        await world.until_settled(published)
        # Topics are read in no order among themselves: bound before it was declined, nothing would be asked for.
        await world.until_settled(published + await world.publish([bound(1, "a-1")]))
    finally:
        world.end_all()
    told = [json.loads(line) for line in worker.text().splitlines() if '"case.decided"' in line]
    assert {line["trigger"] for line in told} >= {
        "invoice.issued",
        "charge.declined",
        "payment_method.updated",
    }
    for line in told:
        assert line.keys() >= {"account_id", "invoice_id", "request_id", "trigger", "reason"}
    requests = [json.loads(record.value) for record in await world.read_all("charge.retry_requested")]
    asked = {request["data"]["request_id"] for request in requests}
    assert asked
    assert {line["request_id"] for line in told} - {None} == asked


async def test_a_policy_file_reaches_every_partition_once_and_only_when_it_changes(
    world: World, tmp_path: Path
) -> None:
    await world.create()
    policy = tmp_path / "policy.yaml"

    async def run_with(text: str) -> None:
        policy.write_text(text)
        worker = world.start("streams.cli.main", "intake", "--policy-file", str(policy))
        await worker.until_logged("intake.assigned")
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0

    async def told() -> list[list[object]]:
        pages = [await world.read("dunning.journal", partition) for partition in range(2)]
        return [
            [
                event["data"]["policies"]["policies"]["standard"]["window"]["length"]
                for event in json.loads(page.value)["events"]
            ]
            for partition in pages
            for page in partition
        ]

    short = "policies: {standard: {window: {length: 10}, ladder: {steps: [1, 3]}}}"
    long = "policies: {standard: {window: {length: 20}, ladder: {steps: [1, 3]}}}"
    try:
        await run_with(short)
        await run_with(short)
        assert await told() == [[10], [10]]
        await run_with(long)
        await run_with(short)
        assert await told() == [[10], [20], [10]] * 2
    finally:
        world.end_all()


async def test_wrong_topics_are_refused_by_name(world: World) -> None:
    await world.create()
    world.settings = world.settings.model_copy(update={"partitions": 3})
    try:
        worker = world.start(*WORKER, "--partitions", "3")
        assert await worker.ended(limit_s=30) == 1
    finally:
        world.end_all()
    assert "dunning.journal: partitions is 2, should be 3" in worker.text()
    assert "Traceback" not in worker.text()


async def test_no_broker_is_one_line_within_seconds(world: World) -> None:
    try:
        worker = world.start(*WORKER, "--bootstrap", "127.0.0.1:9")
        assert await worker.ended(limit_s=20) == 1
    finally:
        world.end_all()
    [line] = worker.text().strip().splitlines()
    assert line.startswith("dunning: ")
    assert "127.0.0.1:9" in line
    assert "check --bootstrap" in line


async def test_a_bad_policy_file_is_wrong_usage(world: World, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("policies: {standard: {window: {length: -1}}}")
    try:
        worker = world.start(*WORKER, "--policy-file", str(policy))
        assert await worker.ended(limit_s=20) == 2
    finally:
        world.end_all()
    assert "policy.yaml:1: policies.standard.window.length" in worker.text()


async def test_a_page_that_cannot_be_read_stops_the_process_with_its_place(world: World) -> None:
    await world.create()
    async with world.producer() as producer:
        await producer.send_and_wait(world.name("dunning.journal"), b"{}", partition=1)
    try:
        worker = world.start(*WORKER, "--no-intake")
        assert await worker.ended(limit_s=30) == 1
    finally:
        world.end_all()
    last = worker.text().strip().splitlines()[-1]
    assert last.startswith("dunning: page 0 of journal partition 1 is unreadable"), last


async def test_a_file_is_published_and_a_bad_line_named(world: World, tmp_path: Path) -> None:
    await world.create()
    file = tmp_path / "events.jsonl"
    good = [declined(number, "a-1")[1] for number in range(3)]
    bad = b'{"specversion":"1.0","id":"x","source":"t","type":"charge.declined","time":"yesterday","data":{}}'
    file.write_bytes(b"\n".join([good[0], good[1], bad, good[2]]) + b"\n")
    try:
        stopped = world.start("streams.cli.main", "publish", str(file))
        assert await stopped.ended() == 2
        assert "2 events published" in stopped.text()
        assert f"{file}:3: time: " in stopped.text()
        skipping = world.start("streams.cli.main", "publish", str(file), "--skip-bad")
        assert await skipping.ended() == 0
        assert "3 events published, 1 bad line skipped" in skipping.text()
    finally:
        world.end_all()
    records = await world.read_all("charge.declined")
    assert sorted(record.value for record in records) == sorted(good[:2] + good)
    assert {record.key for record in records} == {b"a-1"}


async def test_a_session_timeout_the_broker_refuses_ends_the_process_with_a_reason(world: World) -> None:
    # Below the broker's minimum; the client keeps such an error to itself (see `streams.app.stranded`).
    await world.create()
    try:
        worker = world.start("tests.counting_worker", "--no-intake", "--session-timeout-ms=2000")
        assert await worker.ended(limit_s=30) == 1
    finally:
        world.end_all()
    last = worker.text().strip().splitlines()[-1]
    assert last.startswith(f"dunning: out of consumer group {world.settings.app_id}"), last


async def test_a_taken_metrics_port_is_told(world: World) -> None:
    await world.create()
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        worker = world.start(*WORKER, "--metrics-port", str(port))
        assert await worker.ended(limit_s=20) == 1
    finally:
        world.end_all()
        server.close()
        await server.wait_closed()
    assert f"metrics cannot listen on 127.0.0.1:{port}" in worker.text().strip().splitlines()[-1]
