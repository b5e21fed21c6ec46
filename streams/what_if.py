"""What the same history would have asked for under other policies.

Two engines fold the journal: one with the policies of the day, one with those of a file. Rule: the second
is given no other clock and no other facts than the first, except for the ticks that its own timers would
have brought, and without the answers to attempts for which it has not asked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition

from schemas.charges import Initiator, Outcome
from schemas.commands import PoliciesSet
from schemas.decisions import RetryRequested
from schemas.envelope import Event
from schemas.events import JournalData
from schemas.instants import EPOCH
from schemas.writing import read_written
from streams.errors import Trouble
from streams.ports import Fold, Output
from streams.replay import Progress, decoded_page, folded
from streams.settings import Settings
from streams.topic_reader import Tape, open_reader, open_tape
from streams.topics import JOURNAL, topic_name


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferentCase:
    """The first request of a case that differs. What follows it in that case is not known."""

    invoice_id: str
    partition: int
    recorded: RetryRequested | None  # None: the policies of the day asked for no such attempt
    other: RetryRequested | None  # None: the file's policies ask for no such attempt


@dataclass(slots=True)
class WhatIf:
    """The requests of both engines, matched by case and attempt as they come."""

    pages: int = 0
    events: int = 0
    recorded: int = 0  # requests under the policies of the day
    other: int = 0  # requests under the file's policies
    alike: int = 0
    left_out: int = 0  # answers to attempts for which the other engine has not asked
    cases: set[str] = field(default_factory=set)  # invoices for which either engine asked
    different: dict[str, DifferentCase] = field(default_factory=dict)
    _latest: dict[str, str] = field(default_factory=dict)  # of each invoice what the first engine asked last
    _mine: dict[str, RetryRequested] = field(default_factory=dict)
    _others: dict[str, RetryRequested] = field(default_factory=dict)

    def take(self, mine: Sequence[Output], others: Sequence[Output], partition: int) -> None:
        """Match what both engines asked for at a page."""
        for request in _requests(mine):
            self.recorded += 1
            self._latest[request.invoice_id] = request.request_id
            self._match(request, self._mine, self._others, partition, is_mine=True)
        for request in _requests(others):
            self.other += 1
            self._match(request, self._others, self._mine, partition, is_mine=False)

    def is_foreign(self, event: Event[JournalData]) -> bool:
        """Say whether an event answers a request of the first engine that the other one has not made."""
        data = event.data
        if not isinstance(data, Outcome):
            return False
        request_id = data.request_id
        if request_id is None and data.initiated_by is Initiator.RETRY:
            # Without a name it answers the request that its charge is called after, or else the last one.
            named = data.charge_id in self._mine
            request_id = data.charge_id if named else self._latest.get(data.invoice_id)
        return request_id in self._mine

    def close(self, partition: int) -> None:
        """Judge what found no partner in a partition."""
        for request in self._mine.values():
            self._note(partition, request, None)
        for request in self._others.values():
            self._note(partition, None, request)
        self._mine.clear()
        self._others.clear()
        self._latest.clear()

    def _match(
        self,
        request: RetryRequested,
        own: dict[str, RetryRequested],
        opposite: dict[str, RetryRequested],
        partition: int,
        *,
        is_mine: bool,
    ) -> None:
        self.cases.add(request.invoice_id)
        partner = opposite.pop(request.request_id, None)
        if partner is None:
            own[request.request_id] = request
        elif _asked(partner) == _asked(request):
            self.alike += 1
        else:
            pair = (request, partner) if is_mine else (partner, request)
            self._note(partition, *pair)

    def _note(self, partition: int, recorded: RetryRequested | None, other: RetryRequested | None) -> None:
        one = recorded or other
        assert one is not None
        known = self.different.get(one.invoice_id)
        if known is None or one.attempt < _attempt(known):
            self.different[one.invoice_id] = DifferentCase(
                invoice_id=one.invoice_id, partition=partition, recorded=recorded, other=other
            )


async def what_if(
    settings: Settings,
    partitions: Sequence[int],
    content: dict[str, Any],
    new_fold: Callable[[], Fold],
    progress: Callable[[int], Progress] = lambda _: lambda *_: None,
) -> WhatIf:
    """Fold the journal under the policies of the day and under others; nothing is written.

    Args:
        settings: how to reach the brokers, and the topics' prefix.
        partitions: of the journal.
        content: of a policy file, checked.
        new_fold: makes an empty engine.
        progress: gives for a partition what is told now and then how far it is.

    Raises:
        Trouble: a journal does not begin at its first page, or cannot be read or folded.
    """
    found = WhatIf()
    for partition in partitions:
        told = progress(partition)
        place = TopicPartition(topic_name(settings, JOURNAL), partition)
        async with open_reader(settings) as reader:
            journal = await open_tape(reader, place)
            await _fold_both(journal, partition, Both(new_fold(), new_fold(), content, found), told)
        found.close(partition)
    return found


async def _fold_both(journal: Tape, partition: int, both: "Both", progress: Progress) -> None:
    if journal.begin > 0:
        raise Trouble(
            f"journal partition {partition} begins at page {journal.begin}: what was known before is not recorded "
            "any more; `dunning backtest --from-topics` compares policies on what is left"
        )
    clock_ms = 0
    while pages := await journal.take(500):
        for page in pages:
            clock_ms = max(clock_ms, page.timestamp)
            where = f"page {page.offset} of journal partition {partition}"
            both.fold(decoded_page(page.value, where), clock_ms * 1_000, partition, where)
        progress(pages[-1].offset + 1, journal.end)


class Both:
    """Two engines on one journal.

    Args:
        recorded: empty; folds the pages as they are.
        other: empty; folds them with the policies of the file in place of all others.
        content: of the file.
        found: takes what both ask for.
    """

    def __init__(self, recorded: Fold, other: Fold, content: dict[str, Any], found: WhatIf) -> None:
        self._recorded = recorded
        self._other = other
        self._found = found
        self._clock = 0  # of the other one, microseconds UTC
        data = PoliciesSet(policies=content)
        other.fold([Event(id="policies", source="dunning", type=PoliciesSet.TYPE, time=EPOCH, data=data)], 0)

    def fold(self, events: Sequence[Event[JournalData]], now: int, partition: int, where: str) -> None:
        """Fold one page and, before it, the ticks that the other engine's timers would have brought.

        Where the first engine had something overdue, nobody ticked: the engine was down, or slower than the
        broker's clock. Then the other one waits as well, so that the same policies give the same requests.

        Args:
            events: of the page.
            now: its stamp, microseconds UTC, never before the last one's.
            partition: its partition, for what is told.
            where: names the page in messages.

        Raises:
            Trouble: an invariant is broken.
        """
        found = self._found
        others = self._ticked(now, where)
        self._clock = now
        told = [
            event
            for event in events
            if not isinstance(event.data, PoliciesSet) and not found.is_foreign(event)
        ]
        found.left_out += sum(map(found.is_foreign, events))
        mine = folded(self._recorded, events, now, where).outputs
        others += folded(self._other, told, now, where).outputs
        found.pages += 1
        found.events += len(events)
        found.take(mine, others, partition)

    def _ticked(self, now: int, where: str) -> list[Output]:
        outputs: list[Output] = []
        while (due := self._other.due_before(now)) is not None:
            first = self._recorded.due_before(now)
            if first is not None and first <= due:
                break
            self._clock = max(self._clock, due)  # what is due is but a hint, and may lie behind
            while True:
                step = folded(self._other, (), self._clock, where)
                outputs += step.outputs
                if not step.more_due:
                    break
            if self._other.due_before(now) == due:
                break
        return outputs


def _requests(outputs: Sequence[Output]) -> list[RetryRequested]:
    found = (read_written(output.value).data for output in outputs if output.topic == RetryRequested.TYPE)
    return [data for data in found if isinstance(data, RetryRequested)]


def _asked(request: RetryRequested) -> tuple[object, ...]:
    """Give which charge is asked for, and when; the rest names the policy, its window and why."""
    return (request.due_at, request.instrument_id, request.amount_minor, request.reason)


def _attempt(case: DifferentCase) -> int:
    one = case.recorded or case.other
    assert one is not None
    return one.attempt
