"""What one subscription was charged on, followed through the recorded events of its account.

The one rule: it knows nothing about bindings itself. `dunning.binding` decides, on an account that holds nothing else.
"""

from dataclasses import dataclass, field

from dunning.account import OpenAccount
from dunning.binding import (
    bind,
    charged_on,
    is_only_seen,
    note_gone,
    reach_of,
    release,
    see,
    was_gone_since,
)
from dunning.tables import Tables
from schemas.charges import ChargeDeclined, Initiator
from schemas.envelope import Event
from schemas.events import JournalData
from schemas.instants import micros
from schemas.invoices import InvoiceIssued
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated


def _blank_account() -> OpenAccount:
    return OpenAccount(Tables(), "")


@dataclass(slots=True)
class Binding:
    """The instruments of an account, and the one that the subscription is charged on."""

    subscription_id: str
    # Instruments in the order in which they were first described, with their types.
    owned: dict[str, str] = field(default_factory=dict)
    _account: OpenAccount = field(default_factory=_blank_account, init=False, repr=False)

    @property
    def charged_on(self) -> str | None:
        """The instrument that the next attempt goes to; None: there is none."""
        return charged_on(self._account, self.subscription_id)

    @property
    def is_only_seen(self) -> bool:
        """Whether nobody has bound what it is charged on: it was only seen with the subscription."""
        return is_only_seen(self._account, self.subscription_id)

    @property
    def unused(self) -> tuple[str, ...]:
        """What the account owns beside it, the latest first."""
        return tuple(name for name in reversed(self.owned) if name != self.charged_on)

    def concerns(self, data: PaymentMethodUpdated) -> bool:
        """Tell whether a change of an instrument matters to the subscription, as it stands before it."""
        match data.change:
            case InstrumentChange.ADDED:
                return True
            case InstrumentChange.BOUND:
                reach = reach_of(self._account, data)
                return reach.sets_default or self.subscription_id in reach.subscriptions
            case InstrumentChange.UNBOUND:
                return self.subscription_id in data.subscription_ids
            case InstrumentChange.DETAILS_UPDATED | InstrumentChange.REMOVED | InstrumentChange.REVOKED:
                subscription = self._account.subscription(self.subscription_id)
                known = (subscription.own, self._account.root.default, subscription.seen, *self.owned)
                return data.instrument.instrument_id in known

    def take(self, event: Event[JournalData]) -> None:
        """Take one event of the account, in the order of the journal."""
        data, at = event.data, micros(event.time)
        if isinstance(data, InvoiceIssued):
            if data.subscription_id == self.subscription_id and data.instrument_id is not None:
                self._see(data.instrument_id, at)
        elif isinstance(data, ChargeDeclined):
            if data.subscription_id == self.subscription_id and data.initiated_by is Initiator.SCHEDULE:
                self._see(data.instrument_id, micros(data.attempted_at) if data.attempted_at else at)
        elif isinstance(data, PaymentMethodUpdated):
            self._change(data, at)

    def _see(self, instrument_id: str, at: int) -> None:
        if not was_gone_since(self._account, instrument_id, at):
            see(self._account, self.subscription_id, instrument_id)

    def _change(self, data: PaymentMethodUpdated, at: int) -> None:
        account, instrument_id = self._account, data.instrument.instrument_id
        match data.change:
            case InstrumentChange.ADDED | InstrumentChange.DETAILS_UPDATED:
                self.owned[instrument_id] = data.instrument.type
            case InstrumentChange.BOUND:
                self.owned[instrument_id] = data.instrument.type
                bind(account, instrument_id, reach_of(account, data))
            case InstrumentChange.UNBOUND:
                release(account, instrument_id, data.subscription_ids, from_default=False)
            case InstrumentChange.REMOVED | InstrumentChange.REVOKED:
                self.owned.pop(instrument_id, None)
                release(account, instrument_id, account.tied_to(instrument_id), from_default=True)
                note_gone(account, instrument_id, at)
