"""Which rows have something due, and when: derived from the tables, never stored.

Far instants lie in buckets of row keys (about 45 bytes a row), those of the nearest buckets in a heap.
An entry is only a hint: who takes it checks it against the row.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence

KIND_BITS = 4
"""A timer's instant and kind are one number, `instant << KIND_BITS | kind`, so that they sort and pack as one."""

# Our choice: a bucket spans 2**32 microseconds, 72 minutes. To shift a timer costs a third of dividing it by an hour.
SPAN_BITS = 32 + KIND_BITS

Timer = tuple[int, str, str]
"""(instant and kind, invoice, account): the order in which timers of one instant fire (contract section 6, Order)."""

Timers = Callable[[str], Iterable[Timer]]


class DueIndex:
    """The instants at which rows want to be looked at."""

    def __init__(self, timers: Timers) -> None:
        """Build an empty index; `timers` lists what a row has due now."""
        self._timers = timers
        self._buckets: dict[int, dict[str, str]] = {}
        self._spans: list[int] = []
        self._near: list[Timer] = []
        self._horizon = 0  # spans below it lie in the heap

    def move(self, row_key: str, before: Sequence[Timer], after: Sequence[Timer]) -> None:
        """Note that the row had the timers `before` and has those of `after` now."""
        if len(before) == 1 and len(after) == 1 and self.stays(before[0][0], after[0][0]):
            return  # most rows have one timer
        entered: list[int] = []
        for timer in after:
            span = timer[0] >> SPAN_BITS
            if span >= self._horizon:
                entered.append(span)
            else:
                # Even an unchanged one: its entry may have been taken. Entries are hints; doubled ones are harmless.
                heapq.heappush(self._near, timer)
        for timer in before:
            span = timer[0] >> SPAN_BITS
            if span >= self._horizon and span not in entered:
                # The bucket gives back the key object that the row already holds: an equal one would be kept twice.
                row_key = self._buckets[span].pop(row_key, row_key)
        for span in entered:
            bucket = self._buckets.get(span)
            if bucket is None:
                bucket = self._buckets[span] = {}
                heapq.heappush(self._spans, span)
            bucket.setdefault(row_key, row_key)  # the one that is there already stays

    def stays(self, before: int, after: int) -> bool:
        """Tell whether the only timer of a row stays in its bucket: most pages do not move it far."""
        return after >> SPAN_BITS == before >> SPAN_BITS >= self._horizon

    def first(self, limit: int) -> Timer | None:
        """Look at the earliest entry below the limit (an instant and kind); None when there is none."""
        while not self._near and self._spans and self._spans[0] << SPAN_BITS < limit:
            self._load(heapq.heappop(self._spans))
        return self._near[0] if self._near and self._near[0][0] < limit else None

    def next_at(self) -> int | None:
        """Give an instant, microseconds UTC, before which nothing is due; None when nothing ever is.

        Of a bucket it is the beginning: to look into one that is still far would put every later row into the heap.
        """
        if self._near:
            return self._near[0][0] >> KIND_BITS
        return self._spans[0] << SPAN_BITS >> KIND_BITS if self._spans else None

    def _load(self, span: int) -> None:
        self._horizon = span + 1
        start, end = span << SPAN_BITS, self._horizon << SPAN_BITS
        self._near = [
            timer
            for row_key in self._buckets.pop(span)
            for timer in self._timers(row_key)
            if start <= timer[0] < end
        ]
        heapq.heapify(self._near)

    def take(self) -> Timer:
        """Remove the earliest entry, which `first` has shown."""
        return heapq.heappop(self._near)
