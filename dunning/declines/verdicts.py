"""What a decline means for the next attempt: one function, `verdict_on`.

The one rule: signals on one response are put together by strictness, so nothing known loosens a verdict.

A response carries up to three signals: the provider's code, read in its dialect; the network's code, read in
the network's table; the advice code, read in its own dialect only. Two rules say how they combine: the
network's code wins over the provider's, and `engine.precedence` (`reconcile` first, then the strictest of
`never`, `needs_customer`, `fix_data`, `retry_later`, `technical`). Both hold in this reading:

* A listed code of either side gives its class, and the strictest decides. A network's `43` makes a `never` of
  a provider's generic decline; a network's `05` does not revive a card that the provider knows to be stolen.
* A code that no table lists is `retry_later` and is reported as unknown, in every dialect and under every
  profile. It gives way to every listed code of the response, a `technical` one included: not knowing is no
  evidence.
* Of two codes with one class the network's is named first, then the advice, then the provider's.
* The dialects `visa`, `mastercard` and `iso8583` are networks' own: their code is a network's code. An
  `iso8583` code on a card of Visa or Mastercard is read in that network's table, not the neutral one.
* A code that the network's table lacks takes its ISO row; both are named (`iso.94`, `visa.default`).
* An advice code without its dialect is not read (`mastercard.mac.dialect`): providers renumber them.
* Flags add up over all signals. Of several waits the longest holds.
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache

from dunning.declines.tables import CodeRow, CodeTable, CodeTables, Flag
from dunning.effective import boundaries, read_profile, start_of_epoch
from dunning.networks import MASTERCARD, VISA, network_name
from dunning.policy import RuleProfile
from schemas.charges import Decline, Dialect
from schemas.decisions import DeclineClass

UNKNOWN_CODE = "engine.unknown_code"
UNKNOWN_ADVICE = "engine.unknown_advice"
UNREAD_ADVICE = "mastercard.mac.dialect"
PRECEDENCE = "engine.precedence"

# Our choice: distinct responses are a few hundred; a flood of made-up codes stays bounded.
VERDICTS_KEPT = 8_192

STRICTNESS = (
    DeclineClass.RECONCILE,
    DeclineClass.NEVER,
    DeclineClass.NEEDS_CUSTOMER,
    DeclineClass.FIX_DATA,
    DeclineClass.RETRY_LATER,
    DeclineClass.TECHNICAL,
)
"""The classes, the deciding one first (`engine.precedence`)."""

_RANK = {decline_class: rank for rank, decline_class in enumerate(STRICTNESS)}
_CARD_TABLES = {VISA: Dialect.VISA, MASTERCARD: Dialect.MASTERCARD}
_DEBIT_TABLES = {"ach": Dialect.ACH, "bacs": Dialect.BACS, "sepa": Dialect.SEPA}
_NETWORK_TABLES = _CARD_TABLES | _DEBIT_TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a decline means."""

    decline_class: DeclineClass
    why: tuple[str, ...]  # rule ids, the deciding one first
    fraud: bool  # chooses the accelerated close, as class `never` does
    hold: int  # microseconds from the attempt before which nothing may be sent on the fingerprint; 0 is none
    hold_rule: str | None  # the rule behind `hold`
    unknown: bool  # some code of the response is in no table; `why` has an id with `unknown`
    # Tell operations, not the customer. A notice knows it by its `why`, for it may be written long after the decline.
    alert_merchant: bool
    mask: bool  # neither the code nor its meaning may be shown to the customer
    ask_other_method: bool  # retrying is allowed, but another method is likelier to succeed
    network: str | None  # of the attempt, in the rules' spelling


@dataclass(frozen=True, slots=True)
class _Signal:
    """What one code of the response says."""

    row: CodeRow
    ids: tuple[str, ...]
    is_listed: bool
    has_class: bool = True


class DeclineRules:
    """The code tables, ready to be asked. Built once; answers depend on the arguments alone."""

    __slots__ = ("_edges", "_known", "merchant_faults", "tables")

    def __init__(self, tables: CodeTables) -> None:
        """Take tables that `dunning.declines.tables.read_tables` has checked."""
        self.tables = tables
        # The rule ids that make a verdict `alert_merchant`: one of them is in its `why`.
        self.merchant_faults = frozenset(row.id for row in tables.rows() if Flag.ALERT_MERCHANT in row.flags)
        self._edges = boundaries(row.span for row in tables.rows())
        # Remembers answers; forgetting one only costs the time to find it again.
        self._known = lru_cache(maxsize=VERDICTS_KEPT)(self._decided)

    @property
    def remembered(self) -> int:
        """How many answers are held in memory; never more than `VERDICTS_KEPT`."""
        return self._known.cache_info().currsize

    def verdict(self, decline: Decline, at: int, profile: str, network: str | None) -> Verdict:
        """Answer `verdict_on`, which see."""
        return self._known(
            decline.dialect,
            decline.code,
            decline.network,
            decline.network_code,
            decline.advice_code,
            decline.advice_dialect,
            network,
            profile,
            bisect_right(self._edges, at),  # which rows are in force changes at these instants only
        )

    def _decided(  # noqa: PLR0917 - the key of the memory, by position because that is fastest
        self,
        dialect: Dialect,
        code: str,
        said_network: str | None,
        network_code: str | None,
        advice_code: str | None,
        advice_dialect: Dialect | None,
        known_network: str | None,
        profile: str,
        epoch: int,
    ) -> Verdict:
        network = _network(dialect, said_network, known_network)
        reading = _Reading(self.tables, start_of_epoch(self._edges, epoch), read_profile(profile), network)
        signals: list[_Signal] = []
        if network_code is not None:
            signals.append(reading.network_code(dialect, network_code))
        advice = None if advice_code is None else reading.advice_code(advice_code, advice_dialect)
        if advice is not None:
            signals.append(advice)
        signals.append(reading.code(dialect, code))
        remarks: tuple[str, ...] = ()
        if advice_code is not None and advice is None:
            remarks = (UNREAD_ADVICE,) if advice_dialect is None else (UNKNOWN_ADVICE,)
        return _combined(signals, remarks, network)


