"""Every acceptance case can be told, and the story agrees with what the engine did."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dunning.charger import Charger
from dunning.explanation.history import history_of, invoices_of
from dunning.explanation.marks import marks
from dunning.explanation.reasons import Reasons
from dunning.explanation.story import as_data, tell
from dunning.simulation import Simulation
from schemas.decisions import CaseChanged, RetryRequested
from schemas.instants import micros
from schemas.writing import read_written
from streams.cli.simulate import new_engine
from streams.cli.simulated_stories import told_in
from streams.lines import load_charger, read_lines

CASES = Path(__file__).parents[4] / "shared" / "cases"
NAMES = sorted(case.name for case in CASES.glob("*/")) if CASES.is_dir() else []


@pytest.mark.parametrize("name", NAMES or [pytest.param("", marks=pytest.mark.skip("no acceptance cases"))])
def test_every_acceptance_case_can_be_told(name: str, reasons: Reasons) -> None:
    case = CASES / name
    policy, model = case / "policy.yaml", case / "charger.yaml"
    charger = load_charger(model) if model.exists() else Charger()
    until: Any = yaml.safe_load((case / "case.yaml").read_text("utf-8")).get("until")
    ends_at = None if until is None else micros(until)
    lines = list(read_lines((case / "events.jsonl").read_bytes().splitlines()))
    engine = new_engine(policy if policy.exists() else None)
    decided = [read_written(value) for value in Simulation(engine, charger).run(lines, ends_at)]
    told = told_in(lines, decided, charger, ends_at)
    for account_id, invoice_id in invoices_of(decided):
        history = history_of(invoice_id, account_id, told, decided)
        assert history is not None
        story = tell(history, reasons)
        assert [entry.at for entry in story.entries] == sorted(entry.at for entry in story.entries)
        assert story.next
        assert story.aloud
        assert as_data(story)["state"] == story.state

        for fact, mark in zip(history.facts, marks(history), strict=True):
            if mark is not None and mark.endswith("changes nothing"):
                rest = [line for line in lines if line.event is not fact.event]
                engine = new_engine(policy if policy.exists() else None)
                again = [read_written(value) for value in Simulation(engine, charger).run(rest, ends_at)]
                assert again == decided, f"left out, it is missed: {mark}"
            if mark is not None and mark.endswith("no attempt"):
                asked = [one for one in history.facts if isinstance(one.event.data, RetryRequested)]
                assert fact.at not in [one.at for one in asked]

        about = [event for event in decided if getattr(event.data, "invoice_id", None) == invoice_id]
        written = [event.id for event in about if getattr(event.data, "account_id", None) == account_id]
        in_story = [entry.id for entry in story.entries if entry.by == "engine"]
        assert [one for one in in_story if "/stage/" not in one] == written, "every decision, in order, once"
        last = [event.data for event in about if isinstance(event.data, CaseChanged)][-1]
        assert (story.state, story.policy) == (last.state, last.policy)

        charged_on: str | None = None
        for fact in history.facts:
            charged_on = charged_on if fact.is_decision else fact.charged_on
            if isinstance(fact.event.data, RetryRequested):
                assert fact.event.data.instrument_id == charged_on, (
                    "what is shown as bound is what was charged"
                )
