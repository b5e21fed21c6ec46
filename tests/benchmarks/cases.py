"""Open cases by the thousand: one payer, one subscription, one declined invoice each, spread over days.

One rule: they come about as they do in life, by folding an invoice and its decline; nothing is put into the
tables by hand.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from dunning.engine import Engine
from schemas.charges import ChargeDeclined, Decline, Dialect
from schemas.envelope import Event
from schemas.instants import MICROSECOND, micros
from schemas.invoices import InvoiceIssued
from schemas.payment_methods import Instrument, InstrumentType

PAGE_CASES = 100
SPREAD = timedelta(days=10)  # from the first invoice to the last
SOURCE = "billing.example/events"


def open_cases(
    engine: Engine, first: int, count: int, *, total: int, begins_at: datetime
) -> Iterator[dict[bytes, bytes | None]]:
    """Open `count` cases, numbered from `first` of `total`, and give each page's rows for the changelog.

    The pages are stamped as the cases begin, so that their timers lie days apart; those that fall due on the
    way fire as they would in life.
    """
    for start in range(first, first + count, PAGE_CASES):
        numbers = range(start, min(start + PAGE_CASES, first + count))
        moment = begins_at + SPREAD * (start / total)
        events: list[Event[InvoiceIssued] | Event[ChargeDeclined]] = []
        for number in numbers:
            events.append(issued(number, 1, f"acct_{number:08d}", moment))
            events.append(declined(number, 1, f"acct_{number:08d}", moment))
        yield engine.fold(events, micros(moment)).changes


def issued(number: int, subscription: int, account_id: str, moment: datetime) -> Event[InvoiceIssued]:
    """One invoice."""
    return Event(
        id=f"evt_i_{number:08d}",
        source=SOURCE,
        type=InvoiceIssued.TYPE,
        time=moment,
        data=InvoiceIssued(
            invoice_id=f"in_{number:09d}",
            account_id=account_id,
            subscription_id=f"sub_{account_id[5:]}_{subscription}",
            amount_minor=1_999,
            currency="EUR",
            issued_at=moment - timedelta(minutes=10),
            time_zone="Europe/Berlin",
        ),
    )


def declined(
    number: int,
    subscription: int,
    account_id: str,
    moment: datetime,
    charge: int = 1,
    *,
    fingerprint: str | None = None,
) -> Event[ChargeDeclined]:
    """One of its declines; `charge` counts them. Without a fingerprint its card has a number of its own."""
    instrument_id = f"pm_{account_id[5:]}_{subscription}"  # each subscription has a card of its own
    return Event(
        id=f"evt_d_{number:08d}_{charge}",
        source=SOURCE,
        type=ChargeDeclined.TYPE,
        time=moment + charge * MICROSECOND,
        data=ChargeDeclined(
            charge_id=f"ch_{number:09d}_{charge}",
            invoice_id=f"in_{number:09d}",
            account_id=account_id,
            subscription_id=f"sub_{account_id[5:]}_{subscription}",
            instrument_id=instrument_id,
            amount_minor=1_999,
            currency="EUR",
            decline=Decline(code="insufficient_funds", dialect=Dialect.STRIPE),
            instrument=Instrument(
                instrument_id=instrument_id,
                type=InstrumentType.CARD,
                network="visa",
                fingerprint=fingerprint or f"f{instrument_id[3:]}",
            ),
        ),
    )


BEGINS_AT = datetime(2026, 11, 2, 8, tzinfo=UTC)
