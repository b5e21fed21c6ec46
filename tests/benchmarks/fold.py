"""The fold alone: pages of DW-1 through the engine of one partition, in memory, decoding included.

One rule: only CPU time of this process is counted; what surrounds the fold (Kafka, tasks) is measured elsewhere.
"""

import gc
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from dunning.engine import Engine, Step
from dunning.tables import Tables
from schemas.instants import micros
from schemas.pages import decode_page, encode_event, encode_page
from schemas.reading import read_event
from streams.collector import look_seldom, spare_what_stays
from streams.rules import load_rules
from tests.benchmarks.figures import Report
from tests.benchmarks.machine import described, yardstick_ns
from tests.benchmarks.workload import Wire, Workload

BEGINS_AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
PAGE_EVENTS = 200
FLOOR_US = 20.0


def measure(*, quick: bool) -> Report:
    """Fold DW-1 at several numbers of accounts; fire what falls due."""
    report = Report("fold", "python -m tests.benchmarks fold", quick, described())
    events, repetitions = (6_000, 2) if quick else (100_000, 5)
    accounts = events // 2
    report.figure("yardstick, before", "ns", [yardstick_ns()])
    for name, gap_us, share in (
        ("live: 1,000 events a second", 1_000, 1.0),
        # The same events over four weeks: rungs, notices and window ends fire in between.
        ("four weeks: timers fire between the events", 28 * 86_400_000_000 // events, 0.5),
    ):
        runs = [_run(int(events * share), accounts, gap_us) for _ in range(repetitions)]
        report.figure(f"{name}: events", "", [runs[0].events])
        report.figure(f"{name}: timers fired", "", [runs[0].timers])
        report.figure(f"{name}: outputs", "", [runs[0].outputs])
        report.figure(f"{name}: an event", "µs CPU", [run.event_us for run in runs])
        report.figure(f"{name}: an event or timer", "µs CPU", [run.step_us for run in runs])
        report.figure(f"{name}: decoding an event", "µs CPU", [run.decode_us for run in runs])
        report.figure(f"{name}: codecs alone, nothing decided", "µs CPU", [run.codecs_us for run in runs])
    report.figure("yardstick, after", "ns", [yardstick_ns()])
    report.target(
        "fold of an event, page decode included",
        report.median("live: 1,000 events a second: an event"),
        "<=",
        FLOOR_US,
        "µs",
    )
    return report


class _Run:
    """One pass over the workload with a fresh engine."""

    def __init__(self, events: int) -> None:
        self.events = events
        self.timers = 0
        self.outputs = 0
        self.cpu_s = 0.0
        self.decode_s = 0.0
        self.codecs_s = 0.0

    @property
    def event_us(self) -> float:
        """All of it, divided by the events."""
        return self.cpu_s / self.events * 1e6

    @property
    def step_us(self) -> float:
        """All of it, divided by events and timers."""
        return self.cpu_s / (self.events + self.timers) * 1e6

    @property
    def decode_us(self) -> float:
        """Of it, the decoding of pages."""
        return self.decode_s / self.events * 1e6

    @property
    def codecs_us(self) -> float:
        """What the same bytes cost where nothing is decided: see `_codecs`."""
        return self.codecs_s / self.events * 1e6


def _run(count: int, accounts: int, gap_us: int) -> _Run:
    workload = Workload(accounts=accounts, begins_at=BEGINS_AT, step=timedelta(microseconds=gap_us))
    pages = list(pages_of(workload.take(count)))
    look_seldom()  # as a worker does
    spare_what_stays()  # what the workload remembers is none of the engine's garbage
    engine = Engine(load_rules())
    run = _Run(count)
    now = micros(BEGINS_AT)
    triggers: Counter[str] = Counter()
    steps: list[Step] = []
    for page in pages:
        arrived = now + PAGE_EVENTS * gap_us
        # Between two pages the owner appends a tick when something is due.
        while (due := engine.next_due) is not None and due < arrived:
            now = max(now, due)
            started = time.process_time()
            step = engine.fold((), now)
            run.cpu_s += time.process_time() - started
            steps.append(step)
            triggers.update(note.trigger for note in step.notes)
        now = arrived
        started = time.process_time()
        events = decode_page(page)
        decoded = time.process_time()
        step = engine.fold(events, now)
        ended = time.process_time()
        run.decode_s += decoded - started
        run.cpu_s += ended - started
        steps.append(step)
        triggers.update(note.trigger for note in step.notes)
    gc.unfreeze()
    run.timers = triggers["due"]
    run.outputs = sum(len(step.outputs) for step in steps)
    run.codecs_s = _codecs(pages, steps)
    return run


def _codecs(pages: Sequence[bytes], steps: Sequence[Step]) -> float:
    """Seconds to read every page, to unpack and pack every row that was written, and to write every event again.

    Nothing is decided in between: all of it runs in C, and no fold that keeps packed rows and writes JSON does less.
    """
    rows = [(key.decode(), row) for step in steps for key, row in step.changes.items()]
    written = [msgspec.json.decode(output.value) for step in steps for output in step.outputs]
    tables, pack, write = Tables(), msgspec.msgpack.Encoder(), msgspec.json.Encoder()
    started = time.process_time()
    for page in pages:
        decode_page(page)
    for key, row in rows:
        account_id, is_single, name = key.partition("\0")
        tables.load(key, row)
        pack.encode(tables.record(account_id, name) if is_single else tables.bundle(account_id))
    for event in written:
        write.encode(event)
    return time.process_time() - started


def pages_of(events: Sequence[Wire]) -> Iterator[bytes]:
    """Take events through the door and put them into pages of one partition."""
    for first in range(0, len(events), PAGE_EVENTS):
        page = events[first : first + PAGE_EVENTS]
        yield encode_page([encode_event(read_event(event.value, topic=event.type)) for event in page])
