"""The plan of one example invoice under a policy: what would come when, if every attempt were declined.

The one rule: the plan asks the same functions as the engine, so what it shows is what would be done.
Network rules are left out: they depend on what else is charged on the instrument.
"""

from dataclasses import dataclass
from enum import StrEnum

from dunning.calendar import add
from dunning.policy import LadderAnchor, Policy, planned


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
    number: int | None = None  # of a rung, as the policy counts them, from 1
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
    anchor = last_attempt = issued_at
    counted = policy.ladder_anchor is LadderAnchor.PREVIOUS_ATTEMPT
    for number, step in enumerate(policy.steps, start=1):
        at = planned(policy, anchor, step, zone, f"{invoice_id}/{number - 1}")
        if at >= ends_at:
            outside.append(number)
        elif at <= last_attempt or at - last_attempt < policy.min_gap:
            points.append(PlanPoint(at=at, kind=PlanKind.SKIPPED_RUNG, number=number))
        else:
            points.append(PlanPoint(at=at, kind=PlanKind.RUNG, number=number))
            last_attempt = at
        anchor = at if counted else anchor  # of a skipped one too: contract section 6, Rungs
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
