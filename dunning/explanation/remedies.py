"""What would change the course of a case, with the events that would do it.

The one rule: an attempt is promised for when the engine makes it (contract sections 3 and 6), and an event that is
shown does what is said once the `…` in it are filled in.
"""

from dataclasses import dataclass
from typing import Any

from dunning.closing import STILL_OWED
from dunning.explanation.history import History
from dunning.explanation.marks import never_again
from dunning.explanation.standing import (
    in_doubt,
    last_class,
    notices_since_request,
    owed_restart,
    pending_charge,
)
from dunning.instruments import DEBITS
from schemas.charges import ChargeDeclined, ChargeSucceeded, Dialect, Initiator
from schemas.commands import Command, CommandName
from schemas.decisions import CaseChanged, CaseState, CloseReason, DeclineClass, NoticeKind
from schemas.invoices import InvoiceClosed, InvoiceReopened, SettledReason
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated

_MENDED_BY_EDIT = (DeclineClass.FIX_DATA, DeclineClass.NEEDS_CUSTOMER)
NAMED = 3  # payment methods that are named beside the one in use; our choice, the rest is counted


@dataclass(frozen=True, slots=True)
class Remedy:
    """Something that would change the course of the case."""

    says: str
    event_type: str | None = None  # the event that does it, where one event does
    data: dict[str, Any] | None = None  # its data, ready to be filled in where it says `…`


def what_would_change_it(history: History, last: CaseChanged | None) -> tuple[Remedy, ...]:
    """List what would change the course of the case, the likeliest help first."""
    if last is None:
        return ()
    if last.state is CaseState.CLOSED:
        return _after_the_end(history, last)
    when = new_chance(history, last).says
    remedies = [*_bindings(history, when)]
    if last.state in (CaseState.IN_FLIGHT, CaseState.PENDING):
        remedies = [*_outcomes(history, last), *remedies]
    if last.state is CaseState.PAUSED:
        remedies.insert(0, _resuming(history))
    charged = history.binding.charged_on
    if charged is not None and charged not in never_again(history.facts):
        remedies.append(_correction(history, last, charged, when))
    remedies.append(
        Remedy(
            "A payment by any other way: the case closes as soon as it is told.",
            InvoiceClosed.TYPE,
            {
                "invoice_id": history.invoice_id,
                "account_id": history.account_id,
                "reason": SettledReason.PAID_ELSEWHERE.value,
            },
        )
    )
    return tuple(remedies)


def _correction(history: History, last: CaseChanged, charged: str, when: str) -> Remedy:
    """Offer to correct what is charged, and say when the one attempt comes that this gives."""
    if when == "at once" and _is_limited(last):
        when = "as soon as the limit on attempts with it allows one"
    elif last.state is CaseState.WAITING and last_class(history) not in _MENDED_BY_EDIT:
        # A charge of the customer or the staff has blocked it, of which nobody is told why.
        when = "at once, unless it must not be charged again at all"
    return Remedy(
        f"Correcting the details of {charged} in place (expiry, name, address): one attempt {when}.",
        PaymentMethodUpdated.TYPE,
        {
            "account_id": history.account_id,
            "change": InstrumentChange.DETAILS_UPDATED.value,
            "instrument": {"instrument_id": charged, "type": _type(history, charged)},
        },
    )


def _outcomes(history: History, last: CaseChanged) -> tuple[Remedy, Remedy]:
    """Give both outcomes of the charge that is waited for."""
    if last.state is CaseState.IN_FLIGHT and history.requests:
        request = history.requests[-1]
        name = charge_id = request.request_id
        answers: str | None = request.request_id
        instrument_id: str | None = request.instrument_id
    else:
        pending = in_doubt(history)
        name = pending_charge(history)
        charge_id = "…" if pending is None else pending.charge_id
        answers = None if pending is None else pending.request_id
        instrument_id = None if pending is None else pending.instrument_id
    charge = _charge(history, charge_id, instrument_id, last.balance_minor)
    if answers is not None:
        charge |= {"request_id": answers, "initiated_by": Initiator.RETRY.value}
    decline = {"dialect": Dialect.GENERIC.value, "code": "…"}  # of `generic` the code is a decline class
    return (
        Remedy(
            f"The outcome of {name}, if it went through: the case closes once the invoice is paid in full.",
            ChargeSucceeded.TYPE,
            charge,
        ),
        Remedy(
            f"The outcome of {name}, if it was declined: the case goes on as the decline's class has it.",
            ChargeDeclined.TYPE,
            {**charge, "decline": decline},
        ),
    )


