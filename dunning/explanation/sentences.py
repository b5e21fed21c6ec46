"""What one event says, in one sentence.

The one rule: a sentence names who did what to which invoice, instrument or request, and nothing that is not
in the event. It is for staff: it may name a decline code (what customers may hear is in `story.py`).
"""

from typing import assert_never

from dunning.calendar import SECOND
from dunning.explanation.reasons import SPEAKERS, Wording
from dunning.explanation.wording import counted, instant, money
from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded, Initiator, Outcome
from schemas.commands import Command, CommandName, PoliciesSet
from schemas.decisions import (
    PLANNED,
    Audience,
    CaseChanged,
    CaseState,
    DeadLetter,
    NoticeKind,
    NoticeRequested,
    RetryRequested,
    StageChanged,
)
from schemas.events import JournalData
from schemas.instants import micros
from schemas.invoices import InvoiceAdjusted, InvoiceClosed, InvoiceIssued, InvoiceReopened
from schemas.payment_methods import Instrument, InstrumentChange, PaymentMethodUpdated
from schemas.subscriptions import SubscriptionEnded
from schemas.writing import OutputData

_PUNCTUAL = SECOND  # a tick comes some milliseconds after its instant; our choice

_TRIED = {
    Initiator.SCHEDULE: "The biller's own charge",
    Initiator.RETRY: "The requested charge",
    Initiator.CUSTOMER: "A charge that the customer started",
    Initiator.ADMIN: "A charge that the staff started",
    Initiator.PSP: "The provider's own retry",
}

_MOVED_BY = {
    "adjusted": "the balance was corrected",
    "attempt_not_made": "a planned attempt could not be made",
    "command": "an attempt was ordered",
    "declined": "a charge was declined",
    "details_updated": "the payment details were corrected",
    "instrument_blocked": "its payment method must not be charged",
    "instrument_bound": "another payment method is bound",
    "instrument_seen": "its payment method was taken away; another was seen with the subscription",
    "instrument_delayed": "a network lets its payment method be charged later only",
    "instrument_valid": "its payment method proved good",
    "invoice_issued": "the invoice arrived",
    "manual_attempt": "a charge of the customer or the staff was declined",
    "no_instrument": "there is no payment method",
    "outcome_missing": "an outcome is missing",
    "part_paid": "a part was paid",
    "paused": "it was paused",
    "pending": "a charge is under way",
    "reconcile": "a charge is in doubt",
    "reopened": "the invoice was reopened",
    "replanned": "what it rests on has changed",
    "resumed": "the pause ended",
    "scheduled": "the planned attempt was asked for",
    "technical": "an attempt after a technical fault was asked for",
}
"""What moved a case, by `dunning.case_changed.reason`; a reason that is missing here is shown as it is."""


def told(data: JournalData, currency: str) -> str:  # noqa: PLR0911 - one arm a type, as in the fold
    """Say what an event of the journal told the engine.

    Args:
        data: of the event.
        currency: of the invoice; events about a balance do not carry it.
    """
    if isinstance(data, InvoiceIssued):
        on = f", to be charged on {data.instrument_id}" if data.instrument_id else ""
        return f"Invoice issued: {money(data.amount_minor, data.currency)}{on}"
    if isinstance(data, ChargeDeclined):
        return _declined(data)
    if isinstance(data, ChargeSucceeded):
        on = f" on {data.instrument_id}" if data.instrument_id else ""
        return f"{_who(data)}{on} succeeded: {money(data.amount_minor, data.currency)}"
    if isinstance(data, ChargePending):
        on = f" on {data.instrument_id}" if data.instrument_id else ""
        return f"{_who(data)}{on} is under way: its outcome is not known yet"
    if isinstance(data, PaymentMethodUpdated):
        return _instrument_changed(data)
    if isinstance(data, InvoiceAdjusted):
        return f"The biller corrected the balance to {money(data.balance_minor, currency)}"
    if isinstance(data, InvoiceClosed):
        return f"The biller closed the invoice: {data.reason.replace('_', ' ')}"
    if isinstance(data, InvoiceReopened):
        return f"The invoice was reopened: {data.reason}"
    if isinstance(data, SubscriptionEnded):
        return "The subscription ended"
    if isinstance(data, Command):
        return _ordered(data)
    if isinstance(data, PoliciesSet):
        return f"{counted(len(data.policies), 'section')} of policies put in force"
    assert_never(data)


def decided(data: OutputData, currency: str, at: int, zone: str, words: Wording) -> str:
    """Say what the engine decided at an instant (microseconds UTC); instants are written in the time zone."""
    if isinstance(data, RetryRequested):
        return _requested(data, at, zone, words)
    if isinstance(data, NoticeRequested):
        return _notified(data, words)
    if isinstance(data, CaseChanged):
        return _changed(data, currency, zone, words)
    if isinstance(data, StageChanged):
        if data.stage is None:
            return f"Stage {data.previous_stage} ends: no old invoice is unpaid any more"
        return f"Stage {data.stage} begins: the invoice has reached that age"
    if isinstance(data, DeadLetter):
        return f"Line {data.line} was set aside: {data.error} at {data.error_path or 'the whole line'}"
    assert_never(data)


