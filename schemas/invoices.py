"""What the biller says about an invoice."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, WithJsonSchema

from schemas.identifiers import FreeText, Id, Label
from schemas.instants import Instant
from schemas.money import AmountMinor, BalanceMinor, Currency
from schemas.optional import null_is
from schemas.time_zones import ZONES


def _known_zone(name: str) -> str:
    if name not in ZONES:
        raise ValueError("not an IANA time zone")
    return name


TimeZone = Annotated[
    str,
    AfterValidator(_known_zone),
    WithJsonSchema({"type": "string", "description": "A name of the IANA time zone database."}),
]
ZoneOrUtc = Annotated[TimeZone, null_is(TimeZone, default="UTC")]

_NO_LABELS: dict[str, str] = {}
Labels = Annotated[dict[Label, FreeText], Field(max_length=50)]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceIssued:
    """An amount to collect. Opens nothing by itself; gives the anchor and the amount."""

    TYPE: ClassVar = "invoice.issued"

    invoice_id: Id
    account_id: Id
    subscription_id: Id
    amount_minor: AmountMinor
    currency: Currency
    issued_at: Instant
    due_at: Instant | None = None
    instrument_id: Id | None = None  # the biller's current choice; only "seen", never a restart
    time_zone: ZoneOrUtc = "UTC"  # in which the days of the ladder and the window are counted
    policy: Id | None = None  # a policy's name; wins over `select`
    labels: Annotated[Labels, null_is(Labels, default=_NO_LABELS)] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAdjusted:
    """The open balance was corrected; 0 closes the case `credited`."""

    TYPE: ClassVar = "invoice.adjusted"

    invoice_id: Id
    account_id: Id
    balance_minor: BalanceMinor


class SettledReason(StrEnum):
    """Why an invoice needs no collecting any more."""

    PAID_ELSEWHERE = "paid_elsewhere"
    VOIDED = "voided"
    WRITTEN_OFF = "written_off"
    CREDITED = "credited"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceClosed:
    """The billing side has settled the invoice without a charge of ours."""

    TYPE: ClassVar = "invoice.closed"

    invoice_id: Id
    account_id: Id
    reason: SettledReason


class ReopenedReason(StrEnum):
    """Why a settled invoice is open again."""

    CHARGEBACK = "chargeback"
    REFUND = "refund"
    CORRECTION = "correction"


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceReopened:
    """The only way back from a closed case; keeps the old window unless it brings one."""

    TYPE: ClassVar = "invoice.reopened"

    invoice_id: Id
    account_id: Id
    reason: ReopenedReason
    balance_minor: AmountMinor | None = None
    window_ends_at: Instant | None = None
