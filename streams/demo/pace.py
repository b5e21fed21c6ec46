"""How fast the demo runs: a policy whose days last a fraction of a second.

One rule: every length of time of the story stands here, in its own days.
"""

import asyncio
import time

import yaml

DAY_S = 0.9  # our choice: six weeks fit into 38 s, and a worker that is killed is missed for a week
WINDOW_DAYS = 42
RUNG_DAYS = (4, 9, 15, 22, 29, 36)
TECHNICAL_DAYS = (1, 2)
MIN_GAP_DAYS = 1
ANSWER_DAYS = 4
CLOSING_NOTICE_DAYS = 3

BILLING_DAYS = 4.0  # the first charges are spread over these
KILL_DAY = 10.0
REPEAT_DAY = 12.0  # while nobody owns the killed worker's partitions
ADD_DAY = 21.0  # later if the replacement is not ready yet
BIND_AFTER_DAYS = 4.0  # after the cards were added
EDIT_AFTER_DAYS = 1.0  # after the new cards were bound
SETTLE_DAYS = (13.0, 24.0)  # customers pay elsewhere, leave, or pay by hand between these
PENDING_DAYS = 3.0  # how long the provider keeps an outcome to itself
LAST_DAY = BILLING_DAYS + WINDOW_DAYS
GRACE_S = 12.0  # after the last window's end; a busy machine needs some of it


def policy_text() -> str:
    """Write the policy file of the demo: six weeks, six rungs, in ISO 8601 durations."""
    policy = {
        "window": {"anchor": "invoice_date", "length": _iso(WINDOW_DAYS)},
        "ladder": {"anchor": "invoice_date", "steps": [_iso(day) for day in RUNG_DAYS]},
        "technical": [_iso(day) for day in TECHNICAL_DAYS],
        "min_gap": _iso(MIN_GAP_DAYS),
        "answer_within": _iso(ANSWER_DAYS),
        "closing_notice": _iso(CLOSING_NOTICE_DAYS),
    }
    return yaml.safe_dump({"policies": {"standard": policy}}, sort_keys=False)


def _iso(days: float) -> str:
    return f"PT{days * DAY_S:.6g}S"


class Calendar:
    """The demo's days, counted from the first bill."""

    def __init__(self) -> None:
        self._began_at = time.monotonic()

    @property
    def elapsed_s(self) -> float:
        """Seconds since the first bill."""
        return time.monotonic() - self._began_at

    @property
    def day(self) -> float:
        """Days of the demo since the first bill."""
        return self.elapsed_s / DAY_S

    async def until(self, day: float) -> None:
        """Wait for a day; returns at once when it is past."""
        await asyncio.sleep(max(0.0, (day - self.day) * DAY_S))
