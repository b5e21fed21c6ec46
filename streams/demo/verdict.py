"""The verdict: what the topics show, judged by another road than the engine's, and the figures beside it.

One rule: it reads evidence only; the same evidence gives the same verdict.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.decisions import RequestReason
from schemas.instants import micros
from streams.demo.charges import Charge
from streams.demo.checks import Check, check_all
from streams.demo.evidence import EventKey, Evidence, Journalled
from streams.demo.facts import Facts, Request, is_closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """From the moment a card is bound to the request in the executor's hands, in milliseconds."""

    count: int
    median_ms: float
    p99_ms: float
    waited: int  # restarts that had to wait for an answer first; not in the figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Events on the topics, and the time they took."""

    taken_in: int  # records on the input topics, duplicates included
    written: int
    seconds: float
    busiest: int  # most of both within one second

    @property
    def per_second(self) -> float:
        """On average."""
        return (self.taken_in + self.written) / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """All checks, and the figures beside them."""

    checks: tuple[Check, ...]
    outcomes: Mapping[str, int]  # closed cases by reason
    requests: Mapping[str, int]  # by reason
    notices: Mapping[str, int]  # by kind
    told_twice: int  # input records that repeat an event
    unreported: int  # invoices that are paid at the provider and nobody told the engine
    latency: Latency | None
    rate: Rate

    @property
    def holds(self) -> bool:
        """Whether every promise was kept."""
        return not any(check.faults for check in self.checks)


def judge(evidence: Evidence) -> Verdict:
    """Judge what the topics and the executor's book show."""
    facts = Facts(evidence)
    keys = Counter(record.key for record in evidence.published)
    return Verdict(
        checks=check_all(facts),
        outcomes=Counter(change.data.reason for change in facts.last_changes.values() if is_closed(change)),
        requests=Counter(str(request.data.reason) for request in evidence.requests),
        notices=Counter(str(notice.data.kind) for notice in evidence.notices),
        told_twice=sum(keys.values()) - len(keys),
        unreported=len({charge.invoice_id for charge in evidence.charges if charge.is_paid} - facts.paid_ids),
        latency=_latency(facts),
        rate=_rate(evidence),
    )


def _latency(facts: Facts) -> Latency | None:
    sent_at: dict[EventKey, int] = {}
    for record in facts.evidence.published:
        sent_at[record.key] = min(record.at, sent_at.get(record.key, record.at))
    received: dict[str, Charge] = {}
    for charge in facts.evidence.charges:
        received.setdefault(charge.request_id, charge)
    found: list[float] = []
    waited = 0
    for request in facts.evidence.requests:
        data = request.data
        if data.reason is not RequestReason.INSTRUMENT_BOUND or data.request_id not in received:
            continue
        cause = _cause(facts, request)
        if cause is None:
            continue
        earlier = [one for one in facts.requests[data.invoice_id] if one.data.attempt < data.attempt]
        if any(facts.answered_at.get(one.data.request_id, math.inf) > cause.stamp for one in earlier):
            waited += 1
        elif cause.key in sent_at:
            found.append((received[data.request_id].received_at - sent_at[cause.key]) / 1000)
    if not found:
        return None
    return Latency(count=len(found), median_ms=_rank(found, 0.5), p99_ms=_rank(found, 0.99), waited=waited)


def _cause(facts: Facts, request: Request) -> Journalled | None:
    """Find the binding that a restart answers."""
    causes = [
        told
        for told, data in facts.bindings
        if data.account_id == request.data.account_id
        and data.instrument.instrument_id == request.data.instrument_id
        and told.stamp <= micros(request.time)
    ]
    return causes[-1] if causes else None


def _rank(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least `share` of all do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _rate(evidence: Evidence) -> Rate:
    times = [record.at for record in evidence.published] + list(evidence.written_at)
    seconds = (max(times) - min(times)) / 1_000_000 if times else 0.0
    by_second = Counter(at // 1_000_000 for at in times)
    return Rate(
        taken_in=len(evidence.published),
        written=len(evidence.written),
        seconds=seconds,
        busiest=max(by_second.values(), default=0),
    )
