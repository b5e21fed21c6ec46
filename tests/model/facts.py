"""What the model remembers: every charge it heard of, in plain lists, and what follows from them.

The one rule: nothing is summed up in advance. Whoever asks counts the list again, slowly.
The model is a second implementation of the contract; it shares the data tables with the engine, no decision.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from dunning.networks import network_name
from dunning.policy import Policy, planned
from schemas.commands import CommandName
from schemas.invoices import InvoiceIssued
from schemas.payment_methods import Instrument, InstrumentType

FOREVER = 1 << 62
DEBITS = {InstrumentType.ACH_DEBIT, InstrumentType.SEPA_DEBIT, InstrumentType.BACS_DEBIT}
SETTLED = ("paid", "paid_elsewhere", "voided", "written_off", "credited", "subscription_ended")


@dataclass
class Charge:
    """One attempt on an instrument: `declined`, `succeeded`, `pending`, or `asked` (a request without answer)."""

    charge_id: str
    invoice_id: str
    instrument_id: str | None
    card: str | None  # the number behind the instrument when it was charged
    at: int
    outcome: str
    amount: int
    debit: str | None = None  # the scheme, as far as known when it was made
    is_limited: bool = False  # a debit that came back for a reason which its scheme limits
    reconcile: bool = False
    other_money: bool = False  # it was paid, but in another currency than is owed
    moves: bool = True  # whether `min_gap` of its case counts from it


@dataclass
class Wait:
    """The issuer asks not to be asked before an instant."""

    card: str | None
    until: int


@dataclass
class Request:
    """A request of ours; the case's latest one may still be without an answer."""

    request_id: str
    at: int
    reason: str
    instrument_id: str
    told_missing: bool = False
    is_restart: bool = False


@dataclass
class Restart:
    """An immediate attempt that is owed."""

    reason: str
    due_at: int
    since: int
    asked_in_pause: bool = False  # then it is `resume` that makes it
    for_rung: bool = False  # a rung that a pause dropped, made up for
    is_order: bool = False  # by a command


@dataclass
class Hold:
    """The provider tries again by itself."""

    since: int  # the moment of the decline that announced it
    tries_at: int | None
    ends_at: int


@dataclass
class Invoice:
    """What is known of an invoice, with or without a case."""

    invoice_id: str
    issued: InvoiceIssued | None = None
    subscription_id: str | None = None
    currency: str | None = None
    amount_said: int | None = None  # by the first decline or pending charge
    paid: int = 0
    paid_at: int = -1
    adjusted: int | None = None
    adjusted_since: int | None = None  # it was settled
    before: int | None = None  # what was open before it was paid without a case
    settled: str | None = None
    settled_at: int = -1
    reopened: int = -1  # the moment of that, before it came
    reopened_until: int | None = None  # the window's end that it brought
    pending: dict[str, str | None] = field(default_factory=dict)  # charge id: request id
    pending_since: dict[str, int] = field(default_factory=dict)  # by charge id
    pending_named: set[str] = field(default_factory=set)  # charges of which the request was told


@dataclass
class Case:
    """The recovery of one invoice."""

    invoice: Invoice
    account_id: str
    subscription_id: str
    currency: str
    amount: int
    balance: int
    policy: Policy
    zone: str
    anchor: int
    first_decline: int
    provisional: bool
    window_end: int
    window_given: bool = False  # by invoice.reopened
    balance_given: bool = False  # by invoice.adjusted or invoice.reopened
    attempts: int = 0
    decline_class: str | None = None
    class_at: int = -1  # the moment of the decline that gave it
    requests: list[Request] = field(default_factory=list)
    unanswered: Request | None = None
    superseded: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)  # requests that have an outcome
    restart: Restart | None = None
    needs_customer: bool = False
    technical_after: int | None = None  # a technical attempt is owed, counted from this attempt
    technical_used: int = 0
    ladder_from: int | None = None  # the start of `first_decline` and `previous_attempt` ladders
    ladder_step: int = -1  # gaps of `previous_attempt` used up, less one
    # Automatic attempts since it began anew; technical?
    failed: list[tuple[int, bool]] = field(default_factory=list)
    anew: bool = False  # the next decline begins the ladder anew
    cursor: int = -1  # rungs at or before it are gone
    provider_tried: list[int] = field(default_factory=list)  # each takes the next rung that is left then
    provider_moments: list[int] = field(default_factory=list)  # all of its attempts, as told
    moved: list[int] = field(default_factory=list)  # planned instants of rungs that a network rule moved
    gap_used: tuple[int, int] | None = None
    gap_used_at: int = -1  # the rung that it led to
    dropped_by_pause: bool = False
    hold: Hold | None = None
    hold_said_at: int = -1  # the latest moment of which the provider said anything
    accelerated_from: int | None = None
    accelerated_on: str | None = None
    closing_at: int | None = None
    closed: str | None = None
    told_added: set[str] = field(default_factory=set)
    told_expiring: set[tuple[str, str]] = field(default_factory=set)
    before: int | None = None  # the balance when it closed
    shown: dict[str, Any] | None = None

    @property
    def invoice_id(self) -> str:
        return self.invoice.invoice_id

    def rung(self, number: int, start: int) -> int:
        """Plan the rung with this number, from 0; each is spread for itself."""
        step = self.policy.steps[number]
        return planned(self.policy, start, step, self.zone, f"{self.invoice_id}/{number}")

    def all_rungs(self, start: int) -> list[int]:
        """List the instants of a ladder that does not count gaps."""
        return sorted({self.rung(number, start) for number in range(len(self.policy.steps))})


