"""How a backtest is shown: the comparison, and for each policy when it would have tried.

Rule: every row is a figure that `dunning.backtest.comparison` defines.
"""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dunning.backtest.comparison import Figures
from dunning.explanation.wording import money

Row = tuple[str, str, Sequence[str]]
"""Key of the figure, label, one text a policy."""

BAR = 40  # columns of the longest bar; our choice


def rows_of(policies: Sequence[Figures], *, is_modelled: bool) -> list[Row]:
    """Give the rows of the comparison, one text for each policy.

    Args:
        policies: the figures.
        is_modelled: a charger answered, so that nothing is unknown; such rows are left out.
    """

    def row(key: str, label: str, cells: Sequence[str]) -> Row:
        return key, label, cells

    rows = [
        row("cases", "cases", [str(one.cases) for one in policies]),
        row("requests", "requests", [str(one.requests) for one in policies]),
    ]
    if not is_modelled:
        rows += [
            row("known", "  outcome known", [str(one.known) for one in policies]),
            row("assumed", "  outcome not known", [str(one.assumed) for one in policies]),
        ]
    rows += [
        row("requests_a_case", "requests a case", [_ratio(one.requests_a_case) for one in policies]),
        row(
            "recovered",
            "recovered" if is_modelled else "recovered (known)",
            [str(one.recovered) for one in policies],
        ),
        row("by_request", "  by a request", [str(one.by_request) for one in policies]),
        row("recovered_amount", "amount that came in", [_amounts(one.recovered_amount) for one in policies]),
        row(
            "requests_a_recovery",
            "requests a recovered invoice",
            [_ratio(one.requests_a_recovery) for one in policies],
        ),
    ]
    if not is_modelled:
        rows += [
            row("perhaps", "perhaps recovered too", [str(one.perhaps) for one in policies]),
            row("at_most", "recovered at most", [str(one.at_most) for one in policies]),
        ]
    rows += [
        row("lost", "window over, not paid", [str(one.lost) for one in policies]),
        row("open", "still open at the end", [str(one.open) for one in policies]),
        row("moved", "moved by a network rule", [str(one.moved) for one in policies]),
        row("held_back", "held back by network rules", [str(one.held_back) for one in policies]),
        row("ceilings", "  ceilings hit without them", [_counts(one.ceilings) for one in policies]),
        row("excess", "requests beyond a ceiling", [str(one.excess) for one in policies]),
        row("fees_avoided", "network fees avoided (estimate)", [_fees(one) for one in policies]),
    ]
    return rows


def show(
    policies: Sequence[Figures], rows: Sequence[Row], subtitle: str, limit: str, console: Console
) -> None:
    """Print the comparison, and each policy's requests by day of age."""
    console.print(Text("Policies compared", style="bold"))
    console.print(Text(subtitle))
    table = Table(show_edge=False, pad_edge=False)
    table.add_column("")
    for figures in policies:
        table.add_column(Text(figures.name), justify="right", overflow="fold")
    for _, label, cells in rows:
        table.add_row(label, *(Text(cell) for cell in cells))
    console.print(table)
    highest = max([day.requests for figures in policies for day in figures.days] or [1])
    for figures in policies:
        _show_days(figures, highest, console)
    console.print(Text(f"\nThe limit: {limit}", style="dim"))


def _show_days(figures: Figures, highest: int, console: Console) -> None:
    table = Table(
        title=Text(f"When {figures.name} would have tried"), title_justify="left", title_style="bold", show_edge=False,
        pad_edge=False,
    )  # fmt: skip
    for head in ("days since the invoice", "requests", "paid", "declined", "not known"):
        table.add_column(head, justify="right")
    table.add_column("")
    for day in figures.days:
        counts = (day.day, day.requests, day.paid, day.declined, day.unknown)
        table.add_row(*map(str, counts), Text("#" * max(1, BAR * day.requests // highest)))
    console.print()
    console.print(table)
    if figures.untried:
        console.print(f"{figures.untried} of {figures.cases} cases were never tried.")


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _amounts(amounts: Mapping[str, int]) -> str:
    return "\n".join(money(amount, currency) for currency, amount in amounts.items()) or "-"


def _counts(counts: Mapping[str, int]) -> str:
    return "\n".join(f"{number} {rule}" for rule, number in counts.items()) or "0"


def _fees(figures: Figures) -> str:
    return "\n".join(f"{amount:,.2f} {currency}" for currency, amount in figures.fees_avoided.items()) or "0"
