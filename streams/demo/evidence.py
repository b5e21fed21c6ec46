"""What the topics hold after the demo, read once more from the beginning.

One rule: committed records only, and nothing that the demo itself remembers, but for the executor's book.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.decisions import CaseChanged, DeadLetter, NoticeRequested, RetryRequested
from schemas.envelope import Event
from schemas.events import JournalData
from schemas.pages import decode_page
from schemas.writing import OutputData, read_written
from streams.clients import connection
from streams.demo.charges import Charge
from streams.settings import Settings
from streams.topics import INPUTS, JOURNAL, OUTPUTS, topic_name

EventKey = tuple[str, str]
"""Source and id: the name of an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One record of an input topic."""

    key: EventKey
    type: str
    at: int  # when its producer sent it, microseconds since 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class Journalled:
    """One event of a page."""

    stamp: int  # the broker's, of its page, microseconds since 1970
    event: Event[JournalData]

    @property
    def key(self) -> EventKey:
        """Its name."""
        return self.event.source, self.event.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All of it. Within a partition in the order of the topic."""

    published: tuple[Published, ...]
    journal: tuple[Journalled, ...]
    written: tuple[Event[OutputData], ...]
    written_at: tuple[int, ...]  # when each was handed to the broker, microseconds since 1970
    dead_letters: int
    charges: tuple[Charge, ...]

    @property
    def requests(self) -> list[Event[RetryRequested]]:
        """All requests."""
        return _of(self.written, RetryRequested)

    @property
    def changes(self) -> list[Event[CaseChanged]]:
        """All changes of cases."""
        return _of(self.written, CaseChanged)

    @property
    def notices(self) -> list[Event[NoticeRequested]]:
        """All notices."""
        return _of(self.written, NoticeRequested)


def _of(written: tuple[Event[OutputData], ...], shape: type[Any]) -> list[Any]:
    return [event for event in written if isinstance(event.data, shape)]


class _Name(msgspec.Struct):
    source: str
    id: str
    type: str


_name = msgspec.json.Decoder(_Name).decode


async def read_evidence(settings: Settings, charges: tuple[Charge, ...]) -> Evidence:
    """Read all topics of the demo from their beginning to their end.

    Raises:
        KafkaError: the broker does not answer.
        PageError, WrittenError: a record that the engine did not write.
    """
    published: list[Published] = []
    journal: list[Journalled] = []
    written: list[tuple[int, Event[OutputData]]] = []
    dead_letters = 0
    async for topic, record in _records(settings, (*INPUTS, JOURNAL, *OUTPUTS)):
        at = record.timestamp * 1000
        if topic == JOURNAL:
            journal += [Journalled(stamp=at, event=event) for event in decode_page(record.value)]
        elif topic == DeadLetter.TYPE:
            dead_letters += 1
        elif topic in OUTPUTS:
            written.append((at, read_written(record.value)))
        else:
            name = _name(record.value)
            published.append(Published(key=(name.source, name.id), type=name.type, at=at))
    return Evidence(
        published=tuple(published),
        journal=tuple(journal),
        written=tuple(event for _, event in written),
        written_at=tuple(at for at, _ in written),
        dead_letters=dead_letters,
        charges=charges,
    )


async def _records(settings: Settings, topics: tuple[str, ...]) -> AsyncIterator[tuple[str, Any]]:
    names = {topic_name(settings, topic): topic for topic in topics}
    places = [TopicPartition(name, number) for name in names for number in range(settings.partitions)]
    consumer = AIOKafkaConsumer(
        **connection(settings), isolation_level="read_committed", enable_auto_commit=False
    )
    await consumer.start()
    try:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        left = {place for place in places if ends[place] > 0}
        while left:
            found = await consumer.getmany(timeout_ms=500)
            for place, records in found.items():
                for record in records:
                    if record.offset < ends[place]:
                        yield names[place.topic], record
            # The last offset may be a commit marker: the position counts, never the last record.
            left = {place for place in left if await consumer.position(place) < ends[place]}
    finally:
        await consumer.stop()
