"""What comes next for a case if nobody does anything.

The one rule: it follows from the last state that was written and from what is bound; nothing is promised that the
contract does not say (sections 3 and 6).
"""

from dunning.closing import STILL_OWED
from dunning.explanation.history import History
from dunning.explanation.no_case import why_no_case
from dunning.explanation.reasons import Wording
from dunning.explanation.standing import last_class, notices_since_request, owed_restart, pending_charge
from dunning.explanation.wording import counted, instant, money
from schemas.decisions import CaseChanged, CaseState, DeclineClass, NoticeKind
from schemas.instants import micros


def what_comes_next(history: History, last: CaseChanged | None, words: Wording) -> tuple[str, ...]:
    """Say what happens if nobody does anything.

    Args:
        history: of the invoice.
        last: the last `dunning.case_changed`; None: there never was a case.
        words: sentences for states and reasons.
    """
    return (*_still_to_decide(history), *_as_it_stands(history, last, words))


def _still_to_decide(history: History) -> tuple[str, ...]:
    number = history.undecided
    if not number:
        return ()
    left = counted(number, "event")
    return (
        f"The engine has still to decide about {left} told last: ask again in a moment.",
        "If that stays so, look at the worker.",
    )


def _as_it_stands(history: History, last: CaseChanged | None, words: Wording) -> tuple[str, ...]:
    zone = history.zone
    if last is None:
        return (why_no_case(history, words).says,)
    if last.state is CaseState.CLOSED:
        return (_closed(last, history.currency, words),)
    ends = instant(micros(last.window_ends_at), zone)
    end = f"Automatic attempts end on {ends}; then the case closes, if the invoice is still open."
    charged = history.binding.charged_on or "no payment method"
    if last.state is CaseState.RETRYING and last.next_attempt_at is not None:
        return (
            f"The next attempt is asked for on {instant(micros(last.next_attempt_at), zone)}, on {charged}.",
            end,
        )
    if last.state is CaseState.RETRYING:
        return (
            "The payment provider tries again by itself and has not said when.",
            "Attempts that fall due meanwhile are left out.",
            "Once the provider has answered, the attempts that are left go on.",
            end,
        )
    if last.state is CaseState.IN_FLIGHT:
        request = history.requests[-1].request_id if history.requests else "the request"
        missing = NoticeKind.OUTCOME_MISSING in notices_since_request(history)
        told = "The staff has been told that it is missing. " if missing else ""
        return (
            f"The outcome of {request} is awaited. {told}No rung asks again before: nobody pays twice.",
            *_restart_that_waits(history, last),
            end,
        )
    if last.state is CaseState.PENDING:
        return (
            f"The outcome of {pending_charge(history)} is awaited; until it comes nothing is asked for.",
            *_restart_that_waits(history, last),
            end,
        )
    if last.state is CaseState.PAUSED:
        return (
            "Nothing while it is paused: attempts that fall due are not made, but the window goes on.",
            *_restart_that_waits(history, last),
            end,
        )
    if last.state is CaseState.WAITING:
        return (f"No automatic attempt is planned: {_what_is_missing(history)}.", end)
    return ("No planned attempt is left.", end)


def _restart_that_waits(history: History, last: CaseChanged) -> tuple[str, ...]:
    """Say what a change since the last request will bring once it may (contract section 3, point 4)."""
    waiting = owed_restart(history)
    if waiting is None:
        return ()
    if last.state is CaseState.PAUSED:
        return (f"After the pause one attempt on {waiting} follows.",)
    return (
        f"Then one attempt on {waiting} follows unless the invoice is paid.",
        "A request without an outcome holds it back for the policy's `answer_within` only.",
    )


def still_open(last: CaseChanged, currency: str) -> str | None:
    """Say what a closed case leaves open; None: nothing is owed, or the biller said so."""
    if last.reason not in STILL_OWED or not last.balance_minor:
        return None
    return f"{money(last.balance_minor, currency)} is still open."


def _closed(last: CaseChanged, currency: str, words: Wording) -> str:
    why = words.closings.get(last.reason, last.reason)
    left = still_open(last, currency)
    return f"Nothing: {why}. No charge is asked for any more.{'' if left is None else f' {left}'}"


def _what_is_missing(history: History) -> str:
    if history.binding.charged_on is None:
        return "the subscription has no payment method"
    by_class = {
        DeclineClass.NEVER: "the payment method must not be charged again, only another one helps",
        DeclineClass.FIX_DATA: "the payment details must be corrected, or another method bound",
        DeclineClass.NEEDS_CUSTOMER: "the customer has to confirm the payment, or another method be bound",
    }
    said = last_class(history)
    return "the customer has to act" if said is None else by_class.get(said, "the customer has to act")
