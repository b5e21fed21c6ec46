"""Amounts and instants as people write them.

The one rule: the same value is always written the same way, whatever the machine's language.
"""

from decimal import Decimal

from iso4217 import Currency

from schemas.instants import moment
from schemas.time_zones import time_zone

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip
_EXPONENTS: dict[str, int] = {entry.code: entry.exponent for entry in Currency if entry.exponent is not None}


def money(amount_minor: int, currency: str) -> str:
    """Write an amount in main units: 4900 and EUR is `49.00 EUR`, 500 and JPY is `500 JPY`."""
    exponent = _EXPONENTS.get(currency, 2)
    return f"{Decimal(amount_minor).scaleb(-exponent):,f} {currency}"


def instant(at: int, zone: str) -> str:
    """Write an instant (microseconds UTC) in the time zone, with the zone's name: `2026-02-05 07:30 UTC`.

    Seconds are shown where they are not zero.
    """
    local = moment(at).astimezone(time_zone(zone))
    return f"{local:%Y-%m-%d %H:%M:%S}".removesuffix(":00") + f" {zone}"


def spoken_day(at: int, zone: str) -> str:
    """Say the day of an instant (microseconds UTC) in the time zone: `5 February 2026`."""
    local = moment(at).astimezone(time_zone(zone))
    return f"{local.day} {MONTHS[local.month - 1]} {local.year}"


def spoken(at: int, zone: str) -> str:
    """Say an instant (microseconds UTC) in the time zone: `5 February 2026 at 07:30`."""
    local = moment(at).astimezone(time_zone(zone))
    return f"{spoken_day(at, zone)} at {local:%H:%M}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Write a number with its noun: `1 attempt`, `2 attempts`."""
    return f"{number} {one if number == 1 else many or one + 's'}"
