"""The broker dies and comes back: the workers wait it out, and nothing is lost or doubled."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.broker import EmbeddedKafka
from streams.settings import Settings
from tests.counting import OUTPUT, TIMED, CountingFold
from tests.faults.test_kill import FIRST, WORKER
from tests.kafka.test_end_to_end import get
from tests.outage_worker import ANSWER_S, PAUSED
from tests.world import World, declined, judge

SettingsOn = Callable[[str], Settings]


async def made(settings: Settings, folder: Path, cleanup: contextlib.ExitStack) -> World:
    """Make the topics; the cleanup ends the processes."""
    world = World(settings, folder / "logs")
    cleanup.callback(world.end_all)
    await world.create()
    return world


@pytest.mark.slow  # a broker that was killed takes a quarter of a minute to come back
async def test_a_broker_that_is_killed_and_restarted_costs_time_only(
    tmp_path: Path, settings_on: SettingsOn
) -> None:
    data = tmp_path / "kafka"
    with contextlib.ExitStack() as cleanup:
        with EmbeddedKafka(data_dir=data) as kafka:
            port = int(kafka.bootstrap.rpartition(":")[2])
            world = await made(settings_on(kafka.bootstrap), tmp_path, cleanup)
            worker = world.start(WORKER)
            await worker.until_logged(FIRST, times=2)
            published = await world.publish(declined(number, f"a-{number % 50}") for number in range(10_000))
            # In the middle of the work: the events are on the topics, not all are applied.
            os.kill(kafka.pid, signal.SIGKILL)
        with EmbeddedKafka(data_dir=data, port=port):
            more = [declined(number, f"a-{number % 50}") for number in range(10_000, 11_000)]
            published += await world.publish(more)
            if not worker.is_running:  # it may give up, with a reason; a restart continues
                assert "dunning: " in worker.tail()
                worker = world.start(WORKER)
            await world.until_settled(published, limit_s=60)
            worker.send(signal.SIGTERM)
            assert await worker.ended() == 0
            sent = {f"d-{number}" for number in range(published)}
            assert await judge(world, CountingFold, sent, [OUTPUT, TIMED]) >= published


async def test_a_consumer_that_a_rebalance_left_paused_stops_its_worker(
    tmp_path: Path, settings_on: SettingsOn
) -> None:
    """The broker is away while Faust asks where to go on: Faust gives up without a word, and stays paused."""
    with EmbeddedKafka(data_dir=tmp_path / "kafka") as kafka, contextlib.ExitStack() as cleanup:
        world = await made(settings_on(kafka.bootstrap), tmp_path, cleanup)
        worker = world.start("tests.outage_worker", str(kafka.pid))
        cleanup.callback(os.kill, kafka.pid, signal.SIGCONT)
        await worker.until_logged(PAUSED)
        await asyncio.sleep(ANSWER_S + 2)
        os.kill(kafka.pid, signal.SIGCONT)
        await worker.until_logged(FIRST, times=2)
        status, reason = await get(worker, "/readyz")
        assert status == 503, reason
        published = await world.publish(declined(number, f"a-{number % 50}") for number in range(100))
        assert await worker.ended() == 1
        assert "dunning: the consumer of the journal stands still" in worker.tail()

        again = world.start(WORKER)
        await world.until_settled(published)
        assert (await get(again, "/readyz"))[0] == 200
        again.send(signal.SIGTERM)
        assert await again.ended() == 0
        sent = {f"d-{number}" for number in range(published)}
        assert await judge(world, CountingFold, sent, [OUTPUT, TIMED]) >= published
