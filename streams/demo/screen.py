"""What a person sees while it runs: a live table, or plain lines. Rule: both show the same facts."""

from collections.abc import Iterator
from typing import Self

from rich import box
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.decisions import CaseState
from streams.demo.biller import CURRENCY
from streams.demo.pace import DAY_S, LAST_DAY, Calendar
from streams.demo.watcher import Tally

WIDTH = 110  # columns, where there is no terminal
STATUS_S = 4.0  # between two status lines without a terminal
_SHOWN_LINES = 16
_CASES_WIDTH, _BAR_WIDTH = 42, 16  # columns
_NARROWEST_TIMELINE = 74  # columns; below that it goes under the counts
_COUNTS_HEIGHT, _FEWEST_LINES = 28, 4  # lines
_LOWEST_BESIDE, _LOWEST_BELOW = 26, 34  # lines of a terminal; a lower one gets the counts in short
_WIDEST_PROGRESS = 24  # columns


class Screen:
    """Shows progress.

    Args:
        console: where to; a terminal gets a live table.
        title: the first line.
    """

    def __init__(self, console: Console, title: str) -> None:
        self.tally = Tally()
        self.calendar: Calendar | None = None  # set with the first bill
        self.lines: list[str] = []
        self._console = console
        self._title = title
        self._status_at_s = 0.0
        self._live = (
            Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None
        )

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live is not None:
            self._live.start()
        else:
            self._print(self._title)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the last picture where it is, with the whole timeline: what does not fit is scrolled."""
        if self._live is not None:
            self._live.update(self.picture(is_last=True))
            self._live.stop()

    def say(self, text: str) -> None:
        """Add a line to the timeline."""
        day = "         " if self.calendar is None else f"day {self.calendar.day:4.1f} "
        self.lines.append(f"{day} {text}")
        if self._live is None:
            self._print(self.lines[-1])
        self.refresh()

    def refresh(self) -> None:
        """Show the counts; without a terminal only every few seconds."""
        if self._live is not None:
            self._live.update(self.picture(), refresh=True)
        elif self.calendar is not None and self.calendar.elapsed_s - self._status_at_s >= STATUS_S:
            self._status_at_s = self.calendar.elapsed_s
            self._print(f"day {self.calendar.day:4.1f}    {status_line(self.tally)}")

    def picture(self, width: int | None = None, *, is_last: bool = False) -> RenderableType:
        """Draw the whole screen.

        Args:
            width: columns; as large as the console when left out.
            is_last: with the whole timeline, however high that gets.
        """
        size = self._console.size
        is_beside = (width or size.width) - _CASES_WIDTH >= _NARROWEST_TIMELINE
        is_low = width is None and size.height < (_LOWEST_BESIDE if is_beside else _LOWEST_BELOW)
        width = width or size.width
        head = self._head(width)
        counts: list[RenderableType] = [_cases(self.tally), _flows(self.tally)]
        if is_low:
            counts = [*_in_short(self.tally, width)]
            lines = max(_FEWEST_LINES, size.height - len(counts) - 4)  # head, frame, and the cursor's line
        elif is_beside:
            lines = _SHOWN_LINES
        else:
            lines = max(_FEWEST_LINES, min(_SHOWN_LINES, size.height - _COUNTS_HEIGHT))
        lines = max(lines, len(self.lines)) if is_last else lines
        if is_beside and not is_low:
            body = Table.grid(padding=(0, 1))
            body.add_row(Group(*counts), self._timeline(width - _CASES_WIDTH - 1, lines))
            return Group(head, body)
        return Group(head, *counts, self._timeline(width, lines))

    def _head(self, width: int) -> Table:
        elapsed_s = 0.0 if self.calendar is None else self.calendar.elapsed_s
        day = min(LAST_DAY, elapsed_s / DAY_S)
        told = f"day {day:.0f} of {LAST_DAY:.0f}"
        left = width - len(self._title) - len(told) - 4  # two gaps
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self._title, style="bold"),
            ProgressBar(total=LAST_DAY, completed=day, width=max(1, min(_WIDEST_PROGRESS, left))),
            told,
        )
        return head

    def _timeline(self, width: int, height: int) -> Panel:
        lines = Text("\n".join(line[: width - 4] for line in self.lines[-height:]))
        return Panel(lines, title="timeline", box=box.ROUNDED, height=height + 2, width=width)

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def status_line(tally: Tally) -> str:
    """Say all counts in one line."""
    states = ", ".join(f"{count} {state}" for state in CaseState if (count := tally.by_state[state]))
    requests, recovered = tally.requests.total(), money(tally.recovered_minor)
    return f"{states or 'no cases yet'}; {requests} requests; {recovered} recovered"


def money(amount_minor: int) -> str:
    """Write an amount as people read it."""
    return f"{CURRENCY} {amount_minor / 100:,.2f}"


def _cases(tally: Tally) -> Table:
    table = Table(
        box=box.SIMPLE_HEAD, title="cases", title_justify="left", width=_CASES_WIDTH, padding=(0, 1)
    )
    table.add_column("state", no_wrap=True)
    table.add_column("", justify="right", width=4)
    table.add_column("", width=_BAR_WIDTH, no_wrap=True)
    total = max(1, len(tally.states))
    for state in CaseState:
        count = tally.by_state[state]
        bar = Text(
            "█" * -(-count * _BAR_WIDTH // total), style="green" if state is CaseState.CLOSED else "cyan"
        )
        table.add_row(state, str(count), bar, style="" if count else "dim")
    return table


def _in_short(tally: Tally, width: int) -> Iterator[Text]:
    """Write the states that there are, and what flows, a line each."""
    total = max(1, len(tally.states))
    for state in CaseState:
        if count := tally.by_state[state]:
            yield Text(f" {state:10}{count:4} {'█' * -(-count * _BAR_WIDTH // total)}")
    for name, what in _facts(tally):
        line = Text(f" {name:10} {what}")
        line.truncate(width, overflow="ellipsis")
        yield line


def _flows(tally: Tally) -> Table:
    table = Table.grid(padding=(0, 1))
    table.width = _CASES_WIDTH
    for name, what in _facts(tally):
        table.add_row(f" {name}", what)
    return table


def _facts(tally: Tally) -> Iterator[tuple[str, str]]:
    reasons = ", ".join(f"{count} {reason}" for reason, count in tally.by_reason.most_common())
    requests = ", ".join(f"{count} {reason}" for reason, count in tally.requests.most_common())
    yield "closed as", reasons or "none yet"
    yield "requests", requests or "none yet"
    yield "recovered", money(tally.recovered_minor)
    yield "events", f"{tally.taken_in} in, {tally.written} out"
