"""What is kept of an account: five kinds of records, packed by position.

A record rests as msgpack bytes and is decoded when an event touches it. From version 0.1.0 on fields are only ever
added at the end, with a default, so that rows written by an older version still read. Instants (`…_at`) are
microseconds since 1970 in UTC; money is in minor units.
"""

import hashlib
from typing import Final, Literal

import msgspec

from schemas.decisions import DeclineClass

DIGEST = 8  # bytes of a remembered id; two of 10^6 ids collide with a chance of 3 in 10^8
# Ids remembered in one record; the oldest go first. Our choice: far above any real case.
REMEMBERED = 256
# Of events about an account: more than a round of intake, which a crash may bring twice.
REMEMBERED_OF_ACCOUNT = 2_048

UNKNOWN_ZONE = "UTC"  # of an invoice that has not come yet, as the contract's default

# How an attempt of ours comes about. One letter each: a million open cases may hold one.
BY_LADDER: Final = "r"  # a rung, or what goes in its place
BY_TECHNICAL: Final = "t"
BY_RESTART: Final = "i"
BY_ORDER: Final = "c"
BY_RESUME: Final = "d"  # makes up for a rung that a pause dropped; then any verdict forbids it, as that rung
BY_OTHERS: Final = ""  # no attempt of ours

ImmediateKind = Literal["i", "c", "d"]
AttemptKind = Literal["r", "t"] | ImmediateKind
OutcomeKind = AttemptKind | Literal[""]

# What the next automatic attempt of a case is.
NO_PLAN: Final = ""
PLANNED_RUNG: Final = "R"
PLANNED_TECHNICAL: Final = "T"
PLANNED_IMMEDIATE: Final = "I"
# None while the provider is at work for nobody knows how long, though the ladder has rungs left.
PROVIDERS_TURN: Final = "H"

PlanKind = Literal["", "R", "T", "I", "H"]
_WITHOUT_INSTANT: Final = (NO_PLAN, PROVIDERS_TURN)

CLASS_OF = {
    "l": DeclineClass.RETRY_LATER,
    "t": DeclineClass.TECHNICAL,
    "d": DeclineClass.FIX_DATA,
    "c": DeclineClass.NEEDS_CUSTOMER,
    "n": DeclineClass.NEVER,
    "r": DeclineClass.RECONCILE,
}
LETTER_OF = {name: letter for letter, name in CLASS_OF.items()}
"""A million open cases hold the class of their last decline: a letter spares ten bytes in each."""


class Account(msgspec.Struct, array_like=True, gc=False):
    """The payer: its default instrument and what is paused."""

    default: str | None = None
    # Scopes under pause, as `dunning.pauses` writes them: "" the account, "s:ID" a subscription, "i:ID" an invoice.
    pauses: list[str] = msgspec.field(default_factory=list)
    # Digests of the events about instruments and commands already taken.
    events: bytes = b""


class Subscription(msgspec.Struct, array_like=True, gc=False):
    """What it is charged on, and which of its invoices are unpaid."""

    own: str | None = None  # its own binding
    seen: str | None = None  # the instrument last seen with it; forgotten by a binding or an account default
    ended_at: int | None = None
    stage: str | None = None
    # Invoices that have a case and are not settled, in no order; the stage is that of the oldest.
    unpaid: list[str] = msgspec.field(default_factory=list)
    stages_told: int = 0  # numbers the stage events
    # Its own binding was only seen, beside another account default: the next one seen takes over.
    is_own_seen: bool = False


class Instrument(msgspec.Struct, array_like=True, gc=False):
    """One instrument by its id, as last described."""

    type: str | None = None
    network: str | None = None
    fingerprint: str | None = None
    expires: str | None = None
    country: str | None = None
    # Its data are wrong since this attempt; cleared by an edit or by a charge that succeeds.
    fix_data_at: int | None = None
    fix_data_why: tuple[str, ...] = ()
    right_at: int | None = None  # the last edit or success: older verdicts about its data do not hold
    # Removed, or its mandate revoked: who saw it earlier saw what is there no more.
    gone_at: int | None = None


class Credential(msgspec.Struct, array_like=True, gc=False):
    """One card number or bank account: what networks count, over all instrument ids that share a fingerprint."""

    dead_why: tuple[str, ...] = ()  # rule ids of the first `never`; for good
    network: str | None = None
    attempts: list[int] = msgspec.field(default_factory=list)  # declined, ascending, at most `KEPT_ATTEMPTS`
    unanswered: dict[str, int] = msgspec.field(default_factory=dict)  # request id -> when requested
    hold_until: int = 0  # a network's wait: no attempt before
    hold_rule: str | None = None


