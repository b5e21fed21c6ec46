"""What commands take besides settings: a file of events, an instant. Rule: what is wrong is a misuse."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from schemas.instants import micros, read_instant
from streams.errors import Misuse


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


def read_moment(text: str, option: str = "--until") -> int:
    """Read the value of an option that is an instant, microseconds UTC.

    Raises:
        Misuse: it is no instant.
    """
    try:
        return micros(read_instant(text))
    except ValueError as error:
        raise Misuse(f"{option}: {error}; write it as 2026-03-10T00:00:00Z") from None
