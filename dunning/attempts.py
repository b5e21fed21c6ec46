"""How an attempt is asked for, and which request an outcome answers (contract section 3, point 3).

The one rule: of one invoice at most one request is unanswered, unless a restart supersedes one that is overdue.
"""

from collections.abc import Mapping

import msgspec

from dunning.account import Matter
from dunning.binding import charged_on
from dunning.ceilings import count_requested, first_allowed, last_instant
from dunning.instruments import note_if_full, present
from dunning.ladder import use_due_rungs
from dunning.page import Page
from dunning.plan import plan, touch
from dunning.policy import Policy
from dunning.records import (
    BY_LADDER,
    BY_OTHERS,
    BY_RESTART,
    BY_TECHNICAL,
    NO_PLAN,
    PLANNED_RUNG,
    PLANNED_TECHNICAL,
    AttemptKind,
    Case,
    InFlight,
    OutcomeKind,
    PlanKind,
    Quarantined,
)
from dunning.restarts import RESTARTS
from schemas.charges import Initiator, Outcome
from schemas.decisions import RequestReason

# Looked up in every event: a global costs a tenth of an enum's member.
_RETRY = Initiator.RETRY
_PLANNED: Mapping[PlanKind, RequestReason] = {
    PLANNED_RUNG: RequestReason.SCHEDULED,
    PLANNED_TECHNICAL: RequestReason.TECHNICAL,
}


def fire(page: Page, matter: Matter) -> None:
    """Ask for the planned attempt if it may still go now; else it is planned anew and nothing is asked."""
    touch(page, matter)
    plan(page, matter)
    case = matter.case
    if not case.has_instant or case.plan_at > page.now:
        matter.moved_by = "attempt_not_made"
        page.note("due", "not_allowed_yet", matter.account.account_id, matter.id)
        return
    reason = _PLANNED.get(case.plan_kind)
    if reason is None:
        assert case.immediate is not None
        reason = RequestReason(case.immediate.reason)
    _request(page, matter, reason)


def _request(page: Page, matter: Matter, reason: RequestReason) -> None:
    account, case, policy = matter.account, matter.case, page.policies[matter.case.policy]
    due_at = case.plan_due_at
    instrument_id = charged_on(account, matter.invoice.subscription_id)
    assert instrument_id is not None
    means = account.means(instrument_id)
    # Asked from the instant at which it could have gone first, the rules say which of them held it back.
    since = due_at if case.immediate is None else case.immediate.since
    held = first_allowed(page.rules.networks, matter, policy, means, min(since, page.now))
    moved = () if held is None else held.why
    supersedes = None
    if case.request is not None:
        supersedes = request_id_of(matter, case)
        case.superseded[supersedes] = case.request.instrument_id
    kind = _take_planned(page, matter, policy, reason)
    case.attempts += 1
    request_id = request_id_of(matter, case)
    case.request = InFlight(page.now, instrument_id, kind)
    case.last_attempt_at = max(case.last_attempt_at, page.now)
    matter.is_planned = False
    matter.moved_by = reason
    page.request(
        matter,
        request_id=request_id,
        instrument_id=instrument_id,
        reason=reason,
        due_at=due_at,
        not_after=last_instant(page.rules.networks, matter, policy, means, case.ends_at),
        supersedes=supersedes,
        why=(*moved, *(("engine.ceiling",) if moved else ()), _reason_id(case, reason), *case.decline_why),
    )
    count_requested(means.credential, request_id, page.now)
    account.credential_changed(means.credential_id)
    note_if_full(page, account, means, frees=False)
    present(matter, means, matter.invoice.balance or 0, page.now)
    page.unplanned += account.replan()
    page.note("due", reason, account.account_id, matter.id, request_id)


