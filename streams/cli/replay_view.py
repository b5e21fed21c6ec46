"""How a replay is shown: a table of partitions, the first difference of each with both sides, a verdict.

Rule: a card number cannot be in what is shown, for none is ever written; bytes are shown as they are.
"""

import json
from collections.abc import Sequence
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from dunning.explanation.wording import counted, money
from schemas.decisions import RetryRequested
from streams.replay import PartitionReplay, StateTally, Verdict
from streams.tally import Difference, Kind, Tally
from streams.what_if import DifferentCase, WhatIf

SHOWN_CASES = 20  # on a screen; our choice
LISTED_CASES = 1_000  # in JSON; our choice
_STYLES = {Verdict.IDENTICAL: "green", Verdict.DIFFERENT: "bold red", Verdict.CANNOT_TELL: "bold yellow"}
_WORDS = {
    Verdict.IDENTICAL: "identical",
    Verdict.DIFFERENT: "different",
    Verdict.CANNOT_TELL: "cannot tell",
}


class Bars:
    """A bar for each partition, on standard error, where that is a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("pages"))
        self._progress = Progress(
            *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def of(self, partition: int) -> "Bar":
        """Give the bar of a partition."""
        return Bar(self._progress, f"partition {partition}")


class Bar:
    """Is told how far a partition is."""

    def __init__(self, progress: Progress, name: str) -> None:
        self._progress = progress
        self._task = progress.add_task(name, total=None)

    def __call__(self, done: int, total: int) -> None:
        """Show that so many of so many pages are folded."""
        self._progress.update(self._task, completed=done, total=total)


# --- compared with the topics ------------------------------


def show(found: Sequence[PartitionReplay], console: Console) -> None:
    """Print the comparison."""
    table = Table(show_edge=False, pad_edge=False)
    heads = ("partition", "pages", "events", "equal", *Kind, "verdict")
    for head in heads:
        table.add_column(head, justify="left" if head == "verdict" else "right")
    for one in found:
        cells = (one.partition, one.pages, one.events, sum(tally.equal for tally in one.tallies))
        kinds = (sum(tally.counts[kind] for tally in one.tallies) for kind in Kind)
        table.add_row(*map(str, cells), *map(str, kinds), Text(_WORDS[one.verdict], _STYLES[one.verdict]))
    console.print(table)
    for one in found:
        for line in _remarks(one):
            console.print(Text(f"partition {one.partition}: {line}"))
    for one in found:
        if one.first is not None and one.verdict is Verdict.DIFFERENT:
            _show_difference(one.partition, one.first, console)
    console.print(_summary(found))


def as_data(found: Sequence[PartitionReplay]) -> dict[str, Any]:
    """Give the comparison as JSON can hold it."""
    return {
        "identical": all(one.verdict is Verdict.IDENTICAL for one in found),
        "partitions": [
            {
                "partition": one.partition,
                "verdict": one.verdict.value,
                "remark": one.remark,
                "journal": {"begins_at": one.begins_at, "applied": one.applied, "ends_at": one.ends_at},
                "pages": one.pages,
                "events": one.events,
                "topics": {tally.topic: _tally_data(tally) for tally in one.tallies},
                "state": None if one.state is None else _state_data(one.state),
                "first_difference": None if one.first is None else _difference_data(one.first),
            }
            for one in found
        ],
    }


def _remarks(one: PartitionReplay) -> list[str]:
    lines = [] if one.remark is None else [one.remark]
    if one.applied < one.ends_at:
        waiting = one.ends_at - one.applied
        lines.append(
            f"{counted(waiting, 'page')} at the end of the journal not decided when it was looked at"
        )
    lines += [
        f"{tally.topic} has lost its oldest records to retention: the first {tally.gone} are not compared"
        for tally in one.tallies
        if tally.gone
    ]
    if one.state is not None:
        lines.append(_state_line(one.state))
    return lines


def _state_line(state: StateTally) -> str:
    line = f"state after page {state.applied - 1}: {counted(state.equal, 'row')} equal"
    if state.is_identical:
        return line
    line += f", {state.missing} missing, {state.extra} extra, {state.different} different"
    if state.first is not None:
        line += f"; the first is {json.dumps(state.first, ensure_ascii=False)}"
    return line if state.is_clock_equal else f"{line}; the clock differs"


def _show_difference(partition: int, difference: Difference, console: Console) -> None:
    says = {
        Kind.MISSING: "is missing",
        Kind.EXTRA: "should not be there, or not again",
        Kind.DIFFERENT: "differs",
        Kind.MISPLACED: "is not in its place",
    }
    console.print(Text(f"\nFirst difference of partition {partition}", style="bold"))
    console.print(Text(f"{difference.topic} {difference.id} {says[difference.kind]}"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("journal page", str(difference.page))
    grid.add_row("record", "none" if difference.offset is None else f"offset {difference.offset}")
    grid.add_row(
        "by the journal", Text(_side(difference.expected, is_there=difference.kind is not Kind.EXTRA))
    )
    grid.add_row("on the topic", Text(_side(difference.found, is_there=difference.kind is not Kind.MISSING)))
    console.print(grid)


def _side(value: bytes | None, *, is_there: bool) -> str:
    if value is not None:
        return value.decode(errors="backslashreplace")
    return "(its bytes were not kept)" if is_there else "nothing"


def _summary(found: Sequence[PartitionReplay]) -> Text:
    pages, events = sum(one.pages for one in found), sum(one.events for one in found)
    equal = sum(tally.equal for one in found for tally in one.tallies)
    base = f"{counted(pages, 'page')}, {counted(events, 'event')}, {counted(equal, 'written event')} equal"
    worst = [one for one in found if one.verdict is not Verdict.IDENTICAL]
    if not worst:
        return Text(f"\nIdentical: {base}.", style="green")
    words = ", ".join(f"partition {one.partition} {_WORDS[one.verdict]}" for one in worst)
    return Text(f"\nNot identical: {words}. {base}.", style="bold red")


def _tally_data(tally: Tally) -> dict[str, Any]:
    counts = {kind.value: number for kind, number in tally.counts.items()}
    return {
        "given": tally.expected,
        "found": tally.found,
        "equal": tally.equal,
        **counts,
        "not_decided_yet": tally.not_yet,
        "lost_to_retention": tally.gone,
    }


def _state_data(state: StateTally) -> dict[str, Any]:
    return {
        "applied": state.applied,
        "rows": state.rows,
        "equal": state.equal,
        "missing": state.missing,
        "extra": state.extra,
        "different": state.different,
        "clock_equal": state.is_clock_equal,
        "first": state.first,
    }


def _difference_data(difference: Difference) -> dict[str, Any]:
    return {
        "kind": difference.kind.value,
        "topic": difference.topic,
        "id": difference.id,
        "page": difference.page,
        "offset": difference.offset,
        "expected": _as_text(difference.expected),
        "found": _as_text(difference.found),
    }


def _as_text(value: bytes | None) -> str | None:
    return None if value is None else value.decode(errors="backslashreplace")


# --- under other policies --------------------------------


def show_what_if(found: WhatIf, name: str, console: Console) -> None:
    """Print which requests would have been others."""
    console.print(Text(f"The same history under {name}", style="bold"))
    console.print(
        f"{counted(found.pages, 'page')}, {counted(found.events, 'event')}: {counted(found.recorded, 'request')} "
        f"under the policies of the day, {found.other} under this file, {found.alike} of them alike."
    )
    differ = len(found.different)
    console.print(
        f"{counted(differ, 'case')} of {len(found.cases)} with requests would have gone another way."
    )
    if not differ:
        return
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("invoice", overflow="fold")
    table.add_column("attempt", justify="right")
    table.add_column("policies of the day", overflow="fold")
    table.add_column("this file", overflow="fold")
    for case in _in_order(found)[:SHOWN_CASES]:
        table.add_row(
            Text(case.invoice_id), str(_one_of(case).attempt), Text(_request(case.recorded)),
            Text(_request(case.other)),
        )  # fmt: skip
    console.print(table)
    if differ > SHOWN_CASES:
        console.print(f"and {differ - SHOWN_CASES} more; --json lists {LISTED_CASES}")
    limit = (
        "told is the first request of a case that differs. What follows it is not known: nobody has made that "
        f"attempt. {counted(found.left_out, 'answer')} to attempts that this file had not asked for are left "
        "out. `dunning backtest` tells what may be said about outcomes."
    )
    console.print(Text(f"\nThe limit: {limit}", style="dim"))


def what_if_data(found: WhatIf, name: str) -> dict[str, Any]:
    """Give the same as JSON can hold it."""
    return {
        "policy": name,
        "pages": found.pages,
        "events": found.events,
        "requests": {"recorded": found.recorded, "other": found.other, "alike": found.alike},
        "answers_left_out": found.left_out,
        "cases": len(found.cases),
        "different_cases": len(found.different),
        "first_differences": [_case_data(case) for case in _in_order(found)[:LISTED_CASES]],
    }


def _case_data(case: DifferentCase) -> dict[str, Any]:
    return {
        "invoice_id": case.invoice_id,
        "partition": case.partition,
        "recorded": case.recorded,
        "other": case.other,
    }


def _in_order(found: WhatIf) -> list[DifferentCase]:
    """List the cases that differ, those whose request was due first at the top."""
    return sorted(found.different.values(), key=lambda case: (_one_of(case).due_at, case.invoice_id))


def _one_of(case: DifferentCase) -> RetryRequested:
    one = case.recorded or case.other
    assert one is not None
    return one


def _request(request: RetryRequested | None) -> str:
    if request is None:
        return "no such attempt"
    amount = money(request.amount_minor, request.currency)
    return f"{request.due_at:%Y-%m-%d %H:%M:%S}Z {request.reason} on {request.instrument_id}, {amount}"
