"""Instruments, and what happens to them."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints, model_validator

from schemas.identifiers import Id
from schemas.optional import null_is


class InstrumentType(StrEnum):
    """The kind of a payment method. Bank debits have rules of their own."""

    CARD = "card"
    ACH_DEBIT = "ach_debit"
    SEPA_DEBIT = "sepa_debit"
    BACS_DEBIT = "bacs_debit"
    WALLET = "wallet"
    OTHER = "other"


class InstrumentChange(StrEnum):
    """What happened to an instrument (contract section 2.1)."""

    ADDED = "added"
    BOUND = "bound"
    DETAILS_UPDATED = "details_updated"
    UNBOUND = "unbound"
    REMOVED = "removed"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One card, or one bank account with its mandate."""

    instrument_id: Id
    type: InstrumentType
    network: Id | None = None  # `visa`, `mastercard`, …; read without regard to case
    # The provider's stable token of the card number; limits count per fingerprint, without one per instrument id.
    fingerprint: Id | None = None
    expires: Annotated[str, StringConstraints(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")] | None = None
    country: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2}$")] | None = None


Targets = Annotated[tuple[Id, ...], Field(max_length=1_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethodUpdated:
    """An instrument was added, bound, edited, unbound, removed or revoked."""

    TYPE: ClassVar = "payment_method.updated"

    account_id: Id
    change: InstrumentChange
    instrument: Instrument
    # Targets of `bound`: any of the three, at least one. `unbound` takes `subscription_ids` only.
    subscription_ids: Annotated[Targets, null_is(Targets, default=())] = ()
    replaces: Id | None = None
    account_default: Annotated[bool, null_is(bool, default=False)] = False

    @model_validator(mode="after")
    def _has_a_target(self) -> "PaymentMethodUpdated":
        if self.change is InstrumentChange.BOUND and not (
            self.subscription_ids or self.replaces or self.account_default
        ):
            raise ValueError("`bound` needs subscription_ids, replaces or account_default")
        if self.change is InstrumentChange.UNBOUND and not self.subscription_ids:
            raise ValueError("`unbound` needs subscription_ids")
        return self
