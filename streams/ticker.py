"""When to append a tick, so that the broker's clock passes what is due.

One rule: a tick is only a question to the broker's clock. Too early, too late or twice costs a page and
changes no decision.
"""

from streams.ports import Appended, Clock

GAP_S = 0.1  # at most one tick in so many seconds, unless timers were left over
PATIENCE_S = 5.0  # an appended tick that has not come back by then is asked for again; our choice


class Ticker:
    """Decides when the owner of a partition appends its next tick."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # The broker's clock minus ours, as it told last; None: it has not told yet.
        self._skew_ms: int | None = None
        self._last_at = -GAP_S  # monotonic seconds
        self._awaited_offset = -1  # the last appended tick

    def delay_s(self, due_at: int | None, *, more_due: bool, next_offset: int) -> float | None:
        """Say how long to wait before appending a tick.

        Args:
            due_at: the earliest due instant of the partition, microseconds since 1970.
            more_due: timers were left over by the last page; their tick follows at once.
            next_offset: the first page that has not been folded.

        Returns:
            Seconds; 0 means now, `None` that nothing is due at any time.
        """
        if due_at is None and not more_due:
            return None
        since_last_s = self._clock.monotonic() - self._last_at
        if self._awaited_offset >= next_offset:
            return max(0.0, PATIENCE_S - since_last_s)
        if more_due or due_at is None or self._skew_ms is None:
            return 0.0  # while the broker's clock is not known, ours may be slow and sleep it away
        return max(0.0, -self.overdue_s(due_at), GAP_S - since_last_s)

    def overdue_s(self, due_at: int) -> float:
        """Say for how many seconds `due_at` (microseconds) is past on the broker's clock; or negative."""
        # Stamps are whole milliseconds: the first stamp that is not before `due_at`.
        due_ms = -(-due_at // 1000)
        return (self._clock.now_ms() + (self._skew_ms or 0) - due_ms) / 1000

    def heard(self, stamp_ms: int) -> None:
        """Learn from a page, however old it is, that the broker's clock is at least so far."""
        ahead_ms = stamp_ms - self._clock.now_ms()
        self._skew_ms = max(self._skew_ms or 0, ahead_ms)

    def asked(self) -> None:
        """Note that a tick is being appended."""
        self._last_at = self._clock.monotonic()

    def answered(self, tick: Appended) -> None:
        """Learn the broker's clock from the acknowledgement of a tick."""
        self._skew_ms = tick.stamp_ms - self._clock.now_ms()
        self._awaited_offset = tick.offset