def _who(data: Outcome) -> str:
    request = f" {data.request_id}" if data.request_id else ""
    if request and data.initiated_by is not Initiator.RETRY:
        return f"The requested charge{request}"
    return _TRIED[data.initiated_by] + request


def _declined(data: ChargeDeclined) -> str:
    decline = data.decline
    codes = f"{SPEAKERS[decline.dialect]} says {decline.code}"
    if decline.network_code:
        codes += f", the network {decline.network_code}"
    if decline.advice_code:
        codes += f", with advice {decline.advice_code}"
    if data.psp_will_retry:
        codes += "; the provider will try again by itself"
    amount = money(data.amount_minor, data.currency)
    return f"{_who(data)} of {amount} on {data.instrument_id} was declined: {codes}"


def _instrument_changed(data: PaymentMethodUpdated) -> str:
    name = named(data.instrument)
    change = data.change
    if change is InstrumentChange.ADDED:
        return f"The customer added {name}; adding binds it to nothing"
    if change is InstrumentChange.BOUND:
        targets = [
            f"subscription {', '.join(data.subscription_ids)}" if data.subscription_ids else "",
            f"everything charged on {data.replaces}" if data.replaces else "",
            "the account's default" if data.account_default else "",
        ]
        return f"{_capital(name)} was bound: {', and '.join(filter(None, targets))}"
    if change is InstrumentChange.DETAILS_UPDATED:
        return f"{_capital(name)} was corrected"
    if change is InstrumentChange.UNBOUND:
        return f"{_capital(name)} was taken off subscription {', '.join(data.subscription_ids)}"
    if change is InstrumentChange.REMOVED:
        return f"{_capital(name)} was removed"
    return f"The mandate or token of {name} was revoked"


def named(instrument: Instrument) -> str:
    """Name an instrument with its kind: `card card-2 (visa, expires 2027-03)`."""
    facts = [instrument.network or "", f"expires {instrument.expires}" if instrument.expires else ""]
    more = ", ".join(filter(None, facts))
    return f"{instrument.type.replace('_', ' ')} {instrument.instrument_id}{f' ({more})' if more else ''}"


def _ordered(data: Command) -> str:
    scope = "the account"
    if data.invoice_id is not None:
        scope = "this invoice"
    elif data.subscription_id is not None:
        scope = "the subscription"
    verb = {
        CommandName.PAUSE: "paused",
        CommandName.RESUME: "resumed",
        CommandName.STOP: "stopped collecting for",
        CommandName.RETRY_NOW: "ordered an attempt now for",
    }[data.command]
    return f"{data.issued_by} {verb} {scope}: {data.reason}"


def _requested(data: RetryRequested, at: int, zone: str, words: Wording) -> str:
    amount, reason = money(data.amount_minor, data.currency), words.requests.get(data.reason, data.reason)
    sentence = f"Attempt {data.attempt} asked for: {amount} on {data.instrument_id}, {reason}"
    if data.reason in PLANNED and at - micros(data.due_at) > _PUNCTUAL:
        sentence += f"; it was planned for {instant(micros(data.due_at), zone)} and had to wait"
    if data.supersedes:
        sentence += f"; request {data.supersedes} must not be executed any more"
    return sentence


def _notified(data: NoticeRequested, words: Wording) -> str:
    who = "The customer" if data.audience is Audience.CUSTOMER else "The staff"
    sentence = f"{who} is told: {words.notices.get(data.kind, data.kind)}"
    if data.new_instrument_id:
        sentence += f" ({data.new_instrument_id}; charged is {data.instrument_id or 'nothing'})"
    if data.decline_class and data.kind is NoticeKind.PAYMENT_DECLINED:
        sentence += f"; {words.classes.get(data.decline_class, data.decline_class)}"
    return sentence


def _changed(data: CaseChanged, currency: str, zone: str, words: Wording) -> str:
    if data.state is CaseState.CLOSED:
        return f"The case is closed: {words.closings.get(data.reason, data.reason)}"
    sentence = "The case opens" if data.previous_state is None else "The case"
    sentence += ": " + words.states.get(data.state, data.state)
    if data.reason and data.reason not in words.requests:
        sentence += f", because {_MOVED_BY.get(data.reason, data.reason)}"
    if data.next_attempt_at is not None:
        sentence += f"; next attempt {instant(micros(data.next_attempt_at), zone)}"
    return f"{sentence}; open {money(data.balance_minor, currency)}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
