"""What a person sees while it runs: a live table, or plain lines. Rule: both show the same facts."""

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
        """Leave the last picture where it is."""
        if self._live is not None:
            self.refresh()
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

    def picture(self, width: int | None = None) -> RenderableType:
        """Draw the whole screen, as wide as the console unless `width` columns are asked for."""
        width = width or self._console.width
        elapsed_s = 0.0 if self.calendar is None else self.calendar.elapsed_s
        day = min(LAST_DAY, elapsed_s / DAY_S)
        head = Table.grid(padding=(0, 2))
        head.add_row(
            Text(self._title, style="bold"),
            ProgressBar(total=LAST_DAY, completed=day, width=24),
            f"day {day:.0f} of {LAST_DAY:.0f}",
        )
        counts = Group(_cases(self.tally), _flows(self.tally))
        if width - _CASES_WIDTH >= _NARROWEST_TIMELINE:
            body = Table.grid(padding=(0, 1))
            body.add_row(counts, self._timeline(width - _CASES_WIDTH - 1, _SHOWN_LINES))
            return Group(head, body)
        lines = max(_FEWEST_LINES, min(_SHOWN_LINES, self._console.height - _COUNTS_HEIGHT))
        return Group(head, counts, self._timeline(width, lines))

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


def _flows(tally: Tally) -> Table:
    table = Table.grid(padding=(0, 1))
    reasons = ", ".join(f"{count} {reason}" for reason, count in tally.by_reason.most_common())
    requests = ", ".join(f"{count} {reason}" for reason, count in tally.requests.most_common())
    table.width = _CASES_WIDTH
    table.add_row(" closed", reasons or "none yet")
    table.add_row(" requests", requests or "none yet")
    table.add_row(" recovered", money(tally.recovered_minor))
    table.add_row(" events", f"{tally.taken_in} in, {tally.written} out")
    return table
