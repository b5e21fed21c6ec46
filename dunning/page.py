"""One page while it is folded: its instant, the accounts it touches, and what it writes.

The one rule: written events leave in the order in which they were decided, and an id is never used for two contents.
"""

from datetime import datetime

import msgspec

from dunning.account import Matter, OpenAccount
from dunning.policies import PolicyBook
from dunning.reasons import Reason
from dunning.rules import Rules
from dunning.tables import Changes, Tables
from schemas.decisions import (
    Action,
    Audience,
    CaseChanged,
    CaseState,
    DeclineClass,
    NoticeKind,
    NoticeRequested,
    RequestReason,
    RetryRequested,
    StageChanged,
)
from schemas.instants import moment
from schemas.writing import OutputData, fast, written_event

_RetryRequested, _NoticeRequested = fast(RetryRequested), fast(NoticeRequested)
_CaseChanged, _StageChanged = fast(CaseChanged), fast(StageChanged)

_OF_A_DECLINE = (NoticeKind.PAYMENT_DECLINED, NoticeKind.CUSTOMER_ACTION_NEEDED)


class Output(msgspec.Struct, frozen=True, gc=False):
    """One written event: its topic, its key (the account id) and the structured CloudEvent."""

    topic: str
    key: bytes
    value: bytes


class Note(msgspec.Struct, frozen=True, gc=False):
    """What became of one event or timer, for logs and metrics."""

    trigger: str
    reason: Reason
    account_id: str
    invoice_id: str | None = None
    request_id: str | None = None


