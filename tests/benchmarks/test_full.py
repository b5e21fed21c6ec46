"""All benchmarks at full length, and the evidence against Faust's tables.

One rule: asserted are counts, invariants and ratios with half the floor as margin; absolute times are printed and
written (`build/benchmarks/*.json`), never asserted.
"""

import asyncio

import pytest

from tests.benchmarks import engine, fold, growth, intake, latency, memory, whole_path
from tests.benchmarks.evidence import faust_exactly_once, faust_refused_changelog
from tests.benchmarks.figures import Report
from tests.world import PROJECT

pytestmark = pytest.mark.slow
RESULTS = PROJECT / "build" / "benchmarks"


def told(report: Report) -> Report:
    report.show()
    report.write(RESULTS)
    return report


def test_fold() -> None:
    report = told(fold.measure(quick=False))
    assert report.median("live: 1,000 events a second: outputs") > 0


def test_growth() -> None:
    report = told(growth.measure(quick=False))
    by_cases, by_size, by_number = (target.measured for target in report.targets)
    assert by_cases <= 2 * growth.MOST_GROWTH, "a decline grows with the open cases"
    assert by_size <= 2, "a decline grows with the subscriptions of its account"
    assert by_number <= 2 * growth.MOST_SHARED, "a decline grows with the subscriptions on its card number"


@pytest.mark.broker
def test_intake() -> None:
    report = told(intake.measure(quick=False))
    assert report.median("rate of intake / rate of the bare copy") > 0.1


@pytest.mark.broker
def test_engine() -> None:
    report = told(engine.measure(quick=False))
    assert report.median("rate of the engine / rate of Faust's table way") >= engine.FLOOR_TIMES / 2


@pytest.mark.broker
def test_whole_path() -> None:
    report = told(whole_path.measure(quick=False))
    assert report.median("CPU of Faust's table way / CPU of ours") >= 2


@pytest.mark.broker
def test_latency() -> None:
    report = told(latency.measure(quick=False))
    assert report.median("new card bound -> request readable: samples") >= 200


@pytest.mark.broker
def test_memory() -> None:
    report = told(memory.measure(quick=False))
    assert report.median("resident memory after a restore") <= 2 * memory.FLOOR_BYTES


@pytest.mark.broker
def test_a_faust_table_loses_what_the_broker_refused() -> None:
    loss = asyncio.run(faust_refused_changelog.show())
    assert loss.committed == loss.published, "Faust has committed everything"
    assert loss.lost > 0, "and yet lost none of it: the decision against its tables may be looked at again"


@pytest.mark.broker
def test_fausts_exactly_once_doubles_outputs() -> None:
    seen = asyncio.run(faust_exactly_once.show())
    assert seen.committed is None, "nothing was committed yet"
    assert seen.visible_uncommitted == seen.published
    assert seen.doubled > 0, "none doubled: the decision against exactly_once may be looked at again"
