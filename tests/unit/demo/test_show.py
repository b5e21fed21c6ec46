"""What people see, and what becomes of the processes."""

import io
import signal
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from rich.console import Console

from schemas.decisions import CaseState
from schemas.pages import encode_event
from schemas.writing import written_event
from streams.cli.demo import demo
from streams.demo.conductor import Order, kept
from streams.demo.crew import Crew, Hand, environment
from streams.demo.life import life_of, most_telling, spoken
from streams.demo.pace import Calendar
from streams.demo.report import report, save_picture
from streams.demo.screen import Screen, status_line
from streams.demo.verdict import judge
from streams.demo.watcher import Tally
from streams.errors import Misuse, Trouble
from streams.settings import Settings, load_settings
from tests.demo_evidence import SmallWorld


def tally_of(world: SmallWorld) -> Tally:
    tally = Tally()
    for told in world.evidence.journal:
        tally.add(told.event.type, encode_event(told.event))
    for event in world.evidence.written:
        tally.add(event.type, written_event(event.type, event.id, event.time, event.data))
    return tally


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_counts_follow_the_topics(world: SmallWorld) -> None:
    tally = tally_of(world)
    assert (tally.open_cases, tally.by_reason["paid"], tally.requests.total()) == (0, 1, 3)
    assert tally.recovered_minor == 1_900
    assert tally.taken_in == len(world.evidence.journal)
    assert status_line(tally) == "1 closed; 3 requests; EUR 19.00 recovered"


def test_without_a_terminal_each_line_is_plain_and_comes_once(world: SmallWorld) -> None:
    console = Console(file=io.StringIO(), width=110)
    with Screen(console, "the title") as screen:
        screen.tally = tally_of(world)
        screen.say("before the first bill")
        screen.calendar = Calendar()
        screen.say("after it")
        screen.refresh()
    assert printed(console).splitlines() == [
        "the title",
        "          before the first bill",
        "day  0.0  after it",
    ]


@pytest.mark.parametrize("width", [80, 130])
def test_a_terminal_shows_states_and_timeline(world: SmallWorld, width: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=40, force_terminal=True, color_system=None)
    with Screen(console, "the title") as screen:
        screen.tally = tally_of(world)
        screen.say("something happened")
    shown = printed(console)
    for word in ("the title", "closed", "1 paid", "EUR 19.00", "something happened"):
        assert word in shown
    assert max(len(line) for line in shown.split("\x1b[2K")[-1].splitlines()) <= width


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 33), (130, 24), (130, 30)])
def test_every_picture_fits_into_the_terminal_and_the_last_one_has_the_whole_timeline(
    world: SmallWorld, width: int, height: int
) -> None:
    console = Console(file=io.StringIO(), width=width, height=height, force_terminal=True, color_system=None)
    title = "dunning demo: 300 subscriptions, 42 days in 38 seconds"
    with Screen(console, title) as screen:
        screen.tally = tally_of(world)
        screen.tally.states.update({f"x-{state}": state for state in CaseState})
        for number in range(40):
            screen.say(f"line {number} of the timeline")
        drawn = console.render_lines(screen.picture(), pad=False)
        newest = "".join(part.text for line in drawn[-3:] for part in line)
    last = printed(console).split("\x1b[2K")[-1]
    assert len(drawn) < height
    assert "line 39 of" in newest
    assert title in last.splitlines()[0]
    assert [f"line {number} of" for number in range(40) if f"line {number} of" not in last] == []


def test_a_life_is_told_from_the_first_decline_to_the_end(world: SmallWorld) -> None:
    assert most_telling(world.evidence) == "in-1"
    story = life_of(world.evidence, "in-1")
    assert story is not None
    lines = list(spoken(story))
    text = " ".join(line.what for line in lines)
    for word in ("insufficient_funds", "card-2", "Attempt 3", "paid"):
        assert word in text
    assert "engine.restart.instrument_bound" in " ".join(line.rules for line in lines)
    assert life_of(world.evidence, "in-2") is None