def _charge(history: History, charge_id: str, instrument_id: str | None, amount_minor: int) -> dict[str, Any]:
    return {
        "charge_id": charge_id,
        "invoice_id": history.invoice_id,
        "account_id": history.account_id,
        "subscription_id": history.subscription_id,
        "instrument_id": instrument_id or history.binding.charged_on or "…",
        "amount_minor": amount_minor,
        "currency": history.currency or "…",
    }


def _resuming(history: History) -> Remedy:
    waiting = owed_restart(history)
    says = (
        "Resuming: one attempt is made at once if one fell due during the pause."
        if waiting is None
        else f"Resuming: one attempt on {waiting} is made at once."
    )
    order = {"command": CommandName.RESUME.value, "issued_by": "…", "reason": "…"}
    return Remedy(says, Command.TYPE, {"account_id": history.account_id, **order})


def _type(history: History, instrument_id: str) -> str:
    """Name the type of an instrument as it was described, or as its declines tell; `…` where nothing does."""
    if instrument_id in history.binding.owned:
        return history.binding.owned[instrument_id]
    found = "…"
    for fact in history.facts:
        data = fact.event.data
        if isinstance(data, ChargeDeclined) and data.instrument_id == instrument_id:
            if data.instrument is not None:
                return data.instrument.type
            found = DEBITS.get(data.decline.dialect, found)
    return found


def _is_limited(last: CaseChanged) -> bool:
    """Tell whether a ceiling on attempts moves or forbids the next one: its rule comes first then."""
    return bool(last.why) and ".limit." in last.why[0]


@dataclass(frozen=True, slots=True)
class Chance:
    """When the one attempt comes that binding or correcting an instrument gives (contract section 3, point 4)."""

    says: str  # ends "one attempt on it"
    aloud: str  # begins what follows once it is set for the subscription


def new_chance(history: History, last: CaseChanged) -> Chance:
    """Say when an instrument that is bound or corrected now is tried."""
    if last.state is CaseState.PAUSED:
        return Chance("after the pause", "it is used, but while collection is paused nothing is charged")
    if last.state is CaseState.PENDING:
        return Chance(
            "once the outcome of the charge is known, unless that pays the invoice",
            "we try it when the result of the other charge is known, if it is still needed then",
        )
    if last.state is CaseState.IN_FLIGHT and history.requests:
        if NoticeKind.OUTCOME_MISSING in notices_since_request(history):
            request_id = history.requests[-1].request_id
            return Chance(f"at once, in place of request {request_id}", "we try it at once")
        return Chance(
            "once the request is answered or `answer_within` has passed, unless the invoice is paid by then",
            "we try it when the result of the other charge is known or overdue, if it is still needed then",
        )
    return Chance("at once", "we try it at once")


def unused(history: History) -> tuple[str, ...]:
    """Name what the account owns beside the instrument in use and may be charged, the latest first."""
    dead = never_again(history.facts)
    return tuple(name for name in history.binding.unused if name not in dead)


def _bindings(history: History, when: str) -> list[Remedy]:
    """Name what was added and is not used, and the event that would bind it."""
    binding = history.binding
    names = unused(history)
    remedies = [
        Remedy(
            f"Binding {name}, which the customer has added but nothing uses: one attempt on it {when}.",
            PaymentMethodUpdated.TYPE,
            _binding_event(history, name, binding.owned[name]),
        )
        for name in names[:NAMED]
    ]
    if len(names) > NAMED:
        remedies.append(
            Remedy(f"The account owns {len(names) - NAMED} more that this subscription does not use.")
        )
    if not names:
        remedies.append(
            Remedy(
                f"Adding another payment method and binding it: one attempt on it {when}.",
                PaymentMethodUpdated.TYPE,
                _binding_event(history, "…", "…"),
            )
        )
    return remedies


def _binding_event(history: History, instrument_id: str, kind: str) -> dict[str, Any]:
    return {
        "account_id": history.account_id,
        "change": InstrumentChange.BOUND.value,
        "instrument": {"instrument_id": instrument_id, "type": kind},
        "subscription_ids": [history.subscription_id],
    }


def _after_the_end(history: History, last: CaseChanged) -> tuple[Remedy, ...]:
    remedies = []
    if last.reason in STILL_OWED:
        remedies.append(
            Remedy(
                "A payment that is told later still turns the case into paid.",
                ChargeSucceeded.TYPE,
                _charge(history, "…", None, last.balance_minor),
            )
        )
    if last.reason != CloseReason.SUBSCRIPTION_ENDED:
        remedies.append(
            Remedy(
                "Only reopening the invoice (chargeback, refund or correction) brings the case back.",
                InvoiceReopened.TYPE,
                {"invoice_id": history.invoice_id, "account_id": history.account_id, "reason": "correction"},
            )
        )
    return tuple(remedies)
