"""A partition that is not served in time holds up itself, and no other."""

import re
import signal
from pathlib import Path

from streams import topics as names
from streams.settings import Settings
from tests.counting import OUTPUT, TIMED, CountingFold
from tests.world import World, declined, judge, until

EVENTS = 4_000
ONE_FETCH = 500  # pages that Faust takes at once


async def test_a_full_queue_holds_up_no_other_partition_and_loses_nothing(
    settings: Settings, tmp_path: Path
) -> None:
    # One event a page: many pages, so that the queues are filled many times over.
    world = World(settings.model_copy(update={"intake_page_events": 1}), tmp_path / "logs")
    await world.create()
    go = tmp_path / "go"
    try:
        worker = world.start("tests.slow_worker", str(go))
        await worker.until_logged("partition.restored")
        published = await world.publish(declined(number, f"a-{number % 50}") for number in range(EVENTS))
        await world.until_settled_input(published)
        end = len(await world.read(names.JOURNAL, 1))
        assert end > 1_000

        async def other_is_applied() -> bool:
            return await world.offset(settings.app_id, names.JOURNAL, 1) == end

        await until(other_is_applied, 60, "partition 1 to be applied", worker.tail)
        assert await world.offset(settings.app_id, names.JOURNAL, 0) is None
        # A rebalance while one partition is held, and more pages after it.
        second = world.start("tests.slow_worker", str(go))
        await second.until_logged("engine.assigned")
        published += await world.publish(
            declined(number, f"a-{number % 50}") for number in range(EVENTS, 5_000)
        )
        await world.until_settled_input(published)
        go.touch()
        await world.until_settled(published)
        for process in (worker, second):
            process.send(signal.SIGTERM)
            assert await process.ended() == 0
    finally:
        world.end_all()
    told = worker.text() + second.text()
    waited = [int(count) for count in re.findall(r"^waiting (\d+)$", told, re.MULTILINE)]
    assert max(waited, default=0) <= 2 * ONE_FETCH, "a held partition is fetched no further"
    sent = {f"d-{number}" for number in range(published)}
    assert await judge(world, CountingFold, sent, [OUTPUT, TIMED]) >= published
