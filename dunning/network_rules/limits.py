"""Ceilings on attempts: of card networks per fingerprint, of debit schemes per invoice.

The one rule: this module says what the ceilings are; counting attempts against them is the fold's work.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Literal

import msgspec

from dunning.calendar import Duration, add
from dunning.effective import Span, boundaries, read_profile, span_of, start_of_epoch
from dunning.networks import network_name
from dunning.policy import RuleProfile
from dunning.rule_files import read_file, refuse
from schemas.instants import MICROSECOND

CEILINGS_KEPT = 1_024  # our choice: networks x profiles x epochs are a few dozen


class _LimitRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    network: str
    limit: int
    period: timedelta
    from_: date | None = msgspec.field(name="from", default=None)
    to: date | None = None
    profiles: tuple[Literal["current", "strict"], ...]
    edition: str
    source: str
    trust: Literal["P", "S", "L"]
    note: str | None = None


class _LimitFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    note: str
    rows: tuple[_LimitRow, ...]


class _DebitRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    instrument: Literal["ach", "sepa", "bacs"]
    further: int
    period: timedelta | None
    months: int
    same_amount: bool
    codes: tuple[str, ...]
    profiles: tuple[Literal["current", "strict"], ...]
    under: tuple[str, ...]
    source: str
    trust: Literal["P", "S", "L"]
    note: str | None = None


class _DebitFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    note: str
    rows: tuple[_DebitRow, ...]


@dataclass(frozen=True, slots=True)
class CardLimit:
    """At most `limit` counted attempts on a fingerprint in any window of `period`."""

    rule_id: str
    limit: int
    period: int  # microseconds; an attempt exactly as old no longer counts (`engine.window`)


@dataclass(frozen=True, slots=True)
class DebitLimit:
    """How often one invoice may be presented again on a bank account, once it came back for one of these reasons."""

    ids: tuple[str, ...]  # rule ids, the limit's own first
    further: int  # presentations after the first that came back so
    period: int | None  # microseconds from that one; None: only `months` bounds
    months: int  # calendar months from that one; 0: only `period` bounds
    same_amount: bool  # a presentation of another amount is not covered
    codes: tuple[str, ...]  # the reasons that it limits, upper case

    def limits(self, code: str) -> bool:
        """Tell whether a debit returned with `code` is presented again under this limit from then on."""
        return code.upper() in self.codes

    def ends_at(self, first_at: int) -> int:
        """Give the first instant at which nothing may be presented again.

        Args:
            first_at: the first presentation that came back so, microseconds; the month is counted in UTC, and one
                that has no such day ends on its last.

        Returns:
            Microseconds, exclusive; the earlier bound where there are two.
        """
        ends = [] if self.period is None else [first_at + self.period]
        if self.months:
            ends.append(add(first_at, Duration(months=self.months), "UTC"))
        return min(ends)


@dataclass(frozen=True, slots=True)
class _Ceiling:
    network: str
    span: Span
    profiles: tuple[RuleProfile, ...]
    limit: CardLimit


class NetworkRules:
    """All ceilings, ready to be asked. Built once; answers depend on the arguments alone."""

    __slots__ = ("_ceilings", "_debits", "_edges", "_known", "least_limit")

    def __init__(
        self, ceilings: tuple[_Ceiling, ...], debits: Mapping[tuple[str, RuleProfile], DebitLimit]
    ) -> None:
        """Take what `read_network_rules` has checked."""
        self._ceilings = ceilings
        # With fewer attempts none is reached.
        self.least_limit = min(ceiling.limit.limit for ceiling in ceilings)
        self._debits = debits
        self._edges = boundaries(ceiling.span for ceiling in ceilings)
        # Remembers answers; forgetting one only costs the time to find it again.
        self._known = lru_cache(maxsize=CEILINGS_KEPT)(self._in_force)

    def card_limits(self, network: str | None, profile: str, at: int) -> tuple[CardLimit, ...]:
        """List the ceilings on attempts with a card.

        Args:
            network: of the card, any spelling; None is not known and has none.
            profile: `current`, `strict` or `none`; `none` has none.
            at: the instant of the attempt to be allowed, microseconds.

        Returns:
            The ceilings in force, sorted by rule id.

        Raises:
            ValueError: an unknown profile.

        Source:
            `visa.limit.30d`, `mastercard.limit.24h`, `mastercard.limit.30d`, and in `strict` those of Amex,
            Discover and JCB.
        """
        return self._known(network, profile, bisect_right(self._edges, at))

    def debit_limit(self, kind: str, profile: str) -> DebitLimit | None:
        """Give the ceiling on presentations of a bank debit.

        Args:
            kind: instrument type or dialect: `ach_debit`, `ach`, `sepa_debit`, `sepa`, `bacs_debit`, `bacs`.
            profile: `current`, `strict` or `none`; `none` has none.

        Returns:
            None for everything that is no bank debit: it has no such ceiling.

        Raises:
            ValueError: an unknown profile.

        Source:
            `nacha.limit.reinitiation`, `sepa.limit.am04`, `bacs.limit.count` and `bacs.limit.window`.
        """
        return self._debits.get((network_name(kind), read_profile(profile)))

    def _in_force(self, network: str | None, profile: str, epoch: int) -> tuple[CardLimit, ...]:
        at = start_of_epoch(self._edges, epoch)
        wanted = read_profile(profile)
        name = None if network is None else network_name(network)
        return tuple(
            ceiling.limit
            for ceiling in self._ceilings
            if ceiling.network == name and wanted in ceiling.profiles and ceiling.span.covers(at)
        )


def read_network_rules(limits: bytes, debits: bytes) -> NetworkRules:
    """Read and check the data files of the ceilings.

    Args:
        limits: content of `limits.json`.
        debits: content of `debits.json`.

    Raises:
        RuleDataError: a file of another shape; rows out of order, overlapping, or with nothing allowed.
    """
    return NetworkRules(_read_ceilings("limits.json", limits), _read_debits("debits.json", debits))


def _read_ceilings(name: str, content: bytes) -> tuple[_Ceiling, ...]:
    file = read_file(name, content, _LimitFile, "a list of limits")
    for before, row in pairwise(file.rows):
        if (before.id, str(before.from_ or ""), before.profiles) >= (
            row.id,
            str(row.from_ or ""),
            row.profiles,
        ):
            refuse(f"{name} row {row.id}", "out of order or there twice", "sort by id, `from` and profiles")
    ceilings = []
    for row in file.rows:
        where = f"{name} row {row.id}"
        if row.limit < 1 or row.period <= timedelta(0) or not row.id.startswith(f"{row.network}.limit."):
            refuse(where, "limit or period below 1, or an id of another network", "correct the row")
        ceilings.append(
            _Ceiling(
                network=row.network,
                span=span_of(row.from_, row.to, where),
                profiles=tuple(RuleProfile(profile) for profile in row.profiles),
                limit=CardLimit(row.id, row.limit, row.period // MICROSECOND),
            )
        )
    for one, other in combinations(ceilings, 2):
        same = one.limit.rule_id == other.limit.rule_id and any(p in other.profiles for p in one.profiles)
        if same and one.span.overlaps(other.span):
            refuse(f"{name} rows {one.limit.rule_id}", "two in force at one time", "correct their dates")
    return tuple(ceilings)


def _read_debits(name: str, content: bytes) -> dict[tuple[str, RuleProfile], DebitLimit]:
    file = read_file(name, content, _DebitFile, "a list of debit limits")
    debits: dict[tuple[str, RuleProfile], DebitLimit] = {}
    for row in file.rows:
        where = f"{name} row {row.id}"
        if row.further < 1 or not row.codes or (row.period is None and row.months < 1):
            refuse(where, "no presentation, no code or no period", "correct the row")
        for profile in row.profiles:
            key = (row.instrument, RuleProfile(profile))
            if key in debits:
                refuse(where, f"a second limit of {row.instrument} under {profile}", "remove one")
            debits[key] = DebitLimit(
                ids=(row.id, *row.under),
                further=row.further,
                period=None if row.period is None else row.period // MICROSECOND,
                months=row.months,
                same_amount=row.same_amount,
                codes=tuple(code.upper() for code in row.codes),
            )
    return debits
