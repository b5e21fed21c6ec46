"""A small engine for tests of the shell: its answers show every event lost, doubled or reordered.

For each event one output `{"id", "n", "event"}`; for each account one changelog row with its count and the
offset-free digest of all its events in order; for an `invoice.issued` with a label `due_ms` a timer.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.envelope import Event
from schemas.events import JournalData
from schemas.invoices import InvoiceIssued

OUTPUT = "charge.retry_requested"
TIMED = "dunning.notice_requested"


@dataclass(frozen=True, slots=True)
class CountedOutput:
    topic: str
    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class CountedNote:
    trigger: str
    reason: str
    account_id: str
    invoice_id: str | None = None
    request_id: str | None = None


@dataclass(slots=True)
class CountedStep:
    outputs: list[CountedOutput] = field(default_factory=list)
    changes: dict[bytes, bytes | None] = field(default_factory=dict)
    notes: list[CountedNote] = field(default_factory=list)
    more_due: bool = False


class CountingFold:
    """`streams.ports.Fold`. Rows: `a/<account>`: count, digest; `t/<invoice>`: due instant (µs), account."""

    def __init__(self, timers_per_page: int = 100) -> None:
        self.rows: dict[bytes, bytes] = {}
        self.folded = 0
        self._timers_per_page = timers_per_page
        self._due: dict[bytes, int] = {}

    def load(self, key: bytes, value: bytes | None, /) -> None:
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value

    def restored(self) -> None:
        self._due = {key: int(row.split()[0]) for key, row in self.rows.items() if key.startswith(b"t/")}

    @property
    def row_count(self) -> int:
        return len(self.rows)

    @property
    def next_due(self) -> int | None:
        return min(self._due.values(), default=None)

    def due_before(self, at: int) -> int | None:
        return min((due for due in self._due.values() if due < at), default=None)

    @property
    def open_cases(self) -> int:
        return len(self._due)

    def fold(self, events: Sequence[Event[JournalData]], now: int, /) -> CountedStep:
        step = CountedStep()
        for event in events:
            account = getattr(event.data, "account_id", None)
            if account is not None:
                self._count(event, account, now, step)
        due = sorted((at, key) for key, at in self._due.items() if at <= now)
        for at, key in due[: self._timers_per_page]:
            self._fire(at, key, now, step)
        step.more_due = len(due) > self._timers_per_page
        return step

    def _count(self, event: Event[JournalData], account: str, now: int, step: CountedStep) -> None:
        self.folded += 1
        key = b"a/" + account.encode()
        count, digest = (self.rows.get(key) or b"0 -").split()
        number = int(count) + 1
        mixed = hashlib.blake2b(digest + event.id.encode(), digest_size=8).hexdigest().encode()
        row = b"%d %s" % (number, mixed)
        self.rows[key] = step.changes[key] = row
        value = b'{"id":"%s/%d","event":"%s","at":%d}' % (account.encode(), number, event.id.encode(), now)
        step.outputs.append(CountedOutput(OUTPUT, account.encode(), value))
        step.notes.append(CountedNote(event.type, "counted", account))
        if isinstance(event.data, InvoiceIssued) and event.data.labels and "due_ms" in event.data.labels:
            timer = b"t/" + event.data.invoice_id.encode()
            due_at = now + int(event.data.labels["due_ms"]) * 1000
            self._due[timer] = due_at
            self.rows[timer] = step.changes[timer] = b"%d %s" % (due_at, account.encode())

    def _fire(self, at: int, key: bytes, now: int, step: CountedStep) -> None:
        account = self.rows[key].split()[1]
        del self._due[key], self.rows[key]
        step.changes[key] = None
        # After a kill the intake may tell an invoice twice, and this fold takes both: each timer has its own id.
        value = json.dumps({"id": f"{key.decode()}/{at}", "due_at": at, "at": now}).encode()
        step.outputs.append(CountedOutput(TIMED, account, value))
