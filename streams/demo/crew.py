"""The processes of the demo: workers and executor, each with its own log.

One rule: they are ended by their own pid, and every one of them is ended.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
from pydantic import SecretStr

from streams.demo.executor import READY
from streams.errors import Trouble
from streams.settings import PREFIX, Settings

READY_S = 60.0  # two busy cores start three processes
STOP_S = 25.0  # a worker gives up after 20
_TAIL_LINES = 15
_LOOK_S = 0.1
_SERVING = "health.listening"


def environment(settings: Settings) -> dict[str, str]:
    """Write settings as the environment of a child, whether ours came as flags, variables or from a file."""
    ours = {}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None and value != ():
            text = ",".join(value) if isinstance(value, tuple) else str(value)
            ours[PREFIX + name.upper()] = text
    theirs = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return theirs | ours


class Hand:
    """One process of the crew.

    Args:
        name: for people.
        command: behind `python -m`.
        environ: its whole environment.
        log: where both its outputs go.
    """

    def __init__(self, name: str, command: list[str], environ: dict[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self.is_dismissed = False  # from then on its end is no surprise
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=environ,
                stdin=subprocess.PIPE,  # they stop when it ends, should we be killed
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the demo, which then ends its crew
            )

    def __str__(self) -> str:
        """Name it with its pid."""
        return f"{self.name} (pid {self._process.pid})"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def dismiss(self, number: signal.Signals) -> None:
        """Send it a signal that ends it."""
        self.is_dismissed = True
        if self.exit_code is None:
            self._process.send_signal(number)

    def bury(self) -> None:
        """Kill it if it still runs, and release its pid."""
        if self.exit_code is None:
            self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def lines(self) -> list[str]:
        """Read its log."""
        return self.log.read_text(encoding="utf-8", errors="replace").splitlines()

    def last_words(self) -> str:
        """Quote the end of its log."""
        tail = self.lines()[-_TAIL_LINES:]
        return "its log ends:\n" + "\n".join(tail) if tail else "it wrote nothing"


class Crew:
    """Hires and ends the processes.

    Args:
        settings: of all of them.
        folder: for their logs; must exist.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._environ = environment(settings)
        self._folder = folder
        self._hands: list[Hand] = []

    def hire(self, name: str, *command: str) -> Hand:
        """Start a process."""
        log = self._folder / f"{name.replace(' ', '-')}.log"
        hand = Hand(name, list(command), self._environ, log)
        self._hands.append(hand)
        return hand

    def hire_worker(self, number: int, policy_file: Path) -> Hand:
        """Start `dunning worker`."""
        command = ("streams.demo.lifeline", "worker", "--policy-file", str(policy_file))
        return self.hire(f"worker {number}", *command)

    def check(self) -> None:
        """Raise Trouble if a process has ended that should run, with the end of its log."""
        for hand in self._hands:
            if not hand.is_dismissed and hand.exit_code is not None:
                raise Trouble(f"{hand} ended with exit code {hand.exit_code}; {hand.last_words()}")

    async def until_ready(self, *hands: Hand) -> None:
        """Wait until workers own restored partitions, and the executor reads.

        Raises:
            Trouble: one of them ended, or is not ready after `READY_S`; with the end of its log.
        """
        deadline = time.monotonic() + READY_S
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            waiting = list(hands)
            while waiting:
                self.check()
                waiting = [hand for hand in waiting if not await _is_ready(hand, session)]
                if waiting and time.monotonic() > deadline:
                    raise Trouble(
                        f"{waiting[0]} is not ready after {READY_S:.0f} s; {waiting[0].last_words()}"
                    )
                await asyncio.sleep(_LOOK_S if waiting else 0)

    async def dismiss_all(self) -> None:
        """Ask every process to stop, and wait.

        Raises:
            Trouble: one of them does not stop, or not cleanly; with the end of its log.
        """
        running = [hand for hand in self._hands if hand.exit_code is None]
        for hand in running:
            hand.dismiss(signal.SIGTERM)
        deadline = time.monotonic() + STOP_S
        for hand in running:
            while hand.exit_code is None and time.monotonic() < deadline:  # noqa: ASYNC110  # a process
                await asyncio.sleep(_LOOK_S)
            if hand.exit_code != 0:
                how = "did not stop" if hand.exit_code is None else f"stopped with exit code {hand.exit_code}"
                raise Trouble(f"{hand} {how}; {hand.last_words()}")

    def bury_all(self) -> None:
        """Kill what still runs; the last thing that is done, whatever happened before."""
        for hand in self._hands:
            hand.dismiss(signal.SIGKILL)
        for hand in self._hands:
            hand.bury()


async def _is_ready(hand: Hand, session: aiohttp.ClientSession) -> bool:
    lines = hand.lines()
    if any(READY in line for line in lines):
        return True
    port = next((json.loads(line)["port"] for line in lines if _SERVING in line and line.endswith("}")), None)
    if port is None:
        return False
    try:
        async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False
