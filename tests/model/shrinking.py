"""Makes a history on which engine and model differ as small as it gets."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tests.model.comparing import History


def shrink(history: History, fails: Callable[[History], bool]) -> History:
    """Leave out what is not needed for `fails` to stay true, until nothing can be left out."""
    while True:
        smaller = next((one for one in _smaller(history) if fails(one)), None)
        if smaller is None:
            return history
        history = smaller


def _smaller(history: History) -> Iterator[History]:
    events = history.events
    size = len(events) // 2
    while size:
        for start in range(0, len(events), size):
            yield replace(history, events=events[:start] + events[start + size :])
        size //= 2
    for index in range(len(history.charger)):
        yield replace(history, charger=history.charger[:index] + history.charger[index + 1 :])
    for charger in _poorer(history.charger, ("after", "match")):
        yield replace(history, charger=charger)
    for less in _smaller_policies(history.policy):
        yield replace(history, policy=less)
    for fewer in _poorer(events, ("recordedtime",)):
        yield replace(history, events=fewer)
    for index, event in enumerate(events):
        names = ["instrument", "psp_will_retry", "psp_next_attempt_at", "time_zone", "attempted_at"]
        names += ["labels", "due_at", "policy", "request_id"]
        names += ["instrument_id"] if event["type"] == "invoice.issued" else []
        if event["type"].split(".")[0] in {"charge", "invoice"}:
            for data in _poorer((event["data"],), tuple(names)):
                yield replace(
                    history, events=(*events[:index], {**event, "data": data[0]}, *events[index + 1 :])
                )


def _poorer(these: tuple[Any, ...], names: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
    """Give the mappings with one key less in one of them."""
    for index, one in enumerate(these):
        for name in names:
            if name in one:
                less = {key: value for key, value in one.items() if key != name}
                yield (*these[:index], less, *these[index + 1 :])


def _smaller_policies(policy: dict[str, Any] | None) -> Iterator[dict[str, Any] | None]:
    if policy is None:
        return
    yield None
    policies: dict[str, Any] = policy["policies"]
    select: list[Any] = policy.get("select", [])
    for index in range(len(select)):
        yield {"policies": policies, "select": select[:index] + select[index + 1 :]}
    used = {entry["use"] for entry in select} | {"standard"}
    if set(policies) - used:
        yield {**policy, "policies": {name: one for name, one in policies.items() if name in used}}
    for name, body in policies.items():
        for less in _smaller_bodies(body):
            yield {**policy, "policies": {**policies, name: less}}


def _smaller_bodies(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for name in body:
        yield {key: value for key, value in body.items() if key != name}
    steps = body.get("ladder", {}).get("steps", [])
    for index in range(len(steps) if len(steps) > 1 else 0):
        less = deepcopy(body)
        del less["ladder"]["steps"][index]
        yield less
