"""Why an invoice has no case, for staff and to read aloud.

The one rule: that nothing is collected does not mean that nothing is owed; what is open is said to be open.
"""

from dataclasses import dataclass

from dunning.explanation.history import History
from dunning.explanation.reasons import Wording
from dunning.explanation.wording import money
from schemas.charges import MANUAL, ChargeDeclined, ChargeSucceeded
from schemas.decisions import CloseReason
from schemas.instants import micros
from schemas.invoices import InvoiceAdjusted, InvoiceClosed, InvoiceIssued, InvoiceReopened
from schemas.subscriptions import SubscriptionEnded


@dataclass(frozen=True, slots=True)
class NoCase:
    """Why there is none."""

    says: str
    aloud: tuple[str, ...]


def why_no_case(history: History, words: Wording) -> NoCase:
    """Read off the recorded events why an invoice never had a case."""
    if history.undecided:
        return NoCase("Then it shows whether there is a case.", ())
    settled, balance = _settled(history)
    told = [fact.event for fact in history.facts if not fact.is_repeated]
    declines = [event for event in told if isinstance(event.data, ChargeDeclined)]
    if settled is not None:
        return NoCase(
            f"Nothing: {words.closings[settled]}. There never was a case.", (aloud_settled(settled, words),)
        )
    if not declines:
        return NoCase(
            "Nothing: no charge of it was declined, so there is no case.",
            ("We know of no charge of it that was declined.",),
        )
    paid_at = max(
        (
            micros(event.data.attempted_at or event.time)
            for event in told
            if isinstance(event.data, ChargeSucceeded)
        ),
        default=0,
    )
    automatic = [event for event in declines if event.data.initiated_by not in MANUAL]
    if not automatic:
        says = "Nothing: only a charge that the customer or the staff started was declined, and that opens no case."
    elif all(micros(event.data.attempted_at or event.time) < paid_at for event in automatic):
        says = "Nothing: what was declined is older than the last payment, so there is no case."
    else:
        says = "Nothing: the time for automatic attempts was over when the decline became known, so there is no case."
    if not balance:
        return NoCase(says, ("We do not charge it by ourselves.",))
    still_open = f"{money(balance, history.currency)} is still open."
    return NoCase(f"{says} {still_open}", (f"{still_open} We do not charge it by ourselves.",))


def aloud_settled(reason: CloseReason | str, words: Wording) -> str:
    """Say to the customer that an invoice is not collected any more, for which nothing need be owed."""
    if reason == CloseReason.SUBSCRIPTION_ENDED:
        return "The subscription ended. We do not charge this invoice any more."
    return f"The matter is closed: {words.closings.get(reason, reason)}."


def _settled(history: History) -> tuple[CloseReason | None, int | None]:
    """Follow what was told about an invoice without a case: why it is settled, and its balance in minor units."""
    settled: CloseReason | None = None
    balance: int | None = None
    paid = 0
    for fact in history.facts:
        data = fact.event.data
        if fact.is_decision or fact.is_repeated:
            continue
        if isinstance(data, InvoiceIssued):
            balance = max(0, data.amount_minor - paid) if balance is None else balance
        elif isinstance(data, ChargeSucceeded):
            if data.currency == history.currency:
                paid += data.amount_minor
                balance = None if balance is None else max(0, balance - data.amount_minor)
        elif isinstance(data, InvoiceAdjusted):
            balance = data.balance_minor
            settled = CloseReason.CREDITED if balance == 0 else settled
        elif isinstance(data, InvoiceClosed):
            settled = CloseReason(data.reason)
        elif isinstance(data, InvoiceReopened):
            settled, balance = None, data.balance_minor or balance
        elif isinstance(data, SubscriptionEnded):
            settled = settled or CloseReason.SUBSCRIPTION_ENDED
        if settled is None and balance == 0:
            settled = CloseReason.PAID
    return settled, balance
