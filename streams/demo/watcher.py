"""What can be seen while it happens: committed records of all topics, counted. Rule: it only reads."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.decisions import CaseChanged, CaseState, CloseReason, NoticeRequested, RetryRequested
from schemas.writing import read_written
from streams.clients import connection
from streams.demo.biller import Fact
from streams.settings import Settings
from streams.topics import INPUTS, OUTPUTS, topic_name


@dataclass
class Tally:
    """Counts so far."""

    taken_in: int = 0
    written: int = 0
    states: dict[str, CaseState] = field(default_factory=dict)  # by invoice
    reasons: dict[str, str] = field(default_factory=dict)  # by closed invoice
    owed_minor: dict[str, int] = field(default_factory=dict)  # by invoice, when its case opened
    requests: Counter[str] = field(default_factory=Counter)  # by reason
    notices: Counter[str] = field(default_factory=Counter)  # by kind

    @property
    def open_cases(self) -> int:
        """Cases that are not closed."""
        return sum(state is not CaseState.CLOSED for state in self.states.values())

    @property
    def by_state(self) -> Counter[CaseState]:
        """Cases by state."""
        return Counter(self.states.values())

    @property
    def by_reason(self) -> Counter[str]:
        """Closed cases by reason."""
        return Counter(self.reasons.values())

    @property
    def recovered_minor(self) -> int:
        """Money of cases that closed paid."""
        return sum(self.owed_minor[id_] for id_, reason in self.reasons.items() if reason == CloseReason.PAID)

    def add(self, topic: str, value: bytes) -> None:
        """Count one committed record; `topic` is the contract's name."""
        if topic in INPUTS:
            self.taken_in += 1
            return
        self.written += 1
        match read_written(value).data:
            case RetryRequested() as request:
                self.requests[request.reason] += 1
            case NoticeRequested() as notice:
                self.notices[notice.kind] += 1
            case CaseChanged() as change:
                self._changed(change)
            case _:
                pass

    def _changed(self, change: CaseChanged) -> None:
        self.states[change.invoice_id] = change.state
        self.owed_minor.setdefault(change.invoice_id, change.balance_minor)
        if change.state is CaseState.CLOSED:
            self.reasons[change.invoice_id] = change.reason
        else:
            self.reasons.pop(change.invoice_id, None)


class Watcher:
    """Follows the topics of the demo and keeps the events that came in."""

    def __init__(self, settings: Settings) -> None:
        self.tally = Tally()
        self.seen: list[Fact] = []
        self._names = {topic_name(settings, topic): topic for topic in (*INPUTS, *OUTPUTS)}
        self._partitions = settings.partitions
        self._consumer = AIOKafkaConsumer(
            **connection(settings),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )

    async def run(self) -> None:
        """Follow until cancelled."""
        await self._consumer.start()
        try:
            self._consumer.assign(list(self._places()))
            while True:
                for place, records in (await self._consumer.getmany(timeout_ms=200)).items():
                    for record in records:
                        self._take(self._names[place.topic], record)
        finally:
            await self._consumer.stop()

    def _places(self) -> Iterator[TopicPartition]:
        for name in self._names:
            for number in range(self._partitions):
                yield TopicPartition(name, number)

    def _take(self, topic: str, record: Any) -> None:
        if topic in INPUTS:
            self.seen.append(Fact(topic, record.key.decode(), record.value))
        self.tally.add(topic, record.value)
