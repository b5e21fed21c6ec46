"""All events that are read: one table from the event's type to the shape of its data."""

from typing import get_args

from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded
from schemas.commands import Command, PoliciesSet
from schemas.invoices import InvoiceAdjusted, InvoiceClosed, InvoiceIssued, InvoiceReopened
from schemas.payment_methods import PaymentMethodUpdated
from schemas.subscriptions import SubscriptionEnded

InputData = (
    InvoiceIssued
    | ChargeDeclined
    | ChargeSucceeded
    | ChargePending
    | PaymentMethodUpdated
    | InvoiceAdjusted
    | InvoiceClosed
    | InvoiceReopened
    | SubscriptionEnded
    | Command
)
"""What upstream systems and operators publish."""

JournalData = InputData | PoliciesSet
"""What the journal holds: the above, and the policies that decide about it."""

INPUT_TYPES: dict[str, type[InputData]] = {shape.TYPE: shape for shape in get_args(InputData)}
