"""The program's frame: exit codes, one-line errors, laziness."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import pytest
from click.testing import CliRunner

from streams.broker.background import Running
from streams.cli.program import COMMANDS, LazyCommands, dunning
from streams.errors import Misuse, Trouble
from streams.lines import load_charger
from streams.settings import Settings

ROOT = Path(__file__).parents[3]
SECRET = "hunter2"
FULL = Path("/dev/full")


def run(
    *arguments: str, stdout: int | IO[str] = subprocess.PIPE, **environ: str
) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DUNNING_")}
    return subprocess.run(
        [sys.executable, "-m", "streams.cli.main", *arguments],
        cwd=ROOT, env=clean | environ, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def test_help_lists_commands_on_standard_output() -> None:
    shown = run("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    for name in ("kafka", "topics", "config"):
        assert f"  {name} " in shown.stdout


def test_wrong_usage_is_exit_code_2_and_one_line() -> None:
    for arguments in (
        ["nope"],
        ["topics", "chek"],
        ["kafka", "start", "--port", "99999"],
        ["config", "--nope"],
        ["declines", "show"],
    ):
        answer = run(*arguments)
        assert (answer.returncode, answer.stdout) == (2, "")
        assert answer.stderr.startswith("dunning: ")
        assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [["explain", ""], ["explain", "in-1", "--account", ""]])
def test_an_empty_id_is_refused_before_a_broker_is_asked(arguments: list[str]) -> None:
    answer = run(*arguments, "--bootstrap", "127.0.0.1:9")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("dunning: explain: ")
    assert "is empty" in answer.stderr


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(
    "command", ["--version", "config", "policy check standard", "simulate docs/examples/first-case.jsonl"]
)
def test_a_full_disk_is_exit_code_1_and_one_line(command: str) -> None:
    with FULL.open("w") as full:
        answer = run(*command.split(), stdout=full)
    told = "dunning: output cannot be written: No space left on device\n"
    assert (answer.returncode, answer.stderr) == (1, told)


def test_a_wrong_setting_is_exit_code_2() -> None:
    answer = run("config", DUNNING_PARTITIONS="0")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "dunning: DUNNING_PARTITIONS: must be greater than or equal to 1 (it is '0')\n"


def test_config_shows_values_and_origins_but_no_secret() -> None:
    answer = run(
        "config", "--json", "--sasl-username", "u", "--security-protocol", "SASL_SSL",
        DUNNING_SASL_MECHANISM="PLAIN", DUNNING_SASL_PASSWORD=SECRET,
    )  # fmt: skip
    assert answer.returncode == 0
    shown = json.loads(answer.stdout)
    assert shown["sasl_username"] == {"value": "u", "from": "--sasl-username"}
    assert shown["sasl_mechanism"] == {"value": "PLAIN", "from": "DUNNING_SASL_MECHANISM"}
    assert shown["sasl_password"]["value"] == "********"
    assert shown["app_id"] == {"value": "dunning", "from": "default"}
    assert SECRET not in answer.stdout + answer.stderr
    assert SECRET not in run("config", DUNNING_SASL_PASSWORD=SECRET).stdout


@pytest.mark.parametrize(
    "command", ["topics check", "publish docs/examples/first-case.jsonl", "explain in-1"]
)
def test_no_broker_is_exit_code_1_and_one_line(command: str) -> None:
    answer = run(*command.split(), "--bootstrap", "127.0.0.1:1")
    assert (answer.returncode, answer.stdout) == (1, "")
    told = "dunning: cannot talk to Kafka at 127.0.0.1:1 (PLAINTEXT): [Errno 111] "
    assert answer.stderr.startswith(told)
    assert answer.stderr.count("\n") == 1


def test_status_without_a_broker(tmp_path: Path) -> None:
    answer = run("kafka", "status", "--json", "--state-dir", str(tmp_path))
    assert (answer.returncode, json.loads(answer.stdout)) == (1, {"running": False})
    answer = run("kafka", "stop", "--state-dir", str(tmp_path))
    assert (answer.returncode, answer.stdout) == (0, "no broker runs\n")


def test_deleting_data_needs_a_yes(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    answer = run("kafka", "stop", "--delete-data", "--state-dir", str(tmp_path))
    assert answer.returncode == 2
    assert "add --yes" in answer.stderr
    assert (tmp_path / "data").is_dir()
    answer = run("kafka", "stop", "--delete-data", "--yes", "--state-dir", str(tmp_path))
    assert answer.returncode == 0
    assert not (tmp_path / "data").exists()


def test_the_frame_imports_no_command_and_no_kafka() -> None:
    heavy = "('faust', 'aiokafka', 'pydantic', 'rich')"
    probe = f"import sys, streams.cli.program; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout == "[]\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_listed_can_be_imported(name: str) -> None:
    assert isinstance(dunning, LazyCommands)
    with dunning.make_context("dunning", [], resilient_parsing=True) as context:
        listed = name in dunning.list_commands(context)
        assert (dunning.get_command(context, name) is not None) is listed


def test_a_missing_file_is_told_before_a_broker_is_looked_for() -> None:
    answer = run("publish", "nowhere.jsonl", "--bootstrap", "127.0.0.1:1")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("dunning: nowhere.jsonl: ")
    assert answer.stderr.count("\n") == 1


def test_publish_counts_one_event_and_one_bad_line_as_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def acknowledge(_: object, lines: Iterable[object]) -> int:
        return sum(1 for _ in lines)

    monkeypatch.setattr("streams.cli.publish._publish", acknowledge)
    data = {"subscription_id": "s-1", "account_id": "a"}
    event = {"specversion": "1.0", "id": "e-1", "source": "t", "type": "subscription.ended",
             "time": "2026-02-02T09:00:00Z", "data": data}  # fmt: skip
    file, good = tmp_path / "e.jsonl", json.dumps(event)
    file.write_text(f"{good}\nbad\n")
    shown = CliRunner().invoke(dunning, ["publish", str(file), "--skip-bad"])
    assert (shown.exit_code, shown.stdout) == (0, "1 event published, 1 bad line skipped\n")
    file.write_text(f"{good}\nbad\nbad\n{good}\n")
    shown = CliRunner().invoke(dunning, ["publish", str(file), "--skip-bad"])
    assert (shown.exit_code, shown.stdout) == (0, "2 events published, 2 bad lines skipped\n")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- {match: {before: 2026-02-31}, outcome: succeeded}", ":1: the file: no YAML: day is out of range"),
        ("[" * 5_000, ":1: the file: is nested too deeply; is it a charger file?"),
        ("- outcome: \x01", ":1: the file: no YAML: special characters are not allowed"),
        ("- outcome: succeeded\n- {", ":3: the file: no YAML"),
    ],
)
def test_a_charger_that_is_no_yaml_is_refused_in_one_line(tmp_path: Path, text: str, told: str) -> None:
    charger, events = tmp_path / "c.yaml", tmp_path / "e.jsonl"
    charger.write_text(text + "\n")
    events.write_text("")
    answer = run("simulate", str(events), "--charger", str(charger))
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"dunning: {charger}{told}")
    assert answer.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("rules", "where"),
    [
        ("- {outcome: none}\n\n- match: {attempt: 0}\n  outcome: none\n", "3: rule 2, match.attempt: "),
        ("# answers\n- {outcome: declined}\n", "2: rule 1, decline: "),
        ("a: 1\n", "1: the file: is no list of rules; begin each rule with a hyphen: - {outcome: none}"),
        ("", "1: the file: holds no rules; write at least one: - {outcome: none}"),
        ("- {outcome: none,\n   outcome: succeeded}\n", "2: rule 1, outcome: is written twice; remove one"),
        ("- match: {}\n  outcome: wins", "2: rule 1, outcome: 'wins' is not known"),
        ("- &rule\n  match: *rule", "2: rule 1, match: an alias that holds itself, or too many of them;"),
        (
            "- {outcome: none}\n- &all [*all]",
            "2: rule 2, 0: an alias that holds itself, or too many of them;",
        ),
        (
            "- {match: {invoice: x}, outcome: none}\n",
            "1: rule 1, match.invoice: unknown key (did you mean invoice_id?); there are: instrument_id, invoice_id,",
        ),
        (
            "- {outcom: none, outcome: none}",
            "1: rule 1, outcom: unknown key (did you mean outcome?); there are: match",
        ),
        (
            "- {match: {before: yesterday}, outcome: none}",
            "1: rule 1, match.before: 'yesterday' is no instant with an offset; write it like 2026-12-01T00:00:00Z",
        ),
        (
            "- {match: {after: 2026-12-01}, outcome: none}",
            "1: rule 1, match.after: '2026-12-01' is no instant with",
        ),
        ("- {outcome: wins}", "1: rule 1, outcome: 'wins' is not known; one of 'none', 'succeeded'"),
        ("- none", "1: rule 1: is no mapping; write {key: value}"),
        (
            "- {match: {invoice_id: 7}, outcome: none}",
            "1: rule 1, match.invoice_id: input should be a valid string; got 7",
        ),
    ],
)
def test_a_wrong_rule_of_a_charger_is_named_by_its_number_and_line(
    tmp_path: Path, rules: str, where: str
) -> None:
    charger = tmp_path / "c.yaml"
    charger.write_text(rules)
    with pytest.raises(Misuse) as caught:
        load_charger(charger)
    assert str(caught.value).startswith(f"{charger}:{where}")
    assert "\n" not in str(caught.value)


def test_every_mistake_of_a_charger_is_told_in_a_line_of_its_own(tmp_path: Path) -> None:
    charger = tmp_path / "c.yaml"
    charger.write_text("- {outcome: wins}\n- {match: {attempt: 0}}\n")
    with pytest.raises(Misuse) as caught:
        load_charger(charger)
    lines = [line.removeprefix(f"{charger}:").partition(":")[0] for line in str(caught.value).splitlines()]
    assert lines == ["1", "2", "2"]


def test_help_shows_a_commands_own_options_first_and_what_the_others_take() -> None:
    shown = run("replay", "--help").stdout
    assert shown.index("--state") < shown.index("--bootstrap")
    assert "--log-format auto|console|json" in shown
    assert "--partitions NUMBER" in run("topics", "create", "--help").stdout


def test_every_setting_is_a_flag_of_the_worker_unless_it_is_a_secret() -> None:
    shown = run("worker", "--help").stdout
    flags = {f"--{name.replace('_', '-')}" for name in Settings.model_fields if "password" not in name}
    assert flags <= set(re.findall(r"--[a-z-]+", shown))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_stopped_while_it_starts_has_done_as_it_was_told(
    number: signal.Signals, tmp_path: Path
) -> None:
    file = tmp_path / "policies.yaml"
    os.mkfifo(file)  # who reads it waits for a writer
    command = [sys.executable, "-m", "streams.cli.main", "worker", "--policy-file", str(file)]
    worker = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        writer = _opened_for_a_reader(file, limit_s=30)
        worker.send_signal(number)
        shown = worker.communicate(timeout=30)
        os.close(writer)
    finally:
        worker.kill()
    assert (worker.returncode, *shown) == (0, "", "dunning: stopped before it had started\n")


@pytest.mark.parametrize(
    ("number", "command", "expected"),
    [
        (signal.SIGTERM, "worker", (0, "dunning: stopped before it had started\n")),
        (signal.SIGINT, "intake", (0, "dunning: stopped before it had started\n")),
        (signal.SIGINT, "config", (1, "dunning: interrupted\n")),
    ],
)
def test_a_stop_is_minded_before_anything_slow_is_imported(
    number: signal.Signals, command: str, expected: tuple[int, str], tmp_path: Path
) -> None:
    (tmp_path / "click.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\n")
    answer = run(command, PYTHONPATH=str(tmp_path))
    assert (answer.returncode, answer.stderr) == expected


def _opened_for_a_reader(file: Path, limit_s: float) -> int:
    """Open a pipe for writing as soon as somebody reads it."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            return os.open(file, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_simulate_says_what_is_wrong_with_the_first_bad_lines_and_counts_them_all(tmp_path: Path) -> None:
    events = tmp_path / "e.jsonl"
    events.write_text("{}\n" * 11 + "4111111111111111\n")
    answer = run("simulate", str(events))
    told = answer.stderr.splitlines()
    assert (answer.returncode, len(told)) == (0, 11)
    assert told[0].startswith(f"dunning: {events}:1: ")
    assert told[-1] == f"dunning: {events}: 12 bad lines set aside as dead letters, the first 10 told above"
    events.write_text("4111111111111111\n")
    assert "411111111111" not in run("simulate", str(events)).stderr


