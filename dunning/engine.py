"""The fold: the tables of one partition, a page and its instant in; new state, written events and reasons out.

The one rule: what is decided is a function of the pages folded so far, in their order, and of nothing else.
In a page events come first, then the timers due at its instant (contract section 3, point 1).
"""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from dunning import charges, commands, invoices, payment_methods
from dunning.account import Matter, count_open
from dunning.due_index import KIND_BITS, Timer
from dunning.instruments import correct_others
from dunning.page import Note, Output, Page
from dunning.plan import plan, shown_attempt, state_of
from dunning.policies import PREFIX as POLICIES
from dunning.policies import PolicyBook
from dunning.reasons import Reason
from dunning.rules import Rules
from dunning.stages import look
from dunning.tables import Changes, Tables
from dunning.timers import on_due
from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded
from schemas.commands import Command, PoliciesSet
from schemas.decisions import CaseState
from schemas.envelope import Event
from schemas.events import InputData, JournalData
from schemas.invoices import InvoiceAdjusted, InvoiceClosed, InvoiceIssued, InvoiceReopened
from schemas.payment_methods import PaymentMethodUpdated
from schemas.subscriptions import SubscriptionEnded

# Our choice: a burst of due retries delays a new card by one page at most. No setting: what is decided depends on it,
# and a journal must give the same bytes wherever it is folded.
TIMERS_A_PAGE = 1_000

_CLOSED = CaseState.CLOSED  # looked up in every event: a global costs a tenth of an enum's member

# No `match`: an event would ask for each type in turn. That none is missing a test holds.
_HANDLERS: dict[type[InputData], Callable[[Page, Event[Any]], Reason]] = {
    InvoiceIssued: invoices.on_issued,
    ChargeDeclined: charges.on_declined,
    ChargeSucceeded: charges.on_succeeded,
    ChargePending: charges.on_pending,
    PaymentMethodUpdated: payment_methods.on_updated,
    InvoiceAdjusted: invoices.on_adjusted,
    InvoiceClosed: invoices.on_closed,
    InvoiceReopened: invoices.on_reopened,
    SubscriptionEnded: invoices.on_ended,
    Command: commands.on_command,
}


@dataclass(frozen=True, slots=True)
class Step:
    """What one page has done."""

    outputs: list[Output]  # in the order decided
    changes: dict[bytes, bytes | None]  # rows for the changelog; None deletes
    notes: list[Note]  # what became of each event and timer
    more_due: bool  # timers are left over at the page's instant: append another tick


