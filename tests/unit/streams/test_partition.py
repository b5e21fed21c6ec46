"""The partition worker: order, whole batches, one transaction, and a fresh start after every failure."""

import json
import weakref
from datetime import UTC, datetime

import pytest
import structlog

from dunning.engine import Engine
from schemas.charges import ChargeSucceeded
from schemas.commands import PoliciesSet
from schemas.envelope import Event
from schemas.events import JournalData
from schemas.invoices import InvoiceIssued
from schemas.pages import encode_event, encode_page
from streams.collector import spare_what_stays
from streams.errors import Trouble
from streams.partition import Limits
from streams.partition_record import decode_record
from streams.ports import PARTITION_KEY, Broken, Fenced, Page, Unsettled
from tests.counting import OUTPUT, TIMED, CountingFold
from tests.stories.player import shipped_rules
from tests.unit.streams.conftest import START_MS, BenchMaker, HandClock, MemoryBroker, rest, unsettled

WHEN = datetime(2026, 11, 1, tzinfo=UTC)


def paid(number: int, account: str = "a") -> Event[JournalData]:
    data = ChargeSucceeded(
        charge_id=f"ch-{number}",
        invoice_id=f"in-{number}",
        account_id=account,
        subscription_id="s",
        amount_minor=100,
        currency="EUR",
    )
    return Event(id=f"e-{number}", source="test", type=data.TYPE, time=WHEN, data=data)


def issued(number: int, due_ms: int) -> Event[JournalData]:
    data = InvoiceIssued(
        invoice_id=f"in-{number}",
        account_id="a",
        subscription_id="s",
        amount_minor=100,
        currency="EUR",
        issued_at=WHEN,
        labels={"due_ms": str(due_ms)},
    )
    return Event(id=f"i-{number}", source="test", type=data.TYPE, time=WHEN, data=data)


def page(*events: Event[JournalData]) -> bytes:
    return encode_page([encode_event(event) for event in events])


def pages(first: int, count: int) -> list[bytes]:
    return [page(paid(number)) for number in range(first, first + count)]


def told(broker: MemoryBroker, topic: str = OUTPUT) -> list[str]:
    ids = [json.loads(output.value)["id"] for output in broker.outputs if output.topic == topic]
    return (
        [id_.rpartition("/")[0] for id_ in ids] if topic == TIMED else ids
    )  # without the instant it was due


def counted(count: int) -> list[str]:
    return [f"a/{number}" for number in range(1, count + 1)]


async def test_everything_queued_goes_into_one_transaction_with_its_offset(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(*pages(0, 3))
    assert it.broker.transactions == [(3, 2, 3)]  # three outputs; one account and the partition record
    assert told(it.broker) == counted(3)
    record = decode_record(it.broker.state[PARTITION_KEY])
    assert (record.begins_at, record.applied_offset, record.clock_ms) == (0, 2, START_MS)
    assert it.broker.committed == 3


async def test_partition_records_form_a_chain(bench: BenchMaker) -> None:
    it = await bench()
    for number in range(4):
        await it.deliver(*pages(number, 1))
    records = [decode_record(value) for key, value in it.broker.changelog if key == PARTITION_KEY and value]
    assert [(record.begins_at, record.applied_offset) for record in records] == [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 3),
    ]


@pytest.mark.parametrize("is_applied", [False, True], ids=["lost", "applied-but-unanswered"])
async def test_a_commit_of_unknown_outcome_is_settled_by_taking_over_again(
    bench: BenchMaker, is_applied: bool
) -> None:
    it = await bench()
    await it.deliver(*pages(0, 2))
    it.broker.faults.append((unsettled(), is_applied))
    await it.deliver(*pages(2, 2))
    assert not it.worker.is_restored, "the memory is thrown away"
    await it.clock.advance(1.0)
    await it.deliver(*pages(4, 1))
    assert told(it.broker) == counted(5)
    assert len(it.folds) == 2, "a fresh engine, restored from the changelog"
    assert it.broker.epoch == 1


async def test_a_fenced_worker_waits_for_its_revocation_before_it_takes_the_partition_back(
    bench: BenchMaker,
) -> None:
    it = await bench()
    await it.deliver(*pages(0, 1))
    it.broker.epoch += 1  # another owner
    await it.deliver(*pages(1, 1))
    assert not it.worker.is_restored
    await it.clock.advance(6.9)
    assert it.broker.epoch == 1
    await it.clock.advance(0.2)
    assert it.broker.epoch == 2
    assert told(it.broker) == counted(2)


