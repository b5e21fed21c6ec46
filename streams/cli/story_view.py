"""How a story is shown: a table for staff, and the text that may be read to the customer.

Rule: everything shown comes from the story; a narrow or missing terminal shortens nothing.
"""

import json
import re
import sys
from collections.abc import Sequence
from typing import TextIO, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dunning.explanation.remedies import Remedy
from dunning.explanation.story import Entry, Story
from dunning.explanation.wording import instant
from schemas.decisions import CaseChanged, RetryRequested

PIPED_WIDTH = 120  # columns; our choice


class _Trimmed:
    """Standard output that is no terminal: without the blanks that fill a terminal's lines."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.encoding = out.encoding  # by which the console chooses what it draws tables with

    def write(self, text: str) -> int:
        """Write; a console hands over whole lines."""
        return self._out.write(re.sub(r" +$", "", text, flags=re.MULTILINE))

    def flush(self) -> None:
        """Flush."""
        self._out.flush()


def new_console() -> Console:
    """Open standard output: as wide as the terminal, or `PIPED_WIDTH` and without padding where there is none."""
    if sys.stdout.isatty():
        return Console(soft_wrap=False, highlight=False)
    return Console(
        file=cast("TextIO", _Trimmed(sys.stdout)), width=PIPED_WIDTH, soft_wrap=False, highlight=False
    )


def show(story: Story, console: Console) -> None:
    """Print a story: the facts, what comes next, what would change it, and what may be read aloud."""
    console.print(Text(f"Invoice {story.invoice_id}", style="bold"))
    console.print(Text(_headline(story)))
    table = Table(show_edge=False, pad_edge=False, show_lines=False)
    table.add_column(f"when ({story.zone})", no_wrap=True)
    table.add_column("what happened, and why", overflow="fold")
    for entry in story.entries:
        table.add_row(_when(entry, story.zone), _what(entry))
    console.print(table)
    for remark in story.remarks:
        console.print(Text(f"Note: {remark}", style="dim"))
    _list(console, "What comes next", [Text(line) for line in story.next])
    _remedies(console, story.remedies)
    _list(console, "To read aloud", [Text(line) for line in story.aloud])
    console.print()


def _headline(story: Story) -> str:
    parts = [f"account {story.account_id}", f"subscription {story.subscription_id or 'unknown'}"]
    if story.state is not None:
        parts += [f"state {story.state}", f"open {story.balance}", f"policy {story.policy}"]
    else:
        parts.append("no case")
    if story.window_ends_at is not None:
        parts.append(f"window ends {instant(story.window_ends_at, story.zone)}")
    return ", ".join(parts)


def _when(entry: Entry, zone: str) -> str:
    return instant(entry.at, zone).removesuffix(f" {zone}")


def _what(entry: Entry) -> Text:
    text = Text(entry.says, style="bold" if entry.type == RetryRequested.TYPE else "")
    # What a case rests on was told with the decline that moved it; repeating it would hide what is new.
    for one in () if entry.type == CaseChanged.TYPE else entry.because:
        text.append(f"\n  {one.says}", style="not bold")
        text.append(f"  {one.id}{' (staff only)' if one.masked else ''}", style="dim not bold")
    return text


def _remedies(console: Console, remedies: Sequence[Remedy]) -> None:
    for number, remedy in enumerate(remedies):
        _list(console, "" if number else "What would change it", [Text(remedy.says)])
        if remedy.event_type is not None:
            text = Text(f"    {remedy.event_type} ", style="bold")
            text.append(json.dumps(remedy.data, ensure_ascii=False), style="dim not bold")
            console.print(text, soft_wrap=True)  # unbroken, so that it can be copied


def _list(console: Console, title: str, lines: Sequence[Text]) -> None:
    if not lines:
        return
    if title:
        console.print(Text(f"\n{title}", style="bold"))
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for line in lines:
        grid.add_row(" *", line)
    console.print(grid)
