"""The whole path: raw records on the input topics become committed requests and notices, in one worker process.

One rule: the rivals get the same records and count them, no more; what we do on top is to be seen beside that.
"""

import asyncio

from tests.benchmarks.arena import arena
from tests.benchmarks.figures import Report
from tests.benchmarks.lanes import drift, race, tell

FLOOR_CPU_S = 5.0


def measure(*, quick: bool) -> Report:
    """Race `dunning worker` against Quix Streams, a Faust table and a bare copy."""
    return asyncio.run(_measure(quick=quick))


async def _measure(*, quick: bool) -> Report:
    events, few, repetitions = (5_000, 1_000, 1) if quick else (100_000, 10_000, 5)
    async with arena() as place:
        report = Report("whole_path", "python -m tests.benchmarks whole_path", quick, place.machine)
        ours = await place.ours("dunning worker", ("worker",), events=events)
        quix = await place.quix(events=events)
        faust = await place.faust_count(events=few)
        copy = await place.bare_copy(events=events)
        lanes = [ours, quix, faust, copy]
        await race(lanes, repetitions=repetitions, warm_up=500 if quick else 5_000)
    tell(report, lanes)
    report.figure("control: drift of its CPU", "", [drift(copy)])
    report.figure("CPU of Quix Streams / CPU of ours", "x", [quix.cpu_s / ours.cpu_s])
    report.figure("CPU of Faust's table way / CPU of ours", "x", [faust.cpu_s / ours.cpu_s])
    report.target("whole path, all our processes", ours.cpu_s, "<=", FLOOR_CPU_S, "CPU s/100k")
    return report