def test_simulate_says_what_explain_took_as_the_invoice() -> None:
    answer = run("simulate", "--explain", "e.jsonl")
    assert (answer.returncode, answer.stderr.count("\n")) == (2, 1)
    assert (
        "Missing argument 'EVENTS': --explain took 'e.jsonl' as the invoice; write --explain last"
        in answer.stderr
    )


def test_simulate_tells_what_is_doubtful_about_a_policy_and_goes_on(tmp_path: Path) -> None:
    policy, events = tmp_path / "p.yaml", tmp_path / "e.jsonl"
    policy.write_text("policies:\n  standard:\n    window: {length: 10}\n    ladder: {steps: [1, 20]}\n")
    events.write_text("")
    answer = run("simulate", str(events), "--policy", str(policy))
    assert (answer.returncode, answer.stdout) == (0, "")
    assert answer.stderr.startswith(f"dunning: {policy}:4: policies.standard.ladder.steps[1]: ")


def test_one_decline_is_looked_up_with_all_that_came_with_it() -> None:
    shown = run(
        "declines", "show", "mastercard", "05", "--advice-code", "27", "--advice-dialect", "mastercard"
    )
    assert shown.stdout.splitlines()[0] == "retry_later: tried again on the policy's ladder"
    assert "  mastercard.mac.27: Mastercard answered with advice code 27: retry after 4 days" in shown.stdout
    assert shown.stdout.endswith("  wait: nothing is sent on this card within 96 hours of the attempt\n")
    shown = run("declines", "show", "stripe", "generic_decline", "--network", "visa", "--network-code", "43")
    assert shown.stdout.startswith("never: ")
    assert "engine.precedence" in shown.stdout


