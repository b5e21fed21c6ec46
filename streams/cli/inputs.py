"""What commands take besides settings: a file of events, an instant. Rule: what is wrong is a misuse."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import click

from schemas.instants import micros, read_instant
from schemas.rejections import Rejected
from streams.errors import Misuse

_TOLD = 10  # bad lines, in words; our choice


def open_events(path: Path, stack: ExitStack) -> BinaryIO:
    """Open a file of events until the stack unwinds; `-` is standard input, which stays open.

    Raises:
        Misuse: it cannot be read.
    """
    if str(path) == "-":
        return sys.stdin.buffer
    try:
        return stack.enter_context(path.open("rb"))
    except OSError as error:
        raise Misuse(f"{path}: cannot be read ({error.strerror}); name a file of events") from None


class BadLines:
    """Tells the first bad lines of a file of events on standard error, as they are read, and counts them all.

    Args:
        file: as it is called in messages.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._count = 0

    def __call__(self, number: int, rejected: Rejected) -> None:
        """Tell of one: `FILE:LINE: field: what is wrong`."""
        self._count += 1
        if self._count <= _TOLD:
            where = f"{self._file}:{number}: {rejected.path or 'the line'}"
            click.echo(f"dunning: {where}: {rejected.message}", err=True)

    def sum_up(self, done: str) -> None:
        """Say how many there were and what was done with them; nothing where there was none."""
        if self._count:
            told = f", the first {_TOLD} told above" if self._count > _TOLD else ""
            click.echo(
                f"dunning: {self._file}: {self._count} bad line{'s' * (self._count > 1)} {done}{told}",
                err=True,
            )


def read_moment(text: str, option: str = "--until") -> int:
    """Read the value of an option that is an instant, microseconds UTC.

    Raises:
        Misuse: it is no instant.
    """
    try:
        return micros(read_instant(text))
    except ValueError as error:
        raise Misuse(f"{option}: {error}; write it as 2026-03-10T00:00:00Z") from None
