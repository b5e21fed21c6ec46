"""`dunning explain` and `dunning backtest --from-topics` on a real broker, after a worker has decided."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from streams.settings import Settings
from tests.world import PROJECT, World, declined, issued, wire

WORKER = ("streams.cli.main", "worker")


@pytest.fixture
def world(settings: Settings, tmp_path: Path) -> World:
    return World(settings, tmp_path / "logs")


async def told(world: World, *arguments: str) -> dict[str, Any]:
    """Run a command that prints JSON."""
    done = await dunning(world, *arguments, "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


async def dunning(world: World, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = world._environment()
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "streams.cli.main", *arguments],
        cwd=PROJECT, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def card(number: int, account: str, change: str, **more: Any) -> tuple[str, bytes]:
    instrument = {"instrument_id": f"new-{account}", "type": "card"}
    data = {"account_id": account, "change": change, "instrument": instrument, **more}
    return wire("payment_method.updated", f"{change}-{number}", data)


async def test_the_life_of_a_case_is_told_from_the_topics(world: World) -> None:
    await world.create()
    accounts = [f"acct-{number}" for number in range(12)]
    events = [
        event for n, account in enumerate(accounts) for event in (issued(n, account), declined(n, account))
    ]
    events += [card(n, account, "added") for n, account in enumerate(accounts[:6])]
    try:
        worker = world.start(*WORKER)
        await worker.until_logged("partition.restored", times=2)
        published = await world.publish(events)
        await world.until_settled(published)
        published += await world.publish([card(3, "acct-3", "bound", subscription_ids=["sub-acct-3"])])
        await world.until_settled(published)
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0
        # Nobody decides any more, but what comes in is journalled.
        intake = world.start("streams.cli.main", "intake")
        published += await world.publish([declined(20, "acct-11")])
        await world.until_settled_input(published)
        intake.send(signal.SIGTERM)
        assert await intake.ended() == 0
    finally:
        world.end_all()

    added = await told(world, "explain", "in-2")
    assert added["account_id"] == "acct-2"
    assert added["state"] == "retrying"
    assert "new-acct-2" in added["would_change_it"][0]["says"]
    assert added["would_change_it"][0]["event"]["data"]["subscription_ids"] == ["sub-acct-2"]

    bound = await told(world, "explain", "in-3")
    kinds = [entry["type"] for entry in bound["entries"]]
    assert kinds[-3:] == ["payment_method.updated", "charge.retry_requested", "dunning.case_changed"]
    assert bound["entries"][-2]["why"][0]["id"].startswith("engine.restart.instrument_bound")
    assert bound["state"] == "in_flight"

    waiting = await told(world, "explain", "in-20")
    assert waiting["entries"][-1]["says"].endswith("(not decided yet)")
    assert "still to decide about 1 event" in waiting["next"][0]
    assert not any("still to decide" in line for line in bound["next"])

    # With the account named one partition is read, and the same is told.
    named = await told(world, "explain", "in-3", "--account", "acct-3")
    assert named == bound
    shown = await dunning(world, "explain", "in-3")
    assert shown.returncode == 0
    assert "What would change it" in shown.stdout

    for arguments in (["in-99"], ["in-3", "--account", "acct-4"]):
        unknown = await dunning(world, "explain", *arguments)
        assert (unknown.returncode, unknown.stdout) == (1, "")
        assert unknown.stderr.count("\n") == 1
        assert arguments[0] in unknown.stderr

    body = await told(world, "backtest", "--from-topics", "--policy", "standard")
    assert body["facts"] == published
    assert body["policies"][0]["cases"] == 13


async def test_missing_topics_are_one_line(world: World) -> None:
    answer = await dunning(world, "explain", "in-1")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.count("\n") == 1
    assert "is missing" in answer.stderr
