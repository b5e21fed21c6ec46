"""The chart of a backtest: one panel a policy, requests by age of the invoice, as SVG or as an HTML page.

The one rule: a file stands alone: no script, no font and no address from elsewhere, and the numbers beside the bars.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from dunning.backtest.comparison import FIGURES, Day, Figures

WIDTH, PANEL, TOP, BOTTOM, LEFT, RIGHT = 880, 220, 44, 40, 52, 16  # pixels
_FONT = "font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\""


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a bar, from the bottom up."""

    name: str
    colour: str
    label: str


# Dark enough on white, apart in lightness too (readable in grey and by the colour-blind); unknown is the palest.
_PARTS = (
    _Part("paid", "#0b6e4f", "paid"),
    _Part("declined", "#7a8ca3", "declined"),
    _Part("unknown", "url(#unknown)", "outcome not known"),
)

_STYLE = """
body { font: 15px/1.45 system-ui, -apple-system, 'Segoe UI', sans-serif; color: #1c2733; background: #fff;
       max-width: 960px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin-bottom: .2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
p.limit { border-left: 4px solid #c77700; padding: .4rem .8rem; background: #fff7ea; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .8rem .25rem 0; text-align: left; }
th { font-weight: 600; border-bottom: 1px solid #b8c2cc; } tr + tr td { border-top: 1px solid #e6eaee; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem 0; } svg { max-width: 100%; height: auto; }
details { margin: .5rem 0; }
"""


def as_svg(policies: Sequence[Figures], subtitle: str) -> str:
    """Draw the panels, on one scale in both directions.

    Args:
        policies: the figures, one panel each.
        subtitle: the span of the recording and other words under the title.
    """
    head = 84
    days = [day.day for figures in policies for day in figures.days]
    last = max([*days, 7])
    highest = max([*(day.requests for figures in policies for day in figures.days), 1])
    height = head + PANEL * len(policies) + 8
    parts = [
        _open_svg(height),
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 24, "When cases would have been tried (activity)", size=17, weight=600),
        _text(LEFT, 43, subtitle, size=12, colour="#51606f"),
        *_legend(LEFT, 64),
    ]
    for index, figures in enumerate(policies):
        parts += _panel(figures, head + index * PANEL, last, highest)
    return "\n".join([*parts, "</svg>"]) + "\n"


