"""Every rule id that can stand in `why` has a sentence for people."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from dunning.charger import Charger, read_charger
from dunning.declines.tables import Flag
from dunning.engine import Engine
from dunning.explanation.handbook import handbook
from dunning.explanation.reasons import Reasons, ReasonsError, read_reasons
from dunning.rules import Rules
from dunning.simulation import Simulation
from schemas.commands import PoliciesSet
from schemas.decisions import CaseState, CloseReason, DeclineClass, NoticeKind, RequestReason
from schemas.envelope import Event
from schemas.instants import EPOCH, micros
from schemas.writing import read_written
from streams.lines import read_lines
from streams.policies import load_policy_file

ROOT = Path(__file__).parents[3]
CASES = ROOT.parent / "shared" / "cases"
REQUEST_IDS = (
    "engine.restart.instrument_bound", "engine.restart.details_updated", "engine.resumed", "engine.command",
)  # fmt: skip
RULE_ID = re.compile(
    r"(engine|policy|visa|mastercard|iso|nacha|sepa|bacs|sca|stripe|adyen|braintree)\.[a-z_.0-9]+"
)


def test_every_id_in_the_code_has_a_sentence(reasons: Reasons) -> None:
    found = dict(_ids_in_code())
    assert len(found) > 15, "the search finds what it looks for"
    assert {rule_id: place for rule_id, place in found.items() if not reasons.knows(rule_id)} == {}


def test_no_word_has_two_sentences() -> None:
    """JSON lets a key stand twice and takes the last one."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len({key for key, _ in pairs}) == len(pairs), [key for key, _ in pairs]
        return dict(pairs)

    json.loads((ROOT / "dunning/explanation/reasons.json").read_text("utf-8"), object_pairs_hook=once)


def test_no_sentence_is_left_over(reasons: Reasons) -> None:
    """A row of engine or policy belongs to an id that the code writes; what is renamed there is renamed here."""
    written = {rule_id for rule_id, _ in _ids_in_code()} | set(REQUEST_IDS)
    rows = [row.id for row in reasons.words.rules if row.id.startswith(("engine.", "policy."))]
    assert [
        row for row in rows if not any(re.fullmatch(row.replace("*", ".+"), one) for one in written)
    ] == []


def _ids_in_code() -> Iterator[tuple[str, str]]:
    """Read the rule ids that stand in the source; of an f-string an id with 1 in the place of each value."""
    for file in sorted((ROOT / "dunning").rglob("*.py")):
        if {"explanation", "backtest"} & set(file.parts):
            continue  # the one has the sentences, the other the fees, on which no decision rests
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            text, line = "", getattr(node, "lineno", 0)
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value
            elif isinstance(node, ast.JoinedStr):
                parts = node.values
                text = "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in parts)
            # Part of an f-string ends in a dot, and the f-string is looked at as a whole.
            if RULE_ID.fullmatch(text) and not text.endswith("."):
                rule_id = text.replace("engine.restart.1", "engine.restart.instrument_bound")
                if rule_id != "engine.1":  # the reasons of requests, each of which is looked at below
                    yield rule_id, f"{file.name}:{line}"


def test_every_reason_of_a_request_has_a_sentence(reasons: Reasons) -> None:
    assert [rule_id for rule_id in REQUEST_IDS if not reasons.knows(rule_id)] == []


def test_every_row_of_every_table_has_a_sentence(reasons: Reasons, rules: Rules) -> None:
    ids = {rule_id for row in rules.declines.tables.rows() for rule_id in row.ids}
    for name in ("limits", "debits"):
        file = json.loads((ROOT / f"dunning/network_rules/{name}.json").read_text("utf-8"))
        ids |= {rule_id for row in file["rows"] for rule_id in (row["id"], *row.get("under", ()))}
    assert len(ids) > 400
    assert sorted(rule_id for rule_id in ids if not reasons.knows(rule_id)) == []


def test_every_word_of_the_contract_has_a_sentence(reasons: Reasons) -> None:
    words = reasons.words
    assert set(words.classes) == set(words.aloud) == set(DeclineClass)
    assert set(words.requests) == set(RequestReason)
    assert set(words.notices) == set(NoticeKind)
    assert set(words.states) == set(CaseState)
    assert set(words.closings) == set(CloseReason)


