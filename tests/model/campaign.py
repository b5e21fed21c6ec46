"""Engine against model, for as long as you like: `python -m tests.model.campaign --seeds 100000`.

Each seed is one random history, told by both. A difference is shrunk and printed as the files that
`dunning simulate` takes, followed by what only one of the two wrote. Exit code 1 if any seed differed.

    --first N       begin at seed N (default 0)
    --seeds N       how many (default 10000)
    --shrink N      shrink and show the first N differences only (default 5)
    --rare          of what is seldom (`tests.model.rare_histories`); its seeds are others
"""

import argparse
import json
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

import yaml

from schemas.instants import moment
from tests.model.comparing import History, differences
from tests.model.histories import history
from tests.model.rare_histories import rare_history
from tests.model.shrinking import shrink


def signature(found: list[str]) -> str:
    """Say in a few words what kind of difference it is: the first differing lines without names and times."""
    if not found:
        return ""
    first = found[0]
    if first.startswith("crash"):
        return first
    told: dict[str, Any] = json.loads(first[7:]) if first[7:8] == "{" else {"type": first, "data": {}}
    data = told["data"]
    return " ".join(
        str(part)
        for part in (first[:6], told["type"], data.get("kind") or data.get("state") or data.get("reason"))
    )


def differs(one: History) -> list[str]:
    """List the differences; an exception of either is one."""
    try:
        return differences(one)
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in a story is a finding
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return [f"crash {type(error).__name__}: {error} at {frame.filename.split('/')[-1]}:{frame.lineno}"]


def show(one: History, found: list[str]) -> str:
    """Write a history and its differences for a person."""
    parts = [
        "policy: "
        + (
            yaml.safe_dump(one.policy, default_flow_style=True, width=1000).strip()
            if one.policy
            else "standard"
        )
    ]
    parts += [f"charger: {json.dumps(rule)}" for rule in one.charger]
    for event in one.events:
        envelope = f"{event['time']} {event['type']}" + (
            f" arrives {event['recordedtime']}" if "recordedtime" in event else ""
        )
        parts.append(f"  {envelope} {json.dumps(event['data'])}")
    return "\n".join([*parts, f"until {moment(one.until).isoformat()}", *(f"> {line}" for line in found[:4])])


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def same_kind(kind: str) -> Callable[[History], bool]:
    """Give the test that shrinking keeps true."""
    return lambda smaller: signature(differs(smaller)) == kind


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Compare engine and model on random histories.")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--shrink", type=int, default=5)
    parser.add_argument("--rare", action="store_true")
    options = parser.parse_args()
    draw = rare_history if options.rare else history
    started = time.monotonic()
    kinds: dict[str, int] = {}
    failed = 0
    for seed in range(options.first, options.first + options.seeds):
        one = draw(seed)
        found = differs(one)
        if not found:
            continue
        failed += 1
        kind = signature(found)
        kinds[kind] = kinds.get(kind, 0) + 1
        if kinds[kind] == 1 and len(kinds) <= options.shrink:
            small = shrink(one, same_kind(kind))
            _say(f"seed {seed}: {kind}\n{show(small, differs(small))}\n")
    for kind, count in sorted(kinds.items(), key=lambda item: -item[1]):
        _say(f"{count:6} {kind}")
    _say(f"{options.seeds} histories, {failed} differ, {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
