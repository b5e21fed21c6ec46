"""Money: an integer in minor units beside its ISO 4217 currency. Never a float, no sums across currencies."""

from typing import Annotated

from iso4217 import Currency as Iso4217
from pydantic import AfterValidator, Field, WithJsonSchema

# Codes without minor units (gold, the testing code) are no money that a card can be charged in.
CURRENCIES = frozenset(entry.code for entry in Iso4217 if entry.exponent is not None)

# Below 10^12, so that no amount is long enough to be read as a card number.
AMOUNT_LIMIT = 10**12


def _known(code: str) -> str:
    if code not in CURRENCIES:
        raise ValueError("not an ISO 4217 currency with minor units")
    return code


Currency = Annotated[
    str,
    AfterValidator(_known),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$", "description": "ISO 4217, with minor units."}),
]
AmountMinor = Annotated[int, Field(strict=True, gt=0, lt=AMOUNT_LIMIT)]
"""What is to be paid, in minor units; more than nothing."""

BalanceMinor = Annotated[int, Field(strict=True, ge=0, lt=AMOUNT_LIMIT)]
"""What is still open, in minor units; 0 when nothing is."""
