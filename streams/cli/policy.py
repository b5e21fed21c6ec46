"""`dunning policy`: check a policy file, see what it would do. Rule: what is shown is the core's own plan."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.table import Table

from dunning.policy import LadderAnchor, Policy, WindowAnchor
from dunning.policy_plan import Plan, PlanKind, PlanPoint, plan_of
from schemas.instants import Instant, micros, moment
from schemas.invoices import TimeZone
from schemas.money import Currency
from schemas.time_zones import time_zone
from streams.errors import Misuse
from streams.policies import PolicyFileError, load_named_policies, presets, read_policy_text

EXAMPLE_ISSUED_AT = "2026-03-20T09:00:00Z"  # before the clocks change in Europe, so that the plan shows it
EXAMPLE_AMOUNT_MINOR = 4_900
TIMELINE_WIDTH = 64  # columns; fits into 80 with its frame
NARROWEST, PIPED_WIDTH = 60, 100  # columns


@click.group()
def policy() -> None:
    """Check a policy file, or look at those that come with the engine."""


@policy.command(short_help="Check FILE, and print the plan of one example invoice.")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--issued-at", default=EXAMPLE_ISSUED_AT, show_default=True, help="invoice date of the example")
@click.option("--time-zone", default="UTC", show_default=True, help="IANA time zone of the example")
@click.option("--currency", default="EUR", show_default=True, help="currency of the example")
@click.option("--json", "as_json", is_flag=True, help="print the plans as JSON")
def check(file: Path, issued_at: str, time_zone: str, currency: str, *, as_json: bool) -> None:
    """Check FILE, and print the plan of one example invoice for each of its policies.

    FILE is a policy file (`-`: standard input), `preset:NAME` or `standard`. If it is refused: exit code 2, and a line
    for each problem. Warnings go to standard error.
    """
    issued = micros(_checked(Instant, _moment_of(issued_at), "--issued-at", issued_at))
    zone = str(_checked(TimeZone, time_zone, "--time-zone", time_zone))
    money = str(_checked(Currency, currency, "--currency", currency))
    try:
        read = (
            read_policy_text(click.get_text_stream("stdin", encoding="utf-8").read(), "standard input")
            if str(file) == "-"
            else load_named_policies(str(file))
        )
    except PolicyFileError as error:
        # Each line names the file first, so that editors can jump there; `main` would put our name before it.
        click.echo(str(error), err=True)
        click.get_current_context().exit(error.exit_code)
    plans = [plan_of(each, issued, zone) for each in read.policies.policies.values()]
    chosen, why = read.policies.choose(
        named=None,
        currency=money,
        labels={},
        instrument_type="card",
        country=None,
        amount_minor=EXAMPLE_AMOUNT_MINOR,
    )
    if as_json:
        body = {
            "file": read.name,
            "warnings": list(read.located()),
            "chosen": {"policy": chosen.ref, "why": list(why)},
            "plans": [_as_data(plan) for plan in plans],
        }
        click.echo(json.dumps(body, indent=2))
        return
    for line in read.located():
        click.echo(f"warning: {line}", err=True)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(width=PIPED_WIDTH, highlight=False)
    for plan in plans:
        _show(plan, console)
    count = f"{len(plans)} {'policy' if len(plans) == 1 else 'policies'}"
    warnings = f"{len(read.problems) or 'no'} {'warning' if len(read.problems) == 1 else 'warnings'}"
    console.print(
        f"{read.name}: {count}, {warnings}. An invoice in {money}, charged on a card and without labels, "
        f"follows {chosen.name} ({', '.join(why)}).",
        soft_wrap=True,
        markup=False,
    )


@policy.command("presets", short_help="List the policy files that come with the engine.")
@click.option("--show", "name", help="print the file of one preset")
@click.option("--json", "as_json", is_flag=True, help="print the list as JSON")
def list_presets(name: str | None, *, as_json: bool) -> None:
    """List the policy files that come with the engine, or print one to start from."""
    known = presets()
    if name is not None:
        if name not in known:
            raise Misuse(f"no preset is called {name!r}; there are: {', '.join(known)}")
        click.echo(known[name].read_text(encoding="utf-8"), nl=False)
        return
    rows = {each: _headline(file.read_text(encoding="utf-8")) for each, file in known.items()}
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    width = max(map(len, rows))
    for each, headline in rows.items():
        click.echo(f"{each:{width}}  {headline}")


def plan_lines(plan: Plan) -> Iterator[str]:
    """Write a plan as plain lines: local time, then what happens; docs/policies.md states its plans so."""
    for point in plan.points:
        yield f"{_local(point.at, plan.zone):%a %Y-%m-%d %H:%M %z}  {_what(point)}"
    if plan.outside:
        yield f"never: rung {', '.join(map(str, plan.outside))} (after the window)"


_SIGNS = {PlanKind.CLOSING_NOTICE: "!", PlanKind.SKIPPED_RUNG: "x"}
_LEGEND = {"!": "notice window_closing", "x": "skipped rung", "*": "several at once"}


def timeline(plan: Plan, width: int = TIMELINE_WIDTH) -> tuple[str, str]:
    """Draw a plan as two lines of text: marks, and days since the invoice date below them.

    A digit is a rung, and what else is drawn says `_LEGEND`; stages may lie behind the window and are left out.
    """
    span = plan.ends_at - plan.issued_at
    marks = ["-"] * width
    for point in plan.points:
        if point.kind in _SIGNS or point.kind is PlanKind.RUNG:
            column = min(max(1 + (point.at - plan.issued_at) * (width - 2) // span, 1), width - 2)
            sign = _SIGNS.get(point.kind) or str((point.number or 0) % 10)
            marks[column] = sign if marks[column] == "-" else "*"
    marks[0], marks[-1] = "[", "]"
    day = 24 * 3_600_000_000
    last = f"{span / day:.3g} d"
    middle = f"{span / day / 2:.3g}"
    scale = list("0" + " " * (width - 1))
    scale[width // 2 : width // 2 + len(middle)] = middle
    scale[width - len(last) :] = last
    return "".join(marks), "".join(scale)


def _show(plan: Plan, console: Console) -> None:
    policy = plan.policy
    table = Table(title=policy.ref, title_justify="left", title_style="bold")
    for column in ("rung", f"local time ({plan.zone})", "UTC", "what"):
        table.add_column(column, no_wrap=column != "what")
    for point in plan.points:
        style = {PlanKind.RUNG: "bold", PlanKind.SKIPPED_RUNG: "dim"}.get(point.kind)
        table.add_row(
            str(point.number or ""),
            f"{_local(point.at, plan.zone):%a %Y-%m-%d %H:%M:%S}",
            f"{moment(point.at):%Y-%m-%dT%H:%M:%SZ}",
            _what(point),
            style=style,
        )
    for number in plan.outside:
        table.add_row(str(number), "-", "-", f"rung {number}: never, it is after the window", style="dim")
    console.print(table)
    if console.width >= NARROWEST:
        marks, scale = timeline(plan, min(TIMELINE_WIDTH, console.width - 2))
        for line in (marks, scale, *_legend(marks)):
            console.print(line, markup=False)
    for line in _remarks(policy):
        console.print(line, markup=False, soft_wrap=True)
    console.print()


def _legend(marks: str) -> Iterator[str]:
    told = [f"{sign} {meaning}" for sign, meaning in _LEGEND.items() if sign in marks]
    if told:
        yield ", ".join(told)


def _remarks(policy: Policy) -> Iterator[str]:
    if policy.technical:
        gaps = ", ".join(str(_in_words(gap.plain())) for gap in policy.technical)
        yield f"technical declines first: {gaps}, each from the attempt before"
    if (
        policy.ladder_anchor is not LadderAnchor.INVOICE_DATE
        or policy.window_anchor is not WindowAnchor.INVOICE_DATE
    ):
        yield "the first charge is taken to fail at the invoice date"
    if policy.never_close_after is not None:
        close = _in_words(policy.never_close_after.plain())
        yield f"a `never` or fraud decline closes the case after {close}, unless another instrument is bound"


def _in_words(duration: int | str) -> str:
    return f"{duration} d" if isinstance(duration, int) else duration


def _what(point: PlanPoint) -> str:
    match point.kind:
        case PlanKind.FIRST_CHARGE:
            return "invoice date, first charge declined"
        case PlanKind.RUNG:
            return f"rung {point.number}: attempt"
        case PlanKind.SKIPPED_RUNG:
            return f"rung {point.number}: skipped, within min_gap of the attempt before"
        case PlanKind.CLOSING_NOTICE:
            return "notice window_closing"
        case PlanKind.WINDOW_END:
            return "the window ends"
        case PlanKind.STAGE:
            return f"stage {point.stage}"


def _as_data(plan: Plan) -> dict[str, Any]:
    points = [
        {
            "kind": point.kind.value,
            "at": f"{moment(point.at).isoformat().removesuffix('+00:00')}Z",
            "local": _local(point.at, plan.zone).isoformat(),
            "rung": point.number,
            "stage": point.stage,
        }
        for point in plan.points
    ]
    return {
        "policy": plan.policy.ref,
        "time_zone": plan.zone,
        "points": points,
        "outside": list(plan.outside),
        "content": _shortened(dict(plan.policy.content)),
    }


def _shortened(content: dict[str, Any]) -> dict[str, Any]:
    """Leave out the hundreds of days off; their source stays."""
    days = content.get("business_days")
    if days and days.get("resolved"):
        resolved = {key: value for key, value in days["resolved"].items() if key != "dates"}
        content["business_days"] = {**days, "resolved": resolved}
    return content


def _local(at: int, zone: str) -> datetime:
    return moment(at).astimezone(time_zone(zone))


def _moment_of(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _checked(kind: Any, value: object, option: str, given: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise Misuse(f"{option} {given!r}: {message}") from None


def _headline(text: str) -> str:
    """Take the first sentence of the comment at the head of a preset."""
    comment = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
    return comment.partition(". ")[0].rstrip(".") + "."