class Engine:
    """The state of one journal partition."""

    def __init__(self, rules: Rules) -> None:
        """Start empty; `rules` are read once and shared."""
        self.tables = Tables()
        self.open_cases = 0
        self._rules = rules
        self._book = PolicyBook()

    def load(self, key: bytes, value: bytes | None) -> None:
        """Take one row of the changelog; the last value of a key wins."""
        name = key.decode()
        if not name.startswith(POLICIES):
            self.tables.load(name, value)
        elif value is not None:
            self._book.load(name, value)

    def restored(self) -> None:
        """Build what is derived, after the last row."""
        self.tables.restored()
        self.open_cases = count_open(self.tables)

    @property
    def row_count(self) -> int:
        """How many rows its state has."""
        return len(self.tables.rows) + self._book.row_count

    @property
    def next_due(self) -> int | None:
        """An instant before which nothing is due, microseconds UTC; None when nothing ever is."""
        return self.tables.due.next_at()

    def due_before(self, at: int) -> int | None:
        """Give the earliest instant before `at` at which something may be due; both in microseconds UTC."""
        first = self.tables.due.first(at << KIND_BITS)
        return None if first is None else first[0] >> KIND_BITS

    def fold(
        self,
        events: Sequence[Event[JournalData]],
        now: int,
        *,
        with_timers: bool = True,
        ends_page: Callable[[Output], bool] | None = None,
    ) -> Step:
        """Fold one page.

        Args:
            events: of the page, in order; none for a tick.
            now: the page's instant, microseconds UTC; never before that of the page before it.
            with_timers: False where more events of this instant are to come before its timers.
            ends_page: whether a written event is answered within this very instant: then the page ends with it.

        Raises:
            AssertionError: an invariant is broken; nothing of this page may be written.
        """
        page = Page(self.tables, self._book, self._rules, now)
        changes: Changes = {}
        notes = page.notes
        for event in events:
            data = event.data
            if isinstance(data, PoliciesSet):
                changes.update(self._book.set(data.policies))
                continue
            reason = _HANDLERS[type(data)](page, event)
            notes.append(Note(data.TYPE, reason, data.account_id, getattr(data, "invoice_id", None)))
        correct_others(page)
        _look_at_stages(page)
        more_due = with_timers and self._fire(page, ends_page)
        correct_others(page)
        _look_at_stages(page)
        for matter in list(page.touched.values()):
            if not matter.is_planned:
                plan(page, matter)
            self._tell(page, matter)
        page.write(changes)
        return Step(page.outputs, {key.encode(): row for key, row in changes.items()}, page.notes, more_due)

    # ---- timers ----

    def _fire(self, page: Page, ends_page: Callable[[Output], bool] | None) -> bool:
        """Fire what is due, oldest first. Returns whether something was left over."""
        limit = (page.now + 1) << KIND_BITS
        left = TIMERS_A_PAGE
        own: list[Timer] = []  # timers of invoices that this page has touched; the index has the others
        fired: set[tuple[str, str, int]] = set()
        due = self.tables.due
        while True:
            _plan_touched(page, own, limit)
            first = due.first(limit)
            is_own = bool(own) and (first is None or own[0] <= first)
            timer = own[0] if is_own else first
            if timer is None or timer[0] >= limit:
                return False
            if left == 0:
                return True
            if is_own:
                heapq.heappop(own)
            else:
                due.take()
            at, invoice_id, account_id = timer
            matter = page.account(account_id).matter(invoice_id)
            if (
                matter is None
                or matter.invoice.timer != at
                or (not is_own and (account_id, matter.id) in page.touched)
            ):
                continue  # an entry of the index is only a hint
            # A timer that leaves itself as it was would be due for ever: a crash with a reason is better.
            assert (account_id, matter.id, at) not in fired, f"the timer {at} of {matter.id} fires in vain"
            fired.add((account_id, matter.id, at))
            left -= 1
            written = len(page.outputs)
            on_due(page, matter, at)
            if ends_page is not None and any(map(ends_page, page.outputs[written:])):
                return True

    def _tell(self, page: Page, matter: Matter) -> None:
        """Write where the case stands, if a shown field differs from the last one written."""
        invoice, case = matter.invoice, matter.invoice.case
        if case is None:
            return
        state = state_of(matter)
        next_at = shown_attempt(matter, state)
        balance = invoice.balance or 0
        before = case.shown_state
        if (
            state == before
            and next_at == case.shown_next_at
            and balance == case.shown_balance
            and case.attempts == case.shown_attempts
            and case.closed == case.shown_reason
            and case.is_window_shown
        ):
            return
        self.open_cases += (state is not _CLOSED) - (before is not None and before != _CLOSED)
        previous = cast("CaseState | None", before)
        page.case_changed(matter, state, previous, case.closed or matter.moved_by, next_at)
        case.shown_state, case.shown_reason, case.shown_attempts = state, case.closed, case.attempts
        case.shown_next_at, case.shown_balance, case.is_window_shown = next_at, balance, True


def _look_at_stages(page: Page) -> None:
    for account_id, subscription_id in page.subscriptions if page.book.has_stages else ():
        look(page, page.account(account_id), subscription_id)
    page.subscriptions.clear()


def _plan_touched(page: Page, own: list[Timer], limit: int) -> None:
    """Plan what was touched since the last look, and line up what is due of it."""
    for matter in page.unplanned:
        if not matter.is_planned:
            plan(page, matter)
        if (timer := matter.invoice.timer) is not None and timer < limit:
            heapq.heappush(own, (timer, matter.id, matter.account.account_id))
    page.unplanned.clear()
