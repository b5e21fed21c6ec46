"""What happens to instruments."""

from dataclasses import dataclass

from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated
from tests.model.facts import Case, Restart
from tests.model.telling import Telling


@dataclass
class MethodEvents(Telling):
    """Bindings, edits and removals, and the restarts they give."""

    def method_updated(self, data: PaymentMethodUpdated, time: int) -> None:
        account, instrument = self.account, data.instrument.instrument_id
        self.learn(data.instrument)
        before = {one: account.charged_on(one) for one in account.subscriptions()}
        if data.change is InstrumentChange.BOUND:
            self.bind(data, before)
        elif data.change in {InstrumentChange.UNBOUND, InstrumentChange.REMOVED, InstrumentChange.REVOKED}:
            self.unbind(data, time)
        elif data.change is InstrumentChange.ADDED:
            self.added(instrument)
        edited = data.change is InstrumentChange.DETAILS_UPDATED
        if edited:
            self.is_good(instrument, time)
        for case in account.open_cases():
            used = account.charged_on(case.subscription_id)
            if used != before.get(case.subscription_id):
                self.changed(case, used, time)
            elif edited and used == instrument and not account.is_never(instrument):
                self.restart(case, "details_updated", time)

    def unbind(self, data: PaymentMethodUpdated, time: int) -> None:
        account, instrument = self.account, data.instrument.instrument_id
        is_gone = data.change is not InstrumentChange.UNBOUND
        if is_gone:
            account.gone[instrument] = max(time, account.gone.get(instrument, -1))
        for bindings in (account.own, account.seen):
            for one in list(bindings):
                if bindings[one] == instrument and (is_gone or one in data.subscription_ids):
                    del bindings[one]
                    account.bound -= {one} if bindings is account.own else set()
        if is_gone and account.default == instrument:
            account.default = None

    def added(self, instrument: str) -> None:
        for case in self.account.open_cases():
            used = self.account.charged_on(case.subscription_id)
            if used != instrument and instrument not in case.told_added:
                case.told_added.add(instrument)
                ids = {"instrument_id": used, "new_instrument_id": instrument}
                self.notice("instrument_added_not_bound", case, **ids)

    def bind(self, data: PaymentMethodUpdated, before: dict[str, str | None]) -> None:
        account, instrument = self.account, data.instrument.instrument_id
        for one in data.subscription_ids:
            account.own[one] = instrument
            account.bound.add(one)
            account.seen.pop(one, None)
        if data.replaces is not None:
            for one, used in before.items():
                follows = one not in account.own and account.default == data.replaces
                if used == data.replaces and not follows and one not in data.subscription_ids:
                    account.own[one] = instrument
                    account.bound.add(one)
                    account.seen.pop(one, None)
        if data.account_default or (data.replaces is not None and account.default == data.replaces):
            account.default = instrument
            account.seen.clear()

    def changed(self, case: Case, used: str | None, time: int) -> None:
        if used is None:
            case.restart = None
            self.notice("no_instrument", case)
            return
        if self.account.default is None and case.subscription_id not in self.account.own:
            self.turn_to_seen(case)
            return
        if case.accelerated_on is not None and used != case.accelerated_on:
            case.accelerated_from = case.accelerated_on = None
        if self.account.is_never(used):
            case.restart, case.anew, case.needs_customer = None, True, False
            case.technical_after, case.technical_used = None, 0
            self.notice("customer_action_needed", case, instrument_id=used, decline_class="never")
            return
        self.restart(case, "instrument_bound", time)

    def restart(self, case: Case, reason: str, time: int) -> None:
        case.restart = Restart(reason, time, self.now, self.account.is_paused(case))
        case.needs_customer = False
        case.technical_after, case.technical_used = None, 0
        case.anew = True
