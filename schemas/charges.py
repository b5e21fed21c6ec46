"""What became of a charge."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from schemas.identifiers import FreeText, Id, RequestId
from schemas.instants import Instant
from schemas.money import AmountMinor, Currency
from schemas.optional import null_is
from schemas.payment_methods import Instrument


class Dialect(StrEnum):
    """The code list that a response is written in. A code is never read without its dialect."""

    GENERIC = "generic"  # takes a decline class as its code
    STRIPE = "stripe"
    ADYEN = "adyen"
    BRAINTREE = "braintree"
    ISO8583 = "iso8583"
    VISA = "visa"
    MASTERCARD = "mastercard"
    ACH = "ach"
    SEPA = "sepa"
    BACS = "bacs"


class Initiator(StrEnum):
    """Who tried. Customer and admin attempts use no rung and open no case."""

    SCHEDULE = "schedule"  # the biller's own charge
    RETRY = "retry"  # answers a request of ours
    CUSTOMER = "customer"
    ADMIN = "admin"
    PSP = "psp"  # the provider's own retry


MANUAL = (Initiator.CUSTOMER, Initiator.ADMIN)
"""Those who try by hand; all others are automatic."""

InitiatedBy = Annotated[Initiator, null_is(Initiator, default=Initiator.SCHEDULE)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline:
    """The provider's answer, as received."""

    code: Id
    dialect: Dialect
    network: Id | None = None
    network_code: Id | None = None
    advice_code: Id | None = None
    advice_dialect: Dialect | None = None
    message: FreeText | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeDeclined:
    """A charge failed. Opens or continues a case."""

    TYPE: ClassVar = "charge.declined"

    charge_id: Id
    invoice_id: Id
    account_id: Id
    subscription_id: Id
    instrument_id: Id
    amount_minor: AmountMinor
    currency: Currency
    decline: Decline
    attempted_at: Instant | None = None  # default: the event's time
    initiated_by: InitiatedBy = Initiator.SCHEDULE
    request_id: RequestId | None = None  # which request this answers; without one, the request in flight
    instrument: Instrument | None = None
    psp_will_retry: bool | None = None  # the provider tries again by itself: hold back
    psp_next_attempt_at: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSucceeded:
    """A charge was paid. Lowers the balance; at zero the case closes `paid`."""

    TYPE: ClassVar = "charge.succeeded"

    charge_id: Id
    invoice_id: Id
    account_id: Id
    subscription_id: Id
    amount_minor: AmountMinor
    currency: Currency
    instrument_id: Id | None = None
    attempted_at: Instant | None = None
    request_id: RequestId | None = None
    initiated_by: InitiatedBy = Initiator.SCHEDULE


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargePending:
    """The outcome is not known yet. Quarantines the case until it is."""

    TYPE: ClassVar = "charge.pending"

    charge_id: Id
    invoice_id: Id
    account_id: Id
    subscription_id: Id
    amount_minor: AmountMinor
    currency: Currency
    instrument_id: Id | None = None
    attempted_at: Instant | None = None
    request_id: RequestId | None = None
    initiated_by: InitiatedBy = Initiator.SCHEDULE


Outcome = ChargeDeclined | ChargeSucceeded | ChargePending
"""What is told of one charge."""
