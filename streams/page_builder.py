"""Gathering events into pages: one open page for each journal partition.

One rule: a page is bounded in events and bytes, so that folding it is one short slice of work and the broker
never refuses it.
"""

from functools import lru_cache

from aiokafka.partitioner import murmur2

from schemas.pages import encode_page

EVENT_OVERHEAD = 2  # ",\n" between two events


class PageBuilder:
    """Collects encoded events by journal partition and closes pages as they fill up.

    Args:
        partitions: how many partitions the journal has.
        most_events: in a page.
        most_bytes: of a page; an event that is larger alone gets a page of its own.
    """

    def __init__(self, partitions: int, *, most_events: int, most_bytes: int) -> None:
        self._partitions = partitions
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._open: dict[int, list[bytes]] = {}
        self._open_bytes: dict[int, int] = {}
        self._closed: list[tuple[int, bytes]] = []

    def add(self, account_id: str, event: bytes) -> None:
        """Add an encoded event to the open page of its account's partition."""
        partition = partition_of(account_id, self._partitions)
        size = len(event) + EVENT_OVERHEAD
        events = self._open.get(partition)
        if events is None:
            self._open[partition] = [event]
            self._open_bytes[partition] = size
            return
        if len(events) >= self._most_events or self._open_bytes[partition] + size > self._most_bytes:
            self._closed.append((partition, encode_page(events)))
            self._open[partition] = [event]
            self._open_bytes[partition] = size
            return
        events.append(event)
        self._open_bytes[partition] += size

    def take(self) -> list[tuple[int, bytes]]:
        """Close all pages and hand them out as (partition, page), those of one partition in order."""
        pages = self._closed
        pages += ((partition, encode_page(events)) for partition, events in self._open.items())
        self._open, self._open_bytes, self._closed = {}, {}, []
        return pages


@lru_cache(maxsize=1 << 17)  # the hash costs 1 µs for 4 bytes, in Python; payers come again
def partition_of(account_id: str, partitions: int) -> int:
    """Give the journal partition of an account: Kafka's default partitioner on the id's UTF-8 bytes."""
    positive: int = murmur2(account_id.encode()) & 0x7FFFFFFF
    return positive % partitions
