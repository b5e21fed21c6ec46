"""The benchmarks run, count right and tell what they found; how fast is not asked here."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.benchmarks import fold, growth, memory, paired
from tests.benchmarks.arena import arena
from tests.benchmarks.figures import Report
from tests.benchmarks.lanes import race, tell
from tests.benchmarks.performance_page import PAGE, with_results
from tests.world import PROJECT


def test_fold_and_growth_are_measured(tmp_path: Path) -> None:
    for report in (fold.measure(quick=True), growth.measure(quick=True)):
        assert report.targets
        assert all(value >= 0 for figure in report.figures for value in figure.values)
        report.write(tmp_path)
        written = json.loads((tmp_path / f"{report.benchmark}.json").read_text("utf-8"))
        assert len(written["figures"]) == len(report.figures)


@pytest.mark.broker
def test_lanes_race_on_a_broker(bootstrap: str, tmp_path: Path) -> None:
    async def run() -> Report:
        async with arena(bootstrap) as place:
            ours = await place.ours("dunning worker", ("worker",), events=400)
            copy = await place.bare_copy(events=400)
            await race([ours, copy], repetitions=1, warm_up=100)
            report = Report("smoke", "pytest", is_quick=True, machine=place.machine)
            tell(report, [ours, copy])
            return report

    report = asyncio.run(run())
    assert report.median("dunning worker") > 0
    assert report.median("bare aiokafka copy (control)") > 0
    report.write(tmp_path)
    assert str(tmp_path) not in (tmp_path / "smoke.json").read_text("utf-8")


@pytest.mark.broker
def test_memory_and_restore_are_measured(tmp_path: Path) -> None:
    report = memory.measure(quick=True)
    assert report.median("restore: fence, read, load, index") > 0
    report.write(tmp_path)


def test_a_target_is_told_met_or_missed() -> None:
    report = Report("x", "x", is_quick=True, machine={})
    report.target("speed", 10.0, ">=", 9.0, "x")
    report.target("cost", 10.0, "<=", 9.0, "x")
    assert [target.is_met for target in report.targets] == [True, False]


def test_results_become_a_page(tmp_path: Path) -> None:
    report = Report("fold", "python -m x", is_quick=False, machine={"cores": 2, "libraries": {"a": "1"}})
    report.figure("an event", "µs CPU", [1.0, 3.0, 2.0])
    report.target("an event", 2.0, "<=", 1.0, "µs")
    report.write(tmp_path)
    result = json.loads((tmp_path / "fold.json").read_text("utf-8"))
    page = with_results(PAGE.read_text("utf-8"), [result])
    assert "| an event | <= 1 µs | 2.0 | **missed** |" in page
    assert "| an event | 2.0 | 1.0 | 3.0 | µs CPU | 3 |" in page
    assert with_results(page, [result]) == page


@pytest.mark.skipif(not (PROJECT / ".git").exists(), reason="no checkout: there is no commit to compare with")
def test_a_commit_is_measured_beside_the_working_tree() -> None:
    report = paired.measure("HEAD", events=400, repetitions=1)
    assert report.median("an event, now") > 0
    assert report.median("an event, at HEAD") > 0