def test_every_history_of_ours_is_explained(life: Callable[[], Any], reasons: Reasons) -> None:
    always = [{"outcome": "declined", "decline": {"dialect": "iso8583", "code": "05", "network": "mastercard",
               "advice_code": "24", "advice_dialect": "mastercard"}}]  # fmt: skip
    visa = {"instrument_id": "card-1", "type": "card", "network": "visa"}
    lives = [
        life().issued().declined(0).run(until_day=40),
        life().issued().declined(0, "processing_error", instrument=visa).run(until_day=40, charger=always),
        life().issued().declined(0, "stolen_card").instrument(2, "added", "card-2").run(until_day=40),
        life().issued().declined(0, "expired_card").instrument(2, "details_updated", "card-1").run(until_day=9),
        life().issued().declined(0, "authentication_required").instrument(1, "removed", "card-1").run(until_day=9),
        life().issued().declined(0, "duplicate_transaction").run(until_day=9),
        life().issued().declined(0, "never_heard_of").run(until_day=9, charger=always),
        life().declined(0).tell(1, "dunning.command", command="pause", issued_by="x", reason="y")
        .tell(8, "dunning.command", command="resume", issued_by="x", reason="y")
        .tell(9, "dunning.command", command="retry_now", issued_by="x", reason="y").run(until_day=60, charger=always),
        life().issued().declined(0, decline={"dialect": "ach", "code": "R01"}).run(until_day=60, charger=[
            {"outcome": "declined", "decline": {"dialect": "ach", "code": "R01"}}]),
        life().issued().declined(0, "stolen_card").run(until_day=60, policy={
            "never": {"close_after": 3}, "stages": [{"name": "warning", "after": 1}]}),
    ]  # fmt: skip
    said = {one for each in lives for event in each.decided for one in getattr(event.data, "why", ())}
    assert {"engine.unknown_code", "policy.ladder.1", "policy.technical.1", "policy.window"} <= said
    assert sorted(rule_id for rule_id in said if not reasons.knows(rule_id)) == []


@pytest.mark.skipif(not CASES.is_dir(), reason="the acceptance cases are not there")
def test_every_acceptance_case_is_explained(reasons: Reasons, rules: Rules) -> None:
    said = {rule_id for case in sorted(CASES.iterdir()) if case.is_dir() for rule_id in _said_in(case, rules)}
    assert len(said) > 30
    assert sorted(rule_id for rule_id in said if not reasons.knows(rule_id)) == []


def _said_in(case: Path, rules: Rules) -> Iterator[str]:
    engine = Engine(rules)
    if (policy := case / "policy.yaml").exists():
        data = PoliciesSet(policies=load_policy_file(policy).content)
        engine.fold([Event(id="p", source="test", type=PoliciesSet.TYPE, time=EPOCH, data=data)], 0)
    rule_file = case / "charger.yaml"
    charger = read_charger(yaml.safe_load(rule_file.read_text("utf-8"))) if rule_file.exists() else Charger()
    until = yaml.safe_load((case / "case.yaml").read_text("utf-8")).get("until")
    lines = read_lines((case / "events.jsonl").read_bytes().splitlines())
    for value in Simulation(engine, charger).run(lines, None if until is None else micros(until)):
        yield from getattr(read_written(value).data, "why", ())


def test_an_id_without_a_sentence_is_shown_as_it_is(reasons: Reasons) -> None:
    assert not reasons.knows("visa.new.rule")
    assert reasons.because("visa.new.rule").says == "rule visa.new.rule"


def test_a_sentence_names_what_the_id_ends_in(reasons: Reasons) -> None:
    assert "(rung 3)" in reasons.because("policy.ladder.3").says
    assert "30d window" in reasons.because("visa.limit.30d").says
    assert not reasons.knows("policy.ladder."), "a beginning alone is no id"


def test_a_reason_that_customers_must_not_hear_is_marked(reasons: Reasons, rules: Rules) -> None:
    assert reasons.because("stripe.lost_card").masked
    assert not reasons.because("stripe.insufficient_funds").masked
    rows = [row for row in rules.declines.tables.rows() if Flag.MASK in row.flags]
    assert rows
    assert all(reasons.because(row.id).masked for row in rows)


def test_the_document_is_up_to_date(reasons: Reasons, rules: Rules) -> None:
    written = (ROOT / "docs" / "reasons.md").read_text("utf-8")
    assert written == handbook(reasons, rules.declines.tables), (
        "run `dunning explain --reasons > docs/reasons.md`"
    )


@pytest.mark.parametrize(
    ("rules_part", "complaint"),
    [
        ('[{"id": "a.b", "says": "x"}, {"id": "a.b", "says": "y"}]', "row a.b: there twice"),
        ('[{"id": "a.b", "says": "x {}"}]', "row a.b: {} without a"),
        ('[{"id": "a.b"}]', "not a list of sentences"),
    ],
)
def test_a_wrong_file_is_refused(rules_part: str, complaint: str, rules: Rules) -> None:
    names = ("classes", "aloud", "requests", "notices", "states", "closings")
    rest = ", ".join(f'"{name}": {{}}' for name in names)
    content = f'{{"note": "", "rules": {rules_part}, {rest}}}'.encode()
    with pytest.raises(ReasonsError, match=re.escape(complaint)):
        read_reasons(content, rules.declines.tables)
