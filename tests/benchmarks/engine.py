"""The engine: pages of the journal become decisions in transactions, beside the same work in Faust's own way.

One rule: the rival folds the same events with the same code, keeps the rows in a Faust table and sends each output;
it promises less (at least once). Beside both the least that Faust can do for an event: a count and one output.
"""

import asyncio

from tests.benchmarks.arena import arena
from tests.benchmarks.figures import Report
from tests.benchmarks.lanes import drift, race, tell

FLOOR, FLOOR_TIMES = 25_000, 8


def measure(*, quick: bool) -> Report:
    """Race `dunning worker --no-intake` against the same decisions on Faust's tables, a count on them, a bare copy."""
    return asyncio.run(_measure(quick=quick))


async def _measure(*, quick: bool) -> Report:
    events, few, repetitions = (5_000, 1_000, 1) if quick else (100_000, 10_000, 5)
    async with arena() as place:
        report = Report("engine", "python -m tests.benchmarks engine", quick, place.machine)
        ours = await place.ours("dunning worker", ("worker", "--no-intake"), events=events)
        faust = await place.faust_decisions(events=events)  # the cost of an event grows within a run
        faust_count = await place.faust_count(events=few)
        copy = await place.bare_copy(events=events)
        lanes = [ours, faust, faust_count, copy]
        await race(lanes, repetitions=repetitions, warm_up=500 if quick else 5_000)
    tell(report, lanes)
    # Each repetition beside its neighbour: the machine is not equally fast for long.
    rates = [one.rate / other.rate for one, other in zip(ours.runs, faust.runs, strict=True)]
    report.figure("control: drift of its CPU", "", [drift(copy)])
    times = report.figure("rate of the engine / rate of Faust's table way", "x", rates)
    report.target("engine, one process", ours.rate, ">=", FLOOR, "events/s")
    report.target("engine / Faust's table way", times.median, ">=", FLOOR_TIMES, "x")
    return report
