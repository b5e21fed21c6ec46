"""The virtual clock of `dunning simulate`: pages, charger answers, and what is due, looked for anew each time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dunning.charger import Charger
from dunning.policy import PolicySet
from dunning.rules import Rules
from dunning.simulation import Line
from schemas.decisions import DeclineClass, RequestReason, RetryRequested
from schemas.envelope import Event
from schemas.instants import moment
from tests.model.ceilings import not_after
from tests.model.facts import FOREVER, Account, Case, Charge, Request
from tests.model.planning import Planner, use_rung
from tests.model.stages import next_stage
from tests.model.story import Story

Written = dict[str, Any]
Due = tuple[int, int, str, str, Callable[[], None]]
OVERDUE, IMMEDIATE, TECHNICAL, RUNG, CLOSING, END, STAGE, EXPIRY = range(8)

LOOPS = 500  # things that may be due in one instant


@dataclass
class Model:
    """Tells one history and keeps what it writes, as dictionaries."""

    rules: Rules
    policies: PolicySet
    charger: Charger
    accounts: dict[str, Account] = field(default_factory=dict)
    known: set[tuple[str, str]] = field(default_factory=set)
    answers: list[tuple[int, int, Event[Any]]] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    now: int = 0

    def run(self, lines: Iterable[Line], until: int | None) -> list[Written]:
        """Play all lines, then let the clock run on to `until`."""
        pages: list[tuple[int, list[Line]]] = []
        clock = 0
        for line in lines:
            clock = max(clock, line.arrives_at if line.arrives_at is not None else clock)
            if pages and pages[-1][0] == clock:
                pages[-1][1].append(line)
            else:
                pages.append((clock, [line]))
        for at, page in pages:
            self.run_to(at, including=False)
            self.now = at
            for line in page:
                if line.dead_letter is not None:
                    self.write("dunning.dead_letter", line=line.dead_letter.line)
            self.fold([line.event for line in page if line.event is not None])
            self.settle_instant()
        self.run_to(max(until or 0, clock), including=True)
        return self.written

    def run_to(self, limit: int, *, including: bool) -> None:
        """Stop at every charger answer and timer on the way."""
        while True:
            stops = [item[0] for item in self.agenda()] + [at for at, _, _ in self.answers]
            at = max(self.now, min(stops, default=FOREVER))
            if at > limit or (at == limit and not including):
                return
            self.now = at
            self.settle_instant()

    def settle_instant(self) -> None:
        """Handle what is due now: answers before timers, one timer at a time."""
        for _ in range(LOOPS):
            answers = sorted(item for item in self.answers if item[0] <= self.now)
            if answers:
                self.show()
                self.answers = [item for item in self.answers if item not in answers]
                self.fold([event for _, _, event in answers])
            due = [item for item in self.agenda() if item[0] <= self.now]
            if not due:
                break
            min(due, key=lambda item: item[:4])[4]()
        else:
            raise RuntimeError("the model goes round in circles")
        self.show()

    def fold(self, events: Iterable[Event[Any]]) -> None:
        for event in events:
            if (event.source, event.id) in self.known:
                continue
            self.known.add((event.source, event.id))
            name = event.data.account_id
            account = self.accounts.setdefault(name, Account(name))
            for notice in Story(account, self.rules, self.policies).take(event, self.now):
                self.write("dunning.notice_requested", **notice)

    def write(self, kind: str, /, **data: Any) -> None:
        self.written.append({"type": kind, "time": self.now, "data": data})

    def notice(self, kind: str, case: Case, /, **more: Any) -> None:
        ids = {"account_id": case.account_id, "subscription_id": case.subscription_id}
        self.write("dunning.notice_requested", kind=kind, **ids, invoice_id=case.invoice_id, **more)

    def show(self) -> None:
        """Write every case whose shown fields differ from what was written last."""
        for account in self.accounts.values():
            for key in sorted(account.cases):
                case = account.cases[key]
                shown = Planner(account, self.rules, self.now).shown(case)
                if shown == case.shown:
                    continue
                ids = {name: getattr(case, name) for name in ("invoice_id", "account_id", "subscription_id")}
                before = case.shown["state"] if case.shown else None
                self.write("dunning.case_changed", **ids, **shown, previous_state=before)
                case.shown = shown

    # ---- what is due ----

    def agenda(self) -> list[Due]:
        """List everything that is due at some instant, as things stand."""
        found: list[Due] = []
        for account in self.accounts.values():
            for case in account.open_cases():
                found += self.case_agenda(account, case)
            for subscription in sorted(account.subscriptions()):
                step = next_stage(account, subscription, self.now)
                if step is not None:
                    at, stage, oldest = step
                    key = (at, STAGE, oldest or "", subscription)
                    change = partial(self.change_stage, account, subscription, stage, oldest)
                    found.append((*key, change))
        return found

    def case_agenda(self, account: Account, case: Case) -> Iterable[Due]:
        planner = Planner(account, self.rules, self.now)

        def item(at: int, kind: int, action: Callable[[Account, Case], None]) -> Due:
            return at, kind, case.invoice_id, "", lambda: action(account, case)

        request = case.unanswered
        is_pending = request is not None and any(
            request.request_id in (charge, asked) for charge, asked in case.invoice.pending.items()
        )
        if request and not request.told_missing and not is_pending:
            yield item(request.at + case.policy.answer_within, OVERDUE, self.missing)
        if case.restart is not None:
            used = account.charged_on(case.subscription_id)
            at = planner.restart_at(case) if used is not None else FOREVER
            blocked = account.block(case)
            is_off = blocked in {"none", "never"} or (blocked and case.restart.for_rung)
            if is_off or at == FOREVER:
                yield item(self.now, IMMEDIATE, self.drop_restart)
            elif at is not None:
                yield item(at, IMMEDIATE, self.immediate)
        technical = planner.technical_due(case)
        if technical is not None:
            yield item(self.effective(planner, case, technical), TECHNICAL, self.technical)
        if case.moved:
            yield item(self.effective(planner, case, min(case.moved)), RUNG, self.moved_rung)
        rung = planner.next_rung(case)
        if rung is not None:
            yield item(rung, RUNG, self.rung)
        if case.closing_at is not None:
            yield item(case.closing_at, CLOSING, self.closing)
        expiring = planner.expiry_notice_at(case)
        if expiring is not None:
            yield item(expiring, EXPIRY, self.expiring)
        yield item(planner.end(case), END, self.window_end)

    def effective(self, planner: Planner, case: Case, due: int) -> int:
        """When a planned attempt comes up: the first instant it may go, or now if it never may."""
        if planner.account.charged_on(case.subscription_id) is None:
            return max(due, self.now)
        at = planner.allowed(case, due)
        return max(due, self.now) if at == FOREVER else at

    # ---- what is done ----

    def missing(self, _: Account, case: Case) -> None:
        assert case.unanswered is not None
        case.unanswered.told_missing = True
        self.notice("outcome_missing", case)

    def drop_restart(self, _: Account, case: Case) -> None:
        case.restart = None

    def immediate(self, account: Account, case: Case) -> None:
        assert case.restart is not None
        restart, case.restart = case.restart, None
        self.ask(account, case, restart.reason, restart.due_at)
        case.requests[-1].is_restart = not (restart.for_rung or restart.is_order)

    def technical(self, account: Account, case: Case) -> None:
        planner = Planner(account, self.rules, self.now)
        due = planner.technical_due(case)
        assert due is not None
        case.technical_after = None
        if self.may_go(account, case) and planner.allowed(case, due) <= self.now:
            case.technical_used += 1
            self.ask(account, case, "technical", due)
        elif case.policy.ladder_anchor.value == "previous_attempt":
            case.ladder_from = due

    def may_go(self, account: Account, case: Case) -> bool:
        held = Planner(account, self.rules, self.now).held(case, self.now)
        free = not (case.unanswered or case.invoice.pending or held or account.block(case))
        if free and account.is_paused(case):
            case.dropped_by_pause = True
        return free and not account.is_paused(case)

    def rung(self, account: Account, case: Case) -> None:
        planner = Planner(account, self.rules, self.now)
        rung = planner.next_rung(case)
        assert rung is not None
        technical = planner.technical_due(case)
        passed_over = technical is not None and rung < technical
        kept = not passed_over and planner.gap_is_kept(case, rung, self.now)
        if not kept or not self.may_go(account, case):
            use_rung(case, rung, skipped=True)
            return
        at = planner.allowed(case, rung)
        if at == FOREVER:
            use_rung(case, rung, skipped=True)
        elif at > self.now:
            use_rung(case, rung, skipped=False)
            case.moved.append(rung)
        else:
            use_rung(case, rung, skipped=False)
            self.ask(account, case, "scheduled", min([*case.moved, rung]))

    def moved_rung(self, account: Account, case: Case) -> None:
        planner = Planner(account, self.rules, self.now)
        due = min(case.moved)
        technical = planner.technical_due(case)
        kept = planner.gap_is_kept(case, due, self.now) and (technical is None or technical <= self.now)
        if kept and self.may_go(account, case) and planner.allowed(case, due) <= self.now:
            self.ask(account, case, "scheduled", due)
            return
        case.moved = []
        if case.ladder_from is not None and (case.ladder_from, case.ladder_step) == case.gap_used:
            case.ladder_from, case.ladder_step = due, case.ladder_step + 1

    def closing(self, _: Account, case: Case) -> None:
        case.closing_at = None
        self.notice("window_closing", case)

    def expiring(self, account: Account, case: Case) -> None:
        used = account.charged_on(case.subscription_id)
        assert used is not None
        expires = account.instruments[used].expires
        assert expires is not None
        case.told_expiring.add((used, expires))
        self.notice("instrument_expiring", case, instrument_id=used)

    def window_end(self, account: Account, case: Case) -> None:
        story = Story(account, self.rules, self.policies)
        story.now = self.now
        story.close(case, "window_closed")
        case.before = case.balance
        self.notice("window_closed", case)

    def change_stage(
        self, account: Account, subscription: str, stage: str | None, oldest: str | None
    ) -> None:
        before = account.stage.get(subscription)
        account.stage[subscription] = stage
        ids = {"account_id": account.account_id, "subscription_id": subscription}
        self.write(
            "dunning.stage_changed", **ids, stage=stage, previous_stage=before, oldest_invoice_id=oldest
        )

    def ask(self, account: Account, case: Case, reason: str, due_at: int) -> None:
        """Request one attempt now."""
        instrument = account.charged_on(case.subscription_id)
        assert instrument is not None
        supersedes = case.unanswered.request_id if case.unanswered else None
        if supersedes:
            case.superseded.add(supersedes)
        case.attempts += 1
        case.moved = []
        rung = Planner(account, self.rules, self.now).next_rung(case)
        if reason == "technical" and case.policy.ladder_anchor.value == "previous_attempt":
            case.ladder_from = self.now  # gaps count from it, it takes none
        elif rung is not None and rung <= self.now:  # the request stands for a rung of the same instant
            use_rung(case, rung, skipped=False)
        request_id = f"{case.invoice_id}/{case.attempts}"
        request = case.unanswered = Request(request_id, self.now, reason, instrument)
        case.requests.append(request)
        ends = not_after(
            account, case, self.rules, instrument, Planner(account, self.rules, self.now).end(case)
        )
        data = {
            "request_id": request_id,
            "invoice_id": case.invoice_id,
            "account_id": case.account_id,
            "subscription_id": case.subscription_id,
            "instrument_id": instrument,
            "amount_minor": case.balance,
            "currency": case.currency,
            "attempt": case.attempts,
            "reason": reason,
            "due_at": due_at,
            "not_after": ends,
            "window_ends_at": case.window_end,
            "decline_class": case.decline_class,
            "policy": case.policy.ref,
            "supersedes": supersedes,
        }
        self.write("charge.retry_requested", **data)
        card = account.card(instrument)
        asked = Charge(request_id, case.invoice_id, instrument, card, self.now, "asked", case.balance)
        asked.debit = account.debit_kind(instrument)
        account.charges.append(asked)
        answer = self.charger.answer(_as_request(data), self.now)
        if answer is not None:
            self.answers.append((answer[0], len(self.written), answer[1]))


def _as_request(data: dict[str, Any]) -> RetryRequested:
    instants = {name: moment(data[name]) for name in ("due_at", "not_after", "window_ends_at")}
    words = {
        "reason": RequestReason(data["reason"]),
        "decline_class": DeclineClass(data["decline_class"]) if data["decline_class"] else None,
    }
    return RetryRequested(**{**data, **instants, **words, "why": ()})
