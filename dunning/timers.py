"""What happens when something falls due; one function for each kind of timer."""

from dunning.account import Matter
from dunning.attempts import fire
from dunning.closing import window_closed
from dunning.due_index import KIND_BITS
from dunning.page import Page
from dunning.pauses import forget_pause
from dunning.plan import (
    ANSWER_OVERDUE,
    CLOSING_NOTICE,
    EXPIRY_NOTICE,
    FORGET,
    STAGE,
    WINDOW_END,
    expiring,
    plan,
    shown_attempt,
    state_of,
    touch,
)
from dunning.records import REMEMBERED
from dunning.stages import look
from schemas.decisions import Action, Audience, CaseState, NoticeKind


def on_due(page: Page, matter: Matter, timer: int) -> None:
    """Do what is due at the timer's instant, at or before the page's."""
    kind = timer & ((1 << KIND_BITS) - 1)
    if kind == STAGE:
        touch(page, matter)
        look(page, matter.account, matter.invoice.subscription_id, is_due=True)
    elif kind == FORGET:
        _forget(page, matter)
    elif kind == ANSWER_OVERDUE:
        _answer_overdue(page, matter)
    elif kind == CLOSING_NOTICE:
        _window_closing(page, matter)
    elif kind == EXPIRY_NOTICE:
        _instrument_expiring(page, matter)
    elif kind == WINDOW_END:
        touch(page, matter)
        window_closed(page, matter)
    else:  # an attempt: immediate, technical or of a rung
        fire(page, matter)


def _answer_overdue(page: Page, matter: Matter) -> None:
    """Tell the operator that an outcome is missing; still nothing new is requested on a rung."""
    touch(page, matter)
    case = matter.case
    assert case.request is not None, "the timer is that of a request in flight"
    case.request.is_overdue = True
    matter.moved_by = NoticeKind.OUTCOME_MISSING
    page.notice(
        matter,
        NoticeKind.OUTCOME_MISSING,
        audience=Audience.OPERATOR,
        instrument_id=case.request.instrument_id,
        attempt=case.attempts,
        action=Action.REQUIRED,
        decline_class=case.decline_class,
        why=("engine.one_in_flight", "policy.answer_within"),
    )
    page.note("due", NoticeKind.OUTCOME_MISSING, matter.account.account_id, matter.id)


def _window_closing(page: Page, matter: Matter) -> None:
    touch(page, matter)
    case = matter.case
    case.closing_told = True
    plan(page, matter)
    state = state_of(matter)
    page.notice(
        matter,
        NoticeKind.WINDOW_CLOSING,
        instrument_id=None,
        action=Action.REQUIRED if state in (CaseState.WAITING, CaseState.EXHAUSTED) else Action.NONE,
        decline_class=case.decline_class,
        next_attempt_at=shown_attempt(matter, state),
        why=("policy.closing_notice",),
    )


def _instrument_expiring(page: Page, matter: Matter) -> None:
    """Tell once of each card and month that the card will not live to see the next attempt, or the window's end."""
    touch(page, matter)
    found = expiring(matter)
    if found is None:
        return
    matter.case.expiries_told = (*matter.case.expiries_told, "/".join(found))[-REMEMBERED:]
    plan(page, matter)
    page.notice(
        matter,
        NoticeKind.INSTRUMENT_EXPIRING,
        instrument_id=found[0],
        action=Action.REQUIRED,
        next_attempt_at=shown_attempt(matter, state_of(matter)),
        why=("policy.expiry_notice",),
    )


def _forget(page: Page, matter: Matter) -> None:
    account = matter.account
    page.touched.pop((account.account_id, matter.id), None)
    account.forget(matter)
    forget_pause(account, matter.id)
    page.note("due", "forgotten", matter.account.account_id, matter.id)
