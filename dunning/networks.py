"""The names of card networks and debit schemes, as billers write them and as the rules do.

The one rule: names are compared without regard to case; a name that nobody listed stands for itself.
"""

from functools import lru_cache

VISA = "visa"
MASTERCARD = "mastercard"

_SAME = {
    "american express": "amex",
    "american_express": "amex",
    "ach_debit": "ach",
    "bacs_debit": "bacs",
    "mc": MASTERCARD,
    "master card": MASTERCARD,
    "nacha": "ach",
    "sepa_debit": "sepa",
}


@lru_cache(maxsize=256)
def network_name(written: str) -> str:
    """Give the rules' name of a network: `Visa` is `visa`, `mc` is `mastercard`."""
    name = written.strip().lower()
    return _SAME.get(name, name)