def test_a_profile_of_rules_is_written_as_in_the_policy_file() -> None:
    for profile in ("current", "strict", "none"):
        assert run("declines", "show", "visa", "51", "--rules", profile).returncode == 0
    assert "'current', 'strict', 'none'" in run("declines", "show", "visa", "51", "--rules", "x").stderr


def test_a_network_without_a_list_is_told_with_the_one_that_may_be_meant() -> None:
    arguments = ("declines", "show", "stripe", "generic_decline", "--network-code", "43", "--network")
    told = run(*arguments, "visaa").stderr
    assert told == "dunning: --network visaa: no list of codes is of this network (did you mean visa?)\n"
    assert run(*arguments, "Visa").stderr == run(*arguments, "mc").stderr == ""


def test_a_mistyped_kafka_home_starts_no_other_kafka(tmp_path: Path) -> None:
    answer = run("kafka", "start", "--state-dir", str(tmp_path), DUNNING_KAFKA_HOM="/opt/kafka")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "did you mean DUNNING_KAFKA_HOME?" in answer.stderr


def test_a_broker_that_runs_on_another_port_than_asked_for_is_no_success(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    record = Running(pid=7, started_at_s=0.0, bootstrap="127.0.0.1:9092", java="java", jars="jars")
    monkeypatch.setattr("streams.cli.kafka.BackgroundKafka.start", lambda *_: (record, False))
    for asked in ([], ["--port", "9092"]):
        assert CliRunner().invoke(dunning, ["kafka", "start", *asked]).exit_code == 0
    with pytest.raises(Trouble, match=r"already runs at 127\.0\.0\.1:9092 \(pid 7\), not on port 9093"):
        CliRunner().invoke(dunning, ["kafka", "start", "--port", "9093"], catch_exceptions=False)


def test_a_preset_goes_by_its_name_where_a_policy_file_does(tmp_path: Path) -> None:
    events = "docs/examples/first-case.jsonl"
    file = tmp_path / "polar.yaml"
    file.write_text(run("policy", "presets", "--show", "polar").stdout)
    by_name, by_file = (run("simulate", events, "--policy", each) for each in ("preset:polar", str(file)))
    assert by_name.returncode == 0
    assert "polar@" in by_name.stdout
    assert by_name.stdout == by_file.stdout
    answer = run("worker", "--policy-file", "preset:pollar", "--bootstrap", "127.0.0.1:1")
    assert (answer.returncode, "no preset is called 'pollar'" in answer.stderr) == (2, True)


def test_a_code_that_nobody_listed_says_so() -> None:
    shown = run("declines", "show", "stripe", "made_up")
    assert (shown.returncode, shown.stdout.partition(":")[0]) == (0, "retry_later")
    assert "engine.unknown_code" in shown.stdout


def test_a_decline_is_looked_up_at_an_instant() -> None:
    answer = run("declines", "show", "stripe", "lost_card", "--at", "yesterday")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith("dunning: --at: not an RFC 3339 time")