def verdict_on(decline: Decline, at: int, rules: DeclineRules, profile: str, network: str | None) -> Verdict:
    """Read what a decline means for the next attempt.

    Args:
        decline: code and dialect as received; a code is never read without its dialect.
        at: when the attempt was made, microseconds, UTC; the rows in force at that instant decide.
        rules: the code tables, loaded and checked once at start.
        profile: `current`, `strict` or `none`. `none` reads as `current`: the wait holds for the card,
            whoever is charged on it next; only a case whose own profile is `none` does not heed it.
        network: of the instrument, as far as known. The decline's own network wins, then the dialects
            `visa` and `mastercard`.

    Returns:
        Class, flags and rule ids. `hold` is a floor that never brings an attempt forward. A code that is not
        listed is `retry_later`, and the rule ids say so.

    Raises:
        ValueError: an unknown profile. Nothing else; an unknown dialect is refused at the door.

    Source:
        Rules `engine.precedence`, `engine.advice`; each row names its own.
    """
    return rules.verdict(decline, at, profile, network)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The tables as they stand at one instant, in one profile, for cards of one network."""

    tables: CodeTables
    at: int
    profile: RuleProfile
    network: str | None

    def code(self, dialect: Dialect, code: str) -> _Signal:
        """Read the provider's code in its dialect."""
        if dialect is Dialect.ISO8583:
            own = _CARD_TABLES.get(self.network or "", dialect)
            return self._networks_code(self.tables.codes[own], code)
        if dialect in _CARD_TABLES.values():
            return self._networks_code(self.tables.codes[dialect], code)
        table = self.tables.codes[dialect]
        return self._found(table, code) or _unlisted(table)

    def network_code(self, dialect: Dialect, code: str) -> _Signal:
        """Read the network's code in the network's table; of a bank debit in the scheme's."""
        own = dialect if dialect in _DEBIT_TABLES.values() else Dialect.ISO8583
        return self._networks_code(self.tables.codes[_NETWORK_TABLES.get(self.network or "", own)], code)

    def _networks_code(self, table: CodeTable, code: str) -> _Signal:
        """Read a code in its network's table, else in the ISO table (contract section 6, Counting)."""
        found = self._found(table, code)
        if found is None and table.dialect in _CARD_TABLES.values():
            neutral = self._found(self.tables.codes[Dialect.ISO8583], code)
            if neutral is not None:
                return _Signal(neutral.row, (*neutral.ids, table.default().id), is_listed=True)
        return found or _unlisted(table)

    def advice_code(self, code: str, dialect: Dialect | None) -> _Signal | None:
        """Read an advice code in its own dialect. None: it has none, or one without advice codes."""
        table = None if dialect is None else self.tables.advice.get(dialect)
        if table is None:
            return None
        found = self._found(table, code)
        if found is None:
            default = table.default()
            return _Signal(default, (default.id, UNKNOWN_ADVICE), is_listed=False, has_class=False)
        return _Signal(found.row, found.ids, is_listed=True, has_class=Flag.INFO not in found.row.flags)

    def _found(self, table: CodeTable, code: str) -> _Signal | None:
        row = table.row(code, self.at, self.profile, self.network)
        return None if row is None else _Signal(row, row.ids, is_listed=True)


def _network(dialect: Dialect, said: str | None, known: str | None) -> str | None:
    if said is not None:
        return network_name(said)
    if dialect in (Dialect.VISA, Dialect.MASTERCARD):
        return dialect.value
    return None if known is None else network_name(known)


def _unlisted(table: CodeTable) -> _Signal:
    default = table.default()
    return _Signal(default, (default.id, *default.under, UNKNOWN_CODE), is_listed=False)


def _combined(signals: list[_Signal], remarks: tuple[str, ...], network: str | None) -> Verdict:
    """Put the signals together; they come in the order in which equals are named."""
    voices = [signal for signal in signals if signal.has_class and signal.is_listed]
    # Not knowing is no evidence: an unlisted code speaks only where nothing listed does.
    voices = voices or [signal for signal in signals if signal.has_class]
    ranked = sorted(voices, key=lambda signal: _RANK[signal.row.decline_class])
    silent = [signal for signal in signals if signal not in voices]
    ids = [rule for signal in (*ranked, *silent) for rule in signal.ids]
    if ranked[0].row.decline_class is not ranked[-1].row.decline_class:
        ids.append(PRECEDENCE)
    waits = [signal.row for signal in signals]
    longest = max((row for row in waits if row.not_before), key=lambda row: row.not_before, default=None)
    flags = {flag for signal in signals for flag in signal.row.flags}
    return Verdict(
        decline_class=ranked[0].row.decline_class,
        why=tuple(dict.fromkeys((*ids, *remarks))),
        fraud=Flag.FRAUD in flags,
        hold=longest.not_before if longest else 0,
        hold_rule=longest.id if longest else None,
        unknown=UNKNOWN_ADVICE in remarks or not all(signal.is_listed for signal in signals),
        alert_merchant=Flag.ALERT_MERCHANT in flags,
        mask=Flag.MASK in flags,
        ask_other_method=Flag.ASK_OTHER_METHOD in flags,
        network=network,
    )
