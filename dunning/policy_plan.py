"""The plan of one example invoice under a policy: what would come when, if every attempt were declined.

The one rule: what it shows is what the engine would do. The instants come from the engine's own arithmetic; which
rungs are skipped follows here from contract section 3, point 2, and a test holds it against the engine.
Network rules are left out: they depend on what else is charged on the instrument.
"""

from dataclasses import dataclass
from enum import StrEnum

from dunning.calendar import add
from dunning.policy import Policy, planned


class PlanKind(StrEnum):
    """What happens at a point of a plan; the order is that of points of one instant."""

    FIRST_CHARGE = "first_charge"
    RUNG = "rung"
    SKIPPED_RUNG = "skipped_rung"  # nearer than min_gap to the attempt before it
    CLOSING_NOTICE = "closing_notice"
    WINDOW_END = "window_end"
    STAGE = "stage"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPoint:
    """One thing that would happen."""

    at: int  # microseconds since 1970, UTC
    kind: PlanKind
    number: int | None = None  # of a rung, counted from 1 in the order of their instants
    stage: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one policy would do."""

    policy: Policy
    issued_at: int  # microseconds since 1970, UTC; the first charge is declined at this instant
    zone: str
    ends_at: int  # the window's end
    points: tuple[PlanPoint, ...]  # in order of time
    outside: tuple[int, ...]  # numbers of the rungs that lie at or after the window's end


def plan_of(policy: Policy, issued_at: int, zone: str, invoice_id: str = "example") -> Plan:
    """Plan an invoice whose first charge, at the invoice date, and every attempt are declined at once.

    Args:
        policy: whose plan.
        issued_at: the invoice date, microseconds since 1970, UTC.
        zone: IANA name, in which days are counted.
        invoice_id: what a spread is drawn for.

    Returns:
        The plan. A rung at or after the window's end is only named in `outside`.

    Source:
        Contract section 3, point 2, and section 6, Rungs and Window.
    """
    ends_at = add(issued_at, policy.window_length, zone)
    points = [
        PlanPoint(at=issued_at, kind=PlanKind.FIRST_CHARGE),
        PlanPoint(at=ends_at, kind=PlanKind.WINDOW_END),
    ]
    outside = []
    last_attempt = issued_at
    for number, at in enumerate(_instants(policy, issued_at, zone, invoice_id), start=1):
        if at >= ends_at:
            outside.append(number)
        elif at <= last_attempt or at - last_attempt < policy.min_gap:
            points.append(PlanPoint(at=at, kind=PlanKind.SKIPPED_RUNG, number=number))
        else:
            points.append(PlanPoint(at=at, kind=PlanKind.RUNG, number=number))
            last_attempt = at
    if policy.closing_notice is not None:
        notice_at = add(ends_at, policy.closing_notice, zone, sign=-1)
        if issued_at < notice_at < ends_at:
            points.append(PlanPoint(at=notice_at, kind=PlanKind.CLOSING_NOTICE))
    points += (
        PlanPoint(at=add(issued_at, stage.after, zone), kind=PlanKind.STAGE, stage=stage.name)
        for stage in policy.stages
    )
    order = list(PlanKind)
    return Plan(
        policy=policy,
        issued_at=issued_at,
        zone=zone,
        ends_at=ends_at,
        points=tuple(sorted(points, key=lambda point: (point.at, order.index(point.kind)))),
        outside=tuple(outside),
    )


def _instants(policy: Policy, issued_at: int, zone: str, invoice_id: str) -> list[int]:
    """List the instants of all rungs in the order in which the engine comes to them.

    A gap counts from the rung before it, of a skipped one too (contract section 6, Rungs); fixed rungs go in the order
    of their instants, which a spread may have swapped.
    """
    found: list[int] = []
    start = issued_at
    for index, step in enumerate(policy.steps):
        found.append(planned(policy, start, step, zone, f"{invoice_id}/{index}"))
        if policy.is_by_gap:
            start = found[-1]
    return found if policy.is_by_gap else sorted(found)
