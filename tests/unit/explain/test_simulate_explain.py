"""`dunning simulate --explain`: the story in place of the events, and its price only for those who ask."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DUNNING_")}
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", *arguments],
        cwd=ROOT, env=clean, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture
def events(tmp_path: Path) -> str:
    lines = []
    for number in (1, 2):
        data = {
            "charge_id": f"c-{number}", "invoice_id": f"in-{number}", "account_id": "a",
            "subscription_id": f"s-{number}",
            "instrument_id": "card-1", "amount_minor": 100, "currency": "EUR",
            "decline": {"dialect": "stripe", "code": "insufficient_funds"},
        }  # fmt: skip
        event = {"specversion": "1.0", "id": f"e-{number}", "source": "t", "type": "charge.declined",
                 "time": "2026-02-02T09:00:00Z", "data": data}  # fmt: skip
        lines.append(json.dumps(event))
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(lines))
    return str(file)


def test_one_invoice_or_all(events: str) -> None:
    one = run("simulate", events, "--explain=in-2")
    assert (one.returncode, one.stderr) == (0, "")
    assert "Invoice in-2" in one.stdout
    assert "Invoice in-1" not in one.stdout
    every = run("simulate", events, "--explain")
    assert every.returncode == 0
    assert every.stdout.index("Invoice in-1") < every.stdout.index("Invoice in-2")
    assert '{"specversion"' not in every.stdout


def test_in_a_pipe_nothing_is_padded_and_an_event_stands_on_one_line(events: str) -> None:
    lines = run("simulate", events, "--explain=in-1").stdout.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    shown = [line.strip().split(" ", 1) for line in lines if line.startswith("    ") and "{" in line]
    assert [(kind, json.loads(data)["account_id"]) for kind, data in shown] == [
        ("payment_method.updated", "a"),
        ("payment_method.updated", "a"),
        ("invoice.closed", "a"),
    ]


def test_an_unknown_invoice_is_one_line_and_exit_code_1(events: str) -> None:
    answer = run("simulate", events, "--explain=in-9")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.count("\n") == 1
    assert "in-9" in answer.stderr


def test_where_no_case_was_opened_it_says_so(tmp_path: Path) -> None:
    data = {"invoice_id": "in-1", "account_id": "a", "subscription_id": "s-1", "amount_minor": 100,
            "currency": "EUR", "issued_at": "2026-02-02T09:00:00Z"}  # fmt: skip
    event = {"specversion": "1.0", "id": "e-1", "source": "t", "type": "invoice.issued",
             "time": "2026-02-02T09:00:00Z", "data": data}  # fmt: skip
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps(event))
    answer = run("simulate", str(file), "--explain")
    assert (answer.returncode, answer.stdout) == (0, "")
    assert answer.stderr == f"dunning: {file}: no case was opened; a case opens with a declined charge\n"


def test_explaining_twice_gives_the_same_bytes(events: str) -> None:
    assert run("simulate", events, "--explain").stdout == run("simulate", events, "--explain").stdout


def test_without_it_nothing_of_it_is_imported(events: str) -> None:
    code = (
        "import sys; from streams.cli.program import dunning; "
        f"dunning.main(['simulate', {events!r}], standalone_mode=False); "
        "sys.exit(sum(name.startswith(('dunning.explanation', 'dunning.backtest', 'rich')) for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 4


def test_the_reasons_are_printed_without_an_invoice() -> None:
    answer = run("explain", "--reasons")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout == (ROOT / "docs" / "reasons.md").read_text("utf-8")
