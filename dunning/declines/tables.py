"""The code tables: rows of the data files, checked, and found by code and instant.

The one rule: a table is handed in as bytes and refused as a whole if a single row contradicts another.
Rows carry their rule id, dates, profile, edition and source; nothing about a code is written as a branch.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import combinations
from typing import Literal

import msgspec

from dunning.effective import Span, span_of
from dunning.policy import RuleProfile
from dunning.rule_files import read_file, refuse
from schemas.charges import Dialect
from schemas.decisions import DeclineClass
from schemas.instants import MICROSECOND

ANY_CODE = "*"  # the code of a table's default row

ADVICE_DIALECTS = (Dialect.MASTERCARD, Dialect.STRIPE)
"""The dialects with advice codes. Elsewhere the same digits mean other things (`mastercard.mac.dialect`)."""


class Flag(StrEnum):
    """Refines a class; never loosens it."""

    ALERT_MERCHANT = "alert_merchant"  # a fault of the merchant's set-up: tell operations, not the customer
    ASK_OTHER_METHOD = "ask_other_method"  # retrying is allowed, but another method is likelier to succeed
    BUDGET_EXHAUSTED = "budget_exhausted"  # the provider blocked us for too many attempts
    FRAUD = "fraud"  # chooses the accelerated close, as class `never` does
    INFO = "info"  # changes no class by itself
    MASK = "mask"  # neither the code nor its meaning may be shown to the customer
    UNCONFIRMED = "unconfirmed"  # one source only


class _Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A row as written. Several codes of one meaning are one row with `through`."""

    id: str
    code: str
    through: str | None = None  # the last code of a range that begins with `code`
    network: str | None = None  # only for cards of this network
    category: int | None = None  # Visa's reattempt category
    decline_class: DeclineClass = msgspec.field(name="class")
    flags: tuple[Flag, ...] = ()
    not_before: timedelta | None = None  # wait, counted from the attempt
    under: tuple[str, ...] = ()  # the wider rules that the row is part of
    from_: date | None = msgspec.field(name="from", default=None)
    to: date | None = None
    profiles: tuple[Literal["current", "strict"], ...] = ("current", "strict")
    marked: Literal["hard", "soft"] | None = None  # by the provider; for the reader only
    meaning: str
    note: str | None = None
    edition: str | None = None  # these three: where not the file's
    source: str | None = None
    trust: Literal["P", "S", "L"] | None = None


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    dialect: Dialect
    prefix: str  # of the ids: `iso` where events say `iso8583`
    advice: bool = False
    edition: str
    source: str
    trust: Literal["P", "S", "L"]
    rows: tuple[_Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """What one code means, in one span of time, in one or both profiles."""

    id: str
    code: str  # as its owner writes it; compared without regard to case
    network: str | None
    category: int | None
    decline_class: DeclineClass
    flags: tuple[Flag, ...]
    not_before: int  # microseconds from the attempt; 0 is none
    under: tuple[str, ...]
    span: Span
    first_on: date | None
    end_on: date | None
    profiles: tuple[RuleProfile, ...]
    marked: str | None
    meaning: str
    note: str | None
    edition: str
    source: str
    trust: str

    @property
    def ids(self) -> tuple[str, ...]:
        """The rule ids that the row stands for, most specific first."""
        return (self.id, *self.under)


@dataclass(frozen=True, slots=True)
class CodeTable:
    """The rows of one dialect's codes, or of its advice codes."""

    dialect: Dialect
    prefix: str
    is_advice: bool
    rows: tuple[CodeRow, ...]
    by_code: Mapping[str, tuple[CodeRow, ...]]

    def row(self, code: str, at: int, profile: RuleProfile, network: str | None) -> CodeRow | None:
        """Find the row in force for a listed code.

        Args:
            code: as received; case does not matter, leading zeros do.
            at: when the attempt was made, microseconds.
            profile: `none` reads as `current`.
            network: of the card, normalised; a row for it wins over the general one.

        Returns:
            The row, or None: the code is not listed, or its rows are not in force at that instant.
        """
        wanted = RuleProfile.CURRENT if profile is RuleProfile.NONE else profile
        found: CodeRow | None = None
        for row in self.by_code.get(code.lower(), ()):
            if not row.span.covers(at) or wanted not in row.profiles:
                continue
            if row.network == network and network is not None:
                return row
            if row.network is None:
                found = row
        return found

    def default(self) -> CodeRow:
        """Give the row of every code that is not listed."""
        return self.by_code[ANY_CODE][0]


@dataclass(frozen=True, slots=True)
class CodeTables:
    """All code lists."""

    codes: Mapping[Dialect, CodeTable]
    advice: Mapping[Dialect, CodeTable]

    def rows(self) -> Iterator[CodeRow]:
        """Walk over every row, codes first, then advice codes."""
        for table in (*self.codes.values(), *self.advice.values()):
            yield from table.rows


def read_tables(files: Mapping[str, bytes]) -> CodeTables:
    """Read and check the data files of the decline tables.

    Args:
        files: content by file name; the name only serves the messages.

    Raises:
        RuleDataError: a file that is no table; rows out of order, twice or overlapping; a default row or a
            dialect that is missing.
    """
    codes: dict[Dialect, CodeTable] = {}
    advice: dict[Dialect, CodeTable] = {}
    for name, content in sorted(files.items()):
        table = _read_table(name, content)
        group = advice if table.is_advice else codes
        if table.dialect in group:
            refuse(name, f"a second table of dialect {table.dialect}", "join the two files")
        group[table.dialect] = table
    for kind, group, wanted in (("code", codes, tuple(Dialect)), ("advice code", advice, ADVICE_DIALECTS)):
        if set(group) != set(wanted):
            lacking = ", ".join(sorted(set(wanted) ^ set(group)))
            refuse(
                "decline tables",
                f"missing or unexpected {kind} tables: {lacking}",
                "add or remove their files",
            )
    return CodeTables(
        codes={dialect: codes[dialect] for dialect in Dialect},
        advice={dialect: advice[dialect] for dialect in ADVICE_DIALECTS},
    )


def _read_table(name: str, content: bytes) -> CodeTable:
    file = read_file(name, content, _File, "a decline table")
    _refuse_disorder(name, file.rows)
    rows = tuple(row for written in file.rows for row in _expanded(name, file, written))
    by_code: dict[str, list[CodeRow]] = {}
    for row in rows:
        by_code.setdefault(row.code.lower(), []).append(row)
    for same_code in by_code.values():
        _refuse_overlaps(name, same_code)
    _refuse_odd_defaults(name, by_code.get(ANY_CODE, []))
    return CodeTable(
        dialect=file.dialect,
        prefix=file.prefix,
        is_advice=file.advice,
        rows=rows,
        by_code={code: tuple(same_code) for code, same_code in by_code.items()},
    )


def _refuse_disorder(name: str, rows: Iterable[_Row]) -> None:
    """Refuse rows that are not sorted by id, start, network, profiles, or that are there twice."""
    before: tuple[object, ...] = ()
    for row in rows:
        here = (row.id, str(row.from_ or ""), row.network or "", row.profiles)
        if here == before:
            refuse(f"{name} row {row.id}", "the same id, date and profile twice", "remove one")
        if here < before:
            refuse(
                f"{name} row {row.id}", "out of order", "sort rows by id, then `from`, network and profiles"
            )
        before = here


def _expanded(name: str, file: _File, written: _Row) -> Iterator[CodeRow]:
    where = f"{name} row {written.id}"
    span = span_of(written.from_, written.to, where)
    wait = (written.not_before or timedelta(0)) // MICROSECOND
    if wait < 0:
        refuse(where, "a wait below zero", "correct `not_before`")
    for number, code in enumerate(_codes(where, written)):
        rule = written.id if number == 0 else f"{file.prefix}.{code.lower()}"
        _refuse_foreign_id(where, file, rule, code)
        yield CodeRow(
            id=rule,
            code=code,
            network=written.network,
            category=written.category,
            decline_class=written.decline_class,
            flags=written.flags,
            not_before=wait,
            under=written.under,
            span=span,
            first_on=written.from_,
            end_on=written.to,
            profiles=tuple(RuleProfile(profile) for profile in written.profiles),
            marked=written.marked,
            meaning=written.meaning,
            note=written.note,
            edition=written.edition or file.edition,
            source=written.source or file.source,
            trust=written.trust or file.trust,
        )


def _codes(where: str, written: _Row) -> list[str]:
    """List the codes of a row; `R61` through `R85` are 25."""
    if written.through is None:
        return [written.code]
    first = re.fullmatch(r"(\D*)(\d+)", written.code)
    last = re.fullmatch(r"(\D*)(\d+)", written.through)
    if first is None or last is None or first[1] != last[1] or len(first[2]) != len(last[2]):
        refuse(where, f"{written.code} through {written.through} is no range", "write codes of one shape")
    numbers = range(int(first[2]), int(last[2]) + 1)
    if len(numbers) < 2:  # a range of one is a plain code
        refuse(where, f"{written.code} through {written.through} is empty", "swap or drop `through`")
    return [f"{first[1]}{number:0{len(first[2])}d}" for number in numbers]


def _refuse_foreign_id(where: str, file: _File, rule: str, code: str) -> None:
    """Hold the id to `<dialect>.<code>` in lower case; Visa's carry the category in between."""
    tail = "default" if code == ANY_CODE else code.lower()
    if not (rule.startswith(f"{file.prefix}.") and rule.endswith(f".{tail}")):
        refuse(where, f"the id of code {code} must be {file.prefix}.{tail}", "rename it")


def _refuse_overlaps(name: str, rows: list[CodeRow]) -> None:
    for one, other in combinations(rows, 2):
        if (
            one.network == other.network
            and any(profile in other.profiles for profile in one.profiles)
            and one.span.overlaps(other.span)
        ):
            refuse(f"{name} rows {one.id}, {other.id}", "both in force for one code", "correct their dates")


def _refuse_odd_defaults(name: str, rows: list[CodeRow]) -> None:
    """One default row, always in force: an unlisted code has the same answer at any time."""
    if len(rows) != 1 or rows[0].first_on or rows[0].end_on or len(rows[0].profiles) != 2:
        refuse(name, "needs one undated default row for both profiles", 'add the row with code "*"')
