"""What the billing side says of an invoice."""

from dataclasses import dataclass

from dunning.policy import LadderAnchor
from schemas.instants import micros
from schemas.invoices import InvoiceAdjusted, InvoiceClosed, InvoiceIssued, InvoiceReopened
from tests.model.facts import SETTLED, Case, Invoice
from tests.model.planning import skip_past
from tests.model.telling import Telling


@dataclass
class InvoiceEvents(Telling):
    """Issued, adjusted, closed, reopened."""

    def issued(self, data: InvoiceIssued, moment: int) -> None:
        invoice = self.invoice(data.invoice_id)
        if invoice.issued is not None:
            return
        invoice.issued, invoice.subscription_id = data, data.subscription_id
        invoice.currency = data.currency
        if data.instrument_id is not None:
            self.saw(data.subscription_id, data.instrument_id, moment)
        case = self.account.cases.get(data.invoice_id)
        if case is not None and case.provisional and case.closed is None:
            case.provisional = False
            if not case.balance_given and data.amount_minor <= invoice.paid:
                case.balance, case.amount, case.currency = 0, data.amount_minor, data.currency
                self.settle(invoice, "paid", moment)
                return
            used = self.rungs_used(case)
            old = case.all_rungs(case.anchor)
            before, case.policy, case.zone = case.policy, self.choose(invoice), data.time_zone
            case.anchor, case.currency = micros(data.issued_at), data.currency
            case.amount = data.amount_minor
            if not case.balance_given:
                case.balance = max(0, data.amount_minor - invoice.paid)
            self.set_window(case, case.window_end if case.window_given else None)
            case.cursor = self.now - 1
            if case.policy is not before:
                self.take_anew(case)
            elif case.policy.ladder_anchor is LadderAnchor.INVOICE_DATE:
                rungs = case.all_rungs(case.anchor)
                waiting = [old.index(planned) for planned in case.moved]
                case.moved = [rungs[number] for number in waiting if rungs[number] < self.now]
                used = min([used, *(number for number in waiting if rungs[number] >= self.now)])
                case.cursor = max([case.cursor, *rungs[:used][-1:]])
            skip_past(self.planner, case)
        elif case is not None and case.provisional:
            case.provisional, case.zone = False, data.time_zone
            case.anchor, case.currency = micros(data.issued_at), data.currency
            self.issued_closed(case, data)
        elif case is None:
            self.issued_without_case(invoice, data)

    def issued_closed(self, case: Case, data: InvoiceIssued) -> None:
        """Take policy and amount of a case that was stopped, or whose window ended, before its invoice came."""
        before, case.policy = case.policy, self.choose(case.invoice)
        if case.policy is not before:
            self.take_anew(case)
        if case.invoice.settled in SETTLED:
            case.shown = {**case.shown, "policy": case.policy.ref} if case.shown else None
            return
        case.amount = data.amount_minor
        if not case.balance_given:
            case.balance = max(0, data.amount_minor - case.invoice.paid)
            if not case.balance:
                self.settle(case.invoice, "paid", case.invoice.paid_at)

    def issued_without_case(self, invoice: Invoice, data: InvoiceIssued) -> None:
        """Take an invoice that was not declined before it came."""
        ended_at = self.account.ended.get(data.subscription_id, 0)
        if invoice.settled is None and invoice.reopened >= ended_at:
            balance = (invoice.adjusted or data.amount_minor) - invoice.paid
            self.tell_block(self.open(invoice, micros(data.issued_at), balance, None))
        elif invoice.paid and invoice.paid >= data.amount_minor:
            self.settle(invoice, "paid", invoice.settled_at)
        elif invoice.paid:
            invoice.before = data.amount_minor - invoice.paid

    def rungs_used(self, case: Case) -> int:
        """Count the rungs of a ladder of fixed instants that are behind."""
        if case.policy.ladder_anchor is not LadderAnchor.INVOICE_DATE:
            return 0
        return sum(rung <= case.cursor for rung in case.all_rungs(case.anchor))

    def take_anew(self, case: Case) -> None:
        """Count the ladder of another policy from the attempts that there were."""
        case.moved, case.gap_used = [], None
        case.ladder_from, case.ladder_step = None, -1
        begins = case.failed[0][0] if case.failed else 0
        by_invoice = case.policy.ladder_anchor is LadderAnchor.INVOICE_DATE
        case.provider_tried = [at for at in case.provider_moments if by_invoice or at >= begins]
        if not case.failed:
            return
        if case.policy.ladder_anchor is not LadderAnchor.PREVIOUS_ATTEMPT:
            case.ladder_from = begins
            return
        case.ladder_from = max(moment for moment, _ in case.failed)
        asked = {request.request_id: request.reason for request in case.requests}
        waiting = [asked.get(request or "") for request in case.invoice.pending.values()]
        waiting += [case.unanswered.reason] if case.unanswered else []
        case.ladder_step = sum(not technical for _, technical in case.failed) - 1 + ("scheduled" in waiting)

    def adjusted(self, data: InvoiceAdjusted, moment: int) -> None:
        invoice = self.invoice(data.invoice_id)
        if invoice.settled in SETTLED and data.balance_minor:
            if moment >= invoice.settled_at:
                invoice.adjusted_since = data.balance_minor
            return
        if data.balance_minor == 0:
            self.settle(invoice, "credited", moment, at_zero=True)
            return
        invoice.adjusted, invoice.paid, invoice.before = data.balance_minor, 0, None
        case = self.account.cases.get(data.invoice_id)
        if case is not None:
            case.balance = data.balance_minor
            case.balance_given = True

    def invoice_closed(self, data: InvoiceClosed, moment: int) -> None:
        self.settle(self.invoice(data.invoice_id), data.reason.value, moment)

    def reopened_unknown(self, invoice: Invoice, balance: int | None, moment: int) -> None:
        """Forget that an invoice was settled of which nothing else is known."""
        invoice.settled, invoice.paid, invoice.reopened, invoice.settled_at = None, 0, moment, -1
        invoice.adjusted = balance or invoice.adjusted_since or invoice.adjusted
        invoice.adjusted_since = None

    def reopened(self, data: InvoiceReopened, moment: int) -> None:
        invoice = self.invoice(data.invoice_id)
        settled_at = invoice.settled_at if invoice.settled in SETTLED else 0
        if moment < max(settled_at, self.account.ended.get(invoice.subscription_id or "", 0)):
            return
        end = micros(data.window_ends_at) if data.window_ends_at else None
        case = self.account.cases.get(data.invoice_id)
        if case is None:
            if invoice.issued is None:
                self.reopened_unknown(invoice, data.balance_minor, moment)
                invoice.reopened_until = invoice.reopened_until if end is None else end
                return
            invoice.settled = None
            amount = invoice.issued.amount_minor
            before = invoice.adjusted_since or invoice.before or invoice.adjusted or amount
            invoice.adjusted_since = None
            first = micros(invoice.issued.issued_at)
            case = self.open(invoice, first, data.balance_minor or before, None)
            if end is not None:
                self.set_window(case, end)
                case.window_given = True
            self.tell_block(case)
            return
        was_closed = case.closed is not None
        if was_closed:
            case.closed = invoice.settled = None
            case.balance_given = True
            case.accelerated_from = case.accelerated_on = None
            case.cursor = self.now - 1
            if case.closing_at is not None and case.closing_at < self.now:
                case.closing_at = None
            if case.balance == 0:
                case.balance = case.before or case.amount
            case.balance, invoice.adjusted_since = invoice.adjusted_since or case.balance, None
        if data.balance_minor is not None:
            case.balance = data.balance_minor
            case.balance_given = True
        if end is not None:
            case.window_given = True
            if end != case.window_end:
                self.set_window(case, end)
        skip_past(self.planner, case)
        if was_closed:
            self.tell_block(case)