def as_html(
    policies: Sequence[Figures],
    rows: Sequence[tuple[str, str, Sequence[str]]],
    subtitle: str,
    limit: str,
) -> str:
    """Write the page: the limit, the comparison, the chart, the numbers behind it, each figure's definition.

    Args:
        policies: the figures, in columns.
        rows: of the comparison: key in `FIGURES`, label, one text a policy.
        subtitle: the span of the recording and other words under the title.
        limit: what the figures do not tell.
    """
    names = [figures.name for figures in policies]
    comparison = _table(("", *names), ((label, *cells) for _, label, cells in rows))
    definitions = "".join(
        f"<dt>{escape(label)}</dt><dd>{escape(FIGURES[key])}</dd>" for key, label, _ in rows if key in FIGURES
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Policies compared</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>Policies compared</h1>
<p>{escape(subtitle)}</p>
<p class="limit">{escape(limit)}</p>
{comparison}
{as_svg(policies, subtitle)}
{"".join(_numbers(figures) for figures in policies)}
<h2>What the figures mean</h2>
<dl>{definitions}</dl>
</body>
</html>
"""


def _open_svg(height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="Requests by age of the invoice" {_FONT}>\n'
        '<defs><pattern id="unknown" width="6" height="6" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="6" height="6" fill="#f3dcb5"/>'
        '<rect width="2" height="6" fill="#c77700"/></pattern></defs>'
    )


def _numbers(figures: Figures) -> str:
    heads = ("day", "requests", *(part.label for part in _PARTS))
    rows = (
        (str(day.day), str(day.requests), *(str(_of(day, part)) for part in _PARTS)) for day in figures.days
    )
    title = f"The numbers of {escape(figures.name)}"
    return f"<details><summary>{title}</summary>{_table(heads, rows)}</details>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def cells(tag: str, row: Sequence[str]) -> str:
        return "".join(
            f"<{tag}{' class=number' if place else ''}>{_cell(cell)}</{tag}>"
            for place, cell in enumerate(row)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><thead><tr>{cells('th', heads)}</tr></thead><tbody>{body}</tbody></table>"


def _cell(text: str) -> str:
    """Keep the lines of a cell, and the indent of a label that belongs to the one above."""
    return escape(text).replace("\n", "<br>").replace("  ", "&emsp;")


def _legend(x: int, y: int) -> Iterator[str]:
    for part in _PARTS:
        yield f'<rect x="{x}" y="{y - 10}" width="12" height="12" fill="{part.colour}"/>'
        yield _text(x + 18, y, part.label, size=12)
        x += 34 + 7 * len(part.label)


def _panel(figures: Figures, top: int, last: int, highest: int) -> Iterator[str]:
    base, room = top + PANEL - BOTTOM, PANEL - TOP - BOTTOM
    slot = (WIDTH - LEFT - RIGHT) / (last + 1)
    bar = max(1.5, min(slot * 0.72, 22))
    yield _text(LEFT, top + 22, figures.name, size=14, weight=600)
    yield _text(WIDTH - RIGHT, top + 22, _summary(figures), size=12, colour="#51606f", anchor="end")
    for value in _ticks(highest):
        y = base - room * value / highest
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#e3e8ed"/>'
        yield _text(LEFT - 8, y + 4, str(value), size=11, colour="#51606f", anchor="end")
    for day in figures.days:
        x = LEFT + slot * day.day + (slot - bar) / 2
        y = float(base)
        yield f"<g><title>day {day.day}: {_words(day)}</title>"
        for part in _PARTS:
            tall = room * _of(day, part) / highest
            if tall:
                y -= tall
                yield f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar:.1f}" height="{tall:.1f}" fill="{part.colour}"/>'
        yield "</g>"
        if slot >= 18 or len(figures.days) <= 20:
            yield _text(x + bar / 2, y - 4, str(day.requests), size=10, anchor="middle")
    yield f'<line x1="{LEFT}" y1="{base}" x2="{WIDTH - RIGHT}" y2="{base}" stroke="#51606f"/>'
    for mark in _marks(last):
        yield _text(
            LEFT + slot * (mark + 0.5), base + 16, str(mark), size=11, colour="#51606f", anchor="middle"
        )
    yield _text(WIDTH - RIGHT, base + 32, "days since the invoice", size=11, colour="#51606f", anchor="end")
    if not figures.days:
        yield _text(
            WIDTH / 2, base - room / 2, "nothing was asked for", size=13, colour="#51606f", anchor="middle"
        )


def _summary(figures: Figures) -> str:
    return f"{figures.requests} requests in {figures.cases} cases; {figures.assumed} of unknown outcome"


def _words(day: Day) -> str:
    said = ", ".join(f"{_of(day, part)} {part.label}" for part in _PARTS if _of(day, part))
    return f"{day.requests} requests ({said})"


def _of(day: Day, part: _Part) -> int:
    return int(getattr(day, part.name))


def _ticks(highest: int) -> list[int]:
    """Choose three or four round values up to the highest."""
    step = next(step for step in _round_steps() if highest / step <= 4)
    return list(range(0, highest + 1, step))


def _round_steps() -> Iterator[int]:
    size = 1
    while True:
        yield from (size, 2 * size, 5 * size)
        size *= 10


def _marks(last: int) -> range:
    return range(0, last + 1, 1 if last <= 14 else 7 if last <= 120 else 30)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int,
    colour: str = "#1c2733",
    weight: int = 400,
    anchor: str = "start",
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" font-weight="{weight}" '
        f'text-anchor="{anchor}">{escape(text)}</text>'
    )
