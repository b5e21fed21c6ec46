"""The life of one invoice, told: each event with time and reasons, what comes next, what would change it.

The one rule: the story is for staff; only `aloud` may be read to the customer. That part names no decline
code and no reason that must be masked, whatever was recorded.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dunning.explanation.history import Fact, History
from dunning.explanation.marks import marks
from dunning.explanation.no_case import aloud_settled, why_no_case
from dunning.explanation.outlook import still_open, what_comes_next
from dunning.explanation.reasons import Because, Reasons
from dunning.explanation.remedies import Remedy, new_chance, unused, what_would_change_it
from dunning.explanation.sentences import decided, told
from dunning.explanation.standing import last_class
from dunning.explanation.wording import counted, money, spoken, spoken_day
from schemas.charges import ChargeDeclined
from schemas.decisions import (
    CaseChanged,
    CaseState,
    DeclineClass,
    NoticeKind,
    NoticeRequested,
    RetryRequested,
)
from schemas.instants import micros, moment


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the story."""

    at: int  # microseconds UTC
    by: str  # `engine`, or the event's source
    type: str
    id: str
    says: str
    because: tuple[Because, ...]  # of a decision, most specific first


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that is told about one invoice."""

    invoice_id: str
    account_id: str
    subscription_id: str
    zone: str  # in which instants are written
    state: CaseState | None  # None: there never was a case
    policy: str | None
    window_ends_at: int | None  # microseconds UTC
    balance: str | None
    entries: tuple[Entry, ...]
    next: tuple[str, ...]
    remedies: tuple[Remedy, ...]
    aloud: tuple[str, ...]  # sentences that may be read to the customer
    remarks: tuple[str, ...]  # what is missing from the record


def tell(history: History, reasons: Reasons) -> Story:
    """Tell what is recorded about an invoice.

    Args:
        history: what is recorded, as `history_of` collects it.
        reasons: the sentences behind rule ids and words.
    """
    last = _last_change(history)
    currency = history.currency
    return Story(
        invoice_id=history.invoice_id,
        account_id=history.account_id,
        subscription_id=history.subscription_id,
        zone=history.zone,
        state=None if last is None else last.state,
        policy=None if last is None else last.policy,
        window_ends_at=None if last is None else micros(last.window_ends_at),
        balance=None if last is None else money(last.balance_minor, currency),
        entries=tuple(
            _entry(fact, mark, history, reasons)
            for fact, mark in zip(history.facts, marks(history), strict=True)
        ),
        next=what_comes_next(history, last, reasons.words),
        remedies=what_would_change_it(history, last),
        aloud=tuple(_aloud(history, last, reasons)),
        remarks=tuple(_remarks(history)),
    )


def as_data(story: Story) -> dict[str, Any]:
    """Give the story as JSON types; instants as on the wire."""
    return {
        "invoice_id": story.invoice_id,
        "account_id": story.account_id,
        "subscription_id": story.subscription_id,
        "state": story.state,
        "policy": story.policy,
        "window_ends_at": None if story.window_ends_at is None else _wire(story.window_ends_at),
        "balance": story.balance,
        "entries": [
            {
                "at": _wire(entry.at),
                "by": entry.by,
                "type": entry.type,
                "id": entry.id,
                "says": entry.says,
                "why": [{"id": one.id, "says": one.says, "staff_only": one.masked} for one in entry.because],
            }
            for entry in story.entries
        ],
        "next": list(story.next),
        "would_change_it": [
            {
                "says": remedy.says,
                "event": None
                if remedy.event_type is None
                else {"type": remedy.event_type, "data": remedy.data},
            }
            for remedy in story.remedies
        ],
        "aloud": list(story.aloud),
        "remarks": list(story.remarks),
    }


def _entry(fact: Fact, mark: str | None, history: History, reasons: Reasons) -> Entry:
    event, data = fact.event, fact.event.data
    if fact.is_decision:
        says = decided(data, history.currency, fact.at, history.zone, reasons.words)
        because = tuple(reasons.because(rule_id) for rule_id in getattr(data, "why", ()))
        return Entry(fact.at, "engine", event.type, event.id, says, because)
    says = told(data, history.currency) + ("" if mark is None else f" ({mark})")
    return Entry(fact.at, event.source, event.type, event.id, says, ())


def _last_change(history: History) -> CaseChanged | None:
    for fact in reversed(history.facts):
        if isinstance(fact.event.data, CaseChanged):
            return fact.event.data
    return None


def _remarks(history: History) -> Iterator[str]:
    if history.issued is None:
        yield "The invoice itself is not recorded, or not any more: days are shown in UTC."
    if all(fact.is_decision for fact in history.facts):
        yield "The journal holds no event of this invoice any more: only what was decided is shown."


# ---- what may be read to the customer ----


def _aloud(history: History, last: CaseChanged | None, reasons: Reasons) -> Iterator[str]:
    yield from _aloud_as_it_stands(history, last, reasons)
    if history.undecided:
        yield "Something has come in that is not worked through yet; please ask again in a moment."


def _aloud_as_it_stands(history: History, last: CaseChanged | None, reasons: Reasons) -> Iterator[str]:
    zone, currency = history.zone, history.currency
    if history.issued is not None:
        amount = money(history.issued.amount_minor, history.issued.currency)
        day = spoken_day(micros(history.issued.issued_at), zone)
        yield f"Invoice {history.invoice_id} over {amount} was issued on {day}."
    yield from _first_decline(history, last, reasons)
    requests = history.requests
    if requests:
        at = _last_request_at(history)
        yield (
            f"Since then we have tried {_times(len(requests))}"
            f"{', the last time' if len(requests) > 1 else ','} on {spoken(at, zone)}."
        )
    if last is None:
        yield from why_no_case(history, reasons.words).aloud
        return
    if last.state is CaseState.CLOSED:
        left = still_open(last, currency)
        yield (
            aloud_settled(last.reason, reasons.words)
            if left is None
            else f"{left} We do not charge it by ourselves any more."
        )
        return
    yield f"{money(last.balance_minor, currency)} is still open."
    added = _added_not_bound(history)
    if added:
        name, at = added
        yield (
            f"The payment method {name} was added on {spoken_day(at, zone)}, but it is not used for this "
            f"subscription yet. As soon as it is set for the subscription {new_chance(history, last).aloud}."
        )
    yield from _aloud_now(history, last, zone)
    yield f"Automatic attempts end on {spoken(micros(last.window_ends_at), zone)}."


def _first_decline(history: History, last: CaseChanged | None, reasons: Reasons) -> Iterator[str]:
    declines = [fact for fact in history.facts if isinstance(fact.event.data, ChargeDeclined)]
    if not declines:
        return
    first = declines[0]
    day = spoken_day(micros(first.event.data.attempted_at or first.event.time), history.zone)
    notices = [
        fact.event.data
        for fact in history.facts
        if fact.at >= first.at
        and isinstance(fact.event.data, NoticeRequested)
        and fact.event.data.kind in (NoticeKind.PAYMENT_DECLINED, NoticeKind.RECONCILE)
    ]
    declined = next((one for one in notices if one.kind is NoticeKind.PAYMENT_DECLINED), None)
    if notices and declined is None:
        # It was never told as declined: it is in doubt, or its doubt has ended well.
        if last is not None and last.state is not CaseState.CLOSED:
            yield f"It is not known yet whether a charge on {day} went through."
        return
    said = None if declined is None else declined.decline_class
    why = "" if said is None else f": {reasons.words.aloud.get(said, 'the bank declined it')}"
    yield f"A charge on {day} did not go through{why}."


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number) or counted(number, "time")


def _last_request_at(history: History) -> int:
    return next(fact.at for fact in reversed(history.facts) if isinstance(fact.event.data, RetryRequested))


def _added_not_bound(history: History) -> tuple[str, int] | None:
    """Find the latest instrument that was added during the case and is still not used."""
    names = unused(history)
    for fact in reversed(history.facts):
        data = fact.event.data
        if isinstance(data, NoticeRequested) and data.new_instrument_id in names:
            return str(data.new_instrument_id), fact.at
    return None


def _aloud_now(history: History, last: CaseChanged, zone: str) -> Iterator[str]:
    if last.state is CaseState.RETRYING and last.next_attempt_at is not None:
        yield f"The next attempt is planned for {spoken(micros(last.next_attempt_at), zone)}."
    elif last.state is CaseState.IN_FLIGHT:
        yield "A charge is under way and we are waiting for its result; nothing is charged twice."
    elif last.state is CaseState.PENDING:
        yield "We are waiting for the result of a charge; nothing more is charged until it is known."
    elif last.state is CaseState.PAUSED:
        yield "At the moment collection is paused, and nothing is charged."
    elif last.state is CaseState.WAITING:
        yield _aloud_waiting(history)
    elif last.state is CaseState.RETRYING:
        yield "The payment provider tries again by itself."
    else:
        yield "No further attempt is planned. Another payment method would be tried at once."


def _aloud_waiting(history: History) -> str:
    if history.binding.charged_on is None:
        return (
            "There is no payment method for this subscription. One that is set for it would be tried at once."
        )
    said = last_class(history)
    if said is DeclineClass.FIX_DATA:
        return "We do not try until the payment details are corrected or another payment method is set."
    if said is DeclineClass.NEEDS_CUSTOMER:
        return "We do not try by ourselves: the payment has to be confirmed, or another payment method set."
    return "We do not try this payment method again. Another one would be tried at once."


def _wire(at: int) -> str:
    return f"{moment(at).isoformat().removesuffix('+00:00')}Z"
