"""Kafka repeats and reorders: the same (`source`, `id`) again changes nothing (contract section 2)."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.properties.histories import Action, Script, actions, policies, replayed, written


@given(actions, policies, st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=12))
def test_permuted_duplicates_change_nothing(
    drawn: list[Action], policy: dict[str, Any], again: list[tuple[int, int]]
) -> None:
    script, once = written(drawn, policy)
    doubled: Script = [(now, list(events)) for now, events in script]
    for which, where in again:
        if script:
            first = which % len(script)
            later = first + where % (len(script) - first)
            doubled[later][1].append(script[first][1][0])
    twice = replayed(doubled, policy, once.pages[-1].now)
    assert twice.outputs() == once.outputs()
    assert twice.engine.tables.rows == once.engine.tables.rows


@given(actions, policies)
def test_everything_told_twice_in_a_page_is_told_once(drawn: list[Action], policy: dict[str, Any]) -> None:
    script, once = written(drawn, policy)
    twice = replayed([(now, events * 2) for now, events in script], policy, once.pages[-1].now)
    assert twice.outputs() == once.outputs()


@given(actions, policies)
def test_everything_told_again_a_month_later_changes_nothing(
    drawn: list[Action], policy: dict[str, Any]
) -> None:
    script, once = written(drawn, policy)
    end = once.pages[-1].now
    late = [(end, [event for _, events in reversed(script) for event in events])]
    twice = replayed(script + late, policy, end)
    assert twice.outputs() == once.outputs()