async def test_trouble_that_does_not_end_stops_the_worker_with_a_reason(bench: BenchMaker) -> None:
    it = await bench(limits=Limits(patience_s=3.0))
    it.broker.faults += [(unsettled(), False)] * 10
    await it.deliver(*pages(0, 1))
    for _ in range(4):
        await it.clock.advance(1.0)
    with pytest.raises(Trouble, match="partition 0 could not be kept for 3 s: no answer"):
        it.task.result()
    assert it.broker.outputs == []


async def test_pages_delivered_twice_are_applied_once(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(*pages(0, 3))
    for again in list(it.broker.journal):
        it.worker.queue.put(again)
    await it.deliver(*pages(3, 1))
    assert told(it.broker) == counted(4)


async def test_a_restart_continues_from_the_committed_offset(bench: BenchMaker) -> None:
    first = await bench()
    await first.deliver(*pages(0, 3))
    first.task.cancel()
    second = await bench(first.broker)
    for again in list(first.broker.journal):  # Faust may seek to an older offset
        second.worker.queue.put(again)
    await second.deliver(*pages(3, 2))
    assert told(second.broker) == counted(5)
    assert second.folds[0].folded == 2


async def test_a_stale_page_ahead_of_its_turn_is_dropped_and_comes_again(bench: BenchMaker) -> None:
    it = await bench()
    it.worker.queue.put(Page(1, START_MS, pages(1, 1)[0]))
    await it.deliver(*pages(0, 2))
    assert told(it.broker) == counted(2)


async def test_a_page_that_never_comes_stops_the_worker(bench: BenchMaker) -> None:
    it = await bench(limits=Limits(gap_s=2.0))
    for number, wait_s in ((1, 1.0), (2, 1.5), (3, 0.0)):
        it.worker.queue.put(Page(number, START_MS, pages(number, 1)[0]))
        await rest()
        await it.clock.advance(wait_s)
    with pytest.raises(Broken, match="page 0 of journal partition 0 was never delivered"):
        it.task.result()
    assert it.broker.outputs == []


async def test_an_expired_group_offset_is_replaced_by_the_partition_record(bench: BenchMaker) -> None:
    first = await bench()
    await first.deliver(*pages(0, 3))
    first.task.cancel()
    first.broker.committed = None
    second = await bench(first.broker)
    assert second.worker.next_offset == 3


@pytest.mark.parametrize(
    ("committed", "begins_at", "message"),
    [
        (2, 0, "offset is 2, but the state topic was written up to 3"),
        (4, 0, "offset is 4, but the state topic was written up to 3"),
        (3, 4, "next page to apply is 3, but the journal holds 4 to"),
    ],
    ids=["offset-behind", "offset-ahead", "journal-cut"],
)
async def test_state_offset_and_journal_that_disagree_stop_the_worker(
    bench: BenchMaker, committed: int, begins_at: int, message: str
) -> None:
    first = await bench()
    await first.deliver(*pages(0, 3))
    first.task.cancel()
    first.broker.committed, first.broker.journal_begins_at = committed, begins_at
    second = await bench(first.broker)
    with pytest.raises(Broken, match=message):
        second.task.result()


async def test_a_journal_without_its_beginning_needs_a_state(bench: BenchMaker) -> None:
    broker = MemoryBroker(HandClock(), journal_begins_at=10)
    it = await bench(broker)
    with pytest.raises(Broken, match="pages are missing"):
        it.task.result()


async def test_the_clock_never_goes_back(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(*pages(0, 1))
    it.broker.append(pages(1, 1)[0], stamp_ms=START_MS - 5_000)
    await rest()
    assert [json.loads(output.value)["at"] for output in it.broker.outputs] == [START_MS * 1000] * 2


async def test_a_stamp_an_hour_ahead_stops_the_worker(bench: BenchMaker) -> None:
    it = await bench()
    it.broker.append(pages(0, 1)[0], stamp_ms=START_MS + 3_600_001)
    await rest()
    with pytest.raises(Broken, match="more than an hour ahead"):
        it.task.result()
    assert it.broker.outputs == []


async def test_an_unreadable_page_stops_the_worker(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(pages(0, 1)[0], b'{"events":[{"type":"nonsense"}]}')
    with pytest.raises(Broken, match="page 1 of journal partition 0 is unreadable"):
        it.task.result()


async def test_an_error_in_the_fold_stops_the_worker_and_writes_nothing(
    bench: BenchMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("attempt 3 before 2")

    it = await bench()
    monkeypatch.setattr(CountingFold, "fold", fail)
    await it.deliver(*pages(0, 1))
    with pytest.raises(Broken, match=r"the fold failed at page 0 .* AssertionError: attempt 3 before 2"):
        it.task.result()
    assert it.broker.transactions == []


async def test_pages_without_effect_wait_a_second_for_company(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(page(policies_set()))
    await it.clock.advance(0.9)
    assert it.broker.transactions == []
    await it.clock.advance(0.2)
    assert it.broker.transactions == [(0, 1, 1)]


async def test_what_waits_leaves_with_the_next_page_that_has_an_effect(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(page(policies_set()))
    await it.deliver(*pages(1, 1))
    assert it.broker.transactions == [(1, 2, 2)]


def policies_set() -> Event[JournalData]:
    return Event(id="p", source="dunning", type=PoliciesSet.TYPE, time=WHEN, data=PoliciesSet(policies={}))


async def test_a_tick_follows_when_something_is_due_and_not_before(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(page(issued(1, due_ms=500)))
    await it.clock.advance(0.499)
    assert len(it.broker.journal) == 1
    await it.clock.advance(0.002)
    assert len(it.broker.journal) == 2
    assert told(it.broker, TIMED) == ["t/in-1"]
    await it.clock.advance(60)
    assert len(it.broker.journal) == 2, "nothing is due any more"


async def test_timers_left_over_are_followed_up_at_once(bench: BenchMaker) -> None:
    it = await bench(timers_per_page=2)
    await it.deliver(page(*(issued(number, due_ms=500) for number in range(5))))
    await it.clock.advance(0.501)
    assert told(it.broker, TIMED) == [f"t/in-{number}" for number in range(5)]
    assert len(it.broker.journal) == 4  # the page, and ticks for 2 + 2 + 1 timers


@pytest.mark.parametrize("skew_ms", [-2_000, 2_000], ids=["broker-behind", "broker-ahead"])
async def test_the_ticker_learns_the_brokers_clock(bench: BenchMaker, skew_ms: int) -> None:
    it = await bench(MemoryBroker(HandClock(), skew_ms=skew_ms))
    await it.deliver(page(issued(1, due_ms=500)))
    for _ in range(50):
        await it.clock.advance(0.1)
    assert told(it.broker, TIMED) == ["t/in-1"]
    asked = len(it.broker.journal)
    assert asked <= 3, "a wrong first guess costs one tick, not one each tenth of a second"
    await it.deliver(page(issued(2, due_ms=500)))
    for _ in range(10):
        await it.clock.advance(0.1)
    assert told(it.broker, TIMED) == ["t/in-1", "t/in-2"]
    assert len(it.broker.journal) == asked + 2


async def test_what_was_due_before_a_restart_is_ticked_after_it(bench: BenchMaker) -> None:
    first = await bench()
    await first.deliver(page(issued(1, due_ms=500)))
    first.task.cancel()
    await rest()
    await first.clock.advance(5)
    second = await bench(first.broker)
    assert told(second.broker, TIMED) == ["t/in-1"]


async def test_a_tick_that_fails_is_asked_for_again_and_costs_no_takeover(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(page(issued(1, due_ms=500)))
    it.broker.tick_faults.append(Unsettled("no answer"))
    await it.clock.advance(0.501)
    await it.clock.advance(1.0)
    assert told(it.broker, TIMED) == ["t/in-1"]
    assert len(it.folds) == 1


async def test_a_takeover_lets_go_of_what_the_one_before_held(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(*pages(0, 1))
    first = weakref.ref(it.folds.pop())
    it.broker.faults.append((Unsettled("no answer"), False))
    await it.deliver(*pages(1, 1))
    await it.clock.advance(1.0)
    assert told(it.broker) == counted(2)
    assert first() is None


def test_the_state_of_a_partition_goes_with_its_engine() -> None:
    engine = Engine(shipped_rules())
    engine.restored()
    tables = weakref.ref(engine.tables)
    spare_what_stays()  # what is in a circle now is out of the collector's sight
    del engine
    assert tables() is None


async def test_ticks_that_never_get_through_stop_the_worker(bench: BenchMaker) -> None:
    it = await bench(limits=Limits(patience_s=5.0))
    await it.deliver(page(issued(1, due_ms=500)))
    it.broker.tick_faults += [Unsettled("no answer")] * 20
    for _ in range(8):
        await it.clock.advance(1.0)
    with pytest.raises(Trouble, match="could not be kept for 5 s"):
        it.task.result()


async def test_being_fenced_at_once_again_counts_as_trouble(bench: BenchMaker) -> None:
    it = await bench(limits=Limits(patience_s=10.0))
    it.broker.faults += [(Fenced("a newer owner"), False)] * 5
    await it.deliver(*pages(0, 1))
    for _ in range(3):
        await it.clock.advance(7.0)
    with pytest.raises(Trouble, match=r"instance_id \(DUNNING_INSTANCE_ID\), .* app_id \(DUNNING_APP_ID\)"):
        it.task.result()


async def test_being_fenced_again_and_again_names_the_settings_that_may_be_shared(bench: BenchMaker) -> None:
    it = await bench()
    with structlog.testing.capture_logs() as lines:
        for number in range(2):  # another system's worker, which holds the partition in between
            it.broker.epoch += 1
            await it.deliver(*pages(number, 1))
            await it.clock.advance(7.0)
    fenced = [line for line in lines if line["event"] == "partition.fenced"]
    assert ["advice" in line for line in fenced] == [False, True], (
        "a pause that was slept through is told alone"
    )
    assert "DUNNING_APP_ID" in fenced[1]["advice"]
    assert told(it.broker) == counted(2)


async def test_committed_pages_make_room_for_new_ones(bench: BenchMaker) -> None:
    it = await bench(limits=Limits(queue_bytes=2_000))
    for number in range(30):
        assert it.worker.queue.has_room.is_set(), f"no room for page {number}"
        await it.deliver(*pages(number, 1))
    assert told(it.broker) == counted(30)


async def test_a_tick_on_its_way_is_waited_for(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(page(issued(1, due_ms=500)))
    it.broker.on_append = lambda _: None  # Faust delivers nothing, as in a rebalance
    for _ in range(40):
        await it.clock.advance(0.1)
    assert len(it.broker.journal) == 2, "one tick is enough"
    for _ in range(20):
        await it.clock.advance(0.1)
    assert len(it.broker.journal) == 3, "until it is overdue"


async def test_a_journal_made_anew_stops_the_takeover_however_long_it_is(bench: BenchMaker) -> None:
    first = await bench()
    await first.deliver(*pages(0, 3))
    first.task.cancel()
    await first.clock.advance(5.0)
    first.broker.journal.clear()
    first.broker.committed = None  # the broker forgets a topic's offsets with the topic
    for value in pages(10, 6):
        first.broker.append(value)
    second = await bench(first.broker)
    with pytest.raises(Broken, match=r"page 0 of the journal is stamped later .* made anew"):
        second.task.result()


async def test_a_journal_made_anew_under_a_worker_stops_it(bench: BenchMaker) -> None:
    it = await bench()
    await it.deliver(*pages(0, 3))
    await it.clock.advance(5.0)
    it.broker.journal.clear()
    await it.deliver(*pages(10, 1))
    with pytest.raises(Broken, match="page 0 of journal partition 0 is stamped later"):
        it.task.result()


async def test_a_state_that_has_lost_rows_stops_the_takeover(bench: BenchMaker) -> None:
    first = await bench()
    await first.deliver(page(paid(0)), page(paid(1, "b")))
    first.task.cancel()
    del first.broker.changelog[0]  # as a topic that was made anew between two transactions
    second = await bench(first.broker)
    with pytest.raises(Broken, match="holds 1 rows, but 2 were written"):
        second.task.result()


async def test_a_page_that_never_comes_stops_the_worker_though_nothing_follows(bench: BenchMaker) -> None:
    it = await bench(limits=Limits(gap_s=2.0))
    it.worker.queue.put(Page(1, START_MS, pages(1, 1)[0]))
    await rest()
    await it.clock.advance(2.1)
    with pytest.raises(Broken, match="page 0 of journal partition 0 was never delivered, but page 1 was"):
        it.task.result()


async def test_a_worker_whose_clock_is_slow_is_not_late(bench: BenchMaker) -> None:
    first = await bench(MemoryBroker(HandClock(), skew_ms=3_000_000))
    await first.deliver(page(issued(1, due_ms=500), issued(2, due_ms=60_000)))
    for _ in range(10):
        await first.clock.advance(0.1)
    assert told(first.broker, TIMED) == ["t/in-1"]
    first.task.cancel()
    await first.clock.advance(60.0)
    second = await bench(first.broker)  # and idle: no page tells it the broker's clock
    for again in list(first.broker.journal):
        second.worker.queue.put(again)
    await second.clock.advance(0.1)
    assert told(second.broker, TIMED) == ["t/in-1", "t/in-2"]
