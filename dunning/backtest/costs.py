"""Attempts held against the networks' rules by another road than the engine's, and what excess ones would cost.

The one rule: it measures every run with one stick, the profile `current`, so that policies can be compared.
"""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from dunning.backtest.recording import Recording
from dunning.backtest.trial import Attempt, Trial
from dunning.declines.verdicts import verdict_on
from dunning.instruments import BANK_DEBITS
from dunning.network_rules.limits import DebitLimit
from dunning.networks import MASTERCARD, VISA, network_name
from dunning.policy import RuleProfile
from dunning.rules import Rules
from schemas.charges import ChargeDeclined
from schemas.instants import micros
from schemas.payment_methods import Instrument, PaymentMethodUpdated

MEASURE = RuleProfile.CURRENT

FEES = {VISA: "visa.fee.reattempt", MASTERCARD: "mastercard.fee.attempt"}
"""The fee of one attempt beyond the ceilings, by network. The others publish none."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What a run's own attempts broke."""

    excess: int  # attempts that broke a rule
    by_rule: dict[str, int]  # the same by rule id, sorted; one attempt may break several
    fees: dict[str, Decimal]  # by currency, in main units


@dataclass(slots=True)
class _Credential:
    """What networks count for one card number."""

    network: str | None = None
    counted: list[int] = field(default_factory=list)  # declined attempts and open requests, ascending
    hold_until: int = 0
    hold_rule: str | None = None


class _Wallet:
    """Instruments as the recording last describes them."""

    def __init__(self, recording: Recording) -> None:
        self._known: dict[tuple[str, str], Instrument] = {}
        self._networks: dict[tuple[str, str], str] = {}
        for line in recording.facts:
            data = None if line.event is None else line.event.data
            if isinstance(data, PaymentMethodUpdated):
                self._known[data.account_id, data.instrument.instrument_id] = data.instrument
            elif isinstance(data, ChargeDeclined):
                if data.instrument is not None:
                    self._known[data.account_id, data.instrument.instrument_id] = data.instrument
                network = data.decline.network or (
                    data.decline.dialect if data.decline.dialect in FEES else None
                )
                if network is not None:
                    self._networks.setdefault((data.account_id, data.instrument_id), network_name(network))

    def credential(self, account_id: str, instrument_id: str) -> tuple[str, str]:
        """Name what is counted together: the fingerprint, without one the instrument."""
        known = self._known.get((account_id, instrument_id))
        if known is None or known.fingerprint is None:
            return account_id, "=" + instrument_id
        return account_id, "#" + known.fingerprint

    def network(self, account_id: str, instrument_id: str) -> str | None:
        """Tell the network of a card, if the recording says it."""
        known = self._known.get((account_id, instrument_id))
        if known is not None and known.network is not None:
            return network_name(known.network)
        return self._networks.get((account_id, instrument_id))

    def debit(self, account_id: str, instrument_id: str) -> str | None:
        """Tell the kind of a bank debit; None for everything else."""
        known = self._known.get((account_id, instrument_id))
        return known.type if known is not None and known.type in BANK_DEBITS else None


def audit(trial: Trial, recording: Recording, rules: Rules) -> Audit:
    """Count which of a run's own attempts break a network's rule, and what that would cost.

    Args:
        trial: the run; only its own requests are judged.
        recording: for the attempts of others, which count too, and for what is known of instruments.
        rules: ceilings and fees; the rates are estimates (`fees.json`).

    Source:
        Contract section 6, Counting.
    """
    book = _Book(_Wallet(recording), rules)
    happened: list[tuple[int, ChargeDeclined | Attempt]] = [*_foreign(recording)]
    happened += [(attempt.at, attempt) for attempt in trial.attempts]
    happened.sort(key=lambda one: one[0])
    by_rule: Counter[str] = Counter()
    fees: dict[str, Decimal] = {}
    excess = 0
    for at, what in happened:
        if isinstance(what, Attempt):
            broken = book.broken_by(what)
            excess += bool(broken)
            by_rule.update(broken)
            fee = _fee(broken, at, rules)
            if fee is not None:
                fees[fee[0]] = fees.get(fee[0], Decimal(0)) + fee[1]
            book.count_request(what)
        else:
            book.count_decline(what, at)
    return Audit(excess, {rule: by_rule[rule] for rule in sorted(by_rule)}, dict(sorted(fees.items())))


