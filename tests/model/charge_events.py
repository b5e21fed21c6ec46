"""What became of charges."""

from dataclasses import dataclass
from typing import Any

from dunning.declines.verdicts import Verdict, verdict_on
from dunning.policy import LadderAnchor
from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded, Dialect, Initiator
from schemas.decisions import DeclineClass
from schemas.instants import micros
from schemas.payment_methods import Instrument, InstrumentType
from tests.model.facts import FOREVER, SETTLED, Case, Charge, Hold, Invoice, Request, Wait
from tests.model.planning import skip_past, use_rung
from tests.model.telling import Telling

DAY = 86_400_000_000
DEBITS = {
    Dialect.ACH: InstrumentType.ACH_DEBIT,
    Dialect.SEPA: InstrumentType.SEPA_DEBIT,
    Dialect.BACS: InstrumentType.BACS_DEBIT,
}
LIMITED_RETURNS = {
    ("ach", "R01"),
    ("ach", "R09"),
    ("sepa", "AM04"),
    ("sepa", "MS03"),
    ("bacs", "0"),
}
PEOPLE = (Initiator.CUSTOMER, Initiator.ADMIN)


@dataclass
class ChargeEvents(Telling):
    """Declines, successes and what is not known yet."""

    def declined(self, data: ChargeDeclined, time: int) -> None:
        account, invoice = self.account, self.charged(data)
        moment = micros(data.attempted_at) if data.attempted_at else time
        known = {one.outcome for one in account.charges if one.charge_id == data.charge_id and _is_final(one)}
        is_told = "declined" in known or (known and time <= invoice.paid_at)
        if is_told and data.charge_id not in invoice.pending:
            return
        self.learn(data.instrument)
        self.learn_debit(data)
        case = account.cases.get(data.invoice_id)
        is_settled = invoice.settled in SETTLED
        is_turned = False
        is_old = "succeeded" in known or moment < invoice.paid_at
        if data.initiated_by is Initiator.SCHEDULE and not is_settled and not is_old:
            used = account.charged_on(data.subscription_id)
            self.saw(data.subscription_id, data.instrument_id, moment, data.invoice_id)
            is_turned = account.charged_on(data.subscription_id) != used
        profile = (case.policy if case else self.choose(invoice, data)).rules.value
        verdict = verdict_on(
            data.decline,
            moment,
            self.rules.declines,
            profile,
            account.networks.get(account.card(data.instrument_id)),
        )
        answered = self.answers(data, case)
        is_late = self.is_late(case, answered)
        is_awaited = self.is_awaited(data, case, answered)
        self.record(data, moment, "declined", answered, verdict)
        if case is not None and answered is case.unanswered:
            case.unanswered = None
        else:
            answered = None  # a second outcome of a request is an attempt that nobody asked for
        open_case = None if case is None or case.closed is not None else case
        by_people = data.initiated_by in PEOPLE
        is_over = is_settled or (data.subscription_id in account.ended and open_case is None)
        is_first = False
        if open_case is None:
            used = account.charged_on(data.subscription_id)
            account.charges[-1].moves = by_people or (not is_late and used in {None, data.instrument_id})
            if case is not None and not is_late:
                self.give_up_gap(case, answered)
        if not is_over and not by_people and case is None and not is_old:
            open_case = self.open_on(invoice, data, moment)
            is_first = open_case is not None
        before = {one.invoice_id: self.verdict_on_card(one) for one in account.open_cases()}
        is_new = self.let_hold(data.instrument_id, verdict, moment)
        if case is not None and case is not open_case:
            self.set_hold(case, data, moment)
        cancelled = self.forbid_restarts(open_case, data, moment, verdict) if is_new else []
        if open_case is not None and is_old and verdict.decline_class is not DeclineClass.RECONCILE:
            account.charges[-1].moves = False
            self.give_up_gap(open_case, answered)
        elif open_case is not None and not is_over:
            self.continue_case(
                open_case,
                data,
                moment,
                verdict,
                answered,
                is_first=is_first,
                is_late=is_late,
                is_awaited=is_awaited,
                is_turned=is_turned,
            )
        used = None if open_case is None else account.charged_on(open_case.subscription_id)
        tells_itself = is_first or not (used != data.instrument_id or is_late or is_old)
        self.stop_others(open_case if tells_itself else None, before, cancelled, told=not by_people)

    def let_hold(self, instrument: str, verdict: Verdict, moment: int) -> bool:
        """Let a verdict hold. Tells whether no later edit or success speaks against it."""
        account = self.account
        if verdict.decline_class is DeclineClass.NEVER:
            account.never.add(account.card(instrument))
        is_new = moment >= account.good.get(instrument, -1)
        if verdict.decline_class is DeclineClass.FIX_DATA and is_new:
            account.fix[instrument] = max(moment, account.fix.get(instrument, -1))
        return is_new

    def learn_debit(self, data: ChargeDeclined) -> None:
        """Know a bank debit by the dialect of its decline, if nobody has described the instrument."""
        kind = DEBITS.get(data.decline.dialect)
        if kind is not None and data.instrument_id not in self.account.instruments:
            self.account.describe(Instrument(instrument_id=data.instrument_id, type=kind))

    def is_awaited(self, data: ChargeDeclined, case: Case | None, request: Request | None) -> bool:
        """Tell whether the case's restart was waiting for this outcome; to be asked before that is taken."""
        if case is None or case.restart is None:
            return False
        ids = {data.charge_id, data.request_id or "", request.request_id if request else ""}
        pending = case.invoice.pending
        known = [one for one, asked in pending.items() if ids & {one, asked or data.charge_id}]
        known = [one for one in known if one in ids or pending[one] in ids]
        if request is not None and (known or request is case.unanswered):
            return True
        return any(case.invoice.pending_since[one] <= case.restart.since for one in known)

    def forbid_restarts(
        self, own: Case | None, data: ChargeDeclined, moment: int, verdict: Verdict
    ) -> list[Case]:
        """Let a verdict about data end the immediate attempts of other cases that were asked for before it."""
        found = []
        for case in self.account.open_cases():
            used = self.account.charged_on(case.subscription_id)
            is_asked = case.restart is not None and moment > case.restart.since
            is_asked = is_asked and self.planner.restart_at(case) != FOREVER
            if verdict.decline_class is DeclineClass.FIX_DATA and used == data.instrument_id and is_asked:
                found.append(case)
        found = [case for case in found if case is not own]
        for case in found:
            case.restart = None
        return found

    def stop_others(
        self, own: Case | None, before: dict[str, str | None], cancelled: list[Case], *, told: bool
    ) -> None:
        """Let the other open cases of a card that has become blocked wait, each with its notice."""
        for other in self.account.open_cases():
            blocked = self.verdict_on_card(other)
            is_new = blocked != before.get(other.invoice_id) or (other in cancelled and blocked == "fix_data")
            if other is not own and blocked and is_new and told:
                used = self.account.charged_on(other.subscription_id)
                self.notice("customer_action_needed", other, instrument_id=used, decline_class=blocked)
            if blocked == "never":
                other.restart = None

    def balance_left(self, invoice: Invoice, data: ChargeDeclined) -> int:
        known = invoice.issued.amount_minor if invoice.issued else data.amount_minor
        return max(0, (invoice.adjusted if invoice.adjusted is not None else known) - invoice.paid)

    def open_on(self, invoice: Invoice, data: ChargeDeclined, moment: int) -> Case | None:
        balance = self.balance_left(invoice, data)
        if invoice.settled is not None or balance == 0:
            return None
        case = self.open(invoice, moment, balance, data)
        if case.invoice_id not in self.account.cases:
            return None
        known = {one.charge_id: one for one in self.account.charges if one.invoice_id == case.invoice_id}
        if any(known[charge].other_money for charge in invoice.pending):
            self.notice("reconcile", case)
        return case

    def is_late(self, case: Case | None, request: Request | None) -> bool:
        """Tell whether an outcome is that of a request that was superseded."""
        return case is not None and request is not None and request.request_id in case.superseded

    def answers(
        self, data: ChargeDeclined | ChargeSucceeded | ChargePending, case: Case | None
    ) -> Request | None:
        """Which request of the case this charge answers."""
        if case is None:
            return None
        name = data.charge_id if data.request_id is None else data.request_id
        named = next((one for one in case.requests if one.request_id == name), None)
        if named is None and data.request_id is None and data.initiated_by is Initiator.RETRY:
            named = case.unanswered
            if named is not None and data.instrument_id not in {None, named.instrument_id}:
                named = self.superseded_on(case, data.instrument_id) or named
            if named is not None and named.request_id in case.invoice.pending.values():
                named = None  # only its own charge ends the doubt
        return named

    def superseded_on(self, case: Case, instrument: str | None) -> Request | None:
        """Name the superseded request without an outcome that was made on an instrument."""
        left = case.superseded - case.answered
        made = (one for one in case.requests if one.request_id in left and one.instrument_id == instrument)
        return next(made, None)

    def record(
        self,
        data: ChargeDeclined | ChargeSucceeded | ChargePending,
        moment: int,
        outcome: str,
        request: Request | None,
        verdict: Verdict | None = None,
    ) -> None:
        """Write the charge into the list, in place of what was known of it before."""
        account, invoice = self.account, self.invoice(data.invoice_id)
        if request is not None and outcome != "pending":
            account.cases[data.invoice_id].answered.add(request.request_id)
        same = {data.charge_id} | ({request.request_id} if request else set())
        if data.request_id:
            same.add(data.request_id)
        account.charges = [
            one
            for one in account.charges
            if not (one.invoice_id == data.invoice_id and one.charge_id in same and not _is_final(one))
        ]
        used = data.instrument_id or (request.instrument_id if request else None)
        card = account.card(used)
        charge = Charge(data.charge_id, data.invoice_id, used, card, moment, outcome, data.amount_minor)
        if outcome == "pending" and request:
            charge.outcome = "asked"
            charge.charge_id = request.request_id
            charge.at = request.at
        charge.debit = account.debit_kind(used)
        if isinstance(data, ChargeDeclined):
            dialect = data.decline.dialect.value
            charge.is_limited = (dialect, data.decline.code.upper()) in LIMITED_RETURNS
            charge.is_limited &= charge.debit == dialect
        account.charges.append(charge)
        if outcome == "pending" or (verdict and verdict.decline_class.value == "reconcile"):
            invoice.pending[data.charge_id] = request.request_id if request else data.request_id
            invoice.pending_since.setdefault(data.charge_id, self.now)
            if data.request_id or (request and request.request_id == data.charge_id):
                invoice.pending_named.add(data.charge_id)
        else:
            named = {one: asked for one, asked in invoice.pending.items() if one in invoice.pending_named}
            gone = [one for one in invoice.pending if one == data.charge_id or named.get(one) in same]
            for one in gone:
                del invoice.pending[one]
        if isinstance(data, ChargeDeclined) and verdict:
            charge.reconcile = verdict.decline_class.value == "reconcile"
            if verdict.hold:
                account.waits.append(Wait(card, moment + verdict.hold))
            if verdict.network:
                account.networks.setdefault(card, verdict.network)

    def continue_case(
        self,
        case: Case,
        data: ChargeDeclined,
        moment: int,
        verdict: Verdict,
        request: Request | None,
        *,
        is_first: bool,
        is_late: bool,
        is_awaited: bool,
        is_turned: bool,
    ) -> None:
        """Let an open case take note of a decline of its invoice."""
        decline_class = verdict.decline_class.value
        current = self.account.charged_on(case.subscription_id)
        elsewhere = data.instrument_id != current or is_late
        if elsewhere:
            self.account.charges[-1].moves = data.initiated_by in PEOPLE
            if not is_late:
                self.give_up_gap(case, request)
        told = {"instrument_id": data.instrument_id, "decline_class": decline_class}
        self.tell_decline(case, data, told)
        decides = moment >= case.class_at and data.initiated_by not in PEOPLE
        is_fix = decline_class == "fix_data" and current in self.account.fix
        self.set_hold(case, data, moment)
        stops = {"never": True, "needs_customer": decides, "fix_data": is_fix}.get(decline_class, False)
        if stops and not elsewhere:
            self.forbid(case, moment, is_awaited=is_awaited)
        if data.initiated_by in PEOPLE:
            return
        if is_first:
            case.decline_class = decline_class
        if not elsewhere:
            self.accelerate(case, verdict, moment, data.instrument_id)
            self.move_ladder(case, data, moment, request)
            if decides:
                self.decide(case, decline_class, moment)
        elif is_first:
            case.ladder_from, case.ladder_step = moment, 0
            case.failed.append((moment, False))
        if stops and not elsewhere:
            self.notice("customer_action_needed", case, **told)
        elif (is_first or is_turned) and decline_class != "reconcile":
            self.tell_block(case)
        skip_past(self.planner, case)

    def decide(self, case: Case, decline_class: str, moment: int) -> None:
        """Let the latest automatic class decide."""
        case.class_at, case.decline_class = moment, decline_class
        case.needs_customer = decline_class == "needs_customer"
        case.technical_after = moment if decline_class == "technical" else None

    def forbid(self, case: Case, moment: int, *, is_awaited: bool) -> None:
        """End the immediate attempt that is owed, unless it waited for this very outcome."""
        if case.restart is not None and is_awaited:
            case.restart.since = self.now
        elif case.restart is not None and moment >= case.restart.since:
            case.restart = None

    def tell_decline(self, case: Case, data: ChargeDeclined, told: dict[str, Any]) -> None:
        if told["decline_class"] == "reconcile":
            self.notice("reconcile", case, **told)
        elif data.initiated_by not in PEOPLE:
            self.notice("payment_declined", case, **told)

    def set_hold(self, case: Case, data: ChargeDeclined, moment: int) -> None:
        """Note that the provider tries again, that it has tried, or that it gives up."""
        is_said = data.psp_will_retry is not None or data.initiated_by is Initiator.PSP
        if moment < case.hold_said_at or not is_said:
            return
        case.hold_said_at = moment
        if data.initiated_by is Initiator.PSP or data.psp_will_retry is False:
            case.hold = None
        if data.psp_will_retry:
            tries_at = micros(data.psp_next_attempt_at) if data.psp_next_attempt_at else None
            case.hold = Hold(moment, tries_at, FOREVER if tries_at is None else tries_at + DAY)

    def accelerate(self, case: Case, verdict: Verdict, moment: int, instrument: str) -> None:
        if (verdict.decline_class.value == "never" or verdict.fraud) and case.accelerated_from is None:
            case.accelerated_from, case.accelerated_on = moment, instrument

    def move_ladder(self, case: Case, data: ChargeDeclined, moment: int, request: Request | None) -> None:
        anchor = case.policy.ladder_anchor
        technical = request is not None and request.reason == "technical"
        restarted = request is not None and request.is_restart
        if case.anew:
            self.begin_anew(case)
        case.failed = [] if restarted else case.failed
        case.failed.append((moment, technical))
        if data.initiated_by is Initiator.PSP:
            case.provider_moments.append(moment)
        if anchor is LadderAnchor.PREVIOUS_ATTEMPT:
            case.ladder_from = moment if case.ladder_from is None else max(case.ladder_from, moment)
            case.ladder_step = 0 if restarted else case.ladder_step + (not technical)
            case.moved = []  # the next attempt counts from this one
            return
        if anchor is LadderAnchor.FIRST_DECLINE and case.ladder_from is None:
            case.ladder_from = moment
            case.cursor, case.provider_tried = self.now - 1, []
        if data.initiated_by is Initiator.PSP:
            self.take_rung(case, moment)

    def begin_anew(self, case: Case) -> None:
        """Forget the ladder; the decline that is being taken begins it."""
        case.failed, case.anew = [], False
        if case.policy.ladder_anchor is not LadderAnchor.INVOICE_DATE:
            case.ladder_from, case.ladder_step, case.gap_used = None, -1, None
            case.moved = []

    def take_rung(self, case: Case, moment: int) -> None:
        """Let a provider's attempt use the next rung, or the one that still waits."""
        by_gap = case.policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT
        if case.moved:
            due, case.moved = min(case.moved), []
            if by_gap and (case.ladder_from, case.ladder_step) == case.gap_used:
                case.ladder_from, case.ladder_step = due, case.ladder_step + 1
        elif not by_gap:
            case.provider_tried.append(max(moment, case.cursor + 1))
        else:
            skip_past(self.planner, case, moment)
            rung = self.planner.next_rung(case)
            if rung is not None:
                use_rung(case, rung, skipped=True)

    def succeeded(self, data: ChargeSucceeded, time: int) -> None:
        account, invoice = self.account, self.charged(data)
        moment = micros(data.attempted_at) if data.attempted_at else time
        is_known = any(
            one.charge_id == data.charge_id and one.outcome == "succeeded" for one in account.charges
        )
        if is_known and data.charge_id not in invoice.pending:
            return
        case = account.cases.get(data.invoice_id)
        request = self.answers(data, case)
        if data.currency != invoice.currency:
            is_open = case is not None and case.closed is None
            was_told = any(one.charge_id == data.charge_id and one.reconcile for one in account.charges)
            if case is not None and is_open and not was_told:
                self.notice("reconcile", case, instrument_id=data.instrument_id)
            self.record(data, moment, "pending", request)
            account.charges[-1].reconcile = account.charges[-1].other_money = True
            return
        self.record(data, moment, "succeeded", request)
        invoice.paid_at = max(invoice.paid_at, moment)
        instrument = account.charges[-1].instrument_id
        if instrument is not None:
            self.is_good(instrument, moment)
        if case is not None and request is not None and request is case.unanswered:
            case.unanswered = case.restart = None
        if case is not None and data.initiated_by is Initiator.PSP and moment >= case.hold_said_at:
            case.hold, case.hold_said_at = None, moment
        if invoice.settled in SETTLED:
            invoice.settled_at = max(invoice.settled_at, time)
            return
        invoice.paid += data.amount_minor
        if case is not None:
            self.pay(case, data, moment, time, request)
            return
        amount = invoice.adjusted or (invoice.issued.amount_minor if invoice.issued else invoice.amount_said)
        if amount is None:
            invoice.settled_at = max(invoice.settled_at, moment)
            return
        left = max(0, amount - invoice.paid)
        invoice.before = left or max(0, amount - invoice.paid + data.amount_minor)
        if not left:
            self.settle(invoice, "paid", time)

    def pay(self, case: Case, data: ChargeSucceeded, moment: int, time: int, request: Request | None) -> None:
        """Lower the balance of a case; at zero it is paid."""
        if case.closed is None and data.initiated_by is Initiator.PSP:
            case.provider_moments.append(moment)
            self.take_rung(case, moment)
        self.give_up_gap(case, request)
        left = max(0, case.balance - data.amount_minor)
        if left:
            case.balance = left
        else:
            self.settle(case.invoice, "paid", time)

    def give_up_gap(self, case: Case, request: Request | None) -> None:
        """Let the ladder go on behind the gap of a request that did not fail on the case's instrument."""
        used_gap = case.gap_used is not None and case.gap_used[0] == case.ladder_from
        if request and request.reason != "technical" and used_gap:
            case.ladder_from, case.ladder_step = case.gap_used_at, case.ladder_step + 1

    def pending(self, data: ChargePending, time: int) -> None:
        account = self.account
        moment = micros(data.attempted_at) if data.attempted_at else time
        case = account.cases.get(data.invoice_id)
        request = self.answers(data, case)
        is_known = any(one.charge_id == data.charge_id and one.outcome != "asked" for one in account.charges)
        # Of a case whatever was tried is newer, though it moved nothing.
        known = [one for one in account.charges if one.invoice_id == data.invoice_id and (one.moves or case)]
        asked = [one.at for one in case.requests] if case else []
        paid_at = self.invoice(data.invoice_id).paid_at
        last = max([*(one.at for one in known), *asked], default=-FOREVER)
        if (
            is_known
            and data.charge_id not in self.invoice(data.invoice_id).pending
            and moment <= max(last, paid_at)
        ):
            return
        if (
            request is not None
            and request is not (case.unanswered if case else None)
            and not (case and request.request_id in case.superseded)
            and case is not None
            and moment <= last  # of a later moment it is doubt
        ):
            return
        invoice = self.charged(data)
        if invoice.settled in SETTLED and moment < invoice.settled_at:
            return
        self.record(data, moment, "pending", request)


def _is_final(charge: Charge) -> bool:
    return charge.outcome in {"declined", "succeeded"} and not charge.reconcile
