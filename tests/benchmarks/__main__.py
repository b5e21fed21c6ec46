"""`python -m tests.benchmarks [NAME …] [--quick] [--json FOLDER]`: measure, print, and write what was found.

One rule: benchmarks run one after the other, each on topics of its own; exit code 1 when one of them fails,
never because a target was missed.
"""

import argparse
import importlib
import logging
from pathlib import Path

NAMES = ("fold", "growth", "intake", "engine", "whole_path", "latency", "memory")


def main() -> None:
    """Read the command line and run what it names."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], default=[], metavar="NAME")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; no verdict")
    parser.add_argument("--json", type=Path, help="also write NAME.json into this folder")
    given = parser.parse_args()
    # The client tells each of its repetitions while fresh topics find their leaders.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    for name in given.names or NAMES:
        report = importlib.import_module(f"tests.benchmarks.{name}").measure(quick=given.quick)
        report.show()
        if given.json is not None:
            report.write(given.json)


if __name__ == "__main__":
    main()
