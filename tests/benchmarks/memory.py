"""Memory of open cases, and the time to restore them: measured in processes that do nothing else.

One rule: what is measured is resident memory as the system sees it, not an estimate of ours; and the restore is
the worker's own takeover, from a state topic that was written in the engine's own transactions.
"""

import asyncio
import functools
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psutil

from dunning.engine import Engine
from streams import topics as names
from streams.appender import Appender
from streams.broker import EmbeddedKafka
from streams.clients import connection
from streams.clock import SystemClock
from streams.ledger import KafkaLedger, LedgerTopics
from streams.partition_record import PartitionRecord, encode_record
from streams.ports import PARTITION_KEY
from streams.rules import load_rules
from streams.settings import Settings
from streams.takeover import take_over
from streams.topics import create_topics, topic_name
from tests.benchmarks.cases import BEGINS_AT, open_cases
from tests.benchmarks.figures import Report
from tests.benchmarks.machine import described
from tests.world import PROJECT

TRANSACTION_ROWS = 5_000
FLOOR_BYTES, FLOOR_S = 600, 30.0


def measure(*, quick: bool) -> Report:
    """Open the cases in one process and restore them in another."""
    cases = 5_000 if quick else 1_000_000
    with EmbeddedKafka() as kafka:
        report = Report("memory", "python -m tests.benchmarks memory", quick, described(kafka.jars))
        built = _in_a_process("build", kafka.bootstrap, cases)
        restored = _in_a_process("restore", kafka.bootstrap, cases)
    assert built["open_cases"] == restored["open_cases"] == cases, "cases were lost on the way"
    report.figure("open cases", "", [cases])
    report.figure("packed rows, keys included", "B/case", [built["row_bytes"] / cases])
    report.figure("resident memory while they come about", "B/case", [built["rss"] / cases])
    report.figure("resident memory after a restore", "B/case", [restored["rss"] / cases])
    report.figure("restore: fence, read, load, index", "s", [restored["seconds"]])
    report.figure("restore", "rows/s", [restored["rows"] / restored["seconds"]])
    report.figure("full garbage collection with all cases in memory", "ms", [built["gc_s"] * 1000])
    report.target("memory of an open case, built", built["rss"] / cases, "<=", FLOOR_BYTES, "B")
    report.target("memory of an open case, restored", restored["rss"] / cases, "<=", FLOOR_BYTES, "B")
    report.target("restore of all cases", restored["seconds"], "<=", FLOOR_S, "s")
    return report


def _in_a_process(job: str, bootstrap: str, cases: int) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.benchmarks.memory", job, bootstrap, str(cases)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{job} failed:\n{done.stderr[-2_000:]}"
    found: dict[str, float] = json.loads(done.stdout)
    return found


async def _build(settings: Settings, cases: int) -> dict[str, float]:
    await create_topics(settings)
    ledger, appender = await _ledger(settings)
    owner = await ledger.fence()
    page = await appender.append(topic_name(settings, names.JOURNAL), 0, b'{"events":[]}')
    engine = Engine(load_rules())
    before = _rss()
    rows: dict[bytes, bytes | None] = {}
    for changes in open_cases(engine, 0, cases, total=cases, begins_at=BEGINS_AT):
        rows.update(changes)
        if len(rows) >= TRANSACTION_ROWS:
            await ledger.commit((), rows, 0)
            rows = {}
    record = PartitionRecord(
        begins_at=0,
        applied_offset=page.offset,
        clock_ms=page.stamp_ms,
        producer_id=owner.producer_id,
        epoch=owner.epoch,
        rows=engine.row_count,
    )
    rows[PARTITION_KEY] = encode_record(record)
    await ledger.commit((), rows, 1)
    del rows
    started = time.perf_counter()
    gc.collect()
    gc_s = time.perf_counter() - started
    grown = _rss() - before
    await ledger.close()
    await appender.stop()
    row_bytes = sum(len(key) + len(row) for key, row in engine.tables.rows.items())
    return {"open_cases": engine.open_cases, "rss": grown, "row_bytes": row_bytes, "gc_s": gc_s}


async def _restore(settings: Settings, cases: int) -> dict[str, float]:  # noqa: ARG001  # one shape for both
    ledger, appender = await _ledger(settings)
    engine = Engine(load_rules())
    before = _rss()
    started = time.perf_counter()
    memory = await take_over(ledger, lambda: engine, SystemClock(), lambda _: None)
    seconds = time.perf_counter() - started
    grown = _rss() - before
    assert memory.next_offset == 1, "the journal offset was not restored"
    await ledger.close()
    await appender.stop()
    return {
        "open_cases": engine.open_cases,
        "rss": grown,
        "seconds": seconds,
        "rows": len(engine.tables.rows),
    }


async def _ledger(settings: Settings) -> tuple[KafkaLedger, Appender]:
    client = connection(settings)
    appender = Appender(client)
    await appender.start()
    topics = LedgerTopics(
        journal=topic_name(settings, names.JOURNAL),
        state=topic_name(settings, names.STATE),
        outputs={name: topic_name(settings, name) for name in names.OUTPUTS},
    )
    ledger = KafkaLedger(0, group_id=settings.app_id, topics=topics, client=client, appender=appender)
    return ledger, appender


def _rss() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


_JOBS: dict[str, Callable[[Settings, int], Any]] = {"build": _build, "restore": _restore}


def main(job: str, bootstrap: str, cases: str) -> None:
    """Do one of the two jobs and print its findings as JSON."""
    settings = Settings(bootstrap=bootstrap, app_id="memory", partitions=1, replication=1)
    work = functools.partial(_JOBS[job], settings, int(cases))
    print(json.dumps(asyncio.run(work())))


if __name__ == "__main__":
    main(*sys.argv[1:])
