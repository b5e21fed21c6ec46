"""The decline tables as a document for people: `docs/declines.md`.

The one rule: what is said about a code comes from the data files; nothing here adds to a row.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise

from dunning.calendar import HOUR
from dunning.declines.tables import ANY_CODE, CodeRow, CodeTable, CodeTables
from dunning.declines.verdicts import STRICTNESS
from schemas.decisions import DeclineClass

PREFACE = """\
# What a decline means

Generated from `dunning/declines/*.json` by `dunning declines table --write docs/declines.md`; do not edit.

A decline carries up to three codes: the provider's, the network's and an advice code. Each is read in its own
list, without regard to case. The strictest class decides, in the order of this table:

{classes}

Among equals the network's code is named first. A code that no list has gives way to every listed code; alone
it is `retry_later`, and the reasons name `engine.unknown_code`. Of several waits the longest holds,
counted from the attempt. A row is in force from its first UTC day until the day it names last begins; the
instant of the attempt decides.

A code of `iso8583` on a card of Visa or Mastercard is read in that network's list. A code that the network's
list lacks is read in the ISO list. An advice code is read only if `advice_dialect` says whose it is.

Where readings of a rule differ there is a row for each of the profiles `current` and `strict` (policy key
`rules`). `none` has the classes of `current`; its own cases heed no wait.
"""

COLUMNS = ("Rule", "Code", "Meaning", "Class", "Wait", "Flags", "In force", "Profile", "Part of", "Remark")

MEANINGS = {
    DeclineClass.RETRY_LATER: "tried again on the policy's ladder",
    DeclineClass.TECHNICAL: "tried again within minutes to hours, then on the ladder",
    DeclineClass.FIX_DATA: "waits for corrected data or another instrument",
    DeclineClass.NEEDS_CUSTOMER: "waits for the customer or another instrument",
    DeclineClass.NEVER: "the instrument is dead; only another one helps",
    DeclineClass.RECONCILE: "quarantined until the real outcome is known",
}


def handbook(tables: CodeTables) -> str:
    """Write every row of every table as Markdown, in the order of the dialects, the same bytes every time."""
    classes = "\n".join(grid(("Class", "What the engine does"), _classes()))
    lines = [PREFACE.format(classes=classes)]
    for table in tables.codes.values():
        lines += _chapter(f"`{table.dialect}`", table)
    for table in tables.advice.values():
        lines += _chapter(f"Advice codes of `{table.dialect}`", table)
    return "\n".join(lines).rstrip("\n") + "\n"


def _classes() -> Iterator[tuple[str, ...]]:
    for decline_class in STRICTNESS:
        yield f"`{decline_class}`", MEANINGS[decline_class]


def _chapter(title: str, table: CodeTable) -> list[str]:
    default = table.default()
    source = f"Edition {default.edition}. Source: {default.source} (trust {default.trust})."
    rows = (_cells(run, default) for run in _runs(table.rows))
    return [f"## {title}", "", source, "", *grid(COLUMNS, rows), ""]


def _runs(rows: Sequence[CodeRow]) -> Iterator[tuple[CodeRow, CodeRow]]:
    """Join rows that say the same about neighbouring codes. Yields the first and the last of each run."""
    starts = [0]
    for index, (one, other) in enumerate(pairwise(rows), start=1):
        if not _continues(one, other):
            starts.append(index)
    for start, end in pairwise((*starts, len(rows))):
        yield rows[start], rows[end - 1]


def _continues(one: CodeRow, other: CodeRow) -> bool:
    says = [
        (row.meaning, row.decline_class, row.flags, row.under, row.network, row.span, row.profiles, row.note)
        for row in (one, other)
    ]
    return bool(one.under) and says[0] == says[1] and _successor(one.code) == other.code


def _successor(code: str) -> str:
    """Give the next code of the same shape: after `R61` comes `R62`."""
    parts = ["".join(run) for _, run in groupby(code, key=str.isdigit)]
    if not parts[-1].isdigit():
        return ""
    return "".join(parts[:-1]) + str(int(parts[-1]) + 1).zfill(len(parts[-1]))


def _cells(run: tuple[CodeRow, CodeRow], default: CodeRow) -> tuple[str, ...]:
    first, last = run
    codes = "any other" if first.code == ANY_CODE else f"`{first.code}`"
    rules = f"`{first.id}`"
    if last is not first:
        codes = f"`{first.code}` to `{last.code}`"
        rules = f"`{first.id}` to `{last.id}`"
    return (
        rules,
        f"{codes} on {first.network} cards" if first.network else codes,
        first.meaning,
        f"`{first.decline_class}`",
        f"{first.not_before // HOUR} h" if first.not_before else "",
        ", ".join(f"`{flag}`" for flag in first.flags),
        _dates(first),
        first.profiles[0].value if len(first.profiles) == 1 else "",
        ", ".join(f"`{rule}`" for rule in first.under),
        _remark(first, default),
    )


def _dates(row: CodeRow) -> str:
    parts = (f"from {row.first_on}" if row.first_on else "", f"until {row.end_on}" if row.end_on else "")
    return " ".join(part for part in parts if part)


def _remark(row: CodeRow, default: CodeRow) -> str:
    marked = f"marked {row.marked} by the provider" if row.marked else ""
    source = f"source: {row.source}" if row.source != default.source else ""
    return "; ".join(part for part in (row.note or "", marked, source) if part)


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table of Markdown, a line an entry."""
    lines = [heads, ["---"] * len(heads), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]
