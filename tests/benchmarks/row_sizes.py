"""What decision 5 rests on: bytes of one open case, its account in one row and in rows of their own.

Run from the project's folder: `python -m tests.benchmarks.row_sizes`. It takes some seconds.
"""

import gc
import tracemalloc
from pathlib import Path

import dunning.tables
from dunning.engine import Engine
from schemas.envelope import Event
from schemas.events import InputData
from schemas.instants import micros
from schemas.reading import read_event
from streams.rules import load_rules

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "first-case.jsonl"
CASES, PAGE = 20_000, 100


def main() -> None:
    """Measure both layouts and print a line for each."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()[:2]  # the invoice and its first decline
    for name, spill in (("one row while small", dunning.tables.SPILL), ("always single rows", 0)):
        dunning.tables.SPILL = spill  # type: ignore[misc]  # both ways of one engine, for once
        rows, row_bytes, memory = measured(lines)
        print(f"{name}: {rows:.0f} rows a case, {row_bytes:.0f} B of rows, {memory:.0f} B in memory")


def measured(lines: list[str]) -> tuple[float, float, float]:
    """Open the cases. Returns rows, bytes of rows with their keys, and allocated bytes, each for one case."""
    engine = Engine(load_rules())
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for first in range(0, CASES, PAGE):
        events = [numbered(line, number) for number in range(first, first + PAGE) for line in lines]
        engine.fold(events, micros(events[-1].time))
        del events
    gc.collect()
    memory = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert engine.open_cases == CASES, "a case for each account"
    rows = engine.tables.rows
    row_bytes = sum(len(key.encode()) + len(row) for key, row in rows.items())
    return len(rows) / CASES, row_bytes / CASES, memory / CASES


def numbered(line: str, number: int) -> Event[InputData]:
    """Make the example another customer's."""
    for word in ("evt-1", "evt-2", "in-1001", "acct-7", "sub-7", "card-1", "ch-501"):
        line = line.replace(f'"{word}"', f'"{word}.{number}"')
    return read_event(line.encode())


if __name__ == "__main__":
    main()