class Immediate(msgspec.Struct, array_like=True, gc=False):
    """One attempt that is owed as soon as it may go."""

    reason: str  # a `RequestReason`
    due_at: int  # the instant of its cause
    since: int  # the page that asked for it
    asked_in_pause: bool = False  # then it waits for `resume`, which makes it its own
    kind: ImmediateKind = BY_RESTART


class InFlight(msgspec.Struct, array_like=True, gc=False):
    """The request that has no answer yet."""

    at: int
    instrument_id: str
    kind: AttemptKind
    is_overdue: bool = False


class ProvidersWord(msgspec.Struct, array_like=True, gc=False):
    """What the provider has said last of trying again by itself."""

    at: int  # the moment of which it was said
    holds: bool  # it will: until that is answered, or a day after `next_at`
    next_at: int | None = None


UNKNOWN_CHARGE = ""
"""The id of a charge of which only that it was paid is remembered."""


class Quarantined(msgspec.Struct, array_like=True, gc=False):
    """A charge whose outcome is not known."""

    charge_id: str
    request_id: str | None
    kind: OutcomeKind  # how the attempt came about
    reconcile: bool
    is_late: bool = False  # of a request that was superseded: its outcome moves nothing in the case
    instrument_id: str = ""  # on which the request, or the attempt in doubt, was made
    counted_at: int = 0  # as which attempt it counts for the networks while it is in doubt
    since: int = 0  # the page that brought the doubt
    is_named: bool = True  # it was told which request this is; else only its own charge ends the doubt
    is_first: bool = False  # it opened the case, which waits for what that decline means

    @property
    def is_other_money(self) -> bool:
        """Whether it was paid, but in another currency than is owed: no network counts it, as it would a decline."""
        return self.reconcile and not self.counted_at


class Presented(msgspec.Struct, array_like=True, gc=False):
    """How often an invoice was presented under one debit scheme."""

    amount: int  # of the first that came back for a reason which the scheme limits
    at: list[int] = msgspec.field(default_factory=list)  # declined, or asked for and not answered; ascending
    since: int | None = None  # when that one was presented; None: none has come back so


class Provisional(msgspec.Struct, array_like=True, gc=False):
    """What a case remembers until its invoice comes: the instants from which another policy would count."""

    begins_at: int | None = None  # the first decline since the case began, or began anew
    failed_at: int | None = None  # the last failed automatic attempt, technical ones included
    failures: int = 0  # technical ones excluded
    dead_at: int | None = None  # the first `never` or fraud
    provider_tried_at: tuple[int, ...] = ()  # the attempts of the provider: each uses a rung


class Case(msgspec.Struct, array_like=True, gc=False):
    """The recovery of one unpaid invoice."""

    policy: int  # its number in the partition's `PolicyBook`; pinned when the case opened
    window_ends_at: int
    first_decline_at: int | None = None  # kept where the window or a missing invoice date needs it
    window_given: bool = False  # the window's end came with `invoice.reopened`
    # The ladder: where it counts from (None until a decline of the current instrument) and the next rung.
    ladder_start: int | None = None
    rung: int = 0
    carried_at: int | None = None  # the planned instant of a rung that fell due and still waits to be allowed
    technical_used: int = 0
    technical_at: int | None = None
    immediate: Immediate | None = None
    attempts: int = 0
    request: InFlight | None = None
    last_attempt_at: int = 0  # whoever made it; `min_gap` counts from here
    decline_letter: str | None = None  # the class of the deciding decline, in one letter
    decline_why: tuple[str, ...] = ()
    decline_at: int = 0  # when the deciding attempt was made
    needs_customer: bool = False
    provider: ProvidersWord | None = None
    dropped_while_paused: bool = False
    closing_told: bool = False
    close_early_at: int | None = None  # accelerated dunning
    added_told: tuple[str, ...] = ()
    # Each instrument and month of which the customer was told that it expires.
    expiries_told: tuple[str, ...] = ()
    closed: str | None = None  # a `CloseReason`
    plan_kind: PlanKind = NO_PLAN  # the next automatic attempt as planned after the last page
    plan_due_at: int = 0  # when it was planned, or the instant of its cause
    plan_delay: int = 0  # from there to when it may go
    # What the last case_changed said. Of window and policy only whether they are still those.
    shown_state: str | None = None
    shown_reason: str | None = None  # of a closed case
    shown_attempts: int = 0
    shown_next_at: int | None = None
    shown_balance: int = 0
    is_window_shown: bool = False
    changes_told: int = 0  # numbers the case_changed events
    notices_told: int = 0  # numbers the notices
    provisional: Provisional | None = None  # until the invoice comes
    # Requests that were superseded, and on which instrument they were made; "" once they have an outcome.
    superseded: dict[str, str] = msgspec.field(default_factory=dict)
    # After a restart the ladder goes on as it is, until the next decline begins it anew.
    begins_anew: bool = False

    @property
    def decline_class(self) -> DeclineClass | None:
        """The class of the deciding decline."""
        return None if self.decline_letter is None else CLASS_OF[self.decline_letter]

    @property
    def is_held(self) -> bool:
        """Whether the provider has said that it tries by itself; for how long is `dunning.provider`'s to say."""
        return self.provider is not None and self.provider.holds

    @property
    def ends_at(self) -> int:
        """When it closes if nothing happens: at the window's end, or earlier after a dead or fraudulent card."""
        early = self.close_early_at
        return self.window_ends_at if early is None else min(early, self.window_ends_at)

    @property
    def has_instant(self) -> bool:
        """Whether an attempt is planned for an instant."""
        return self.plan_kind not in _WITHOUT_INSTANT

    @property
    def plan_at(self) -> int:
        """When the planned attempt may go."""
        return self.plan_due_at + self.plan_delay


