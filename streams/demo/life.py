"""The life of one case, as `dunning explain` tells it, in the demo's days. Rule: the words are its own."""

from collections.abc import Iterator
from dataclasses import dataclass

from dunning.explanation.history import Told, history_of
from dunning.explanation.story import Story, tell
from schemas.decisions import CaseChanged
from streams.demo.evidence import Evidence
from streams.demo.pace import DAY_S
from streams.reasons import load_reasons
from streams.rules import load_rules


def most_telling(evidence: Evidence) -> str | None:
    """Choose the invoice with the richest life: most kinds of decisions, then most decisions, then lowest id."""
    kinds: dict[str, list[str]] = {}
    for event in evidence.written:
        invoice_id = getattr(event.data, "invoice_id", None)
        if invoice_id is not None:
            kind = getattr(event.data, "kind", None) or getattr(event.data, "reason", None)
            kinds.setdefault(invoice_id, []).append(f"{event.type}/{kind}")
    return min(kinds, key=lambda id_: (-len(set(kinds[id_])), -len(kinds[id_]), id_), default=None)


def life_of(evidence: Evidence, invoice_id: str) -> Story | None:
    """Tell the life of one invoice from the evidence; None if nothing is recorded about it."""
    account_id = next(
        (change.data.account_id for change in evidence.changes if change.data.invoice_id == invoice_id), None
    )
    if account_id is None:
        return None
    told = [Told(one.stamp, one.event) for one in evidence.journal]
    decided = sorted(evidence.written, key=lambda event: (event.time, event.type == CaseChanged.TYPE))
    history = history_of(invoice_id, account_id, told, decided)
    return None if history is None else tell(history, load_reasons(load_rules().declines.tables))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a life; `when` is empty where it belongs to no day."""

    when: str
    what: str
    rules: str


def spoken(story: Story) -> Iterator[Line]:
    """Write a story as lines: day, what happened, and the rules behind each decision."""
    begin = story.entries[0].at if story.entries else 0
    last = next((entry for entry in reversed(story.entries) if entry.type == CaseChanged.TYPE), None)
    for entry in story.entries:
        if entry.type == CaseChanged.TYPE and entry is not last:
            continue  # a live case changes with every attempt; the attempts tell it
        day = f"day {(entry.at - begin) / 1_000_000 / DAY_S:4.1f}"
        # What a case rests on was told with the decline or the request that moved it.
        ids = [] if entry is last else [one.id for one in entry.because]
        yield Line(f"{day} {'->' if entry.by == 'engine' else '  '}", entry.says, ", ".join(ids))
    if story.aloud:
        yield Line("aloud", " ".join(story.aloud), "")
