"""What a recording knows: facts that hold under any policy, and outcomes of attempts that the recorded run asked for.

The one rule: an outcome that answers a request of the recorded run is no fact of another run. Its request id may
even look like one of ours (`in-1/2`), so it is taken out of the input and handed in by `dunning.backtest.answers`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dunning.simulation import Line
from schemas.charges import ChargePending, ChargeSucceeded, Initiator, Outcome
from schemas.envelope import Event
from schemas.events import InputData
from schemas.instants import micros
from schemas.invoices import InvoiceIssued


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """What became of one attempt of the recorded run; of several reports on one charge the last that decides."""

    account_id: str
    invoice_id: str
    instrument_id: str | None
    attempted_at: int  # microseconds UTC
    arrives_at: int  # when it was told, microseconds UTC
    event: Event[Any]  # its data are an `Outcome`

    @property
    def succeeded(self) -> bool:
        """Whether the attempt was paid."""
        return isinstance(self.event.data, ChargeSucceeded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording, split."""

    facts: tuple[Line, ...]  # in their order of arrival
    outcomes: tuple[RecordedOutcome, ...]  # in the order of their first report
    begins_at: int | None  # microseconds UTC; None: there is nothing in it
    ends_at: int
    bad_lines: int  # lines that are no event; left out
    issued_at: dict[tuple[str, str], int]  # (account, invoice) -> invoice date, else its first decline
    currencies: dict[tuple[str, str], str]  # (account, invoice) -> currency


def read_recording(lines: Iterable[Line]) -> Recording:
    """Split recorded input into facts and outcomes of the recorded run's own requests.

    An outcome belongs to the recorded run if it says so (`initiated_by: retry` or a `request_id`). Everything else
    happened whatever the policy: the biller's own charges, the customer's and the provider's attempts, instruments,
    settlements, orders of the staff.

    Args:
        lines: in order of arrival; those that are no event are counted and left out.
    """
    facts: list[Line] = []
    reports: dict[tuple[str, str, str], list[tuple[int, Event[Any]]]] = {}
    issued_at: dict[tuple[str, str], int] = {}
    currencies: dict[tuple[str, str], str] = {}
    begins_at: int | None = None
    now = bad_lines = 0
    for line in lines:
        if line.event is None:
            bad_lines += 1
            continue
        now = max(now, line.arrives_at or 0)
        begins_at = now if begins_at is None else begins_at
        data = line.event.data
        _note_invoice(line.event, issued_at, currencies)
        if isinstance(data, Outcome) and answers_a_request(data):
            charge = (data.account_id, data.invoice_id, data.charge_id)
            reports.setdefault(charge, []).append((now, line.event))
        else:
            facts.append(Line(now, line.event))
    return Recording(
        facts=tuple(facts),
        outcomes=tuple(_decided(several) for several in reports.values()),
        begins_at=begins_at,
        ends_at=now,
        bad_lines=bad_lines,
        issued_at=issued_at,
        currencies=currencies,
    )


def answers_a_request(data: Outcome) -> bool:
    """Tell whether an outcome is that of an attempt which the recorded run asked for.

    As in `dunning.attempts`: the id of a charge that somebody else made may look like a request's by chance. Unlike
    there any request counts, for what was recorded may be the run of another engine, whose requests have other ids.
    """
    return data.initiated_by is Initiator.RETRY or data.request_id is not None


def _decided(reports: list[tuple[int, Event[Any]]]) -> RecordedOutcome:
    """Take of several reports on one charge the last, but a pending one only if there is nothing else."""
    final = [report for report in reports if not isinstance(report[1].data, ChargePending)]
    arrives_at, event = (final or reports)[-1]
    data = event.data
    # The attempt was made before the first report on it, whatever was told later.
    first = reports[0][1]
    attempted_at = micros(first.data.attempted_at or first.time)
    return RecordedOutcome(
        data.account_id, data.invoice_id, data.instrument_id, attempted_at, arrives_at, event
    )


def _note_invoice(
    event: Event[InputData], issued_at: dict[tuple[str, str], int], currencies: dict[tuple[str, str], str]
) -> None:
    data = event.data
    if isinstance(data, InvoiceIssued):
        key = (data.account_id, data.invoice_id)
        issued_at[key], currencies[key] = micros(data.issued_at), data.currency
    elif isinstance(data, Outcome):
        key = (data.account_id, data.invoice_id)
        issued_at.setdefault(key, micros(data.attempted_at or event.time))
        currencies.setdefault(key, data.currency)
