"""The figures of a backtest: what each policy asked for, what is known of it, and what is not.

The one rule: each figure is defined in `FIGURES`, in a sentence; amounts of two currencies are never added.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dunning.backtest.answers import Basis
from dunning.backtest.costs import Audit, audit
from dunning.backtest.recording import Recording
from dunning.backtest.trial import CaseRun, Key, Trial, try_policies, without_network_rules
from dunning.calendar import DAY
from dunning.charger import Charger
from dunning.rules import Rules
from schemas.decisions import CaseState, CloseReason

LIMIT = (
    "Outcomes of attempts that never happened are not known. An attempt of a policy is known if the recorded run made "
    "the same one (same invoice, same payment method, within an hour); every other is taken as declined, so that the "
    "schedule goes on to its end. Known recoveries are therefore a lower bound, and the more a policy differs from the "
    "recorded one, the less is known of it. What customers did is taken as it was, whatever they were told."
)
LIMIT_OF_MODEL = (
    "Every answer is that of the charger file, and none is that of a bank: the figures are as good as that model. "
    "Recorded outcomes of retries are left out. What customers did is taken as it was, whatever they were told."
)

FIGURES: Mapping[str, str] = {
    "cases": "unpaid invoices that had a case in the run",
    "requests": "attempts that the policy asked for",
    "requests_a_case": "requests divided by cases",
    "known": "requests whose outcome was recorded, because the recorded run made the same attempt",
    "assumed": "requests whose outcome nobody knows; taken as declined",
    "recovered": "cases that closed paid, by facts and known outcomes alone",
    "recovered_amount": "what came in on cases while they were open, by currency",
    "by_request": "recovered cases that a request of the policy paid; the others were paid otherwise",
    "requests_a_recovery": "requests of recovered cases divided by recovered cases",
    "perhaps": (
        "cases not known to be recovered that were tried after the moment at which a recorded retry on the same "
        "payment method was paid"
    ),
    "at_most": "recovered cases, and every other one with an attempt of unknown outcome",
    "open": "cases still open where the run ends",
    "lost": "cases that closed without payment because their window was over",
    "moved": "requests that a network's rule moved to a later instant",
    "held_back": "attempts that the same policy makes without network rules, and that break one",
    "ceilings": "the same by rule; one attempt may break several",
    "excess": "requests of the policy itself that break a rule of the profile `current`",
    "fees_avoided": (
        "what networks would charge for the excess attempts of the same policy without network rules, less what its "
        "own cost; rates of fees.json, an estimate"
    ),
}
"""Every figure, defined."""


@dataclass(frozen=True, slots=True)
class Day:
    """The requests of one day of age."""

    day: int  # whole days since the invoice date
    paid: int
    declined: int  # known to be
    unknown: int  # assumed, pending or without an answer

    @property
    def requests(self) -> int:
        """All of them."""
        return self.paid + self.declined + self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one policy did, in figures; each as `FIGURES` defines it."""

    name: str
    cases: int
    requests: int
    known: int
    assumed: int
    recovered: int
    recovered_amount: dict[str, int]  # minor units by currency
    by_request: int
    recovered_requests: int
    perhaps: int
    at_most: int
    open: int
    lost: int
    moved: int
    held_back: int
    ceilings: dict[str, int]
    excess: int
    fees_avoided: dict[str, Decimal]  # main units by currency
    days: tuple[Day, ...]
    untried: int  # cases without any request

    @property
    def requests_a_case(self) -> float | None:
        """Requests divided by cases."""
        return self.requests / self.cases if self.cases else None

    @property
    def requests_a_recovery(self) -> float | None:
        """Requests of recovered cases divided by recovered cases."""
        return self.recovered_requests / self.recovered if self.recovered else None


