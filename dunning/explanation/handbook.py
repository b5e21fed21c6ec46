"""The reasons as a document for people: `docs/reasons.md`.

The one rule: what is said comes from `reasons.json` and the decline tables; nothing here adds to it.
"""

from dunning.declines.handbook import grid
from dunning.declines.tables import CodeTable, CodeTables
from dunning.explanation.reasons import Reasons

PREFACE = """\
# Why: the reasons behind decisions

Generated from `dunning/explanation/reasons.json` and `dunning/declines/*.json` by
`dunning explain --reasons`; do not edit.

Every written event carries `why`, a list of rule ids, the most specific one first. `dunning explain` puts
them into the words below. The ids never change their meaning. A `*` stands for the rest of an id, `{}` in the
sentence for the same.

What `explain` prints is for staff. Only its part "To read aloud" is made for customers: it names no decline
code, and no reason whose row is marked `mask` (a card known to be stolen, for example).

## Rules of engine, policy, networks and schemes

"""


def handbook(reasons: Reasons, tables: CodeTables) -> str:
    """Write every sentence as Markdown, the same bytes every time."""
    words = reasons.words
    lines = [*grid(("Id", "In words"), ((f"`{row.id}`", row.says) for row in words.rules)), ""]
    chapters = (
        ("Decline classes, for staff", words.classes),
        ("Decline classes, to read aloud", words.aloud),
        ("Why an attempt is asked for (`charge.retry_requested.reason`)", words.requests),
        ("Notices (`dunning.notice_requested.kind`)", words.notices),
        ("States of a case (`dunning.case_changed.state`)", words.states),
        ("Close reasons", words.closings),
    )
    for title, sentences in chapters:
        rows = ((f"`{word}`", says) for word, says in sentences.items())
        lines += [f"## {title}", "", *grid(("Word", "In words"), rows), ""]
    lines += ["## Decline codes", "", "Each row of `docs/declines.md` has a sentence of this form.", ""]
    both = (*tables.codes.values(), *tables.advice.values())
    lines += grid(("Table", "Rows", "Example"), (_code_line(table, reasons) for table in both))
    return PREFACE + "\n".join(lines) + "\n"


def _code_line(table: CodeTable, reasons: Reasons) -> tuple[str, ...]:
    example = table.rows[0]
    name = f"advice codes of `{table.dialect}`" if table.is_advice else f"`{table.dialect}`"
    return name, str(len(table.rows)), f"`{example.id}`: {reasons.because(example.id).says}"
