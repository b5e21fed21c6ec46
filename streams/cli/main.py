"""The way into the program `dunning`. Rule: nothing slow is imported before somebody minds a request to stop."""

import os
import signal
import sys
from typing import NoReturn

SERVICES = ("worker", "intake")
"""Commands that run until they are told to stop: to them a stop is no failure."""

_STOPPED = b"dunning: stopped before it had started\n"


def main() -> NoReturn:
    """Run the program and leave with the contract's exit codes."""
    if sys.argv[1:] and sys.argv[1] in SERVICES:
        # Until the loop of the process has handlers of its own. Without them the first process of a container would
        # be deaf to SIGTERM, and a background process of a shell to SIGINT.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stopped_early)
    try:
        from streams.cli.program import run
    except KeyboardInterrupt:
        sys.stderr.write("dunning: interrupted\n")
        sys.exit(1)
    run()


def _stopped_early(*_: object) -> NoReturn:
    # Nothing has begun that would have to be ended. An exception could be lost in the middle of an import.
    try:
        os.write(2, _STOPPED)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
