"""Two workers under load are killed and paused at random moments; committed readers notice nothing."""

import asyncio
import random
import signal
from pathlib import Path

import pytest

from streams.settings import Settings
from tests.counting import OUTPUT, TIMED, CountingFold
from tests.faults.load import Load
from tests.world import PROJECT, Process, World, judge

SEED = 20_261_124
LOAD = Load(burst=250, accounts=200, timed_every=50, due_ms=300)
WORKER = "tests.counting_worker"
FIRST = "partition.restored"
ASSIGNED = "engine.assigned"
REVOKED = "engine.revoked"


async def hurt(world: World, workers: list[Process], dice: random.Random) -> None:
    """Kill each worker twice, and pause each once for longer than the session timeout."""
    for index in (0, 1, 1, 0):
        await asyncio.sleep(dice.uniform(0.2, 2.5))
        workers[index].send(signal.SIGKILL)
        assert await workers[index].ended() == -signal.SIGKILL
        workers[index] = world.start(WORKER)
    for worker in workers:
        await worker.until_logged(FIRST)
    for index in (0, 1):
        await asyncio.sleep(dice.uniform(0.2, 1.5))
        paused, other = workers[index], workers[1 - index]
        revoked, assigned = paused.text().count(REVOKED), other.text().count(ASSIGNED)
        paused.send(signal.SIGSTOP)
        # The session has timed out when the other one is given the partitions.
        await other.until_logged(ASSIGNED, times=assigned + 1)
        await asyncio.sleep(dice.uniform(0.0, 0.5))
        paused.send(signal.SIGCONT)
        await paused.until_logged(REVOKED, times=revoked + 1)
        await paused.until_logged(ASSIGNED, times=revoked + 1)


async def test_kills_and_pauses_lose_and_double_nothing(settings: Settings, tmp_path: Path) -> None:
    dice = random.Random(SEED)  # noqa: S311  # a seed, so that a failure can be looked at again
    world = World(settings.model_copy(update={"partitions": 4}), tmp_path / "logs")
    await world.create()
    sent: set[str] = set()
    stop = asyncio.Event()
    workers = [world.start(WORKER), world.start(WORKER)]
    try:
        loading = asyncio.ensure_future(LOAD.publish(world, sent, stop))
        for worker in workers:
            await worker.until_logged(ASSIGNED)
        await hurt(world, workers, dice)
        stop.set()
        published = await loading
        await world.until_settled(published)
        for worker in workers:
            assert worker.is_running, f"a survivor has ended:\n{worker.tail()}"
            worker.send(signal.SIGTERM)
        assert [await worker.ended() for worker in workers] == [0, 0]
    finally:
        world.end_all()
    assert published == len(sent)
    compared = await judge(world, CountingFold, sent, [OUTPUT, TIMED])
    assert compared >= published
    timers = await world.read_all(TIMED)
    assert {record.value for record in timers}, "no timer fired: the load tested less than it should"


async def test_a_killed_worker_leaves_no_file_behind(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    world = World(settings, tmp_path / "logs")
    await world.create()
    before = set(PROJECT.iterdir())
    try:
        worker = world.start(WORKER)
        await worker.until_logged(FIRST, times=2)
        worker.kill()
    finally:
        world.end_all()
    assert list(scratch.iterdir()) == []
    assert {path for path in set(PROJECT.iterdir()) - before if settings.app_id in path.name} == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_that_is_asked_to_stop_does_so_within_seconds(
    settings: Settings, tmp_path: Path, number: signal.Signals
) -> None:
    world = World(settings, tmp_path / "logs")
    await world.create()
    try:
        worker = world.start(WORKER)
        await worker.until_logged(FIRST, times=2)
        worker.send(number)
        assert await worker.ended(limit_s=8) == 0
    finally:
        world.end_all()


@pytest.mark.parametrize("wait_s", [0.0, 0.5, 1.0, 1.5, 2.0])
async def test_a_stop_while_starting_is_a_clean_end(
    settings: Settings, tmp_path: Path, wait_s: float
) -> None:
    world = World(settings, tmp_path / "logs")
    await world.create()
    try:
        worker = world.start(WORKER)
        await worker.until_logged("health.listening")
        await asyncio.sleep(wait_s)
        worker.send(signal.SIGTERM)
        assert await worker.ended(limit_s=10) == 0, worker.tail()
    finally:
        world.end_all()


async def test_a_supervisor_that_asks_again_and_again_gets_the_same_answer(
    settings: Settings, tmp_path: Path
) -> None:
    world = World(settings, tmp_path / "logs")
    await world.create()
    try:
        worker = world.start(WORKER)
        await worker.until_logged(FIRST, times=2)
        while worker.is_running:
            worker.send(signal.SIGTERM)
            await asyncio.sleep(0.01)
        assert await worker.ended() == 0
    finally:
        world.end_all()
