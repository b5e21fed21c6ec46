"""What answers the requests of a run: recorded outcomes where the same attempt was made, else an assumption.

The one rule: an assumed answer is marked as such, and pays nothing. It only lets the schedule go on, so that
one sees when a case would have been tried.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from dunning.backtest.recording import RecordedOutcome, Recording
from dunning.calendar import HOUR
from dunning.charger import Charger, answer_to
from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded, Decline, Dialect, Initiator
from schemas.decisions import DeclineClass, RetryRequested
from schemas.envelope import Event
from schemas.instants import moment

SAME_ATTEMPT = HOUR  # our choice: an attempt so near to a recorded one on the same instrument is that attempt
SOURCE = "backtest"


class Basis(StrEnum):
    """How an answer is known."""

    RECORDED = "recorded"  # the recorded run made the same attempt
    MODEL = "model"  # the charger file says so
    ASSUMED = "assumed"  # nobody knows: taken as declined `retry_later`
    NONE = "none"  # no answer came


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request came to."""

    basis: Basis
    at: int  # microseconds UTC; of no answer the request itself
    event: Event[Any] | None

    @property
    def succeeded(self) -> bool:
        """Whether the attempt was paid."""
        return self.event is not None and isinstance(self.event.data, ChargeSucceeded)

    @property
    def is_pending(self) -> bool:
        """Whether its outcome stayed open."""
        return self.event is None or isinstance(self.event.data, ChargePending)


class Answers:
    """Answers the requests of one run, and remembers what it said: the same request has the same answer."""

    def __init__(self, recording: Recording, charger: Charger | None) -> None:
        """Answer from the recording, or if there is a charger from that alone."""
        self.given: dict[tuple[str, str], Answer] = {}  # by account and request id
        self._charger = charger
        self._outcomes: dict[tuple[str, str], list[RecordedOutcome]] = {}
        for outcome in recording.outcomes:
            self._outcomes.setdefault((outcome.account_id, outcome.invoice_id), []).append(outcome)

    def answer(self, request: RetryRequested, requested_at: int, /) -> tuple[int, Event[Any]] | None:
        """Give the answer to a request made at an instant (microseconds UTC); None: there is none."""
        key = (request.account_id, request.request_id)
        if key not in self.given:
            self.given[key] = self._answered(request, requested_at)
        answer = self.given[key]
        return None if answer.event is None else (answer.at, answer.event)

    def _answered(self, request: RetryRequested, requested_at: int) -> Answer:
        if self._charger is not None:
            modelled = self._charger.answer(request, requested_at)
            if modelled is None:
                return Answer(Basis.NONE, requested_at, None)
            return Answer(Basis.MODEL, *modelled)
        same = self._same_attempt(request, requested_at)
        if same is None:
            return Answer(Basis.ASSUMED, requested_at, _assumed(request, requested_at))
        self._outcomes[request.account_id, request.invoice_id].remove(same)
        at = max(requested_at, same.arrives_at)
        return Answer(Basis.RECORDED, at, _rewritten(same, request, requested_at))

    def _same_attempt(self, request: RetryRequested, requested_at: int) -> RecordedOutcome | None:
        """Find the recorded attempt on the same invoice and instrument that lies nearest, if near enough."""
        near = [
            outcome
            for outcome in self._outcomes.get((request.account_id, request.invoice_id), ())
            if outcome.instrument_id in (None, request.instrument_id)
            and abs(outcome.attempted_at - requested_at) <= SAME_ATTEMPT
        ]
        return min(near, key=lambda outcome: abs(outcome.attempted_at - requested_at), default=None)


def _rewritten(same: RecordedOutcome, request: RetryRequested, requested_at: int) -> Event[Any]:
    """Let the recorded outcome answer this run's request; it cannot be older than that."""
    at = moment(max(same.attempted_at, requested_at))
    data = replace(
        same.event.data,
        charge_id=_charge_id(request),
        request_id=request.request_id,
        initiated_by=Initiator.RETRY,
        instrument_id=request.instrument_id,
        attempted_at=at,
    )
    told = same.event
    return Event(id=told.id, source=told.source, type=told.type, time=max(at, told.time), data=data)


def _assumed(request: RetryRequested, requested_at: int) -> Event[ChargeDeclined]:
    decline = Decline(code=DeclineClass.RETRY_LATER, dialect=Dialect.GENERIC)
    data = answer_to(request, ChargeDeclined, charge_id=_charge_id(request), decline=decline)
    return Event(
        id=f"{request.request_id}/assumed",
        source=SOURCE,
        type=ChargeDeclined.TYPE,
        time=moment(requested_at),
        data=data,
    )


def _charge_id(request: RetryRequested) -> str:
    """Name the charge of an answer as no recorded one is named: a fact may have the id of a request of this run."""
    return f"{SOURCE}/{request.request_id}"
