"""What the engine writes: requests, notices, changes of cases and stages, dead letters (contract section 2.2).

The order of the fields is the order on the wire. Not frozen, unlike what is read: each is built once and encoded at
once, and building a frozen one takes three times as long.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from schemas.identifiers import Id
from schemas.instants import Instant
from schemas.money import AmountMinor, BalanceMinor, Currency


class DeclineClass(StrEnum):
    """What a decline means for the next attempt; the only six."""

    RETRY_LATER = "retry_later"
    TECHNICAL = "technical"
    FIX_DATA = "fix_data"
    NEEDS_CUSTOMER = "needs_customer"
    NEVER = "never"
    RECONCILE = "reconcile"


class RequestReason(StrEnum):
    """Why an attempt is asked for."""

    SCHEDULED = "scheduled"
    TECHNICAL = "technical"
    INSTRUMENT_BOUND = "instrument_bound"
    DETAILS_UPDATED = "details_updated"
    RESUMED = "resumed"
    COMMAND = "command"


PLANNED = (RequestReason.SCHEDULED, RequestReason.TECHNICAL)
"""Of attempts that the policy plans; all others have a cause of their own, and go at once."""


class NoticeKind(StrEnum):
    """What somebody is to be told."""

    PAYMENT_DECLINED = "payment_declined"
    CUSTOMER_ACTION_NEEDED = "customer_action_needed"
    INSTRUMENT_ADDED_NOT_BOUND = "instrument_added_not_bound"
    NO_INSTRUMENT = "no_instrument"
    RECOVERED = "recovered"
    WINDOW_CLOSING = "window_closing"
    WINDOW_CLOSED = "window_closed"
    OUTCOME_MISSING = "outcome_missing"
    RECONCILE = "reconcile"
    INSTRUMENT_EXPIRING = "instrument_expiring"


class Audience(StrEnum):
    """Who is to be told."""

    CUSTOMER = "customer"
    OPERATOR = "operator"


class Action(StrEnum):
    """Whether the one who is told has something to do."""

    NONE = "none"
    OPTIONAL = "optional"
    REQUIRED = "required"


class CaseState(StrEnum):
    """Where a case stands (contract section 2.2)."""

    RETRYING = "retrying"
    IN_FLIGHT = "in_flight"
    PENDING = "pending"
    WAITING = "waiting"
    EXHAUSTED = "exhausted"
    PAUSED = "paused"
    CLOSED = "closed"


class CloseReason(StrEnum):
    """Why a case closed; one of them, for good unless the invoice is reopened."""

    PAID = "paid"
    PAID_ELSEWHERE = "paid_elsewhere"
    VOIDED = "voided"
    WRITTEN_OFF = "written_off"
    CREDITED = "credited"
    WINDOW_CLOSED = "window_closed"
    SUBSCRIPTION_ENDED = "subscription_ended"
    STOPPED = "stopped"


@dataclass(slots=True, kw_only=True)
class RetryRequested:
    """Charge this invoice now, once. `request_id` is the idempotency key."""

    TYPE: ClassVar = "charge.retry_requested"

    request_id: str
    invoice_id: Id
    account_id: Id
    subscription_id: Id
    instrument_id: Id
    amount_minor: AmountMinor
    currency: Currency
    attempt: int
    reason: RequestReason
    due_at: Instant  # the planned instant, or that of the cause
    not_after: Instant  # never charge later than this
    window_ends_at: Instant
    decline_class: DeclineClass | None  # of the last decline
    policy: str  # name@digest
    supersedes: str | None  # a request that must not be executed any more
    why: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class NoticeRequested:
    """Tell somebody something. The engine sends no mail itself."""

    TYPE: ClassVar = "dunning.notice_requested"

    notice_id: str
    kind: NoticeKind
    audience: Audience
    account_id: Id
    subscription_id: Id
    invoice_id: Id | None = None
    instrument_id: Id | None = None
    new_instrument_id: Id | None = None
    attempt: int | None = None
    decline_class: DeclineClass | None = None
    action: Action
    next_attempt_at: Instant | None = None
    window_ends_at: Instant | None = None
    why: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class CaseChanged:
    """Where a case stands after a page; at most one a page."""

    TYPE: ClassVar = "dunning.case_changed"

    invoice_id: Id
    account_id: Id
    subscription_id: Id
    state: CaseState
    previous_state: CaseState | None
    reason: str  # what moved it; of a closed case a `CloseReason`
    attempts: int  # requests of ours so far
    next_attempt_at: Instant | None  # in `retrying` only
    window_ends_at: Instant
    balance_minor: BalanceMinor
    policy: str
    why: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class StageChanged:
    """The consequence of age of the oldest unpaid invoice; null is clear."""

    TYPE: ClassVar = "dunning.stage_changed"

    account_id: Id
    subscription_id: Id
    stage: str | None
    previous_stage: str | None
    oldest_invoice_id: Id | None
    why: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class DeadLetter:
    """A line that `dunning simulate` could not read. On Kafka the dead letter is the bytes, the rest are headers."""

    TYPE: ClassVar = "dunning.dead_letter"

    line: int
    error: str
    error_path: str
    value: str
