"""The provider's memory: what was executed, what is paid. Rule: a request is executed once, ever.

What a careful executor does with `charge.retry_requested`: the same `request_id` again gets the same answer;
a request past its `not_after`, or superseded by a later one, is not executed any more. It does not refuse a
second charge of one invoice: that none is asked for is the engine's promise, and the verdict looks at it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from schemas.decisions import RetryRequested
from schemas.instants import micros
from streams.demo.stories import PENDING, SUCCEEDED, UNREPORTED, Answers


class Outcome(StrEnum):
    """What became of a request at the provider."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    PENDING = "pending"  # the money moves, the answer comes days later
    UNREPORTED = "unreported"  # the money moves, the answer never comes
    REPEATED = "repeated"  # the same request again: nothing is done, the answer is given again
    TOO_LATE = "too_late"
    SUPERSEDED = "superseded"


PAYING = frozenset({Outcome.SUCCEEDED, Outcome.PENDING, Outcome.UNREPORTED})
"""Outcomes with which money has moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One line of the executor's own book."""

    request_id: str
    invoice_id: str
    instrument_id: str
    received_at: int  # microseconds since 1970, by the executor's clock
    outcome: Outcome
    code: str | None = None  # of a decline, as Stripe spells it

    @property
    def is_paid(self) -> bool:
        """Whether money has moved."""
        return self.outcome in PAYING


class ChargeMemory:
    """What the provider knows.

    Args:
        plan: by invoice, what charges on its instruments come to.
    """

    def __init__(self, plan: Mapping[str, Answers]) -> None:
        self._plan = plan
        self._executed: dict[str, Charge] = {}
        self._superseded: set[str] = set()
        self._tries: Counter[tuple[str, str]] = Counter()

    def answer_again(self, request_id: str) -> Charge:
        """Return the charge that a repeated request was executed with. Raises KeyError: it never was."""
        return self._executed[request_id]

    def execute(self, request: RetryRequested, now: int) -> Charge:
        """Execute a request, or say why not.

        Args:
            request: as received.
            now: microseconds since 1970, UTC, by the executor's clock.
        """
        if request.supersedes is not None:
            self._superseded.add(request.supersedes)
        if request.request_id in self._executed:
            return self._line(request, now, Outcome.REPEATED)
        if request.request_id in self._superseded:
            return self._line(request, now, Outcome.SUPERSEDED)
        if now > micros(request.not_after):
            return self._line(request, now, Outcome.TOO_LATE)
        charge = self._charged(request, now)
        self._executed[request.request_id] = charge
        return charge

    def _charged(self, request: RetryRequested, now: int) -> Charge:
        answers = self._plan.get(request.invoice_id, {}).get(request.instrument_id, ("do_not_honor",))
        key = request.invoice_id, request.instrument_id
        word = answers[min(self._tries[key], len(answers) - 1)]
        self._tries[key] += 1
        if word in {SUCCEEDED, PENDING, UNREPORTED}:
            return self._line(request, now, Outcome(word))
        return self._line(request, now, Outcome.DECLINED, word)

    def _line(self, request: RetryRequested, now: int, outcome: Outcome, code: str | None = None) -> Charge:
        return Charge(
            request_id=request.request_id,
            invoice_id=request.invoice_id,
            instrument_id=request.instrument_id,
            received_at=now,
            outcome=outcome,
            code=code,
        )


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Charge).decode


def encode_charge(charge: Charge) -> bytes:
    """Write one line of the book."""
    return _encode(charge) + b"\n"


def read_book(path: Path) -> tuple[Charge, ...]:
    """Read the executor's book.

    Raises:
        OSError: it cannot be read.
        msgspec.DecodeError: it is damaged.
    """
    return tuple(_decode(line) for line in path.read_bytes().splitlines())
