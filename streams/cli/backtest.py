"""`dunning backtest`: recorded events under several policies. Rule: what is not known is shown as not known."""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from dunning.backtest.chart import as_html, as_svg
from dunning.backtest.comparison import LIMIT, LIMIT_OF_MODEL, Figures, as_data, figures_of
from dunning.backtest.recording import Recording, read_recording
from dunning.explanation.history import Told
from dunning.explanation.wording import counted
from dunning.simulation import Line
from schemas.commands import PoliciesSet
from schemas.envelope import Event
from schemas.events import InputData
from schemas.instants import moment
from streams.cli.backtest_view import rows_of, show
from streams.cli.inputs import BadLines, open_events, read_moment
from streams.cli.options import with_settings
from streams.cli.outputs import refuse_overwriting
from streams.cli.story_view import new_console
from streams.errors import Misuse, Trouble
from streams.lines import load_charger, read_lines
from streams.policies import load_named_policies
from streams.rules import load_rules
from streams.settings import Effective


@click.command()
@with_settings()
@click.argument("events", required=False, type=click.Path(path_type=Path))
@click.option(
    "--policy", "policy_files", multiple=True, required=True, metavar="FILE",
    help="policy file, `preset:NAME` or `standard`; give it once for each policy to compare",
)  # fmt: skip
@click.option("--charger", "charger_file", type=click.Path(path_type=Path), help="what answers the requests")
@click.option("--until", help="let the clock run on to this instant after the last event")
@click.option("--from-topics", is_flag=True, help="read the events from the journal instead of a file")
@click.option(
    "--html", "html_file", type=click.Path(path_type=Path), help="write tables and chart to this page"
)
@click.option("--svg", "svg_file", type=click.Path(path_type=Path), help="write the chart to this file")
@click.option("--json", "as_json", is_flag=True, help="print the figures as JSON")
def backtest(
    effective: Effective,
    *,
    events: Path | None,
    policy_files: tuple[str, ...],
    charger_file: Path | None,
    until: str | None,
    from_topics: bool,
    html_file: Path | None,
    svg_file: Path | None,
    as_json: bool,
) -> None:
    """Compare policies on recorded events: EVENTS is a JSONL file or `-`; or the journal, with --from-topics.

    Each policy decides about the same facts on a virtual clock. Outcomes of attempts that never happened are not
    known; they are taken as declined and counted apart, unless a charger file models them.
    """
    if (events is None) != from_topics:
        raise Misuse("backtest: name one source of events: a file, or --from-topics")
    inputs = [Path(name) for name in policy_files]
    inputs += [file for file in (events, charger_file) if file is not None and str(file) != "-"]
    refuse_overwriting({"--html": html_file, "--svg": svg_file}, inputs)
    files = [load_named_policies(name) for name in policy_files]
    charger = None if charger_file is None else load_charger(charger_file)
    ends_at = None if until is None else read_moment(until)
    bad_lines = BadLines(events or Path("the journal"))
    recording = read_recording(_journal(effective) if events is None else _lines(events, bad_lines))
    if recording.begins_at is None:
        raise Misuse(f"{events or 'the journal'}: holds no event that can be read; nothing to compare")
    rules = load_rules()
    policies = [
        figures_of(recording, file.name, file.content, rules, charger=charger, until=ends_at)
        for file in files
    ]
    limit = LIMIT if charger is None else LIMIT_OF_MODEL
    subtitle = _subtitle(recording, max(recording.ends_at, ends_at or 0))
    rows = rows_of(policies, is_modelled=charger is not None)
    if html_file is not None:
        _write(html_file, as_html(policies, rows, subtitle, limit))
    if svg_file is not None:
        _write(svg_file, as_svg(policies, subtitle))
    if as_json:
        _print_json(policies, recording, limit)
    else:
        show(policies, rows, subtitle, limit, new_console())
    bad_lines.sum_up("left out")


def _lines(path: Path, bad_lines: BadLines) -> list[Line]:
    with ExitStack() as stack:
        return list(read_lines(open_events(path, stack), refused=bad_lines))


def _journal(effective: Effective) -> list[Line]:
    """Read the journal; its own policies are left out, they are what is compared."""
    from streams.case_history import read_journal

    told = asyncio.run(read_journal(effective.settings))
    return [Line(one.at, cast("Event[InputData]", one.event)) for one in told if _is_input(one)]


def _is_input(told: Told) -> bool:
    return not isinstance(told.event.data, PoliciesSet)


def _subtitle(recording: Recording, ends_at: int) -> str:
    assert recording.begins_at is not None
    facts = counted(len(recording.facts), "fact")
    outcomes = counted(len(recording.outcomes), "outcome of a recorded retry", "outcomes of recorded retries")
    return (
        f"{facts} and {outcomes}, {moment(recording.begins_at):%Y-%m-%d} to {moment(ends_at):%Y-%m-%d} (UTC)"
    )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{path}: cannot be written ({error.strerror}); choose another place") from error


def _print_json(policies: Sequence[Figures], recording: Recording, limit: str) -> None:
    body: dict[str, Any] = {
        "facts": len(recording.facts),
        "recorded_outcomes": len(recording.outcomes),
        "bad_lines": recording.bad_lines,
        "limit": limit,
        "policies": [as_data(figures) for figures in policies],
    }
    click.echo(msgspec.json.format(msgspec.json.encode(body), indent=2))
