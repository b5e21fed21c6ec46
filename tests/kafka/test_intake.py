"""Intake on a real broker: whatever is on the input topics ends in the journal or as a dead letter."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from schemas.events import INPUT_TYPES
from schemas.pages import decode_page
from streams import topics as names
from streams.appender import Appender
from streams.clients import connection
from streams.clock import SystemClock
from streams.input_topics import InputTopics
from streams.intake import Intake, IntakePlan, Journalled
from streams.page_builder import partition_of
from streams.settings import Settings
from streams.topics import topic_name
from tests.world import World, declined, until

CARD = "4111111111111111"
GOOD = json.loads(declined(1, "a-1")[1])


def poison(kind: str) -> dict[str, tuple[bytes | None, list[tuple[str, bytes]], bytes | None]]:
    """Thirty-odd things that are no event of the topic `kind`: value, headers, key."""

    def event(**changes: object) -> bytes:
        return json.dumps({**GOOD, "type": kind, **changes}).encode()

    def data(**changes: object) -> bytes:
        return event(data={**GOOD["data"], **changes})

    values: dict[str, bytes | None] = {
        "no-value": None,
        "empty": b"",
        "blank": b"  ",
        "not-json": b"{",
        "bad-utf8": b'{"specversion":"1.0","id":"\xff"}',
        "byte-order-mark": b"\xef\xbb\xbf{}",
        "utf-16": "{}".encode("utf-16"),
        "nan": b'{"specversion":"1.0","type":"%s","data":{"amount_minor":NaN}}' % kind.encode(),
        "too-large-number": event(id=12345).replace(b"12345", b"1e400"),
        "deep": b"[" * 10_000 + b"]" * 10_000,
        "array": b"[1]",
        "number": b"7",
        "string": b'"charge.declined"',
        "empty-object": b"{}",
        "no-type": json.dumps({key: GOOD[key] for key in GOOD if key != "type"}).encode(),
        "unknown-type": event(type="charge.exploded"),
        "type-of-another-topic": event(
            type="invoice.closed" if kind != "invoice.closed" else "invoice.issued"
        ),
        "wrong-specversion": event(specversion="0.3"),
        "no-id": event(id=None),
        "long-id": event(id="x" * 201),
        "no-time": event(time=None),
        "time-without-offset": event(time="2026-11-01T00:00:00"),
        "time-as-number": event(time=1_700_000_000),
        "no-data": event(data=None),
        "data-as-text": event(data="{}"),
        "no-account": data(account_id=None),
        "empty-account": data(account_id=""),
        "account-as-number": data(account_id=7),
        "card-as-account": data(account_id=CARD),
        "card-as-id": event(id=CARD),
        "card-with-blanks": event(source="4111 1111 1111 1111"),
        "too-large": event(padding="x" * 300_000),
        "batch": b"[" + event() + b"," + event() + b"]",
        "xml": b"<event/>",
        "null-bytes": b"\x00" * 100,
    }
    records: dict[str, tuple[bytes | None, list[tuple[str, bytes]], bytes | None]] = {
        name: (value, [], b"k") for name, value in values.items()
    }
    records["card-as-key"] = (event(), [], CARD.encode())
    records["card-as-header"] = (event(), [("x-card", CARD.encode())], b"k")
    records["header-flood"] = (event(), [(f"h{number}", b"x") for number in range(200)], b"k")
    records["batch-content"] = (event(), [("content-type", b"application/cloudevents-batch+json")], b"k")
    return records


@dataclass
class Running:
    source: InputTopics
    rounds: list[Journalled] = field(default_factory=list)


@contextlib.asynccontextmanager
async def intake(settings: Settings) -> AsyncIterator[Running]:
    """Run an intake in this process."""
    client = connection(settings)
    appender = Appender(client)
    await appender.start()
    plan = IntakePlan(
        journal=topic_name(settings, names.JOURNAL),
        dead_letters=topic_name(settings, "dunning.dead_letter"),
        inputs={topic_name(settings, name): name for name in names.INPUTS},
        partitions=settings.partitions,
    )
    source = InputTopics(
        list(plan.inputs),
        group_id=f"{settings.app_id}-intake",
        client=client,
        session_timeout_ms=settings.session_timeout_ms,
        instance_id=None,
    )
    running = Running(source)
    await source.start()
    task = asyncio.ensure_future(
        Intake(
            plan, source=source, sink=appender, clock=SystemClock(), journalled=running.rounds.append
        ).run()
    )
    try:
        yield running
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await source.stop()
        await appender.stop()


@pytest.fixture
async def world(settings: Settings, tmp_path: Path) -> World:
    made = World(settings, tmp_path / "logs")
    await made.create()
    return made


async def journalled_ids(world: World) -> list[str]:
    pages = await world.read_all(names.JOURNAL)
    return [event.id for page in pages for event in decode_page(page.value)]


async def test_poison_on_every_topic_stops_nothing(world: World, settings: Settings) -> None:
    good = [declined(number, f"a-{number}") for number in range(50)]
    bad = 0
    async with intake(settings) as running, world.producer() as producer:
        for kind in INPUT_TYPES:
            for value, headers, key in poison(kind).values():
                await producer.send(world.name(kind), value, key, headers=headers)
                bad += 1
            for number in range(5):
                name, value = good.pop()
                await producer.send(world.name(name), value, b"%d" % number)
        await producer.flush()

        async def is_taken_in() -> bool:
            return sum(told.events + len(told.rejected) for told in running.rounds) >= bad + 50

        await until(is_taken_in, 30, "all records to be taken in", lambda: str(running.rounds[-3:]))
    assert not good
    assert sorted(await journalled_ids(world)) == sorted(f"d-{number}" for number in range(50))
    letters = await world.read_all("dunning.dead_letter")
    assert len(letters) == bad >= 30 * len(INPUT_TYPES)
    for letter in letters:
        told = dict(letter.headers)
        assert told.keys() >= {"error", "error_path", "topic", "partition", "offset"}
        assert CARD.encode() not in (letter.value or b"") + (letter.key or b"") + b"".join(told.values())
        assert b"4111 1111 1111 1111" not in letter.value
    places = {
        (dict(letter.headers)["topic"], dict(letter.headers)["partition"], dict(letter.headers)["offset"])
        for letter in letters
    }
    assert len(places) == bad, "each bad record has its own dead letter"


async def test_a_header_whose_name_is_no_text_is_passed_over(world: World, settings: Settings) -> None:
    kind, value = declined(900, "a-900")
    await world.publish(declined(number, f"a-{number}") for number in range(20))
    producer = AIOKafkaProducer(**connection(settings))
    await producer.start()
    try:
        for partition in range(settings.partitions):
            batch = producer.create_batch()
            batch.append(timestamp=None, key=None, value=value, headers=[("AAAA", b"v")])
            batch.close()
            built = batch._build()
            batch._build = lambda built=built: with_name(built, b"\xff\xfe\xff\xfe")
            await asyncio.wait_for(
                await producer.send_batch(batch, world.name(kind), partition=partition), timeout=20
            )
    finally:
        await producer.stop()
    await world.publish(declined(number, f"a-{number}") for number in range(20, 40))
    async with intake(settings):
        await world.until_settled_input(40 + settings.partitions)
    assert set(await journalled_ids(world)) == {f"d-{number}" for number in range(40)}
    letters = [dict(letter.headers) for letter in await world.read_all("dunning.dead_letter")]
    assert [letter["error"] for letter in letters] == [b"bad_header"] * settings.partitions
    assert {letter["partition"] for letter in letters} == {b"%d" % one for one in range(settings.partitions)}


def with_name(batch: bytes, name: bytes) -> bytes:
    """Give the header of a record batch another name of four bytes; its checksum lies at 17, of all from 21 on."""
    changed = bytearray(bytes(batch).replace(b"AAAA", name))
    changed[17:21] = calc_crc32c(bytes(changed[21:])).to_bytes(4, "big")
    return bytes(changed)


async def test_compressed_events_are_read(world: World, settings: Settings) -> None:
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        producer = AIOKafkaProducer(**connection(settings), compression_type=codec)
        await producer.start()
        try:
            for number in range(5):
                kind, value = declined(number, codec)
                await producer.send(world.name(kind), value.replace(b'"d-', f'"{codec}-'.encode()))
        finally:
            await producer.stop()
    async with intake(settings):
        await world.until_settled_input(20)
    ids = [f"{codec}-{number}" for codec in ("gzip", "snappy", "lz4", "zstd") for number in range(5)]
    assert sorted(await journalled_ids(world)) == sorted(ids)


async def test_what_a_biller_writes_in_transactions_leaves_no_lag(world: World, settings: Settings) -> None:
    biller = AIOKafkaProducer(**connection(settings), transactional_id=f"{settings.app_id}-biller")
    await biller.start()
    try:
        async with intake(settings) as running:
            for number in range(3):
                async with biller.transaction():
                    kind, value = declined(number, "a-1")
                    await biller.send_and_wait(world.name(kind), value, partition=0)

            async def is_taken_in() -> bool:
                return sum(told.events for told in running.rounds) == 3

            async def has_no_lag() -> bool:
                return running.source.lag == 0

            await until(is_taken_in, 20, "all events", str)
            await until(has_no_lag, 10, "a lag of 0", lambda: str(running.source.lag))
    finally:
        await biller.stop()


async def test_an_event_is_journalled_at_once_when_idle_and_with_many_under_load(
    world: World, settings: Settings
) -> None:
    async with intake(settings) as running, world.producer() as producer:

        async def is_ready() -> bool:
            return running.source.is_assigned

        await until(is_ready, 20, "the assignment", str)
        name, value = declined(0, "a-0")
        await producer.send_and_wait(world.name(name), value)

        async def is_alone() -> bool:
            return len(running.rounds) == 1

        await until(is_alone, 10, "the first page", str)
        events = [declined(number, f"a-{number}") for number in range(1, 5001)]
        acks = [await producer.send(world.name(kind), event) for kind, event in events]
        await asyncio.gather(*acks)

        async def is_taken_in() -> bool:
            return sum(told.events for told in running.rounds) == 5001

        await until(is_taken_in, 20, "all events", lambda: str(len(running.rounds)))
    pages = await world.read_all(names.JOURNAL)
    assert min(len(decode_page(page.value)) for page in pages) == 1
    assert 5001 / len(pages) > 20, f"{len(pages)} pages: too few events in each"
    assert max(len(page.value) for page in pages) <= 512 * 1024
    assert sorted(await journalled_ids(world)) == sorted(f"d-{number}" for number in range(5001))


async def test_an_account_has_one_partition_the_one_kafkas_own_partitioner_gives(
    world: World, settings: Settings
) -> None:
    accounts = ["a", "acct-1", "ünïcode-账户", "x" * 190, "0"]
    async with intake(settings) as running:
        await world.publish(declined(number, account) for number, account in enumerate(accounts * 3))

        async def is_taken_in() -> bool:
            return sum(told.events for told in running.rounds) == 15

        await until(is_taken_in, 20, "all events", str)
    homes: dict[str, set[int]] = {}
    for partition in range(settings.partitions):
        for page in await world.read(names.JOURNAL, partition):
            for event in decode_page(page.value):
                homes.setdefault(event.data.account_id, set()).add(partition)  # type: ignore[union-attr]
    producer = AIOKafkaProducer(**connection(settings))
    await producer.start()
    try:
        for account in accounts:
            sent = await producer.send_and_wait(world.name("dunning.dead_letter"), b"-", account.encode())
            assert homes[account] == {sent.partition} == {partition_of(account, settings.partitions)}
    finally:
        await producer.stop()


async def test_nothing_is_lost_when_a_second_intake_joins_and_leaves(
    world: World, settings: Settings
) -> None:
    stop = asyncio.Event()
    sent: list[str] = []

    async def load() -> None:
        async with world.producer() as producer:
            while not stop.is_set():
                for _ in range(100):
                    kind, value = declined(len(sent), f"a-{len(sent) % 50}")
                    await producer.send(world.name(kind), value)
                    sent.append(f"d-{len(sent)}")
                await asyncio.sleep(0.05)
            await producer.flush()

    async with intake(settings) as first:
        loading = asyncio.ensure_future(load())

        async def works() -> bool:
            return len(first.rounds) > 3

        await until(works, 20, "the first intake to work", str)
        async with intake(settings) as second:

            async def shares() -> bool:
                return len(second.rounds) > 3

            await until(shares, 30, "the second intake to work", str)
        stop.set()
        await loading
        await world.until_settled_input(len(sent))
    assert set(sent) == set(await journalled_ids(world))
