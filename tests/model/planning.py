"""What a case would do next, worked out from nothing: its rungs, technical and immediate attempts, its shown state."""

from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dunning.calendar import add
from dunning.policy import LadderAnchor, planned_technical
from dunning.rules import Rules
from schemas.instants import micros
from schemas.time_zones import time_zone
from tests.model.ceilings import first_allowed
from tests.model.facts import FOREVER, Account, Case


@dataclass
class Planner:
    """Looks at one account at one instant. Changes nothing."""

    account: Account
    rules: Rules
    now: int

    # ---- ends ----

    def accelerated_end(self, case: Case) -> int:
        after = case.policy.never_close_after
        if after is None or case.accelerated_from is None:
            return FOREVER
        return add(case.accelerated_from, after, case.zone)

    def end(self, case: Case) -> int:
        return min(case.window_end, self.accelerated_end(case))

    def allowed(self, case: Case, earliest: int) -> int:
        at = first_allowed(self.account, case, self.rules, max(earliest, self.now))
        return at if at < self.end(case) else FOREVER

    # ---- immediate ----

    def restart_at(self, case: Case) -> int | None:
        """When the immediate attempt may go; None: it waits for an event; FOREVER: never."""
        if case.restart is None or case.invoice.pending or self.account.is_paused(case):
            return None
        at = max(case.restart.since, self.now)
        if case.unanswered:
            at = max(at, case.unanswered.at + case.policy.answer_within)
        at = self.allowed(case, at)
        hold = case.hold
        if hold and hold.tries_at is not None and hold.tries_at <= at < hold.ends_at:
            at = self.allowed(case, hold.ends_at)
        return at

    # ---- technical ----

    def technical_due(self, case: Case) -> int | None:
        if case.technical_after is None or case.technical_used >= len(case.policy.technical):
            return None
        gap = case.policy.technical[case.technical_used]
        due = planned_technical(case.policy, case.technical_after, gap, case.zone)
        return due if due < self.end(case) else None

    def held(self, case: Case, at: int) -> bool:
        return case.hold is not None and at < case.hold.ends_at

    # ---- rungs ----

    def next_rung(self, case: Case) -> int | None:
        """The planned instant of the next rung that is not gone."""
        policy = case.policy
        if policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT:
            if case.ladder_from is None or (case.ladder_from, case.ladder_step) == case.gap_used:
                return None
            if not 0 <= case.ladder_step < len(policy.steps):
                return None
            counted_from = max(case.ladder_from, self.technical_due(case) or 0)
            rung = case.rung(case.ladder_step, counted_from)
            return rung if rung < self.end(case) else None
        start = case.anchor if policy.ladder_anchor is LadderAnchor.INVOICE_DATE else case.ladder_from
        if start is None:
            return None
        rungs = case.all_rungs(start)
        for tried_at in case.provider_tried:
            taken = [rung for rung in rungs if rung >= tried_at][:1]
            rungs = [rung for rung in rungs if rung not in taken]
        left = [rung for rung in rungs if case.cursor < rung < self.end(case)]
        return left[0] if left else None

    def next_viable_rung(self, case: Case) -> int | None:
        """When the next rung would go, walking over those that would be skipped or dropped."""
        ahead = _Walk(case)
        while (rung := self.next_rung(ahead.case)) is not None:
            technical = self.technical_due(case)
            passed_over = technical is not None and rung < technical
            if technical is not None and not passed_over and ahead.leave_out(technical):
                continue
            if not passed_over and not self.held(case, rung) and self.gap_is_kept(case, rung, rung):
                at = self.allowed(case, rung)
                if at != FOREVER:
                    return at
            use_rung(ahead.case, rung, skipped=True)
        return None

    def gap_is_kept(self, case: Case, planned: int, goes_at: int) -> bool:
        last = self.account.last_attempt(case)
        return (planned if last <= planned else goes_at) - last >= case.policy.min_gap

    # ---- what is shown ----

    def next_attempt(self, case: Case) -> int | None:
        plans: list[int | None] = [self.restart_at(case)]
        technical = self.technical_due(case)
        if technical is not None:
            at = self.allowed(case, technical)
            is_inside = technical >= self.now and self.held(case, technical)
            plans.append(None if is_inside or self.held(case, at) else at)
        if case.moved:
            at = self.allowed(case, min(case.moved))
            kept = at != FOREVER and not self.held(case, at) and self.gap_is_kept(case, min(case.moved), at)
            plans.append(at if kept else None)
        plans.append(self.next_viable_rung(case))
        return min((at for at in plans if at is not None and at != FOREVER), default=None)

    def expiry_notice_at(self, case: Case) -> int | None:
        """When to tell that the card expires before the next attempt, or inside the window."""
        ahead, used = case.policy.expiry_notice, self.account.charged_on(case.subscription_id)
        known = None if used is None else self.account.instruments.get(used)
        if ahead is None or known is None or known.expires is None:
            return None
        if (known.instrument_id, known.expires) in case.told_expiring:
            return None
        year, month = map(int, known.expires.split("-"))
        after = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=time_zone(case.zone))
        if micros(after) >= case.window_end:
            return None
        is_free = not (case.unanswered or case.invoice.pending or self.account.block(case))
        attempt = self.next_attempt(case) if is_free else self.restart_at(case)
        return add(max(micros(after), attempt or 0), ahead, case.zone, sign=-1)

    def state(self, case: Case) -> tuple[str, int | None]:
        if case.closed:
            return "closed", None
        if self.account.is_paused(case):
            return "paused", None
        if case.invoice.pending:
            return "pending", None
        if case.unanswered:
            return "in_flight", None
        blocked = self.account.block(case)
        goes = case.restart is not None and not case.restart.for_rung and self.restart_at(case) != FOREVER
        if blocked and not (goes and blocked in {"fix_data", "needs_customer"}):
            return "waiting", None
        at = self.next_attempt(case)
        if at is not None:
            return "retrying", at
        if case.hold is not None and case.hold.tries_at is None:
            free = copy(case)
            free.hold = None  # rungs are left, but nobody knows when the provider will be done
            skip_past(self, free, self.now + 1)
            return ("retrying" if self.next_attempt(free) is not None else "exhausted"), None
        return "exhausted", None

    def shown(self, case: Case) -> dict[str, Any]:
        state, next_attempt = self.state(case)
        return {
            "state": state,
            "attempts": case.attempts,
            "next_attempt_at": next_attempt,
            "window_ends_at": case.window_end,
            "balance_minor": case.balance,
            "policy": case.policy.ref,
            "reason": case.closed,
        }


class _Walk:
    """A copy of a case's place on its ladder."""

    def __init__(self, case: Case) -> None:
        self.case = copy(case)
        self.leaves_out = case.policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT

    def leave_out(self, technical: int) -> bool:
        """Let the next gap count from a technical attempt that cannot go; tell whether that moves anything."""
        was, self.leaves_out = self.leaves_out, False
        if was:
            self.case.ladder_from = technical
        return was


def use_rung(case: Case, rung: int, *, skipped: bool) -> None:
    """Take a rung off the ladder: used by a request, or skipped or dropped for good."""
    if case.policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT:
        assert case.ladder_from is not None
        if skipped:
            case.ladder_from, case.ladder_step = rung, case.ladder_step + 1
        else:
            case.gap_used, case.gap_used_at = (case.ladder_from, case.ladder_step), rung
    else:
        case.cursor = max(case.cursor, rung)


def skip_past(planner: Planner, case: Case, until: int | None = None) -> None:
    """Skip the rungs that lie before an instant; now, if none is given."""
    while (rung := planner.next_rung(case)) is not None and rung < (until or planner.now):
        use_rung(case, rung, skipped=True)
