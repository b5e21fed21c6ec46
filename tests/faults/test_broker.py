"""The broker dies and comes back: the workers wait it out, and nothing is lost or doubled."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from streams.broker import EmbeddedKafka
from streams.settings import Settings
from tests.counting import OUTPUT, TIMED, CountingFold
from tests.faults.test_kill import FIRST, WORKER
from tests.world import World, declined, judge


@pytest.mark.slow  # a broker that was killed takes a quarter of a minute to come back
async def test_a_broker_that_is_killed_and_restarted_costs_time_only(tmp_path: Path, unique: str) -> None:
    data = tmp_path / "kafka"
    with contextlib.ExitStack() as cleanup:
        with EmbeddedKafka(data_dir=data) as kafka:
            port = int(kafka.bootstrap.rpartition(":")[2])
            settings = Settings(
                bootstrap=kafka.bootstrap,
                app_id=unique,
                topic_prefix=f"{unique}.",
                partitions=2,
                replication=1,
                session_timeout_ms=6_000,
                metrics_port=0,
            )
            world = World(settings, tmp_path / "logs")
            cleanup.callback(world.end_all)
            await world.create()
            worker = world.start(WORKER)
            await worker.until_logged(FIRST, times=2)
            published = await world.publish(declined(number, f"a-{number % 50}") for number in range(20_000))
            # In the middle of the work: the events are on the topics, not all are applied.
            os.kill(kafka.pid, signal.SIGKILL)
        with EmbeddedKafka(data_dir=data, port=port):
            more = [declined(number, f"a-{number % 50}") for number in range(20_000, 21_000)]
            published += await world.publish(more)
            if not worker.is_running:  # it may give up, with a reason; a restart continues
                assert "dunning: " in worker.tail()
                worker = world.start(WORKER)
            await world.until_settled(published, limit_s=60)
            worker.send(signal.SIGTERM)
            assert await worker.ended() == 0
            sent = {f"d-{number}" for number in range(published)}
            assert await judge(world, CountingFold, sent, [OUTPUT, TIMED]) >= published