def _take_planned(page: Page, matter: Matter, policy: Policy, reason: RequestReason) -> AttemptKind:
    """Take the attempt that is due out of the plan, with every rung that it stands for. Returns how it comes about."""
    case, due_at = matter.case, matter.case.plan_due_at
    if reason is RequestReason.SCHEDULED and case.carried_at != due_at:
        case.carried_at = None  # it was dropped
    # One that takes the place of a rung has its gap too: that of the request which it supersedes never failed.
    has_gap = case.carried_at is not None or (case.request is not None and case.request.kind == BY_LADDER)
    kind: AttemptKind = BY_LADDER if case.immediate is None else case.immediate.kind
    if reason is RequestReason.TECHNICAL:
        kind = BY_TECHNICAL
        case.technical_used += 1
    if reason is RequestReason.TECHNICAL and policy.is_by_gap:
        case.ladder_start = page.now  # the next gap counts from it, it takes none
    else:
        rung = case.rung
        use_due_rungs(matter, case, policy, page.now, due_at if reason is RequestReason.SCHEDULED else None)
        has_gap = has_gap or case.rung > rung
    case.technical_at = case.immediate = case.carried_at = None
    case.plan_kind = NO_PLAN
    return BY_LADDER if has_gap and kind != BY_RESTART else kind


def request_id_of(matter: Matter, case: Case) -> str:
    """The id of the case's latest request."""
    return f"{matter.id}/{case.attempts}"


def attempt_of(request_id: str) -> int | None:
    """Give the number of an attempt from the id of its request; None: the id has none."""
    number = request_id.rpartition("/")[2]
    return int(number) if number.isascii() and number.isdigit() else None


class Answered(msgspec.Struct, frozen=True, gc=False):
    """Which request of ours an outcome belongs to."""

    request_id: str | None  # None: an attempt that we did not ask for
    kind: OutcomeKind  # how the attempt came about
    is_late: bool  # of a request that was superseded: it moves nothing in its case
    was_answered: bool = False  # its outcome was told before, as another charge
    instrument_id: str = ""  # on which the attempt was made, where that is known
    doubts: tuple[Quarantined, ...] = ()  # which it ends

    @property
    def doubt(self) -> Quarantined | None:
        """The charge in doubt that it is about, if it was in doubt."""
        return self.doubts[0] if self.doubts else None

    @property
    def was_reconcile(self) -> bool:
        """Whether it resolves a suspected duplicate."""
        return self.doubt is not None and self.doubt.reconcile


_FOREIGN = Answered(None, BY_OTHERS, is_late=False)  # most outcomes are of attempts that we did not ask for


def answered(matter: Matter, outcome: Outcome, *, is_final: bool) -> Answered:
    """Find the request that an outcome answers, and take it out of flight or out of quarantine.

    One that is not final ends no doubt but its own, told again: another charge of the same request is one more.
    """
    invoice = matter.invoice
    doubts = _doubts(invoice.quarantined, outcome, is_final=is_final) if invoice.quarantined else ()
    for ended in doubts:
        invoice.quarantined.remove(ended)
    doubt = doubts[0] if doubts else None
    if doubt is not None and doubt.request_id is not None and _is_ours(matter, doubt.request_id):
        return Answered(
            doubt.request_id,
            doubt.kind,
            is_late=doubt.is_late,
            instrument_id=doubt.instrument_id,
            doubts=doubts,
        )
    request_id = _request_of(matter, outcome)
    if request_id is None:
        return _FOREIGN if doubt is None else Answered(None, doubt.kind, is_late=False, doubts=doubts)
    case = matter.case
    if request_id != _in_flight(matter):
        return _answered_behind(matter, request_id, doubts, is_final=is_final)
    request, case.request = case.request, None
    assert request is not None, "it is in flight"
    return Answered(
        request_id, request.kind, is_late=False, instrument_id=request.instrument_id, doubts=doubts
    )


def _answered_behind(
    matter: Matter, request_id: str, doubts: tuple[Quarantined, ...], *, is_final: bool
) -> Answered:
    """Take the outcome of a request that is not in flight: it was answered before, or was superseded.

    A second outcome of a request is one more attempt on it; of a superseded one it moves nothing all the same.
    """
    superseded = matter.case.superseded
    is_late, instrument_id = request_id in superseded, superseded.get(request_id, "")
    if instrument_id and is_final:
        superseded[request_id] = ""
    is_in_doubt = any(one.request_id == request_id for one in matter.invoice.quarantined)
    return Answered(
        request_id,
        BY_OTHERS,  # like an attempt that nobody asked for: its gap was not taken yet
        is_late=is_late,
        was_answered=not (instrument_id or is_in_doubt),
        instrument_id=instrument_id,
        doubts=doubts,
    )


