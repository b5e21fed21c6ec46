"""What the record says of where a case stands: what it waits for, and what is behind that.

The one rule: it reads what was told and written; it decides nothing.
"""

from dunning.explanation.history import Fact, History
from dunning.explanation.marks import never_again
from schemas.charges import ChargePending, Outcome
from schemas.decisions import (
    CaseChanged,
    CaseState,
    DeclineClass,
    NoticeKind,
    NoticeRequested,
    RetryRequested,
)
from schemas.payment_methods import InstrumentChange


def owed_restart(history: History) -> str | None:
    """Name the instrument that a change since the last request gives a new chance, and what happened to it.

    None: no change waits for its attempt.
    """
    charged = history.binding.charged_on
    if charged is None or charged in never_again(history.facts):
        return None
    found: Fact | None = None
    for fact in reversed(history.facts):
        data = fact.event.data
        if isinstance(data, RetryRequested):
            return None
        if isinstance(data, CaseChanged):
            # The change counts if it came while the case was open.
            if data.state is CaseState.CLOSED:
                return None
            if found is not None:
                is_edited = found.event.data.change is InstrumentChange.DETAILS_UPDATED
                return f"{charged}, which was {'corrected' if is_edited else 'bound'},"
        elif found is None and fact.restarts and fact.charged_on == charged:
            found = fact
    return None


def last_class(history: History) -> DeclineClass | None:
    """Read the class behind the last request of the customer's action, or behind the last told decline."""
    for fact in reversed(history.facts):
        if isinstance(fact.event.data, NoticeRequested) and fact.event.data.decline_class is not None:
            return fact.event.data.decline_class
    return None


def notices_since_request(history: History) -> list[NoticeKind]:
    """List the kinds of notices that were written since the last request, the latest first."""
    kinds: list[NoticeKind] = []
    for fact in reversed(history.facts):
        data = fact.event.data
        if isinstance(data, RetryRequested):
            break
        if isinstance(data, NoticeRequested):
            kinds.append(data.kind)
    return kinds


def pending_charge(history: History) -> str:
    """Name the charge whose outcome is awaited."""
    pending = in_doubt(history)
    return "the charge" if pending is None else f"charge {pending.charge_id}"


def in_doubt(history: History) -> Outcome | None:
    """Find the charge whose outcome is awaited: the last that was told to be pending, else the last one."""
    charges = [data for data in (fact.event.data for fact in history.facts) if isinstance(data, Outcome)]
    pending = [data for data in charges if isinstance(data, ChargePending)]
    return (pending or charges or [None])[-1]
