"""What a takeover rests on, against a real broker: fencing, settled offsets, whole transactions, restore."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced

from schemas.pages import TICK
from streams import topics as names
from streams.appender import Appender
from streams.clients import connection
from streams.ledger import RECORD_BYTES, KafkaLedger, LedgerTopics
from streams.ports import Broken, Fenced, Unsettled
from streams.settings import Settings
from streams.topics import topic_name
from tests.counting import OUTPUT, CountedOutput
from tests.world import World, declined, until

OpenLedger = Callable[[], KafkaLedger]


@dataclass(frozen=True)
class Bench:
    world: World
    open: OpenLedger
    appender: Appender

    async def rows(self) -> dict[bytes, bytes | None]:
        """The changelog as the next owner restores it."""
        ledger = self.open()
        await ledger.fence()
        return {key: value async for portion in ledger.changelog() for key, value in portion.rows}

    async def seen(self) -> list[bytes]:
        return [record.value for record in await self.world.read(OUTPUT, 0)]


@pytest.fixture
async def bench(settings: Settings, tmp_path: Path) -> AsyncIterator[Bench]:
    world = World(settings, tmp_path / "logs")
    await world.create()
    client = connection(settings)
    appender = Appender(client)
    await appender.start()
    opened: list[KafkaLedger] = []
    topics = LedgerTopics(
        journal=topic_name(settings, names.JOURNAL),
        state=topic_name(settings, names.STATE),
        outputs={name: topic_name(settings, name) for name in names.OUTPUTS},
    )

    def open_ledger() -> KafkaLedger:
        opened.append(
            KafkaLedger(0, group_id=settings.app_id, topics=topics, client=client, appender=appender)
        )
        return opened[-1]

    yield Bench(world, open_ledger, appender)
    for ledger in opened:
        await ledger.close()
    await appender.stop()


def out(word: str) -> CountedOutput:
    return CountedOutput(OUTPUT, b"a", word.encode())


async def test_a_transaction_holds_outputs_rows_and_offset(bench: Bench) -> None:
    ledger = bench.open()
    owner = await ledger.fence()
    assert await ledger.committed() is None
    assert await ledger.journal_range() == (0, 0)
    await ledger.commit([out("1"), out("2")], {b"k": b"v", b"gone": None}, 5)
    assert await bench.seen() == [b"1", b"2"]
    again = bench.open()
    assert (await again.fence()).epoch > owner.epoch
    assert await again.committed() == 5
    assert await bench.rows() == {b"k": b"v", b"gone": None}


async def test_a_former_owner_is_fenced_and_its_open_transaction_is_gone(bench: Bench) -> None:
    former = bench.open()
    await former.fence()
    await former.commit([out("kept")], {b"k": b"1"}, 1)
    producer = former._producer
    assert producer is not None
    await producer.begin_transaction()
    await producer.send_and_wait(bench.world.name(OUTPUT), b"torn", b"a", partition=0)
    new = bench.open()
    await new.fence()
    assert await new.committed() == 1
    await new.commit([out("new")], {b"k": b"2"}, 2)
    with pytest.raises(ProducerFenced):
        await producer.commit_transaction()
    assert await bench.seen() == [b"kept", b"new"]
    assert await bench.rows() == {b"k": b"2"}
    assert b"torn" in [record.value for record in await bench.world.read(OUTPUT, 0, "read_uncommitted")]


async def test_a_former_owner_learns_that_it_is_fenced(bench: Bench) -> None:
    former = bench.open()
    await former.fence()
    await former.commit([out("kept")], {}, 1)
    await bench.open().fence()
    with pytest.raises(Fenced, match="another worker owns this partition now"):
        await former.commit([out("zombie")], {}, 2)


async def test_what_another_programs_open_transaction_hides_is_waited_for(
    bench: Bench, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = AIOKafkaProducer(**connection(settings), transactional_id=f"{settings.app_id}-stranger")
    await stranger.start()
    try:
        await stranger.begin_transaction()
        await stranger.send_and_wait(bench.world.name(names.STATE), b"{}", b"theirs", partition=0)
        ours = bench.open()
        await ours.fence()
        await ours.commit([out("kept")], {b"k": b"v"}, 1)
        with monkeypatch.context() as hurried, pytest.raises(Broken) as refused:
            hurried.setattr("streams.ledger.OPEN_S", 0.0)
            await bench.rows()
        waiting = asyncio.ensure_future(bench.rows())
        await asyncio.wait({waiting}, timeout=0.5)
        assert not waiting.done()
        await stranger.abort_transaction()
        assert await waiting == {b"k": b"v"}
    finally:
        await stranger.stop()
    told, topic = str(refused.value), bench.world.name(names.STATE)
    tool = f"kafka-transactions.sh --bootstrap-server {settings.bootstrap}"
    assert f"topic {topic}, partition 0: another program has had a transaction open since 20" in told
    assert f"`{tool} describe-producers --topic {topic} --partition 0`" in told
    assert f"`{tool} abort --topic {topic} --partition 0 --start-offset 0`" in told


async def test_a_refused_batch_takes_the_whole_transaction_with_it(bench: Bench, settings: Settings) -> None:
    # Past the ledger's own size check, so that the broker is the one who refuses.
    admin = AIOKafkaAdminClient(**connection(settings))
    await admin.start()
    try:
        place = ConfigResource(
            ConfigResourceType.TOPIC, bench.world.name(OUTPUT), configs={"max.message.bytes": "2000"}
        )
        await admin.alter_configs([place])
    finally:
        await admin.close()

    async def is_refused() -> bool:
        try:
            await (await bench.appender.send(bench.world.name(OUTPUT), b"x" * 5_000, partition=1))
        except MessageSizeTooLargeError:
            return True
        return False

    await until(is_refused, 20, "the broker to refuse what is too large", str)
    ledger = bench.open()
    await ledger.fence()
    with pytest.raises(Unsettled, match="MessageSizeTooLarge"):
        await ledger.commit([out("x" * 5_000)], {b"k": b"1"}, 7)
    await ledger.close()
    assert await bench.seen() == []
    assert await bench.rows() == {}
    after = bench.open()
    await after.fence()
    assert await after.committed() is None


async def test_a_record_too_large_for_any_batch_is_our_own_mistake(bench: Bench) -> None:
    ledger = bench.open()
    await ledger.fence()
    with pytest.raises(Broken, match="larger than"):
        await ledger.commit([], {b"k": b"x" * RECORD_BYTES}, 1)


async def test_many_batches_of_one_transaction_keep_their_order(bench: Bench) -> None:
    ledger = bench.open()
    await ledger.fence()
    words = [f"{number}-{'x' * 1000}" for number in range(3_000)]
    await ledger.commit([out(word) for word in words], {b"%d" % n: b"y" * 100 for n in range(20_000)}, 1)
    assert await bench.seen() == [word.encode() for word in words]
    assert len(await bench.rows()) == 20_000


async def test_a_tick_is_an_empty_page_that_brings_the_brokers_clock(bench: Bench) -> None:
    ledger = bench.open()
    await ledger.fence()
    first, second = await ledger.tick(), await ledger.tick()
    pages = await bench.world.read(names.JOURNAL, 0)
    assert [(page.offset, page.timestamp, page.value) for page in pages] == [
        (first.offset, first.stamp_ms, TICK),
        (second.offset, second.stamp_ms, TICK),
    ]
    assert second.stamp_ms >= first.stamp_ms > 1_700_000_000_000


async def test_closing_in_the_middle_of_anything_is_quick(bench: Bench) -> None:
    ledger = bench.open()
    await ledger.fence()
    commit = asyncio.create_task(  # noqa: RUF006  # it is kept: cancelled and awaited below
        ledger.commit([out("x" * 500) for _ in range(20_000)], {b"k": b"1"}, 1)
    )
    await asyncio.sleep(0.02)
    commit.cancel()
    await asyncio.gather(commit, return_exceptions=True)
    began = asyncio.get_running_loop().time()
    await ledger.close()
    assert asyncio.get_running_loop().time() - began < 7
    after = bench.open()
    await after.fence()
    assert (await after.committed()) in {None, 1}
    assert len(await bench.seen()) == (20_000 if await after.committed() == 1 else 0)


async def test_faust_never_moves_the_groups_offset(bench: Bench, settings: Settings) -> None:
    # Pages that change nothing are committed by us after a second; up to then the offset must stay unset.
    world = bench.world
    try:
        worker = world.start("tests.counting_worker", "--no-intake")
        await worker.until_logged("partition.restored", times=2)
        await bench.appender.append(world.name(names.JOURNAL), 0, b'{"events":[]}')
        await bench.appender.append(world.name(names.JOURNAL), 0, b"not a page")
        assert await worker.ended() == 1
    finally:
        world.end_all()
    assert "page 1 of journal partition 0 is unreadable" in worker.text()
    assert (await world.offset(settings.app_id, names.JOURNAL, 0)) in {None, 0, 1}


async def test_a_restarted_static_member_has_its_partitions_back_at_once(
    settings: Settings, tmp_path: Path
) -> None:
    own = settings.model_copy(update={"instance_id": "worker-0", "session_timeout_ms": 30_000})
    world = World(own, tmp_path / "static")
    await world.create()
    try:
        first = world.start("tests.counting_worker")
        await first.until_logged("partition.restored", times=2)
        await world.publish(declined(number, f"a-{number % 10}") for number in range(200))
        await world.until_settled(200)
        first.send(signal.SIGKILL)
        await first.ended()
        again = world.start("tests.counting_worker")
        await again.until_logged("partition.restored", limit_s=15, times=2)
        offsets = [
            json.loads(line)["next_offset"]
            for line in again.text().splitlines()
            if "partition.restored" in line
        ]
        assert sum(offsets) > 0
    finally:
        world.end_all()