def _in_flight(matter: Matter) -> str | None:
    return None if matter.case.request is None else request_id_of(matter, matter.case)


def _request_of(matter: Matter, outcome: Outcome) -> str | None:
    """Find the request of this case that an outcome names, by its own id or by that of its charge, or must mean."""
    case = matter.invoice.case
    if case is None:
        return None
    if outcome.request_id is not None and _is_ours(matter, outcome.request_id):
        return outcome.request_id
    if _is_charged_as_request(matter, outcome):
        return outcome.charge_id
    if outcome.request_id is not None or outcome.initiated_by is not _RETRY:
        return None
    asked_on = None if case.request is None else case.request.instrument_id
    if outcome.instrument_id not in (None, asked_on):
        for request_id, instrument_id in case.superseded.items():
            if instrument_id == outcome.instrument_id:
                return request_id
    return _in_flight(matter)


def _is_charged_as_request(matter: Matter, outcome: Outcome) -> bool:
    """Tell whether the charge has the id of its request; one that somebody else made may look so by chance."""
    return outcome.initiated_by is _RETRY and _is_ours(matter, outcome.charge_id)


def _is_ours(matter: Matter, request_id: str) -> bool:
    """Tell whether this case ever made such a request; what names another is an attempt that we did not ask for."""
    number = attempt_of(request_id)
    attempts = 0 if matter.invoice.case is None else matter.case.attempts
    return request_id.rpartition("/")[0] == matter.id and number is not None and 1 <= number <= attempts


def quarantine(
    page: Page,
    matter: Matter,
    outcome: Outcome,
    answer: Answered,
    *,
    reconcile: bool,
    counted_at: int = 0,
    is_first: bool = False,
) -> None:
    """Hold the case back until the outcome of this charge is known (rule `engine.unknown`).

    `counted_at` is the attempt as which it counts for the networks meanwhile. Told again, it is still the same doubt.
    """
    before = answer.doubt
    names_one = outcome.request_id is not None or _is_charged_as_request(matter, outcome)
    told_id = outcome.request_id if before is None else outcome.request_id or before.request_id
    matter.invoice.quarantined.append(
        Quarantined(
            outcome.charge_id,
            answer.request_id or told_id,  # also one that was never made: its outcome may name it
            answer.kind,
            reconcile,
            answer.is_late,
            answer.instrument_id,
            counted_at or (0 if before is None else before.counted_at),
            page.now if before is None else before.since,
            names_one or (before is not None and before.is_named),
            is_first or (before is not None and before.is_first),
        )
    )


def _doubts(held: list[Quarantined], outcome: Outcome, *, is_final: bool) -> tuple[Quarantined, ...]:
    """List the charges in doubt that an outcome is about; another charge of the invoice does not end the doubt."""
    names = (outcome.charge_id, outcome.request_id) if is_final else ()
    return tuple(
        one
        for one in held
        if one.charge_id == outcome.charge_id or (one.is_named and one.request_id in names)
    )


def _reason_id(case: Case, reason: RequestReason) -> str:
    if reason is RequestReason.SCHEDULED:
        return f"policy.ladder.{case.rung}"
    if reason is RequestReason.TECHNICAL:
        return f"policy.technical.{case.technical_used}"
    return f"engine.restart.{reason}" if reason in RESTARTS else f"engine.{reason}"


def attempted(matter: Matter, attempted_at: int) -> None:
    """Let `min_gap` count from an attempt, whoever made it; also before there is a case, and once it is closed."""
    case = matter.invoice.case
    if case is None:
        matter.invoice.attempted_at = max(matter.invoice.attempted_at, attempted_at)
    else:
        case.last_attempt_at = max(case.last_attempt_at, attempted_at)


def attempted_beside(matter: Matter, attempted_at: int) -> None:
    """Keep the moment of an attempt that moves nothing in its case: what is told of an earlier one is old news."""
    matter.invoice.attempted_at = max(matter.invoice.attempted_at, attempted_at)
