"""Contenders side by side on one broker: each in processes of its own, fed and timed in the same way.

One rule: nobody's start is measured, and nobody is fed while it is timed. A contender is started and warmed up,
paused (SIGSTOP) while its topics are filled, and timed from SIGCONT until it has done everything.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.benchmarks.figures import Report
from tests.benchmarks.machine import pin, sides
from tests.world import PROJECT

LOOK_S = 0.02
LIMIT_S = 300.0


class Contestant:
    """One child process, ended by its own pid only."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        python: str = sys.executable,
    ) -> None:
        self.log = log
        with log.open("wb") as file:
            self._process = psutil.Popen(
                [python, *command],
                env={**os.environ, "PYTHONPATH": str(PROJECT), **environment},
                cwd=log.parent,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        pin(self._process.pid, sides()[1])

    def cpu_s(self) -> float:
        """CPU seconds so far, user and system."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Resident memory now, in MB."""
        return float(self._process.memory_info().rss) / 1e6

    def check(self) -> None:
        """Fail if it has ended by itself."""
        code = self._process.poll()
        assert code is None, f"{self.log.name} ended with {code}:\n{self.tail()}"

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    def end(self) -> None:
        """Stop it; kill it when it does not stop."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            try:
                self._process.wait(10)
            except psutil.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


@dataclass(slots=True)
class Lane:
    """One contender."""

    name: str
    start: Callable[[], Sequence[Contestant]]
    feed: Callable[[int], Awaitable[int]]  # publishes about so many events; gives how many there were
    is_done: Callable[[], Awaitable[bool]]  # everything that was fed has been worked off, durably
    events: int  # in one repetition
    runs: list["Run"] = field(default_factory=list)
    processes: Sequence[Contestant] = ()

    @property
    def rate(self) -> float:
        """Events a second, median."""
        return statistics.median(run.rate for run in self.runs)

    @property
    def cpu_s(self) -> float:
        """CPU seconds for 100,000 events, median."""
        return statistics.median(run.cpu_s for run in self.runs)


@dataclass(frozen=True, slots=True)
class Run:
    """One repetition."""

    events: int
    seconds: float
    cpu: tuple[float, ...]  # CPU seconds of each process

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes for 100,000 events."""
        return sum(self.cpu) / self.events * 100_000


async def race(lanes: Sequence[Lane], *, repetitions: int, warm_up: int) -> None:
    """Run the lanes in turns: A B, B A, A B …; the findings stand in the lanes."""
    try:
        for lane in lanes:
            lane.processes = lane.start()
        for lane in lanes:
            await lane.feed(warm_up)
        for lane in lanes:
            await _until_done(lane)
        for repetition in range(repetitions):
            for lane in lanes if repetition % 2 == 0 else reversed(lanes):
                lane.runs.append(await _timed(lane))
    finally:
        for lane in lanes:
            for process in lane.processes:
                process.end()


async def _timed(lane: Lane) -> Run:
    for process in lane.processes:
        process.send(signal.SIGSTOP)
    try:
        fed = await lane.feed(lane.events)
        before = [process.cpu_s() for process in lane.processes]
        started = time.perf_counter()
    finally:
        for process in lane.processes:
            process.send(signal.SIGCONT)
    await _until_done(lane)
    seconds = time.perf_counter() - started
    cpu = tuple(process.cpu_s() - was for process, was in zip(lane.processes, before, strict=True))
    return Run(fed, seconds, cpu)


async def _until_done(lane: Lane) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not await lane.is_done():
        for process in lane.processes:
            process.check()
        assert time.monotonic() < deadline, f"{lane.name}: not done after {LIMIT_S} s\n" + "\n".join(
            process.tail() for process in lane.processes
        )
        await asyncio.sleep(LOOK_S)


def tell(report: Report, lanes: Sequence[Lane]) -> None:
    """Put the findings of a race into a report, and how much the last lane, the control, has drifted."""
    for lane in lanes:
        report.figure(lane.name, "events/s", [run.rate for run in lane.runs])
        report.figure(f"{lane.name}: CPU of all its processes", "s/100k", [run.cpu_s for run in lane.runs])
        if len(lane.processes) > 1:
            for index, process in enumerate(lane.processes):
                values = [run.cpu[index] / run.events * 1e6 for run in lane.runs]
                report.figure(f"{lane.name}: {process.log.stem}", "µs/event", values)


def drift(lane: Lane) -> float:
    """How much a control changed from its first to its last repetition, as a share."""
    return abs(lane.runs[-1].cpu_s / lane.runs[0].cpu_s - 1)
