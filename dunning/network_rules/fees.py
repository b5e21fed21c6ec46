"""What networks charge for attempts beyond their ceilings.

The one rule: fees are for estimates of what a policy would cost; no decision rests on them.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import combinations, pairwise
from typing import Literal

import msgspec

from dunning.effective import Span, span_of
from dunning.rule_files import read_file, refuse
from schemas.money import CURRENCIES


class _FeeRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    network: str
    amount: str
    currency: str
    from_: date | None = msgspec.field(name="from", default=None)
    to: date | None = None
    charged_for: str = msgspec.field(name="for")
    source: str
    trust: Literal["P", "S", "L"]
    note: str | None = None


class _FeeFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    note: str
    rows: tuple[_FeeRow, ...]


@dataclass(frozen=True, slots=True)
class Fee:
    """One fee, in one span of time."""

    rule_id: str
    network: str
    amount: Decimal  # in the currency's main unit: fees go below its minor unit
    currency: str
    span: Span
    charged_for: str


@dataclass(frozen=True, slots=True)
class Fees:
    """All fees, sorted by rule id and date."""

    rows: tuple[Fee, ...]

    def at(self, rule_id: str, at: int) -> Fee | None:
        """Give the fee of a rule at an instant (microseconds); None: none was charged then."""
        return next((fee for fee in self.rows if fee.rule_id == rule_id and fee.span.covers(at)), None)


def read_fees(content: bytes) -> Fees:
    """Read and check the content of `fees.json`.

    Raises:
        RuleDataError: a file of another shape; rows out of order or overlapping; an amount that is none.
    """
    name = "fees.json"
    file = read_file(name, content, _FeeFile, "a list of fees")
    for before, row in pairwise(file.rows):
        if (before.id, str(before.from_ or "")) >= (row.id, str(row.from_ or "")):
            refuse(f"{name} row {row.id}", "out of order or there twice", "sort by id and `from`")
    fees = tuple(_fee(f"{name} row {row.id}", row) for row in file.rows)
    for one, other in combinations(fees, 2):
        if one.rule_id == other.rule_id and one.span.overlaps(other.span):
            refuse(f"{name} rows {one.rule_id}", "two in force at one time", "correct their dates")
    return Fees(fees)


def _fee(where: str, row: _FeeRow) -> Fee:
    try:
        amount = Decimal(row.amount)
    except InvalidOperation:
        refuse(where, f"`{row.amount}` is no amount", "write it like 0.10")
    if not amount.is_finite() or amount <= 0 or row.currency not in CURRENCIES:
        refuse(where, "an amount of nothing, or an unknown currency", "correct the row")
    return Fee(row.id, row.network, amount, row.currency, span_of(row.from_, row.to, where), row.charged_for)
