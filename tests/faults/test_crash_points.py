"""A worker dies at each point at which a crash makes a difference; committed readers notice nothing."""

import asyncio
import signal
from pathlib import Path

from streams.settings import Settings
from tests.counting import OUTPUT, TIMED, CountingFold
from tests.crashing_worker import POINTS
from tests.world import World, declined, issued, judge

ACCOUNTS = 40
PASSES = 2  # a worker dies when it comes to its point for the second time: one partition is past it already


async def load(world: World, sent: set[str], stop: asyncio.Event) -> int:
    """Publish some two hundred events a second, every tenth with a timer, until told to stop."""
    number = 0
    async with world.producer() as producer:
        while not stop.is_set():
            acks = []
            for _ in range(20):
                account = f"acct-{number % ACCOUNTS}"
                is_timed = number % 10 == 0
                kind, value = (
                    issued(number, account, labels={"due_ms": "50"})
                    if is_timed
                    else declined(number, account)
                )
                sent.add(f"{'i' if is_timed else 'd'}-{number}")
                acks.append(await producer.send(world.name(kind), value))
                number += 1
            await asyncio.gather(*acks)
            await asyncio.sleep(0.1)
    return number


async def test_a_crash_at_each_point_loses_and_doubles_nothing(settings: Settings, tmp_path: Path) -> None:
    # A static member comes back at once; nobody waits until the session of the dead one is over.
    world = World(settings.model_copy(update={"instance_id": "the-only-one"}), tmp_path / "logs")
    await world.create()
    sent: set[str] = set()
    stop = asyncio.Event()
    loading = asyncio.ensure_future(load(world, sent, stop))
    try:
        for point in POINTS:
            worker = world.start("tests.crashing_worker", point, str(PASSES))
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