class Page:
    """The working set of one page."""

    __slots__ = (
        "_accounts",
        "book",
        "delayed",
        "moment",
        "notes",
        "now",
        "outputs",
        "policies",
        "rules",
        "subscriptions",
        "tables",
        "touched",
        "unplanned",
    )

    def __init__(self, tables: Tables, book: PolicyBook, rules: Rules, now: int) -> None:
        """Begin a page stamped `now` (microseconds, UTC)."""
        self.tables = tables
        self.book = book
        self.policies = book.policies  # by number, as cases pin them
        self.rules = rules
        self.now = now
        self.moment: datetime = moment(now)
        self.outputs: list[Output] = []
        self.notes: list[Note] = []
        self.touched: dict[tuple[str, str], Matter] = {}
        self.unplanned: list[Matter] = []
        self.subscriptions: dict[tuple[str, str], None] = {}  # whose stage has to be looked at
        # (account, credential) whose next attempt has moved, and whether it may be an earlier one
        self.delayed: dict[tuple[str, str], bool] = {}
        self._accounts: dict[str, OpenAccount] = {}

    def account(self, account_id: str) -> OpenAccount:
        """Open an account for this page."""
        account = self._accounts.get(account_id)
        if account is None:
            account = self._accounts[account_id] = OpenAccount(self.tables, account_id)
        return account

    def write(self, changes: Changes) -> None:
        """Write every account that was changed, and its rows into `changes`, for the changelog."""
        for account in self._accounts.values():
            account.write(changes)

    # ---- what is written ----

    def request(
        self,
        matter: Matter,
        *,
        request_id: str,
        instrument_id: str,
        reason: str,
        due_at: int,
        not_after: int,
        supersedes: str | None,
        why: tuple[str, ...],
    ) -> None:
        """Ask for one attempt."""
        case, invoice = matter.case, matter.invoice
        assert invoice.balance, "nothing is owed"
        self._write(
            RetryRequested.TYPE,
            request_id,
            matter.account.account_id,
            _RetryRequested(
                request_id=request_id,
                invoice_id=matter.id,
                account_id=matter.account.account_id,
                subscription_id=invoice.subscription_id,
                instrument_id=instrument_id,
                amount_minor=invoice.balance,
                currency=invoice.currency,
                attempt=case.attempts,
                reason=RequestReason(reason),
                due_at=moment(due_at),
                not_after=moment(not_after),
                window_ends_at=moment(case.window_ends_at),
                decline_class=case.decline_class,
                policy=self.policies[case.policy].ref,
                supersedes=supersedes,
                why=why,
            ),
        )

    def notice(
        self,
        matter: Matter,
        kind: NoticeKind,
        *,
        instrument_id: str | None,
        action: Action,
        why: tuple[str, ...],
        audience: Audience = Audience.CUSTOMER,
        new_instrument_id: str | None = None,
        attempt: int | None = None,
        decline_class: DeclineClass | None = None,
        next_attempt_at: int | None = None,
    ) -> None:
        """Ask for somebody to be told; the id is numbered within the invoice."""
        case = matter.case
        if kind in _OF_A_DECLINE and not self.rules.declines.merchant_faults.isdisjoint(why):
            # A fault of the merchant's set-up is none of the customer's business.
            audience = Audience.OPERATOR
        case.notices_told += 1
        notice_id = f"{matter.id}/{kind}/{case.notices_told}"
        self._write(
            NoticeRequested.TYPE,
            notice_id,
            matter.account.account_id,
            _NoticeRequested(
                notice_id=notice_id,
                kind=kind,
                audience=audience,
                account_id=matter.account.account_id,
                subscription_id=matter.invoice.subscription_id,
                invoice_id=matter.id,
                instrument_id=instrument_id,
                new_instrument_id=new_instrument_id,
                attempt=attempt,
                decline_class=decline_class,
                action=action,
                next_attempt_at=None if next_attempt_at is None else moment(next_attempt_at),
                window_ends_at=moment(case.window_ends_at),
                why=why,
            ),
        )

    def case_changed(
        self,
        matter: Matter,
        state: CaseState,
        previous: CaseState | None,
        reason: str,  # a `Cause`; of a closed case a `CloseReason`
        next_attempt_at: int | None,
    ) -> None:
        """Tell where the case stands now."""
        case, invoice = matter.case, matter.invoice
        case.changes_told += 1
        self._write(
            CaseChanged.TYPE,
            f"{matter.id}/case/{case.changes_told}",
            matter.account.account_id,
            _CaseChanged(
                invoice_id=matter.id,
                account_id=matter.account.account_id,
                subscription_id=invoice.subscription_id,
                state=state,
                previous_state=previous,
                reason=reason,
                attempts=case.attempts,
                next_attempt_at=None if next_attempt_at is None else moment(next_attempt_at),
                window_ends_at=moment(case.window_ends_at),
                balance_minor=invoice.balance or 0,
                policy=self.policies[case.policy].ref,
                why=(*matter.rules, *case.decline_why),
            ),
        )

    def stage_changed(
        self, account: OpenAccount, subscription_id: str, *, stage: str | None, oldest_invoice_id: str | None
    ) -> None:
        """Tell that a subscription enters a stage, or leaves the last one; the id is numbered within it."""
        subscription = account.subscription(subscription_id)
        subscription.stages_told += 1
        previous, subscription.stage = subscription.stage, stage
        account.subscription_changed(subscription_id)
        self._write(
            StageChanged.TYPE,
            f"{account.account_id}/{subscription_id}/stage/{subscription.stages_told}",
            account.account_id,
            _StageChanged(
                account_id=account.account_id,
                subscription_id=subscription_id,
                stage=stage,
                previous_stage=previous,
                oldest_invoice_id=oldest_invoice_id,
                why=("policy.stages",),
            ),
        )

    def note(
        self,
        trigger: str,
        reason: Reason,
        account_id: str,
        invoice_id: str | None = None,
        request_id: str | None = None,
    ) -> None:
        """Keep what became of an event or a timer."""
        self.notes.append(Note(trigger, reason, account_id, invoice_id, request_id))

    def _write(self, kind: str, event_id: str, account_id: str, data: OutputData) -> None:
        value = written_event(kind, event_id, self.moment, data)
        self.outputs.append(Output(kind, account_id.encode(), value))
