"""`dunning policy`: what it prints, and how it refuses."""

import json
from pathlib import Path

from click.testing import CliRunner, Result

from streams.cli.policy import policy
from streams.policies import presets


def run(*arguments: str) -> Result:
    return CliRunner().invoke(policy, arguments)


def test_check_prints_plan_and_timeline() -> None:
    done = run("check", "preset:polar", "--time-zone", "Europe/Berlin")
    assert done.exit_code == 0
    assert "Fri 2026-04-03 10:00:00" in done.stdout
    assert "2026-04-03T08:00:00Z" in done.stdout
    assert "[-----1--------------2--------------------3-------------------4]" in done.stdout
    assert "follows polar (policy.default)" in done.stdout


def test_what_falls_into_one_column_of_the_timeline_is_not_hidden() -> None:
    drawn = run("check", "preset:yuno").stdout
    assert "\n[*3---" in drawn
    assert "* several at once\n" in drawn
    assert "\n! notice window_closing\n" in run("check", "standard").stdout


def test_check_reads_standard_input_and_wraps_no_line_where_there_is_no_terminal() -> None:
    text = (
        "policies: {a: {technical: [PT10M, PT20M, PT30M, PT40M, PT50M, PT60M, PT70M, PT80M], min_gap: PT1M}}"
    )
    done = CliRunner().invoke(policy, ["check", "-"], input=text)
    assert done.exit_code == 0
    assert any(
        line.startswith("technical declines first: ") and line.endswith("each from the attempt before")
        for line in done.stdout.splitlines()
    )
    refused = CliRunner().invoke(policy, ["check", "-"], input="policies: {}")
    assert (refused.exit_code, refused.stderr[:18]) == (2, "standard input:1: ")


def test_check_takes_an_example(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "policies: {standard: {}, dear: {}}\nselect: [{when: {currency: USD}, use: dear}, {use: standard}]"
    )
    done = run("check", str(file), "--issued-at", "2026-07-01T00:00:00+02:00", "--currency", "USD", "--json")
    body = json.loads(done.stdout)
    assert body["chosen"]["why"] == ["policy.select.1"]
    assert [plan["policy"].partition("@")[0] for plan in body["plans"]] == ["standard", "dear"]
    first = body["plans"][0]["points"][:2]
    assert [(point["kind"], point["at"]) for point in first] == [
        ("first_charge", "2026-06-30T22:00:00Z"),
        ("rung", "2026-07-03T22:00:00Z"),
    ]


def test_check_lists_every_problem_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(
        "policies:\n  a:\n    ladder:\n      steps: [7,\n        3,\n        30]\nselect:\n  - {use: b}\n"
    )
    done = run("check", str(file))
    assert done.exit_code == 2
    assert done.stdout == ""
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [
        f"{file}:{line}" for line in (5, 6, 8)
    ]


def test_warnings_go_to_standard_error_and_pass(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("policies:\n  a: {closing_notice: 40}\n")
    done = run("check", str(file))
    assert done.exit_code == 0
    assert done.stderr.startswith(f"warning: {file}:2: policies.a.closing_notice: ")


def test_presets_are_listed_and_shown() -> None:
    assert set(json.loads(run("presets", "--json").stdout)) == set(presets())
    assert run("presets", "--show", "polar").stdout == presets()["polar"].read_text(encoding="utf-8")
