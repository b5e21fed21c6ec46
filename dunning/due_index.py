"""Which rows have something due, and when: derived from the tables, never stored.

Far instants lie in hour-wide buckets of row keys (about 45 bytes a row), those of the nearest hours in a heap.
An entry is only a hint: who takes it checks it against the row.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence

KIND_BITS = 4
"""A timer's instant and kind are one number, `instant << KIND_BITS | kind`, so that they sort and pack as one."""

HOUR = 3_600_000_000 << KIND_BITS  # an hour in microseconds, as the difference of two timers

Timer = tuple[int, str, str]
"""(instant and kind, invoice, account): the order in which timers of one instant fire (contract section 6, Order)."""

Timers = Callable[[str], Iterable[Timer]]


class DueIndex:
    """The instants at which rows want to be looked at."""

    def __init__(self, timers: Timers) -> None:
        """Build an empty index; `timers` lists what a row has due now."""
        self._timers = timers
        self._buckets: dict[int, dict[str, str]] = {}
        self._hours: list[int] = []
        self._near: list[Timer] = []
        self._horizon = 0  # hours below it lie in the heap

    def move(self, row_key: str, before: Sequence[Timer], after: Sequence[Timer]) -> None:
        """Note that the row had the timers `before` and has those of `after` now."""
        if len(before) == 1 and len(after) == 1 and self.stays(before[0][0], after[0][0]):
            return  # most rows have one timer
        left = {hour for timer in before if (hour := timer[0] // HOUR) >= self._horizon}
        entered = set()
        for timer in after:
            hour = timer[0] // HOUR
            if hour >= self._horizon:
                entered.add(hour)
            else:
                # Even an unchanged one: its entry may have been taken. Entries are hints; doubled ones are harmless.
                heapq.heappush(self._near, timer)
        if left == entered:
            return
        for hour in left - entered:
            # The bucket gives back the key object that the row already holds: an equal one would be kept twice.
            row_key = self._buckets[hour].pop(row_key, row_key)
        for hour in entered - left:
            bucket = self._buckets.get(hour)
            if bucket is None:
                bucket = self._buckets[hour] = {}
                heapq.heappush(self._hours, hour)
            bucket[row_key] = row_key

    def stays(self, before: int, after: int) -> bool:
        """Tell whether the only timer of a row stays in its bucket: most pages do not move it far."""
        return after // HOUR == before // HOUR >= self._horizon

    def first(self, limit: int) -> Timer | None:
        """Look at the earliest entry below the limit (an instant and kind); None when there is none."""
        while not self._near and self._hours and self._hours[0] * HOUR < limit:
            self._load(heapq.heappop(self._hours))
        return self._near[0] if self._near and self._near[0][0] < limit else None

    def next_at(self) -> int | None:
        """Give the earliest instant, microseconds UTC, at which something may be due; None when nothing ever is."""
        while not self._near and self._hours:
            self._load(heapq.heappop(self._hours))
        return self._near[0][0] >> KIND_BITS if self._near else None

    def _load(self, hour: int) -> None:
        self._horizon = hour + 1
        start, end = hour * HOUR, self._horizon * HOUR
        self._near = [
            timer
            for row_key in self._buckets.pop(hour)
            for timer in self._timers(row_key)
            if start <= timer[0] < end
        ]
        heapq.heapify(self._near)

    def take(self) -> Timer:
        """Remove the earliest entry, which `first` has shown."""
        return heapq.heappop(self._near)