class Invoice(msgspec.Struct, array_like=True, gc=False):
    """One invoice, with its case if it ever had one."""

    subscription_id: str
    currency: str
    amount: int | None = None  # None until `invoice.issued` has come
    balance: int | None = None  # None while not even a decline has told the amount
    open_balance: int = 0  # the last balance above zero: what a reopened invoice goes back to
    paid: int = 0  # all that succeeded
    adjusted: bool = False  # the biller has stated the balance: an invoice that arrives later does not
    issued_at: int | None = None
    zone: str = UNKNOWN_ZONE
    policy_name: str | None = None
    labels: dict[str, str] | None = None
    events: bytes = b""
    declined: bytes = b""  # digests of charges that were declined, and
    succeeded: bytes = b""  # of those that succeeded
    quarantined: list[Quarantined] = msgspec.field(default_factory=list)
    settled: str | None = None  # why nothing is to be collected, as a `CloseReason`
    # The moment that was said of; of one reopened before it came, of the reopening.
    settled_at: int | None = None
    # As bank debits, by instrument type.
    presented: dict[str, Presented] = msgspec.field(default_factory=dict)
    case: Case | None = None
    forget_at: int | None = None  # when it is dropped: settled, or without a case
    stage_at: int | None = None  # when the next stage is reached; of the oldest unpaid one only
    attempted_at: int = 0  # the last attempt, whoever made it, before there was a case or beside it
    timer: int | None = None  # the instant and kind of what is due next, as one number (`dunning.due_index`)
    paid_at: int = 0  # the moment of the latest success: a decline of an earlier one changes nothing
    # The end of the window that a reopening brought before there was a case.
    reopened_until: int | None = None

    @property
    def is_reopened(self) -> bool:
        """Whether it was reopened before it came: then it opens a case when it does."""
        return self.settled is None and self.settled_at is not None


class Bundle(msgspec.Struct, array_like=True, gc=False):
    """All records of an account that is small enough to lie in one row."""

    account: Account = msgspec.field(default_factory=Account)
    subscriptions: dict[str, Subscription] = msgspec.field(default_factory=dict)
    invoices: dict[str, Invoice] = msgspec.field(default_factory=dict)
    instruments: dict[str, Instrument] = msgspec.field(default_factory=dict)
    credentials: dict[str, Credential] = msgspec.field(default_factory=dict)


_unfed = hashlib.blake2b(digest_size=DIGEST)


def digest(*words: str) -> bytes:
    """Shorten an id to `DIGEST` bytes that are the same on every machine."""
    state = _unfed.copy()  # a copy costs half of what a new one does
    state.update("\0".join(words).encode())
    return state.digest()


def is_remembered(digests: bytes, one: bytes) -> bool:
    """Tell whether `one` is among the digests."""
    place = digests.find(one)
    while place > 0 and place % DIGEST:
        place = digests.find(one, place + 1)
    return place >= 0


def remembering(digests: bytes, one: bytes, most: int = REMEMBERED) -> bytes:
    """Add one digest; the oldest leave beyond `most`."""
    return (digests + one)[-most * DIGEST :]
