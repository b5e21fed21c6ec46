"""Intake: raw records on the input topics become pages of the journal, beside a bare copy of the same records.

One rule: the copy checks nothing, so the difference is the price of the door.
"""

import asyncio

from tests.benchmarks.arena import arena
from tests.benchmarks.figures import Report
from tests.benchmarks.lanes import drift, race, tell

FLOOR = 25_000


def measure(*, quick: bool) -> Report:
    """Race `dunning intake` against a bare copy."""
    return asyncio.run(_measure(quick=quick))


async def _measure(*, quick: bool) -> Report:
    events, repetitions = (5_000, 1) if quick else (100_000, 5)
    async with arena() as place:
        report = Report("intake", "python -m tests.benchmarks intake", quick, place.machine)
        ours = await place.ours("dunning intake", ("intake",), events=events)
        copy = await place.bare_copy(events=events)
        await race([ours, copy], repetitions=repetitions, warm_up=500 if quick else 5_000)
    tell(report, [ours, copy])
    report.figure("control: drift of its CPU", "", [drift(copy)])
    report.figure("rate of intake / rate of the bare copy", "x", [ours.rate / copy.rate])
    report.target("intake", ours.rate, ">=", FLOOR, "events/s")
    return report