def _foreign(recording: Recording) -> Iterable[tuple[int, ChargeDeclined]]:
    """List the attempts of others; a charge that was told twice is one attempt."""
    seen: set[tuple[str, str, str]] = set()
    for line in recording.facts:
        if line.event is not None and isinstance(line.event.data, ChargeDeclined):
            data = line.event.data
            charge = (data.account_id, data.invoice_id, data.charge_id)
            if charge not in seen:
                seen.add(charge)
                yield micros(data.attempted_at or line.event.time), data


def _fee(broken: tuple[str, ...], at: int, rules: Rules) -> tuple[str, Decimal] | None:
    """Price an attempt beyond a ceiling: once, whatever number of ceilings it breaks."""
    for rule in broken:
        network, _, rest = rule.partition(".")
        fee_id = FEES.get(network)
        if fee_id is not None and rest.startswith("limit."):
            fee = rules.fees.at(fee_id, at)
            return None if fee is None else (fee.currency, fee.amount)
    return None


class _Book:
    """The counters of all cards and debits."""

    def __init__(self, wallet: _Wallet, rules: Rules) -> None:
        self._wallet = wallet
        self._rules = rules
        self._credentials: dict[tuple[str, str], _Credential] = {}
        self._presented: dict[tuple[str, str], tuple[int, int, int]] = {}  # first at, amount, further ones

    def broken_by(self, attempt: Attempt) -> tuple[str, ...]:
        """Name the rules that an attempt breaks at its instant."""
        account_id, instrument_id = attempt.request.account_id, attempt.request.instrument_id
        kind = self._wallet.debit(account_id, instrument_id)
        if kind is not None:
            limit = self._rules.networks.debit_limit(kind, MEASURE)
            return () if limit is None else self._debit_broken(limit, attempt)
        credential = self._credential(account_id, instrument_id)
        broken = []
        for card in self._rules.networks.card_limits(credential.network, MEASURE, attempt.at):
            # One exactly as old as the period no longer counts.
            younger = len(credential.counted) - bisect_right(credential.counted, attempt.at - card.period)
            if younger >= card.limit:
                broken.append(card.rule_id)
        if credential.hold_rule is not None and attempt.at < credential.hold_until:
            broken.append(credential.hold_rule)
        return tuple(broken)

    def count_request(self, attempt: Attempt) -> None:
        """Count an attempt of the run; a success does not count."""
        if attempt.answer.succeeded:
            return
        request = attempt.request
        answered = None if attempt.answer.event is None else attempt.answer.event.data
        if isinstance(answered, ChargeDeclined):
            self.count_decline(answered, attempt.at)
        else:
            insort(self._credential(request.account_id, request.instrument_id).counted, attempt.at)

    def count_decline(self, data: ChargeDeclined, at: int) -> None:
        """Count a declined attempt, and keep the wait that its answer asks for."""
        credential = self._credential(data.account_id, data.instrument_id)
        insort(credential.counted, at)
        verdict = verdict_on(data.decline, at, self._rules.declines, MEASURE, credential.network)
        if verdict.hold and at + verdict.hold > credential.hold_until:
            credential.hold_until, credential.hold_rule = at + verdict.hold, verdict.hold_rule
        kind = self._wallet.debit(data.account_id, data.instrument_id)
        limit = None if kind is None else self._rules.networks.debit_limit(kind, MEASURE)
        key = (data.account_id, data.invoice_id)
        if limit is not None and (key in self._presented or limit.limits(data.decline.code)):
            first, amount, further = self._presented.get(key, (at, data.amount_minor, -1))
            self._presented[key] = (first, amount, further + 1)

    def _debit_broken(self, limit: DebitLimit, attempt: Attempt) -> tuple[str, ...]:
        request = attempt.request
        presented = self._presented.get((request.account_id, request.invoice_id))
        if presented is None:
            return ()
        first, amount, further = presented
        is_other = limit.same_amount and request.amount_minor != amount
        return (
            limit.ids[:1]
            if is_other or further >= limit.further or attempt.at >= limit.ends_at(first)
            else ()
        )

    def _credential(self, account_id: str, instrument_id: str) -> _Credential:
        key = self._wallet.credential(account_id, instrument_id)
        if key not in self._credentials:
            self._credentials[key] = _Credential(self._wallet.network(account_id, instrument_id))
        return self._credentials[key]