def figures_of(
    recording: Recording,
    name: str,
    content: dict[str, Any],
    rules: Rules,
    *,
    charger: Charger | None,
    until: int | None,
) -> Figures:
    """Run a recording under a policy file, once with and once without network rules, and count.

    Args:
        recording: facts and outcomes.
        name: of the policy file, for people.
        content: of the policy file, checked.
        rules: decline tables, network rules and fees.
        charger: a model of what charges do, in place of recorded outcomes.
        until: where the clock stops, microseconds UTC; None: at the end of the recording.
    """
    trial = try_policies(recording, content, rules, charger, until)
    free = try_policies(recording, without_network_rules(content), rules, charger, until)
    own, unbound = audit(trial, recording, rules), audit(free, recording, rules)
    cases = list(trial.cases.values())
    recovered = [case for case in cases if case.is_recovered]
    unknown = [case for case in cases if not case.is_recovered and _has_unknown(case)]
    bases = Counter(attempt.answer.basis for attempt in trial.attempts)
    return Figures(
        name=name,
        cases=len(cases),
        requests=len(trial.attempts),
        known=bases[Basis.RECORDED] + bases[Basis.MODEL],
        assumed=bases[Basis.ASSUMED],
        recovered=len(recovered),
        recovered_amount=_amounts(cases, recording),
        by_request=sum(any(one.answer.succeeded for one in case.attempts) for case in recovered),
        recovered_requests=sum(len(case.attempts) for case in recovered),
        perhaps=_perhaps(unknown, recording),
        at_most=len(recovered) + len(unknown),
        open=sum(case.state is not CaseState.CLOSED for case in cases),
        lost=sum(
            case.state is CaseState.CLOSED and case.reason == CloseReason.WINDOW_CLOSED for case in cases
        ),
        moved=sum(attempt.was_moved for attempt in trial.attempts),
        held_back=max(0, unbound.excess - own.excess),
        ceilings=unbound.by_rule,
        excess=own.excess,
        fees_avoided=_less(unbound, own),
        days=_days(trial, recording),
        untried=sum(not case.attempts for case in cases),
    )


def as_data(figures: Figures) -> dict[str, Any]:
    """Give the figures as JSON types: amounts in minor units, fees in main units as text, by currency."""
    data: dict[str, Any] = {name: getattr(figures, name) for name in ("name", *FIGURES)}
    data["fees_avoided"] = {currency: f"{amount:f}" for currency, amount in figures.fees_avoided.items()}
    data["untried"] = figures.untried
    data["days"] = [
        {"day": one.day, "paid": one.paid, "declined": one.declined, "unknown": one.unknown}
        for one in figures.days
    ]
    return data


def _has_unknown(case: CaseRun) -> bool:
    return any(attempt.answer.basis is Basis.ASSUMED for attempt in case.attempts)


def _amounts(cases: list[CaseRun], recording: Recording) -> dict[str, int]:
    amounts: Counter[str] = Counter()
    for case in cases:
        if case.paid_minor:
            amounts[recording.currencies.get(case.key, "")] += case.paid_minor
    return {currency: amounts[currency] for currency in sorted(amounts)}


def _perhaps(unknown: list[CaseRun], recording: Recording) -> int:
    paid: dict[Key, list[tuple[str | None, int]]] = {}
    for outcome in recording.outcomes:
        if outcome.succeeded:
            key = (outcome.account_id, outcome.invoice_id)
            paid.setdefault(key, []).append((outcome.instrument_id, outcome.attempted_at))
    return sum(
        any(
            attempt.at >= at and instrument_id in (None, attempt.request.instrument_id)
            for instrument_id, at in paid.get(case.key, ())
            for attempt in case.attempts
        )
        for case in unknown
    )


def _less(unbound: Audit, own: Audit) -> dict[str, Decimal]:
    left = {
        currency: unbound.fees.get(currency, Decimal(0)) - own.fees.get(currency, Decimal(0))
        for currency in sorted({*unbound.fees, *own.fees})
    }
    return {currency: amount for currency, amount in left.items() if amount > 0}


def _days(trial: Trial, recording: Recording) -> tuple[Day, ...]:
    counted: dict[int, list[int]] = {}
    for attempt in trial.attempts:
        day = max(0, attempt.at - recording.issued_at.get(attempt.key, attempt.at)) // DAY
        answer = attempt.answer
        is_unknown = answer.basis is Basis.ASSUMED or answer.is_pending
        place = 2 if is_unknown else 0 if answer.succeeded else 1
        counted.setdefault(day, [0, 0, 0])[place] += 1
    return tuple(Day(day, *counted[day]) for day in sorted(counted))
