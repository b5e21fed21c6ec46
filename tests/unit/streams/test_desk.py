"""The desk: pages reach the worker of their partition, and nobody works on what is not theirs any more."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from streams.desk import Desk
from streams.page_queue import PageQueue
from streams.partition import PartitionWorker
from streams.ports import Page
from tests.counting import CountingFold
from tests.unit.streams.conftest import START_MS, HandClock, MemoryBroker, rest
from tests.unit.streams.test_partition import pages, told


@dataclass
class HeldFlow:
    """`streams.desk.Flow` that remembers."""

    held: set[int] = field(default_factory=set)

    def hold(self, partition: int) -> None:
        self.held.add(partition)

    def let_go(self, partition: int) -> None:
        self.held.discard(partition)


@dataclass
class Office:
    desk: Desk
    broker: MemoryBroker
    flow: HeldFlow


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    broker = MemoryBroker(HandClock())

    def hire(partition: int, queue: PageQueue) -> PartitionWorker:
        return PartitionWorker(
            partition, queue=queue, open_ledger=broker.open, new_fold=CountingFold, clock=broker.clock
        )

    it = Office(Desk(hire, lambda: PageQueue(1_000)), broker, HeldFlow())
    it.desk.flow = it.flow
    await it.desk.start()
    yield it
    await it.desk.stop()


def page(offset: int) -> Page:
    return Page(offset, START_MS, pages(offset, 1)[0])


def journal(office: Office, count: int) -> None:
    for offset in range(count):
        office.broker.append(pages(offset, 1)[0])


async def test_a_page_that_comes_before_its_assignment_waits_for_it(office: Office) -> None:
    journal(office, 2)
    office.desk.hand_over(0, page(0))
    await rest()
    assert office.broker.epoch == -1, "nobody takes a partition over that is not announced"
    await office.desk.assign([0])
    office.desk.hand_over(0, page(1))
    await rest()
    assert told(office.broker) == ["a/1", "a/2"]


async def test_pages_of_partitions_that_are_not_ours_are_dropped(office: Office) -> None:
    office.desk.hand_over(5, page(0))
    await office.desk.assign([0])
    assert office.desk._queues.keys() == {0}


async def test_a_revocation_forgets_pages_and_workers(office: Office) -> None:
    journal(office, 3)
    await office.desk.assign([0])
    office.desk.hand_over(0, page(0))
    await rest()
    await office.desk.revoke()
    assert not list(office.desk.workers)
    assert not office.desk._queues
    await office.desk.assign([0])
    for offset in range(3):
        office.desk.hand_over(0, page(offset))
    await rest()
    assert told(office.broker) == ["a/1", "a/2", "a/3"]
    assert office.broker.epoch == 1


async def test_a_full_queue_holds_its_own_partition_and_no_other(office: Office) -> None:
    journal(office, 2)
    office.desk.hand_over(5, Page(0, START_MS, b"x" * 1_000))
    assert office.flow.held == {5}
    await office.desk.assign([0])
    office.desk.hand_over(0, page(0))
    office.desk.hand_over(0, page(1))
    await rest()
    assert told(office.broker) == ["a/1", "a/2"]


async def test_a_held_partition_goes_on_when_there_is_room_and_loses_nothing(office: Office) -> None:
    journal(office, 40)
    await office.desk.assign([0])  # it is restored at the first rest, not before
    for offset in range(30):  # what was fetched before the partition was held
        office.desk.hand_over(0, page(offset))
    assert office.flow.held == {0}
    await rest()
    assert office.flow.held == set()
    for offset in range(30, 40):
        office.desk.hand_over(0, page(offset))
    await rest()
    assert told(office.broker) == [f"a/{n + 1}" for n in range(40)]


async def test_a_partition_that_faust_lets_go_too_early_is_held_again(office: Office) -> None:
    office.desk.hand_over(0, Page(0, START_MS, b"x" * 1_000))
    office.flow.let_go(0)
    office.desk.hand_over(0, Page(1, START_MS, b"x"))
    assert office.flow.held == {0}


async def test_a_revocation_lets_go_what_was_held(office: Office) -> None:
    journal(office, 20)
    await office.desk.assign([0, 1])
    await asyncio.sleep(0)
    office.desk.hand_over(0, Page(0, START_MS, b"x" * 1_000))
    office.desk.hand_over(5, Page(0, START_MS, b"x" * 1_000))
    await office.desk.revoke()
    assert office.flow.held == {5}, "it came early, for an assignment that is not announced yet"
    await office.desk.assign([0])
    assert office.flow.held == set()
    for offset in range(20):
        office.desk.hand_over(0, page(offset))
    await asyncio.sleep(0)
    assert office.flow.held == {0}, "the room of the queue before is none of this one"


async def test_readiness_is_assignment_and_restore(office: Office) -> None:
    assert office.desk.not_ready == "no partitions assigned yet"
    await office.desk.assign([0])
    assert office.desk.not_ready == "restoring partitions [0]"
    await rest()
    assert office.desk.not_ready is None


async def test_a_workers_exception_crashes_the_service(office: Office) -> None:
    journal(office, 1)
    await office.desk.assign([0])
    office.desk.hand_over(0, Page(0, START_MS, b"{}"))
    await rest()
    assert office.desk.crashed
    assert "unreadable" in str(office.desk.crash_reason)


def test_a_rewound_queue_gives_the_same_pages_in_the_same_order() -> None:
    queue = PageQueue(10_000)
    for offset in range(5):
        queue.put(page(offset))
    taken = [queue.take().offset for _ in range(4)]
    queue.settle(2)
    queue.rewind()
    assert taken == [0, 1, 2, 3]
    assert [queue.take().offset for _ in range(3)] == [2, 3, 4]
    assert not queue.arrived.is_set()
