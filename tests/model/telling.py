"""What all events need: the facts of one account, the notices they give rise to, opening and closing a case."""

from dataclasses import dataclass, field
from typing import Any

from dunning.calendar import add
from dunning.policy import Policy, PolicySet, WindowAnchor
from dunning.rules import Rules
from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded
from schemas.instants import micros
from schemas.payment_methods import Instrument
from tests.model.facts import SETTLED, Account, Case, Invoice
from tests.model.planning import Planner


@dataclass
class Telling:
    """Takes in the events of one account."""

    account: Account
    rules: Rules
    policies: PolicySet
    now: int = 0
    notices: list[dict[str, Any]] = field(default_factory=list)

    @property
    def planner(self) -> Planner:
        return Planner(self.account, self.rules, self.now)

    def notice(self, kind: str, case: Case, /, **more: Any) -> None:
        told = {"kind": kind, "account_id": case.account_id, "subscription_id": case.subscription_id}
        self.notices.append({**told, "invoice_id": case.invoice_id, **more})

    def invoice(self, invoice_id: str) -> Invoice:
        return self.account.invoices.setdefault(invoice_id, Invoice(invoice_id))

    def charged(self, data: ChargeDeclined | ChargeSucceeded | ChargePending) -> Invoice:
        """Give the invoice of a charge; the first that is told says whose it is, and in which currency."""
        invoice = self.invoice(data.invoice_id)
        if invoice.subscription_id is None:
            invoice.subscription_id, invoice.currency = data.subscription_id, data.currency
        if invoice.amount_said is None and not isinstance(data, ChargeSucceeded):
            invoice.amount_said = data.amount_minor
        return invoice

    def learn(self, instrument: Instrument | None) -> None:
        """Take what is said of an instrument. It may turn out to be a dead card."""
        if instrument is None:
            return
        account = self.account
        before = {case.invoice_id: self.verdict_on_card(case) for case in account.open_cases()}
        account.describe(instrument)
        for case in account.open_cases():
            if self.verdict_on_card(case) == "never" != before[case.invoice_id]:
                case.restart = None
                self.tell_block(case)

    def saw(self, subscription_id: str, instrument_id: str, moment: int, declined: str = "") -> None:
        account = self.account
        if moment < account.gone.get(instrument_id, -1):
            return
        if subscription_id in account.own and subscription_id in account.bound:
            account.seen[subscription_id] = instrument_id
            return
        if account.own.get(subscription_id) == instrument_id != account.default:
            return  # as a binding of its own, only seen: once more changes nothing
        before = account.charged_on(subscription_id)
        account.own.pop(subscription_id, None)
        account.seen.pop(subscription_id, None)
        is_other = account.default is not None and instrument_id != account.default
        (account.own if is_other else account.seen)[subscription_id] = instrument_id
        for case in account.open_cases():
            is_turned = (
                case.subscription_id == subscription_id and account.charged_on(subscription_id) != before
            )
            if is_turned:
                self.turn_to_seen(case, is_told=case.invoice_id != declined)

    def turn_to_seen(self, case: Case, *, is_told: bool = True) -> None:
        """Charge a case on what was only seen from now on; that starts nothing, and ends no restart that waits.

        Unless the request for which it waits is on that very instrument.
        """
        asked = case.unanswered
        is_back = asked is not None and asked.instrument_id == self.account.charged_on(case.subscription_id)
        if is_back and case.restart is not None and case.restart.reason != "command":
            case.restart = None
        if is_told and self.verdict_on_card(case):
            self.tell_block(case)

    def is_good(self, instrument: str, moment: int) -> None:
        if moment >= self.account.fix.get(instrument, -1):
            self.account.fix.pop(instrument, None)
        self.account.good[instrument] = max(moment, self.account.good.get(instrument, -1))

    def choose(self, invoice: Invoice, decline: ChargeDeclined | None = None) -> Policy:
        issued = invoice.issued
        subscription = invoice.subscription_id or (decline.subscription_id if decline else "")
        used = self.account.instruments.get(self.account.charged_on(subscription) or "")
        said = decline.amount_minor if decline else invoice.amount_said
        return self.policies.choose(
            named=issued.policy if issued else None,
            currency=invoice.currency or "EUR",
            labels=issued.labels if issued else {},
            instrument_type=used.type.value if used else None,
            country=used.country if used else None,
            amount_minor=issued.amount_minor if issued else invoice.adjusted or said or 0,
        )[0]

    def open(self, invoice: Invoice, first: int, balance: int, decline: ChargeDeclined | None) -> Case:
        issued = invoice.issued
        subscription = invoice.subscription_id or (decline.subscription_id if decline else "")
        case = Case(
            invoice=invoice,
            account_id=self.account.account_id,
            subscription_id=subscription,
            currency=invoice.currency or "",
            amount=issued.amount_minor if issued else balance,
            balance=balance,
            policy=self.choose(invoice, decline),
            zone=issued.time_zone if issued else "UTC",
            anchor=micros(issued.issued_at) if issued else first,
            first_decline=first,
            provisional=issued is None,
            balance_given=invoice.adjusted is not None,
            window_end=0,
            cursor=self.now - 1,
        )
        case.window_given = invoice.reopened_until is not None
        self.set_window(case, invoice.reopened_until)
        if case.window_end > self.now or decline is None:
            self.account.cases[invoice.invoice_id] = case
        return case

    def set_window(self, case: Case, end: int | None = None) -> None:
        policy = case.policy
        start = case.anchor if policy.window_anchor is WindowAnchor.INVOICE_DATE else case.first_decline
        case.window_end = add(start, policy.window_length, case.zone) if end is None else end
        case.closing_at = None
        if policy.closing_notice is not None:
            at = add(case.window_end, policy.closing_notice, case.zone, sign=-1)
            case.closing_at = at if at >= self.now else None

    def close(self, case: Case, reason: str) -> None:
        case.closed = reason
        case.restart = case.technical_after = None
        case.moved = []
        case.dropped_by_pause = False
        if reason == "paid":
            self.notice("recovered", case)

    def settle(self, invoice: Invoice, reason: str, moment: int, *, at_zero: bool = False) -> None:
        if invoice.settled in SETTLED:
            invoice.settled_at = max(invoice.settled_at, moment)
            return
        invoice.settled, invoice.settled_at = reason, moment
        case = self.account.cases.get(invoice.invoice_id)
        if case is not None:
            case.before = case.balance
            if reason == "paid" or at_zero:
                case.balance = 0
            self.close(case, reason)

    def tell_block(self, case: Case) -> None:
        """Say why a case waits."""
        blocked = self.account.block(case)
        used = self.account.charged_on(case.subscription_id)
        if blocked == "none":
            self.notice("no_instrument", case)
        elif blocked is not None:
            self.notice("customer_action_needed", case, instrument_id=used, decline_class=blocked)

    def verdict_on_card(self, case: Case) -> str | None:
        used = self.account.charged_on(case.subscription_id)
        return "never" if self.account.is_never(used) else "fix_data" if used in self.account.fix else None
