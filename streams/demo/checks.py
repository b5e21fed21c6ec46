"""The promises, one function each: what topics must not show. Rule: a fault is a line that names its invoice.

Instants of written events are the stamps of the pages that decided them, so both can be compared exactly.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from schemas.charges import ChargeDeclined, ChargeSucceeded
from schemas.decisions import NoticeKind, RequestReason
from schemas.instants import micros
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated
from streams.demo.facts import Facts, is_closed

_DEAD = frozenset({"lost_card", "stolen_card"})  # what Stripe says of a card that will never pay again


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One promise, and where it was broken."""

    promise: str
    faults: tuple[str, ...]


def check_all(facts: Facts) -> tuple[Check, ...]:
    """Check every promise, in the order in which they are shown."""
    return tuple(Check(promise=promise, faults=tuple(find(facts))) for promise, find in _CHECKS.items())


def _duplicate_requests(facts: Facts) -> Iterator[str]:
    for request_id, times in Counter(event.data.request_id for event in facts.evidence.requests).items():
        if times > 1:
            yield f"{request_id}: requested {times} times"


def _asked_while_unanswered(facts: Facts) -> Iterator[str]:
    for requests in facts.requests.values():
        for before, request in pairwise(requests):
            answered_at = facts.answered_at.get(before.data.request_id, math.inf)
            if answered_at > micros(request.time) and request.data.supersedes != before.data.request_id:
                yield f"{request.data.request_id}: requested while {before.data.request_id} was unanswered"


def _charged_twice(facts: Facts) -> Iterator[str]:
    paid: dict[str, set[str]] = defaultdict(set)
    for charge in facts.evidence.charges:
        if charge.is_paid:
            paid[charge.invoice_id].add(charge.request_id)
    for _, data in facts.told(ChargeSucceeded):
        paid[data.invoice_id].add(data.request_id or data.charge_id)
    for invoice_id, charges in paid.items():
        if len(charges) > 1:
            yield f"{invoice_id}: charged {len(charges)} times: {', '.join(sorted(charges))}"


def _requested_after_close(facts: Facts) -> Iterator[str]:
    for request in facts.evidence.requests:
        invoice_id, at = request.data.invoice_id, micros(request.time)
        closed = any(
            is_closed(change) and micros(change.time) < at for change in facts.changes.get(invoice_id, ())
        )
        if closed or facts.settled_at.get(invoice_id, at) < at:
            yield f"{request.data.request_id}: requested after its case was closed"


def _requested_after_window(facts: Facts) -> Iterator[str]:
    for request in facts.evidence.requests:
        if request.time >= request.data.window_ends_at:
            yield f"{request.data.request_id}: requested after its window had ended"


def _charged_unbound(facts: Facts) -> Iterator[str]:
    for request in facts.evidence.requests:
        data = request.data
        if facts.bound_at.get((data.account_id, data.instrument_id), math.inf) > micros(request.time):
            yield f"{data.request_id}: requested on {data.instrument_id}, which was not bound"


def _charged_dead(facts: Facts) -> Iterator[str]:
    dead_at: dict[tuple[str, str], int] = {}
    for told, declined in facts.told(ChargeDeclined):
        if declined.decline.code in _DEAD:
            dead_at.setdefault((declined.account_id, declined.instrument_id), told.stamp)
    for request in facts.evidence.requests:
        data = request.data
        if dead_at.get((data.account_id, data.instrument_id), math.inf) < micros(request.time):
            yield f"{data.request_id}: requested on {data.instrument_id}, which was reported lost or stolen"


def _restarts(facts: Facts) -> Iterator[str]:
    """One immediate attempt for each open case and binding: never two, and none only if there was no need."""
    asked = Counter(
        (event.data.invoice_id, event.data.instrument_id)
        for event in facts.evidence.requests
        if event.data.reason is RequestReason.INSTRUMENT_BOUND
    )
    for told, data in facts.bindings:
        for invoice_id in facts.open_cases(data.account_id, told.stamp):
            if facts.is_charged_on(invoice_id, data.instrument.instrument_id, told.stamp):
                continue  # binding what is charged already is no news
            times = asked[invoice_id, data.instrument.instrument_id]
            if times > 1 or (times == 0 and not facts.is_unanswered(invoice_id, told.stamp)):
                card = data.instrument.instrument_id
                yield f"{invoice_id}: {times} immediate attempts after {card} was bound"


def _gaps_in_attempts(facts: Facts) -> Iterator[str]:
    for invoice_id, requests in facts.requests.items():
        attempts = sorted({request.data.attempt for request in requests})
        if attempts != list(range(1, len(attempts) + 1)):
            yield f"{invoice_id}: attempts are numbered {attempts}"


def _told_of_added_cards(facts: Facts) -> Iterator[str]:
    told = Counter(
        (notice.data.account_id, notice.data.new_instrument_id)
        for notice in facts.evidence.notices
        if notice.data.kind is NoticeKind.INSTRUMENT_ADDED_NOT_BOUND
    )
    for one, data in facts.told(PaymentMethodUpdated):
        if data.change is not InstrumentChange.ADDED:
            continue
        is_open = bool(facts.open_cases(data.account_id, one.stamp))
        times = told[data.account_id, data.instrument.instrument_id]
        if times != int(is_open):
            yield f"{data.account_id}: {times} notices that {data.instrument.instrument_id} is not bound"


def _lost(facts: Facts) -> Iterator[str]:
    for source, id_ in sorted({record.key for record in facts.evidence.published} - facts.journal.keys()):
        yield f"{id_} of {source}: published, but not in the journal"


def _unexecuted(facts: Facts) -> Iterator[str]:
    executed = {charge.request_id for charge in facts.evidence.charges}
    for request in facts.evidence.requests:
        if request.data.request_id not in executed:
            yield f"{request.data.request_id}: requested, but never seen by the executor"


def _left_open(facts: Facts) -> Iterator[str]:
    for invoice_id, change in facts.last_changes.items():
        if not is_closed(change):
            yield f"{invoice_id}: still {change.data.state}"
    declined = {data.invoice_id for _, data in facts.told(ChargeDeclined)}
    for invoice_id in sorted(declined - facts.last_changes.keys()):
        yield f"{invoice_id}: declined, but without a case"


def _dead_letters(facts: Facts) -> Iterator[str]:
    if facts.evidence.dead_letters:
        yield f"{facts.evidence.dead_letters} good events were refused"


_CHECKS: dict[str, Callable[[Facts], Iterator[str]]] = {
    "duplicates requested": _duplicate_requests,
    "requested while another request was unanswered": _asked_while_unanswered,
    "charged twice": _charged_twice,
    "requested after close": _requested_after_close,
    "requested after the window": _requested_after_window,
    "requested on a card that was only added": _charged_unbound,
    "requested on a lost or stolen card": _charged_dead,
    "bindings without exactly one immediate attempt": _restarts,
    "added cards without exactly one notice": _told_of_added_cards,
    "gaps in attempt numbers": _gaps_in_attempts,
    "events lost": _lost,
    "requests that never reached the executor": _unexecuted,
    "cases left open": _left_open,
    "good events refused": _dead_letters,
}
