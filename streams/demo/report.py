"""The end of the demo on paper: verdict, figures, one life. Rule: a fault is shown with its invoice."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.terminal_theme import MONOKAI
from rich.text import Text

from dunning.explanation.wording import counted
from streams.demo.checks import Check
from streams.demo.life import Line
from streams.demo.verdict import Verdict

PICTURE_WIDTH = 120  # columns
_SHOWN_FAULTS = 5  # of each check


def report(verdict: Verdict, life_title: str, life: Sequence[Line]) -> RenderableType:
    """Draw the verdict, its figures, and the life of one invoice."""
    holds = verdict.holds
    word = "every promise was kept" if holds else "A PROMISE WAS BROKEN"
    head = Text(f"Verdict: {word}", style="bold green" if holds else "bold red")
    parts: list[RenderableType] = [head, _checks(verdict.checks), _figures(verdict)]
    if life:
        parts.append(Panel(_life(life), title=life_title, title_align="left", box=box.ROUNDED))
    return Group("", *(part if part is head else Padding(part, (1, 0, 0, 0)) for part in parts))


def _checks(checks: Sequence[Check]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", width=5)
    for check in checks:
        style = "bold red" if check.faults else ""
        table.add_row(str(len(check.faults)), check.promise, style=style)
        for fault in check.faults[:_SHOWN_FAULTS]:
            table.add_row("", f"  {fault}", style="red")
        if len(check.faults) > _SHOWN_FAULTS:
            table.add_row("", f"  and {len(check.faults) - _SHOWN_FAULTS} more", style="red")
    return table


def _figures(verdict: Verdict) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_row("cases", _counted(verdict.outcomes))
    table.add_row("requests", _counted(verdict.requests))
    table.add_row("notices", _counted(verdict.notices))
    table.add_row("told twice", f"{verdict.told_twice} input events, without effect")
    table.add_row(
        "unreported",
        f"{counted(verdict.unreported, 'invoice was', 'invoices were')} charged, but the engine was never told",
    )
    if (latency := verdict.latency) is not None:
        waited = f"; {latency.waited} more waited for an answer first" if latency.waited else ""
        table.add_row(
            "bind to request",
            f"median {latency.median_ms:.0f} ms, p99 {latency.p99_ms:.0f} ms, seen by the executor "
            f"({latency.count} restarts{waited})",
        )
    rate = verdict.rate
    table.add_row(
        "events",
        f"{rate.taken_in} in, {rate.written} out in {rate.seconds:.0f} s: {rate.per_second:.0f} a second, "
        f"{rate.busiest} in the busiest one (the story's pace, not the limit: `make bench`)",
    )
    return table


def _life(lines: Sequence[Line]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in lines:
        text = Text(line.what)
        if line.rules:
            text.append(f"  {line.rules}", style="dim")
        table.add_row(line.when, text)
    return table


def _counted(counts: Mapping[str, int]) -> str:
    parts = ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda one: -one[1]))
    return f"{sum(counts.values())}: {parts}" if counts else "0"


def save_picture(path: Path, title: str, *parts: RenderableType) -> None:
    """Write a screen as an SVG file that loads nothing from elsewhere.

    Raises:
        OSError: the file cannot be written.
    """
    with io.StringIO() as nowhere:
        console = Console(
            record=True, width=PICTURE_WIDTH, force_terminal=True, color_system="truecolor", file=nowhere
        )
        for part in parts:
            console.print(part)
    path.write_text(
        console.export_svg(title=title, theme=MONOKAI, code_format=_SVG, unique_id="demo"), "utf-8"
    )


# Rich's own frame fetches its font from a server; this one takes what the reader has.
_SVG = """\
<svg class="{unique_id}" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px; line-height: {line_height}px; font-variant-east-asian: full-width; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
