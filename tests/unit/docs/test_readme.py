"""The README's events are good events, its policy loads, and its demo is the one that was run."""

import json

from dunning.charger import Charger
from dunning.policy_file import STANDARD
from dunning.simulation import Simulation
from schemas.decisions import CaseChanged, RetryRequested
from schemas.reading import read_event
from schemas.writing import read_written
from streams.cli.simulate import new_engine
from streams.lines import read_lines
from streams.policies import read_policy_text
from tests.unit.docs.pages import PROJECT, blocks

README = PROJECT / "README.md"
EXAMPLE = PROJECT / "docs" / "examples" / "first-case.jsonl"


def shown(language: str) -> list[str]:
    return [block.text for block in blocks(README) if block.language == language]


def test_the_events_are_read_and_are_those_of_the_example() -> None:
    events = shown("json")
    assert [read_event(text.encode()).type for text in events] == [
        "invoice.issued",
        "charge.declined",
        "charge.succeeded",
    ]
    assert [json.loads(text) for text in events] == [
        json.loads(line) for line in EXAMPLE.read_text(encoding="utf-8").splitlines()
    ]


def test_the_example_is_a_case_that_one_attempt_recovers() -> None:
    with EXAMPLE.open("rb") as file:
        lines = list(read_lines(file))
    written = [read_written(value).data for value in Simulation(new_engine(None), Charger()).run(lines, None)]
    assert [data.request_id for data in written if isinstance(data, RetryRequested)] == ["in-1001/1"]
    last = [data for data in written if isinstance(data, CaseChanged)][-1]
    assert (last.state, last.reason, last.balance_minor) == ("closed", "paid", 0)


def test_the_policy_loads_and_its_standard_is_the_built_in_one() -> None:
    (text,) = shown("yaml")
    policies = read_policy_text(text, "README.md").policies
    assert policies.policies["standard"] == STANDARD.policies["standard"]
    assert [entry.use for entry in policies.select] == ["debit", "standard"]


def test_the_demo_shown_is_the_one_that_was_run() -> None:
    page = README.read_text(encoding="utf-8")
    assert page.count("<!-- demo output -->") == page.count("<!-- /demo output -->") == 1
    inside = page.partition("<!-- demo output -->")[2].partition("<!-- /demo output -->")[0]
    run = (PROJECT / "docs" / "demo.txt").read_text(encoding="utf-8").splitlines()
    for line in inside.splitlines():
        if line.strip() and not line.startswith(("```", "![", "[", "…")):
            assert line.rstrip() in map(str.rstrip, run), f"not in docs/demo.txt: {line}"
