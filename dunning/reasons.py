"""The words that the fold answers with: what became of an event or a timer, and what moved a case.

The one rule: a spelling never changes, for logs, metrics and `dunning.case_changed` carry it.
"""

from typing import Literal

from schemas.commands import CommandName
from schemas.decisions import CloseReason, NoticeKind, RequestReason
from schemas.invoices import SettledReason

Reason = (
    Literal[
        # Told before, or too late to change anything.
        "duplicate",
        "charge_known",
        "answered_before",
        "invoice_known",
        "already_settled",
        "settled_later",
        "paid_later",
        "case_closed",
        # Charges.
        "declined",
        "declined_elsewhere",  # on what the case is not charged on any more, or of a superseded request
        "manual_attempt",  # declined, of the customer or the staff
        "no_case",  # declined, and no case begins
        "unknown_code",  # beside the reason of the decline itself
        "reconcile",
        "pending",
        "part_paid",
        "currency_differs",
        # Invoices.
        "issued",
        "reanchored",  # its case was there already
        "adjusted",
        "reopened",
        "nothing_owed",
        "unknown_invoice",
        # Instruments.
        "added",
        "details_updated",
        "instrument_changed",  # of some subscription
        "same_binding",
        # Commands, beside their names.
        "no_open_case",
        # Timers, beside what is requested, told or closed.
        "not_allowed_yet",
        NoticeKind.OUTCOME_MISSING,
        "forgotten",
    ]
    | CommandName
    | CloseReason
    | SettledReason
    | RequestReason
)
"""What became of an event or a timer: every input ends as one of these."""

Cause = (
    Literal[
        "replanned",  # what its plan rests on has changed
        "invoice_issued",
        "adjusted",
        "reopened",
        "paused",
        "declined",
        "manual_attempt",
        "reconcile",
        "pending",
        "part_paid",
        "attempt_not_made",
        "instrument_seen",
        "instrument_valid",
        "instrument_blocked",
        "instrument_delayed",
        NoticeKind.NO_INSTRUMENT,
        NoticeKind.OUTCOME_MISSING,
    ]
    | RequestReason
    | CloseReason
)
"""What moved a case, as its `dunning.case_changed` says."""
