"""One policy set tried on a recording: what was asked for, when, and what became of it.

The one rule: it is the engine's own fold on the virtual clock, as `dunning simulate` runs it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dunning.backtest.answers import Answer, Answers
from dunning.backtest.recording import Recording
from dunning.charger import Charger
from dunning.engine import Engine
from dunning.policy import RuleProfile
from dunning.rules import Rules
from dunning.simulation import Simulation
from schemas.commands import PoliciesSet
from schemas.decisions import PLANNED, CaseChanged, CaseState, CloseReason, RetryRequested
from schemas.envelope import Event
from schemas.instants import EPOCH, micros
from schemas.writing import read_written

Key = tuple[str, str]
"""Account id and invoice id."""

_PAYS = (CloseReason.PAID, "part_paid")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of the run, and its answer."""

    at: int  # microseconds UTC
    request: RetryRequested
    answer: Answer

    @property
    def key(self) -> Key:
        """Whose attempt it is."""
        return self.request.account_id, self.request.invoice_id

    @property
    def was_moved(self) -> bool:
        """Whether a network rule moved it: on the virtual clock nothing else makes a planned attempt late."""
        return self.request.reason in PLANNED and micros(self.request.due_at) < self.at


@dataclass(slots=True)
class CaseRun:
    """One case of the run."""

    key: Key
    balance_minor: int  # as last written
    attempts: list[Attempt] = field(default_factory=list)
    state: CaseState = CaseState.RETRYING
    reason: str = ""
    paid_minor: int = 0  # all that came in while it was open, in minor units

    @property
    def is_recovered(self) -> bool:
        """Whether it closed paid."""
        return self.state is CaseState.CLOSED and self.reason == CloseReason.PAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a policy set did."""

    cases: Mapping[Key, CaseRun]  # in the order in which they opened
    attempts: tuple[Attempt, ...]  # in order of time
    ends_at: int  # where the clock stopped, microseconds UTC


def try_policies(
    recording: Recording, content: dict[str, Any], rules: Rules, charger: Charger | None, until: int | None
) -> Trial:
    """Run a recording under a policy file.

    Args:
        recording: facts and outcomes.
        content: of the policy file, checked.
        rules: decline tables and network rules.
        charger: a model of what charges do; None: recorded outcomes where the same attempt was made, else assumed.
        until: where the clock stops, microseconds UTC; None or earlier: at the end of the recording.
    """
    engine = Engine(rules)
    policies = PoliciesSet(policies=content)
    engine.fold(
        [Event(id="policies", source="backtest", type=PoliciesSet.TYPE, time=EPOCH, data=policies)], 0
    )
    answers = Answers(recording, charger)
    ends_at = max(recording.ends_at, until or 0)
    cases: dict[Key, CaseRun] = {}
    attempts: list[Attempt] = []
    for value in Simulation(engine, answers).run(recording.facts, ends_at):
        event = read_written(value)
        data = event.data
        if isinstance(data, CaseChanged):
            _follow(cases, data)
        elif isinstance(data, RetryRequested):
            at = micros(event.time)
            answers.answer(data, at)
            given = answers.given[data.account_id, data.request_id]
            attempts.append(Attempt(at, data, given))
    for attempt in attempts:
        if attempt.key in cases:
            cases[attempt.key].attempts.append(attempt)
    return Trial(cases=cases, attempts=tuple(attempts), ends_at=ends_at)


def without_network_rules(content: dict[str, Any]) -> dict[str, Any]:
    """Give the same policy file with `rules: none` in each of its policies."""
    policies = {
        name: {**(policy or {}), "rules": RuleProfile.NONE.value}
        for name, policy in content["policies"].items()
    }
    return {**content, "policies": policies}


def _follow(cases: dict[Key, CaseRun], data: CaseChanged) -> None:
    key = (data.account_id, data.invoice_id)
    case = cases.get(key)
    if case is None:
        case = cases[key] = CaseRun(key, data.balance_minor)
    if data.reason in _PAYS:
        case.paid_minor += max(0, case.balance_minor - data.balance_minor)
    case.balance_minor, case.state, case.reason = data.balance_minor, data.state, data.reason
