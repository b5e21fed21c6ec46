"""The pages of one partition between the Faust agent and the worker.

One rule: a page is kept until the transaction that applied it has been committed, so that a worker that
must start over finds every page again; Faust delivers each of them only once an assignment.
"""

import asyncio
from collections import deque

from streams.ports import Page


class PageQueue:
    """First in, first out.

    Args:
        capacity_bytes: from this much on `has_room` is cleared; whoever puts pages in fetches no more then.
    """

    def __init__(self, capacity_bytes: int) -> None:
        self._capacity_bytes = capacity_bytes
        self._waiting: deque[Page] = deque()  # not folded yet
        self._folded: deque[Page] = deque()  # folded, not committed yet
        self._bytes = 0
        self.arrived = asyncio.Event()  # set while something is waiting
        self.has_room = asyncio.Event()
        self.has_room.set()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, page: Page) -> None:
        """Add a page, whatever the room: what is fetched already must not be lost."""
        self._waiting.append(page)
        self._bytes += len(page.value)
        self.arrived.set()
        if self._bytes >= self._capacity_bytes:
            self.has_room.clear()

    def peek(self) -> Page | None:
        """Look at the oldest waiting page."""
        return self._waiting[0] if self._waiting else None

    def drop(self) -> None:
        """Forget the oldest waiting page."""
        self._free(self._waiting.popleft())
        self._flag()

    def take(self) -> Page:
        """Take the oldest waiting page to be folded; it is kept until `settle`."""
        page = self._waiting.popleft()
        self._folded.append(page)
        self._flag()
        return page

    def settle(self, next_offset: int) -> None:
        """Forget the folded pages below `next_offset`: their transaction is committed."""
        while self._folded and self._folded[0].offset < next_offset:
            self._free(self._folded.popleft())

    def rewind(self) -> None:
        """Put the folded pages back: their transaction failed, and its outcome may be unknown."""
        self._waiting.extendleft(reversed(self._folded))
        self._folded.clear()
        self._flag()

    def _free(self, page: Page) -> None:
        self._bytes -= len(page.value)
        if self._bytes < self._capacity_bytes:
            self.has_room.set()

    def _flag(self) -> None:
        if self._waiting:
            self.arrived.set()
        else:
            self.arrived.clear()
