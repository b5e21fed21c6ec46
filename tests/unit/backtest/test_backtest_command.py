"""`dunning backtest` from the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dunning.backtest.comparison import FIGURES
from schemas.pages import encode_event
from streams.cli.program import dunning
from streams.errors import Misuse, Trouble

ROOT = Path(__file__).parents[3]
DAY = 86_400_000_000


@pytest.fixture
def events(tape: Callable[[], Any], tmp_path: Path) -> str:
    told = (
        tape().invoice("in-1").invoice("in-2", network="visa").succeeded(3 * DAY, "in-1", request_id="in-1/1")
    )
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(encode_event(line.event) for line in told.lines) + b"\n")
    return str(file)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(dunning, ["backtest", *arguments], catch_exceptions=False)


def test_the_comparison_is_printed(events: str) -> None:
    shown = run(events, "--policy", "standard", "--policy", "preset:recurly")
    assert shown.exit_code == 0
    assert "recovered (known)" in shown.stdout
    assert "When preset:recurly would have tried" in shown.stdout
    assert "The limit: Outcomes of attempts that never happened are not known." in shown.stdout


def test_the_figures_as_json(events: str) -> None:
    body = json.loads(run(events, "--policy", "standard", "--json", "--until", "2026-05-01T00:00:00Z").stdout)
    assert (body["facts"], body["recorded_outcomes"], body["bad_lines"]) == (4, 1, 0)
    (policy,) = body["policies"]
    assert (policy["recovered"], policy["known"], policy["recovered_amount"]) == (1, 1, {"EUR": 4900})


def test_page_and_picture_are_written(events: str, tmp_path: Path) -> None:
    page, picture = tmp_path / "page.html", tmp_path / "picture.svg"
    assert run(events, "--policy", "standard", "--html", str(page), "--svg", str(picture)).exit_code == 0
    assert picture.read_text("utf-8").startswith("<svg")
    assert "<svg" in page.read_text("utf-8")


def test_bad_lines_are_left_out_and_counted(events: str) -> None:
    number = len(Path(events).read_bytes().splitlines()) + 1
    with Path(events).open("ab") as file:
        file.write(b"{}\n")
    shown = run(events, "--policy", "standard")
    assert shown.exit_code == 0
    assert shown.stderr.splitlines() == [
        f"dunning: {events}:{number}: specversion: no CloudEvent: it has no `specversion`",
        f"dunning: {events}: 1 bad line left out",
    ]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--policy", "standard"], "name one source of events"),
        (["EVENTS", "--from-topics", "--policy", "standard"], "name one source of events"),
        (["EVENTS", "--policy", "preset:nope"], "no preset is called 'nope'; there are: accelerated"),
        (["EVENTS", "--policy", "standard", "--until", "tomorrow"], "--until: not an RFC 3339 time"),
        (["missing.jsonl", "--policy", "standard"], "missing.jsonl: cannot be read"),
        (["/dev/null", "--policy", "standard"], "holds no event that can be read"),
    ],
)
def test_wrong_usage_says_what_to_do(arguments: list[str], complaint: str, events: str) -> None:
    with pytest.raises(Misuse, match=complaint):
        run(*[events if argument == "EVENTS" else argument for argument in arguments])


def test_a_file_that_cannot_be_written(events: str, tmp_path: Path) -> None:
    with pytest.raises(Trouble, match="cannot be written"):
        run(events, "--policy", "standard", "--svg", str(tmp_path / "no" / "picture.svg"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--policy", "standard", "--html", "EVENTS"], "--html: .*events.jsonl is read by this run"),
        (["--policy", "standard", "--svg", "EVENTS"], "--svg: .*events.jsonl is read by this run"),
        (["--policy", "FILE", "--svg", "FILE"], "--svg: .*file is read by this run"),
        (
            ["--policy", "standard", "--charger", "FILE", "--html", "FILE"],
            "--html: .*file is read by this run",
        ),
        (
            ["--policy", "standard", "--html", "FILE", "--svg", "FILE"],
            "--svg: .*file is written by --html too",
        ),
    ],
)
def test_no_file_is_written_over_that_the_same_run_reads_or_writes(
    arguments: list[str], complaint: str, events: str, tmp_path: Path
) -> None:
    names = {"EVENTS": events, "FILE": str(tmp_path / "file")}
    before = Path(events).read_bytes()
    with pytest.raises(Misuse, match=complaint):
        run(events, *[names.get(argument, argument) for argument in arguments])
    assert Path(events).read_bytes() == before


def test_the_document_has_every_figure() -> None:
    text = (ROOT / "docs" / "backtest.md").read_text("utf-8")
    assert [name for name, says in FIGURES.items() if f"| `{name}` | {says} |" not in text] == []
