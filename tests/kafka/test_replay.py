"""`dunning replay` on a real broker: what workers wrote is found identical, and damage is found."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from streams.clients import connection
from streams.errors import Trouble
from streams.settings import Settings
from streams.topic_reader import until_settled
from tests.world import PROJECT, Wire, World, bound, declined, issued

WORKER = ("streams.cli.main", "worker")
REQUESTS, NOTICES, JOURNAL = "charge.retry_requested", "dunning.notice_requested", "dunning.journal"
POLICY = "policies: {standard: {ladder: {steps: [1, 10]}}}"
# The invoices are two hours old: under this policy their window is over before anything arrives.
SHORT = """
policies:
  standard:
    window: {length: PT1H}
    ladder: {steps: [PT30M]}
    min_gap: PT10M
    technical: []
    answer_within: PT10M
    closing_notice: null
"""


@pytest.fixture
def world(settings: Settings, tmp_path: Path) -> World:
    return World(settings, tmp_path / "logs")


def unpaid(number: int) -> list[Wire]:
    """An invoice and its decline."""
    return [issued(number, f"acct-{number}"), declined(number, f"acct-{number}")]


async def dunning(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "streams.cli.main", *arguments],
        cwd=PROJECT, env=world._environment(), capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


async def replayed(world: World, *arguments: str, code: int = 0) -> Any:
    done = await dunning(world, "replay", *arguments, "--json")
    assert (done.returncode, done.stderr) == (code, ""), done.stderr + done.stdout
    return json.loads(done.stdout)


async def forget(world: World, topic: str, partition: int, before: int) -> None:
    """Let a topic lose its oldest records, as retention does."""
    admin = AIOKafkaAdminClient(**connection(world.settings))
    await admin.start()
    try:
        place = TopicPartition(world.name(topic), partition)
        await admin.delete_records({place: RecordsToDelete(before)})
    finally:
        await admin.close()


async def test_a_transaction_that_stays_open_is_told_with_the_way_to_end_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.create()
    place = TopicPartition(world.name(REQUESTS), 1)
    stranger = AIOKafkaProducer(
        **connection(world.settings), transactional_id=f"{world.settings.app_id}-stranger"
    )
    await stranger.start()
    try:
        await stranger.begin_transaction()
        await stranger.send_and_wait(place.topic, b"{}", partition=place.partition)
        with monkeypatch.context() as hurried, pytest.raises(Trouble) as refused:
            hurried.setattr("streams.topic_reader._OPEN_S", 0.0)
            await until_settled(world.settings, [place])
        await stranger.abort_transaction()
    finally:
        await stranger.stop()
    assert f"abort --topic {place.topic} --partition 1 --start-offset 0`" in str(refused.value)
    await until_settled(world.settings, [place])


async def test_history_is_identical_until_somebody_touches_it(world: World, tmp_path: Path) -> None:
    await world.create()
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY)
    worker_command = (*WORKER, "--policy-file", str(policy))
    try:
        worker = world.start(*worker_command)
        await worker.until_logged("partition.restored", times=2)
        published = await world.publish(event for number in range(40) for event in unpaid(number))
        await world.until_settled(published)
        worker.send(signal.SIGKILL)
        await worker.ended()
        worker = world.start(*worker_command)
        await worker.until_logged("partition.restored", times=2, limit_s=40)
        published += await world.publish(bound(number, f"acct-{number}") for number in range(40))
        await world.until_settled(published)
        # While a worker runs and requests go out, nothing is called different.
        running = await replayed(world, "--state")
        assert running["identical"]
        await world.until_settled(published)
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0
    finally:
        world.end_all()

    found = await replayed(world, "--state")
    assert found["identical"]
    for one in found["partitions"]:
        assert one["verdict"] == "identical"
        assert one["state"]["equal"] == one["state"]["rows"] > 0
        assert one["journal"]["applied"] == one["journal"]["ends_at"] == one["pages"]
        for topic in (REQUESTS, NOTICES):
            records = await world.read(topic, one["partition"])
            assert one["topics"][topic]["equal"] == len(records) > 0
    shown = await dunning(world, "replay", "--partition", "1")
    assert shown.returncode == 0
    assert "Identical" in shown.stdout

    await _with_other_policies(world, tmp_path)
    await _with_damage(world)


async def _with_other_policies(world: World, tmp_path: Path) -> None:
    same = await replayed(world, "--policy", str(tmp_path / "policy.yaml"))
    assert same["different_cases"] == 0
    assert same["requests"]["alike"] == same["requests"]["recorded"] == same["requests"]["other"] == 40
    short = tmp_path / "short.yaml"
    short.write_text(SHORT)
    other = await replayed(world, "--policy", str(short))
    assert other["requests"] == {"recorded": 40, "other": 0, "alike": 0}
    assert other["different_cases"] == len(other["first_differences"]) == 40
    assert other["first_differences"][0]["other"] is None
    shown = await dunning(world, "replay", "--policy", str(short))
    assert shown.returncode == 0
    assert "no such attempt" in shown.stdout


async def _with_damage(world: World) -> None:
    first = (await world.read(REQUESTS, 0))[0]
    async with world.producer() as producer:
        await producer.send_and_wait(world.name(REQUESTS), first.value, key=first.key, partition=0)
    found = await replayed(world, code=1)
    assert [one["verdict"] for one in found["partitions"]] == ["different", "identical"]
    difference = found["partitions"][0]["first_difference"]
    assert (difference["kind"], difference["id"]) == ("extra", json.loads(first.value)["id"])
    assert difference["found"] == first.value.decode()
    shown = await dunning(world, "replay")
    assert shown.returncode == 1
    assert "should not be there" in shown.stdout

    await forget(world, NOTICES, 1, (await world.read(NOTICES, 1))[3].offset)
    found = await replayed(world, "--partition", "1")
    assert found["partitions"][0]["topics"][NOTICES]["lost_to_retention"] == 3

    await forget(world, JOURNAL, 1, 2)
    found = await replayed(world, "--partition", "1", code=1)
    assert found["partitions"][0]["verdict"] == "cannot_tell"
    assert "begins at page 2" in found["partitions"][0]["remark"]
    refused = await dunning(world, "replay", "--policy", "standard")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "backtest --from-topics" in refused.stderr


async def test_wrong_use_is_one_line(world: World) -> None:
    missing = await dunning(world, "replay")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "is missing" in missing.stderr
    await world.create()
    for arguments, words in (
        (["--partition", "2"], "has partitions 0 to 1, not 2"),
        (["--policy", "preset:nope"], "no preset is called 'nope'"),
        (["--policy", "standard", "--state"], "leave one out"),
    ):
        answer = await dunning(world, "replay", *arguments)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert words in answer.stderr
        assert answer.stderr.count("\n") == 1
    nothing = await replayed(world, "--state")
    assert nothing["identical"]