@dataclass
class Account:
    """One payer."""

    account_id: str
    instruments: dict[str, Instrument] = field(default_factory=dict)
    networks: dict[str | None, str] = field(default_factory=dict)  # by card
    default: str | None = None
    own: dict[str, str] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)  # whose own binding somebody has made, not only seen
    invoices: dict[str, Invoice] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    charges: list[Charge] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    never: set[str | None] = field(default_factory=set)  # cards
    fix: dict[str, int] = field(default_factory=dict)  # when the latest attempt with wrong data was made
    good: dict[str, int] = field(default_factory=dict)  # when an instrument last succeeded or was edited
    gone: dict[str, int] = field(default_factory=dict)  # when an instrument was removed or revoked
    ended: dict[str, int] = field(default_factory=dict)  # when, by subscription
    paused: set[tuple[str, str]] = field(default_factory=set)
    paused_in: dict[str, str] = field(
        default_factory=dict
    )  # invoices that a pause named, and their subscriptions
    stage: dict[str, str | None] = field(default_factory=dict)

    def card(self, instrument_id: str | None) -> str | None:
        """The card number behind an instrument, by the fingerprint if there is one."""
        if instrument_id is None:
            return None
        known = self.instruments.get(instrument_id)
        return f"fp:{known.fingerprint}" if known and known.fingerprint else f"id:{instrument_id}"

    def describe(self, said: Instrument) -> None:
        """Take what is said of an instrument; what is left out stays. An id may turn out to be a card's number."""
        name = said.instrument_id
        known = self.instruments.get(name, said)
        before = self.card(name)
        told = {key: value for key, value in asdict(said).items() if value is not None}
        if known.fingerprint and before in self.never:
            told.pop("fingerprint", None)  # `never` stays for the instrument, whatever is said of its number
        self.instruments[name] = replace(known, **told)
        now = self.card(name)
        if before == f"id:{name}" and now != before:
            for charge in self.charges:
                charge.card = now if charge.card == before else charge.card
            for wait in self.waits:
                wait.card = now if wait.card == before else wait.card
            self.never = {now if card == before else card for card in self.never}
            if before in self.networks:
                self.networks.setdefault(now, self.networks[before])
        network = self.instruments[name].network
        if network is not None:
            self.networks[now] = network

    def debit_kind(self, instrument_id: str | None) -> str | None:
        """Name the scheme of a bank debit; None: it is none, or nobody has said so yet."""
        known = self.instruments.get(instrument_id or "")
        return network_name(known.type.value) if known is not None and known.type in DEBITS else None

    def charged_on(self, subscription_id: str) -> str | None:
        return self.own.get(subscription_id) or self.default or self.seen.get(subscription_id)

    def subscriptions(self) -> set[str]:
        known = {one.subscription_id for one in self.invoices.values() if one.subscription_id}
        return known | set(self.own) | set(self.seen) | {case.subscription_id for case in self.cases.values()}

    def open_cases(self) -> list[Case]:
        return [self.cases[key] for key in sorted(self.cases) if self.cases[key].closed is None]

    def is_never(self, instrument_id: str | None) -> bool:
        return self.card(instrument_id) in self.never

    def block(self, case: Case) -> str | None:
        """The verdict that keeps a case from being charged on its instrument, or None."""
        instrument = self.charged_on(case.subscription_id)
        if instrument is None:
            return "none"
        if self.is_never(instrument):
            return "never"
        if instrument in self.fix:
            return "fix_data"
        return "needs_customer" if case.needs_customer else None

    def is_paused(self, case: Case) -> bool:
        scopes = {("account", ""), ("subscription", case.subscription_id), ("invoice", case.invoice_id)}
        return bool(scopes & self.paused)

    def last_attempt(self, case: Case) -> int:
        made = [one.at for one in self.charges if one.invoice_id == case.invoice_id and one.moves]
        return max([*made, *(request.at for request in case.requests)], default=-FOREVER)

    def set_pause(self, command: CommandName, subscription_id: str | None, invoice_id: str | None) -> None:
        scope = (
            ("invoice", invoice_id)
            if invoice_id
            else ("subscription", subscription_id)
            if subscription_id
            else None
        )
        if command is CommandName.PAUSE:
            self.paused.add(("account", "") if scope is None else (scope[0], str(scope[1])))
            if invoice_id and subscription_id:
                self.paused_in.setdefault(invoice_id, subscription_id)
        elif scope is None:
            self.paused.clear()
        else:
            self.paused.discard((scope[0], str(scope[1])))
            if scope[0] == "subscription":
                inside = {key for key, one in self.invoices.items() if one.subscription_id == scope[1]}
                inside |= {
                    key
                    for key, name in self.paused_in.items()
                    if name == scope[1]
                    and (key not in self.invoices or not self.invoices[key].subscription_id)
                }
                self.paused -= {("invoice", key) for key in inside}
