"""A worker dies at each point at which a crash makes a difference; committed readers notice nothing."""

import asyncio
import signal
from pathlib import Path

from streams.settings import Settings
from tests.counting import OUTPUT, TIMED, CountingFold
from tests.crashing_worker import POINTS
from tests.faults.load import Load
from tests.world import World, judge

LOAD = Load(burst=20, accounts=40, timed_every=10, due_ms=50)


async def test_a_crash_at_each_point_loses_and_doubles_nothing(settings: Settings, tmp_path: Path) -> None:
    # A static member comes back at once; nobody waits until the session of the dead one is over.
    world = World(settings.model_copy(update={"instance_id": "the-only-one"}), tmp_path / "logs")
    await world.create()
    sent: set[str] = set()
    stop = asyncio.Event()
    loading = asyncio.ensure_future(LOAD.publish(world, sent, stop))
    try:
        for point in POINTS:
            worker = world.start("tests.crashing_worker", point)
            code = await worker.ended(limit_s=30)
            assert code == -signal.SIGKILL, f"{point}: ended with {code}\n{worker.tail()}"
        stop.set()
        published = await loading
        survivor = world.start("tests.counting_worker")
        await world.until_settled(published)
        survivor.send(signal.SIGTERM)
        assert await survivor.ended() == 0
    finally:
        loading.cancel()
        world.end_all()
    assert published == len(sent)
    assert await judge(world, CountingFold, sent, [OUTPUT, TIMED]) >= published
    assert await world.read_all(TIMED), "no timer fired: the load tested less than it should"
