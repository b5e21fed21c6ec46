"""What one subscription was charged on, followed through the recorded events of its account.

The one rule: it follows contract section 6, Binding, for showing only; the engine's own tables decide.
"""

from dataclasses import dataclass, field

from schemas.charges import ChargeDeclined, Initiator
from schemas.envelope import Event
from schemas.events import JournalData
from schemas.instants import micros
from schemas.invoices import InvoiceIssued
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated


@dataclass(slots=True)
class Binding:
    """The instruments of an account, and the one that the subscription is charged on."""

    subscription_id: str
    own: str | None = None
    default: str | None = None
    seen: str | None = None
    is_own_seen: bool = False  # its own binding was only seen, beside another account default
    # Instruments in the order in which they were first described, with their types.
    owned: dict[str, str] = field(default_factory=dict)
    # When instruments were removed or revoked, microseconds UTC: what speaks of an earlier moment shows them no more.
    gone: dict[str, int] = field(default_factory=dict)

    @property
    def charged_on(self) -> str | None:
        """The instrument that the next attempt goes to; None: there is none."""
        return self.own or self.default or self.seen

    @property
    def is_only_seen(self) -> bool:
        """Whether nobody has bound what it is charged on: it was only seen with the subscription."""
        return self.own is None and self.default is None and self.seen is not None

    @property
    def unused(self) -> tuple[str, ...]:
        """What the account owns beside it, the latest first."""
        return tuple(name for name in reversed(self.owned) if name != self.charged_on)

    def concerns(self, data: PaymentMethodUpdated) -> bool:
        """Tell whether a change of an instrument matters to the subscription, as it stands before it."""
        instrument_id = data.instrument.instrument_id
        if data.change is InstrumentChange.ADDED:
            return True
        if data.change is InstrumentChange.BOUND:
            return (
                self.subscription_id in data.subscription_ids
                or data.account_default
                or (data.replaces is not None and data.replaces in (self.charged_on, self.default))
            )
        if data.change is InstrumentChange.UNBOUND:
            return self.subscription_id in data.subscription_ids
        return instrument_id in (self.own, self.default, self.seen) or instrument_id in self.owned

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
        if at < self.gone.get(instrument_id, at):
            return
        is_known = self.is_own_seen and self.own == instrument_id
        if self.own is not None and not self.is_own_seen:
            self.seen = instrument_id
        elif self.default == instrument_id or (self.default is None and not is_known):
            self.own, self.seen, self.is_own_seen = None, instrument_id, False
        else:
            self.own, self.seen, self.is_own_seen = instrument_id, None, True

    def _change(self, data: PaymentMethodUpdated, at: int) -> None:
        instrument_id = data.instrument.instrument_id
        if data.change is InstrumentChange.BOUND:
            self.owned[instrument_id] = data.instrument.type
            self._bind(data)
        elif data.change in (InstrumentChange.ADDED, InstrumentChange.DETAILS_UPDATED):
            self.owned[instrument_id] = data.instrument.type
        elif data.change is InstrumentChange.UNBOUND:
            if self.subscription_id in data.subscription_ids:
                self._release(instrument_id)
        else:
            self.owned.pop(instrument_id, None)
            self.gone[instrument_id] = max(at, self.gone.get(instrument_id, at))
            self._release(instrument_id)
            self.default = None if self.default == instrument_id else self.default

    def _bind(self, data: PaymentMethodUpdated) -> None:
        new = data.instrument.instrument_id
        is_named = self.subscription_id in data.subscription_ids
        is_replaced = data.replaces is not None and self.charged_on == data.replaces
        replaces_default = data.replaces is not None and self.default == data.replaces
        if is_named or is_replaced:
            # Who follows the account default goes on following it when the default itself is replaced.
            if is_named or not (replaces_default and self.own is None):
                self.own, self.is_own_seen = new, False
            self.seen = None
        if data.account_default or replaces_default:
            self.default, self.seen = new, None

    def _release(self, instrument_id: str) -> None:
        if self.own == instrument_id:
            self.own, self.is_own_seen = None, False
        self.seen = None if self.seen == instrument_id else self.seen
