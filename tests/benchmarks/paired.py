"""What an event costs now and at an earlier commit, in turns: `python -m tests.benchmarks.paired --base REV`.

One rule: both fold the same pages of the journal, each with its own code, in processes of their own.
"""

import argparse
import gc
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import msgspec

from schemas.instants import MICROSECOND, micros
from streams.collector import look_seldom
from tests.benchmarks.figures import Report
from tests.benchmarks.fold import BEGINS_AT, PAGE_EVENTS, pages_of
from tests.benchmarks.machine import described, yardstick_ns
from tests.benchmarks.workload import Workload
from tests.world import PROJECT

EVENTS, REPETITIONS = 50_000, 7
STEP = timedelta(milliseconds=1)
MOST_GROWTH = 1.25

# Runs in either tree: only what both have had since the fold could read a page.
_FOLD = """
import gc, sys, time
import msgspec
from dunning.engine import Engine
from schemas.pages import decode_page
from streams.rules import load_rules

now, step, thresholds, pages = msgspec.msgpack.decode(open(sys.argv[1], "rb").read())
gc.set_threshold(*thresholds)
gc.freeze()
engine = Engine(load_rules())
started = time.process_time()
for page in pages:
    now += step
    engine.fold(decode_page(page), now)
print(time.process_time() - started)
"""


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.paired", description=__doc__)
    parser.add_argument("--base", default="HEAD", help="the commit to compare the working tree with")
    parser.add_argument("--json", type=Path, help="also write paired.json into this folder")
    given = parser.parse_args()
    report = measure(given.base)
    report.show()
    if given.json is not None:
        report.write(given.json)


def measure(base: str, *, events: int = EVENTS, repetitions: int = REPETITIONS) -> Report:
    """Fold DW-1 with the code of the working tree and with that of a commit, in turns."""
    report = Report("paired", f"python -m tests.benchmarks.paired --base {base}", False, described())
    workload = Workload(accounts=EVENTS, begins_at=BEGINS_AT, step=STEP)
    pages = list(pages_of(workload.take(events)))
    look_seldom()
    given = (micros(BEGINS_AT), PAGE_EVENTS * (STEP // MICROSECOND), gc.get_threshold(), pages)
    with _checked_out(base) as tree, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pages"
        file.write_bytes(msgspec.msgpack.encode(given))
        ours: list[float] = []
        theirs: list[float] = []
        report.figure("yardstick, before", "ns", [yardstick_ns()])
        for repetition in range(repetitions):
            turns = [(PROJECT, ours), (tree, theirs)]
            for place, found in turns if repetition % 2 == 0 else reversed(turns):
                found.append(_fold_s(place, file) / events * 1e6)
        report.figure("yardstick, after", "ns", [yardstick_ns()])
    report.figure("an event, now", "µs CPU", ours)
    report.figure(f"an event, at {base}", "µs CPU", theirs)
    ratio = report.figure("now / then", "x", [a / b for a, b in zip(ours, theirs, strict=True)])
    report.target(f"cost of an event, now / at {base}", ratio.median, "<=", MOST_GROWTH, "x")
    return report


def _fold_s(tree: Path, pages: Path) -> float:
    """Give the CPU seconds that the code of a tree needs for the pages."""
    # Not installed code but the tree's: the folder of the program comes first, so it is given on standard input.
    done = subprocess.run(
        [sys.executable, "-", str(pages)],
        input=_FOLD,
        cwd=tree,
        env={"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


@contextmanager
def _checked_out(revision: str) -> Iterator[Path]:
    """Unpack the files of a commit into a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        archive = subprocess.run(
            ["git", "archive", "--format=tar", revision], cwd=PROJECT, capture_output=True, check=True
        )
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
        yield Path(folder)


if __name__ == "__main__":
    main()