def test_a_fault_is_shown_with_its_invoice(world: SmallWorld, tmp_path: Path) -> None:
    evidence = world.evidence
    world.charges.append(evidence.charges[-1])
    world.written.append(evidence.requests[0])
    console = Console(file=io.StringIO(), width=110)
    told = report(judge(world.evidence), "the life of in-1", ())
    console.print(told)
    assert "A PROMISE WAS BROKEN" in printed(console)
    assert "in-1/1: requested 2 times" in printed(console)
    picture = tmp_path / "demo.svg"
    save_picture(picture, "demo", told)
    drawn = picture.read_text()
    assert "requested&#160;2&#160;times" in drawn
    assert drawn.count("http") == 1, "the picture loads something"  # the name of SVG itself


@pytest.mark.parametrize(("holds", "exit_code"), [(True, 0), (False, 1)])
def test_the_exit_code_is_the_verdict(
    holds: bool, exit_code: int, monkeypatch: pytest.MonkeyPatch
) -> None:  # a parameter
    monkeypatch.setattr("streams.demo.conductor.run_demo", lambda *_: holds)
    assert CliRunner().invoke(demo, []).exit_code == exit_code


def test_a_picture_that_cannot_be_written_is_refused_before_the_show(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("streams.demo.conductor.run_demo", lambda _, __: True)
    with pytest.raises(Misuse, match=r"--svg: .*: there is no folder"):
        CliRunner().invoke(demo, ["--svg", str(tmp_path / "no" / "x.svg")], catch_exceptions=False)
    assert CliRunner().invoke(demo, ["--svg", str(tmp_path / "x.svg")]).exit_code == 0
    assert not (tmp_path / "x.svg").exists()


def test_what_is_kept_is_told_with_the_settings_that_it_has(tmp_path: Path) -> None:
    settings = Settings(bootstrap="127.0.0.1:26176", partitions=4, replication=1)
    order = Order(settings=Settings(), is_embedded=True, subscriptions=20, seed=1, keep=True, picture=None)
    assert kept(order, settings, tmp_path).splitlines()[1:] == [
        f"  dunning kafka start --state-dir {tmp_path / 'kafka'} --port 26176",
        "  export DUNNING_BOOTSTRAP=127.0.0.1:26176 DUNNING_REPLICATION=1 DUNNING_PARTITIONS=4",
    ]


def test_children_read_the_settings_that_we_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUNNING_LOG_LEVEL", "debug")
    settings = Settings(
        app_id="x",
        security_protocol="SASL_SSL",
        sasl_mechanism="PLAIN",
        sasl_username="u",
        sasl_password=SecretStr("hunter2"),
        card_number_exempt_fields=("charge_id", "key"),
        log_level="error",
    )
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings().settings == settings


async def test_a_process_that_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    crew = Crew(Settings(), tmp_path)
    hand = crew.hire("worker 9", "streams.cli.main", "nope")
    try:
        with pytest.raises(
            Trouble, match=rf"^worker 9 \(pid {hand.pid}\) ended with exit code 2; its log ends:\n"
        ):
            await crew.until_ready(hand)
    finally:
        crew.bury_all()


def test_every_process_is_ended(tmp_path: Path) -> None:
    crew = Crew(Settings(), tmp_path)
    hands = [crew.hire(f"sleeper {number}", "http.server", "--bind", "127.0.0.1", "0") for number in (1, 2)]
    hands[0].dismiss(signal.SIGKILL)
    crew.check()  # one that was dismissed is no surprise
    crew.bury_all()
    assert [hand.exit_code for hand in hands] == [-signal.SIGKILL, -signal.SIGKILL]
    assert not any(psutil.pid_exists(hand.pid) for hand in hands)
    assert isinstance(hands[0], Hand)
