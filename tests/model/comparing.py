"""Engine and model tell one history; what differs of what they write."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from dunning.charger import Charger, read_charger
from dunning.engine import Engine
from dunning.policy import PolicySet
from dunning.policy_file import STANDARD, read_policies
from dunning.rules import Rules
from dunning.simulation import Simulation
from schemas.commands import PoliciesSet
from schemas.envelope import Event
from schemas.instants import EPOCH, micros
from streams.lines import read_lines
from streams.rules import load_rules
from tests.model.clock import Model, Written

INSTANTS = {"due_at", "not_after", "window_ends_at", "next_attempt_at"}
NOTICE = (
    "kind",
    "account_id",
    "subscription_id",
    "invoice_id",
    "instrument_id",
    "new_instrument_id",
    "decline_class",
)
OPEN_IN_CONTRACT = {
    # Kinds of notices of which the contract names neither the instrument nor the class.
    "no_instrument": ("instrument_id", "decline_class"),
    "recovered": ("instrument_id", "decline_class"),
    "window_closing": ("instrument_id", "decline_class"),
    "window_closed": ("instrument_id", "decline_class"),
    "outcome_missing": ("instrument_id", "decline_class"),
    "reconcile": ("decline_class",),
    "instrument_added_not_bound": ("decline_class",),
    "instrument_expiring": ("decline_class",),
}
CHANGE = (
    "invoice_id",
    "account_id",
    "subscription_id",
    "state",
    "previous_state",
    "attempts",
    "next_attempt_at",
    "window_ends_at",
    "balance_minor",
    "policy",
    "reason",
)


@dataclass(frozen=True)
class History:
    """One story: events in order of arrival, a policy file, a charger file, an end."""

    events: tuple[dict[str, Any], ...]
    policy: dict[str, Any] | None
    charger: tuple[dict[str, Any], ...]
    until: int

    def lines(self) -> list[bytes]:
        return [json.dumps(event).encode() for event in self.events]


@cache
def rules() -> Rules:
    return load_rules()


def tell_engine(
    lines: Iterable[bytes], policy: dict[str, Any] | None, charger: Charger, until: int | None
) -> list[Written]:
    """Let the engine tell a history."""
    engine = Engine(rules())
    if policy is not None:
        data = PoliciesSet(policies=policy)
        engine.fold([Event(id="policies", source="dunning", type=PoliciesSet.TYPE, time=EPOCH, data=data)], 0)
    return [
        _plain(json.loads(value)) for value in Simulation(engine, charger).run(list(read_lines(lines)), until)
    ]


def tell_model(
    lines: Iterable[bytes], policy: dict[str, Any] | None, charger: Charger, until: int | None
) -> list[Written]:
    """Let the model tell it."""
    policies: PolicySet = STANDARD if policy is None else read_policies(policy)
    return Model(rules(), policies, charger).run(list(read_lines(lines)), until)


def differences(history: History) -> list[str]:
    """Tell a history twice and list what differs, in order of time."""
    charger = read_charger(list(history.charger))
    both = [
        tell(history.lines(), history.policy, charger, history.until) for tell in (tell_engine, tell_model)
    ]
    return compare(*both)


def compare(engine: Sequence[Written], model: Sequence[Written]) -> list[str]:
    """List the differing events: `engine` wrote it and the model did not, or the other way round."""
    ours, theirs = ([_compared(one) for one in written] for written in (engine, model))
    found: list[tuple[str, str]] = []
    for name, these, others in (("engine", ours, theirs), ("model ", theirs, ours)):
        left = list(others)
        for one in these:
            if one in left:
                left.remove(one)
            else:
                found.append((one["time"], f"{name} {json.dumps(one)}"))
    if not found:
        requests = [
            [one for one in told if one["type"] == "charge.retry_requested"] for told in (ours, theirs)
        ]
        found += [("", f"order of requests: {a} or {b}") for a, b in zip(*requests, strict=True) if a != b][
            :1
        ]
    return [text for _, text in sorted(found, key=lambda item: item[0])]


def _compared(one: Written) -> Written:
    data = one["data"]
    kind = one["type"]
    if kind == "dunning.notice_requested":
        left_open = OPEN_IN_CONTRACT.get(data["kind"], ())
        data = {name: data.get(name) for name in NOTICE if name not in left_open}
    elif kind == "dunning.case_changed":
        data = {name: data.get(name) for name in CHANGE}
        if data["state"] != "closed":
            data["reason"] = None
    elif kind == "dunning.dead_letter":
        data = {"line": data["line"]}
    else:
        data = {name: value for name, value in data.items() if name != "why"}
    shown = {
        name: _instant(value) if name in INSTANTS and value is not None else value
        for name, value in data.items()
    }
    return {"type": kind, "time": _instant(one["time"]), "data": dict(sorted(shown.items()))}


def _instant(at: int) -> str:
    from schemas.instants import moment

    return moment(at).isoformat().replace("+00:00", "Z")


def _plain(event: dict[str, Any]) -> Written:
    data = {
        name: micros(datetime.fromisoformat(value)) if name in INSTANTS and value is not None else value
        for name, value in event["data"].items()
    }
    return {"type": event["type"], "time": micros(datetime.fromisoformat(event["time"])), "data": data}
