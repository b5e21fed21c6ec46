"""A data file that contradicts itself is refused, with its name and row; the files that ship are accepted."""

from collections.abc import Callable
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from dunning.declines.tables import read_tables
from dunning.rule_files import RuleDataError
from dunning.rules import Rules

File = dict[str, Any]


def shipped() -> dict[str, bytes]:
    folder = files("dunning.declines")
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.name.endswith(".json")}


def changed(name: str, change: Callable[[File], object]) -> dict[str, bytes]:
    contents = shipped()
    file: File = msgspec.json.decode(contents[name])
    change(file)
    contents[name] = msgspec.json.encode(file)
    return contents


def row(file: File, rule: str) -> File:
    return next(found for found in file["rows"] if found["id"] == rule)


def swap(file: File) -> None:
    file["rows"][0], file["rows"][1] = file["rows"][1], file["rows"][0]


BROKEN: list[tuple[str, str, Callable[[File], object], str]] = [
    (
        "unknown class",
        "stripe.json",
        lambda f: row(f, "stripe.expired_card").update({"class": "hard"}),
        "stripe.json",
    ),
    (
        "unknown field",
        "stripe.json",
        lambda f: row(f, "stripe.expired_card").update({"clas": "never"}),
        "clas",
    ),
    (
        "unknown flag",
        "stripe.json",
        lambda f: row(f, "stripe.expired_card").update({"flags": ["new"]}),
        "new",
    ),
    (
        "unknown profile",
        "stripe.json",
        lambda f: row(f, "stripe.expired_card").update({"profiles": ["x"]}),
        "x",
    ),
    ("out of order", "adyen.json", swap, "out of order"),
    ("twice", "adyen.json", lambda f: f["rows"].insert(0, f["rows"][0]), "twice"),
    ("wrong id", "sepa.json", lambda f: row(f, "sepa.ac01").update({"code": "AC02"}), "sepa.ac01"),
    (
        "empty span",
        "visa.json",
        lambda f: row(f, "visa.cat1.04").update({"to": "2020-04-01"}),
        "visa.cat1.04",
    ),
    ("no date", "visa.json", lambda f: row(f, "visa.cat1.04").update({"from": "2020-02-30"}), "visa.json"),
    ("overlap", "visa.json", lambda f: row(f, "visa.cat1.62").update({"to": "2021-04-18"}), "visa.cat1.62"),
    (
        "overlap of profiles",
        "iso8583.json",
        lambda f: row(f, "iso.36").update({"profiles": ["current", "strict"]}),
        "iso.36",
    ),
    ("backward range", "ach.json", lambda f: row(f, "nacha.r61").update({"through": "R60"}), "empty"),
    ("no range", "ach.json", lambda f: row(f, "nacha.r61").update({"through": "X85"}), "no range"),
    ("range over a row", "ach.json", lambda f: row(f, "nacha.r40").update({"through": "R50"}), "nacha.r50"),
    ("no default", "bacs.json", lambda f: f["rows"].remove(row(f, "bacs.default")), "default"),
    (
        "dated default",
        "bacs.json",
        lambda f: row(f, "bacs.default").update({"from": "2020-01-01"}),
        "default",
    ),
    ("wait below zero", "adyen.json", lambda f: row(f, "adyen.2").update({"not_before": "-PT1H"}), "adyen.2"),
    ("wrong dialect", "bacs.json", lambda f: f.update({"dialect": "sepa"}), "second table"),
    ("advice of nobody", "stripe_advice.json", lambda f: f.update({"dialect": "adyen"}), "adyen"),
]


@pytest.mark.parametrize(
    ("name", "change", "says"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN]
)
def test_a_contradiction_is_refused(name: str, change: Callable[[File], object], says: str) -> None:
    with pytest.raises(RuleDataError) as refusal:
        read_tables(changed(name, change))

    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_missing_table_is_refused(name: str) -> None:
    contents = shipped()
    del contents[name]

    with pytest.raises(RuleDataError, match="missing"):
        read_tables(contents)


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(RuleDataError, match=r"visa\.json"):
        read_tables({**shipped(), "visa.json": b"{"})


def test_an_unchanged_copy_is_accepted() -> None:
    assert read_tables(changed("visa.json", lambda _: None)) == read_tables(shipped())


def test_every_row_names_a_source_and_an_edition(rules: Rules) -> None:
    for found in rules.declines.tables.rows():
        assert found.source
        assert found.edition
        assert found.trust in {"P", "S", "L"}
        assert found.meaning
        assert found.id == found.id.lower()
