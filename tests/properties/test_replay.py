"""Same input, same bytes: two runs, a restore at any moment, an account in many rows (contract sections 2.2 and 5)."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dunning.calendar import DAY, HOUR
from dunning.engine import Engine
from schemas.decisions import CaseChanged
from tests.properties.histories import Action, Runner, actions, policies, replayed, written
from tests.stories.player import rows_split_at, shipped_rules


@given(actions, policies)
def test_the_same_input_gives_the_same_bytes(drawn: list[Action], policy: dict[str, Any]) -> None:
    script, first = written(drawn, policy)
    second = replayed(script, policy, first.pages[-1].now)
    assert second.outputs() == first.outputs()
    assert second.engine.tables.rows == first.engine.tables.rows


@given(actions, policies, st.integers(1, 7))
def test_an_engine_restored_from_its_changelog_goes_on_alike(
    drawn: list[Action], policy: dict[str, Any], every: int
) -> None:
    script, straight = written(drawn, policy)
    rows: dict[bytes, bytes] = {}

    def restore(runner: Runner, changes: Mapping[bytes, bytes | None]) -> None:
        for key, row in changes.items():
            rows.pop(key, None)
            if row is not None:
                rows[key] = row
        if (
            changes and len(runner.pages) % every == 0
        ):  # a tick without changes only opens the next hour of the index
            restored = Engine(shipped_rules())
            for key in sorted(rows):
                restored.load(key, rows[key])
            restored.restored()
            assert restored.tables.rows == runner.engine.tables.rows
            assert restored.open_cases == runner.engine.open_cases
            runner.engine = restored

    broken = replayed(script, policy, straight.pages[-1].now, after_page=restore)
    assert broken.outputs() == straight.outputs()
    assert broken.engine.tables.rows == straight.engine.tables.rows


@given(actions, policies, st.sampled_from([0, 400, 1200]))
def test_an_account_in_many_rows_decides_as_one_in_a_single_row(
    drawn: list[Action], policy: dict[str, Any], spill: int
) -> None:
    script, small = written(drawn, policy)
    # What is settled is forgotten in the end, in either kind of account; the last events are of the very day.
    end = small.pages[-1].now
    again = [(end + 400 * DAY + number * HOUR, events) for number, (_, events) in enumerate(script[-3:])]
    small.play(again, end + 460 * DAY)
    with rows_split_at(spill):
        large = replayed([*script, *again], policy, end + 400 * DAY)
    assert large.outputs() == small.outputs()


@given(actions, policies)
def test_the_count_of_open_cases_is_that_of_what_was_written(
    drawn: list[Action], policy: dict[str, Any]
) -> None:
    runner = written(drawn, policy)[1]
    states: dict[str, str] = {}
    for page in runner.pages:
        states.update(
            {data.invoice_id: data.state for data in page.written() if isinstance(data, CaseChanged)}
        )
    assert runner.engine.open_cases == sum(state != "closed" for state in states.values())
