"""The same decisions on a virtual clock, without Kafka (contract sections 5 and 6, simulate).

Lines come in their order of arrival; between two of them the clock stops at every due timer. Lines of one instant
are one page; a page ends where the clock moves on or a charger answers.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Protocol

from dunning.engine import Engine
from dunning.page import Note, Output
from schemas.decisions import DeadLetter, RetryRequested
from schemas.envelope import Event
from schemas.events import InputData
from schemas.instants import moment
from schemas.writing import read_written, written_event


@dataclass(frozen=True, slots=True)
class Line:
    """One line of input: an event, or what is wrong with it."""

    arrives_at: int | None  # microseconds UTC; None: it cannot be read
    event: Event[InputData] | None
    dead_letter: DeadLetter | None = None


class Answering(Protocol):
    """What answers requests: a `dunning.charger.Charger`, or recorded outcomes."""

    def answer(self, request: RetryRequested, requested_at: int, /) -> tuple[int, Event[Any]] | None:
        """Give the instant and the event of the answer, the same however often it is asked for; None: none."""


class Simulation:
    """One run. `notes` says what became of each event, once the output has been read."""

    def __init__(self, engine: Engine, charger: Answering) -> None:
        """Take an engine, empty or with policies set, and the model that answers its requests."""
        self.notes: list[Note] = []
        self._engine = engine
        self._charger = charger
        self._answers: list[tuple[int, int, Event[Any]]] = []
        self._order = count()
        self._now = 0

    def run(self, lines: Iterable[Line], until: int | None) -> Iterator[bytes]:
        """Yield the written events in the order decided.

        Args:
            lines: the input, in order of arrival.
            until: where the clock stops at the end, microseconds UTC; None or an earlier instant: at the last line.
        """
        page: list[Line] = []
        for line in lines:
            arrives_at = self._now if line.arrives_at is None else max(line.arrives_at, self._now)
            if arrives_at > self._now:
                yield from self._take(page)
                page = []
                yield from self._advance(arrives_at)
            page.append(line)
        yield from self._take(page)
        if until is not None and until > self._now:
            yield from self._advance(until)
            yield from self._fold([])

    def _advance(self, to: int) -> Iterator[bytes]:
        """Let the clock run to an instant, stopping wherever something is due before it."""
        while True:
            due = min(
                (
                    at
                    for at in (self._engine.next_due, self._answers[0][0] if self._answers else None)
                    if at is not None
                ),
                default=None,
            )
            if due is None or due >= to:
                self._now = to
                return
            self._now = max(self._now, due)
            yield from self._fold([])

    def _take(self, page: list[Line]) -> Iterator[bytes]:
        """Take the lines of one instant, then the timers and answers of it."""
        if not page:
            return
        for line in page:
            if line.dead_letter is not None:
                yield self._dead_letter(line.dead_letter)
        yield from self._fold([line.event for line in page if line.event is not None])

    def _fold(self, events: list[Event[Any]]) -> Iterator[bytes]:
        """Fold pages of this instant until nothing is due in it any more."""
        while True:
            answers_wait = bool(self._answers) and self._answers[0][0] <= self._now
            if not events and answers_wait:
                while self._answers and self._answers[0][0] <= self._now:
                    events.append(heapq.heappop(self._answers)[2])
                answers_wait = False
            step = self._engine.fold(
                events, self._now, with_timers=not answers_wait, ends_page=self._is_answered_at_once
            )
            self.notes += step.notes
            for output in step.outputs:
                self._ask(output)
                yield output.value
            events = []
            if not (step.more_due or (self._answers and self._answers[0][0] <= self._now)):
                return

    def _is_answered_at_once(self, output: Output) -> bool:
        if output.topic != RetryRequested.TYPE:
            return False
        answer = self._charger.answer(_request(output), self._now)
        return answer is not None and answer[0] <= self._now

    def _ask(self, output: Output) -> None:
        if output.topic == RetryRequested.TYPE:
            answer = self._charger.answer(_request(output), self._now)
            if answer is not None:
                heapq.heappush(self._answers, (answer[0], next(self._order), answer[1]))

    def _dead_letter(self, letter: DeadLetter) -> bytes:
        return written_event(DeadLetter.TYPE, f"dead_letter/{letter.line}", moment(self._now), letter)


def _request(output: Output) -> RetryRequested:
    data = read_written(output.value).data
    assert isinstance(data, RetryRequested)
    return data
