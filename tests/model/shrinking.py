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
        names = ["instrument", "psp_will_retry", "psp_next_attempt_at", "time_zone"]
        names += ["instrument_id"] if event["type"] == "invoice.issued" else []
        if event["type"] in {"charge.declined", "invoice.issued"}:
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
    standard: dict[str, Any] = policy["policies"]["standard"]
    for name in standard:
        yield {"policies": {"standard": {key: value for key, value in standard.items() if key != name}}}
    steps = standard.get("ladder", {}).get("steps", [])
    for index in range(len(steps) if len(steps) > 1 else 0):
        less = deepcopy(standard)
        del less["ladder"]["steps"][index]
        yield {"policies": {"standard": less}}
