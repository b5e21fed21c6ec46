"""The biller and its customers: the events they publish. Rule: they know the stories, never the engine."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaProducer

from schemas.charges import ChargeDeclined, ChargeSucceeded, Decline, Dialect, Initiator
from schemas.envelope import Event
from schemas.events import InputData
from schemas.invoices import InvoiceClosed, InvoiceIssued, SettledReason
from schemas.pages import encode_event
from schemas.payment_methods import Instrument, InstrumentChange, InstrumentType, PaymentMethodUpdated
from schemas.subscriptions import SubscriptionEnded
from streams.clients import connection
from streams.demo.stories import Kind, Story
from streams.settings import Settings
from streams.topics import topic_name

CURRENCY = "EUR"
CONTENT_TYPE = [("content-type", b"application/cloudevents+json")]


@dataclass(frozen=True, slots=True)
class Fact:
    """One event on its way to the topic named by its type."""

    type: str
    account_id: str
    value: bytes


def fact(source: str, id_: str, data: InputData, at: datetime | None = None) -> Fact:
    """Wrap data into an event that happened at `at` (UTC; now when left out)."""
    event = Event(id=id_, source=source, type=data.TYPE, time=at or datetime.now(UTC), data=data)
    return Fact(data.TYPE, data.account_id, encode_event(event))


def signed_up(story: Story) -> Fact:
    """The subscription begins, charged on the customer's first card."""
    return _card_changed(story, InstrumentChange.BOUND, story.card, subscription_ids=(story.subscription_id,))


def first_bill(story: Story) -> list[Fact]:
    """The invoice is issued, and the biller's own charge made."""
    now = datetime.now(UTC)
    charge_id = f"ch-{story.invoice_id}-0"
    facts = [
        _fact(
            f"{story.invoice_id}-issued",
            InvoiceIssued(
                invoice_id=story.invoice_id,
                account_id=story.account_id,
                subscription_id=story.subscription_id,
                amount_minor=story.amount_minor,
                currency=CURRENCY,
                issued_at=now,
                instrument_id=story.card,
            ),
        ),
    ]
    if story.first_decline is None:
        return [*facts, _paid(story, charge_id, Initiator.SCHEDULE)]
    declined = ChargeDeclined(
        charge_id=charge_id,
        invoice_id=story.invoice_id,
        account_id=story.account_id,
        subscription_id=story.subscription_id,
        instrument_id=story.card,
        amount_minor=story.amount_minor,
        currency=CURRENCY,
        decline=Decline(code=story.first_decline, dialect=Dialect.STRIPE),
        attempted_at=now + timedelta(milliseconds=1),
    )
    return [*facts, _fact(f"{charge_id}-declined", declined)]


def card_added(story: Story) -> Fact:
    """The customer owns another card now; nothing is charged on it."""
    return _card_changed(story, InstrumentChange.ADDED, story.new_card)


def card_bound(story: Story) -> Fact:
    """The new card is what the subscription is charged on; said in both ways that billers say it."""
    if story.number % 2:
        return _card_changed(story, InstrumentChange.BOUND, story.new_card, replaces=story.card)
    return _card_changed(
        story, InstrumentChange.BOUND, story.new_card, subscription_ids=(story.subscription_id,)
    )


def card_edited(story: Story) -> Fact:
    """The expiry date or the security code of the same card is right now."""
    return _card_changed(story, InstrumentChange.DETAILS_UPDATED, story.card)


def turn(story: Story) -> Fact | None:
    """What the customer does on the day the story turns; None of most kinds."""
    match story.kind:
        case Kind.SETTLED:
            reason = SettledReason.VOIDED if story.number % 2 else SettledReason.PAID_ELSEWHERE
            closed = InvoiceClosed(invoice_id=story.invoice_id, account_id=story.account_id, reason=reason)
            return _fact(f"{story.invoice_id}-closed", closed)
        case Kind.ENDED:
            ended = SubscriptionEnded(subscription_id=story.subscription_id, account_id=story.account_id)
            return _fact(f"{story.subscription_id}-ended", ended)
        case Kind.BY_HAND:
            return _paid(story, f"ch-{story.invoice_id}-link", Initiator.CUSTOMER)
        case _:
            return None


def _fact(id_: str, data: InputData) -> Fact:
    return fact("biller", id_, data)


def _paid(story: Story, charge_id: str, initiated_by: Initiator) -> Fact:
    return _fact(
        f"{charge_id}-succeeded",
        ChargeSucceeded(
            charge_id=charge_id,
            invoice_id=story.invoice_id,
            account_id=story.account_id,
            subscription_id=story.subscription_id,
            amount_minor=story.amount_minor,
            currency=CURRENCY,
            instrument_id=story.card,
            initiated_by=initiated_by,
        ),
    )


def _card_changed(
    story: Story,
    change: InstrumentChange,
    card: str,
    *,
    subscription_ids: tuple[str, ...] = (),
    replaces: str | None = None,
) -> Fact:
    instrument = Instrument(
        instrument_id=card, type=InstrumentType.CARD, network=story.network, fingerprint=f"fp-{card}"
    )
    return _fact(
        f"{card}-{change}",
        PaymentMethodUpdated(
            account_id=story.account_id,
            change=change,
            instrument=instrument,
            subscription_ids=subscription_ids,
            replaces=replaces,
        ),
    )


class Publisher:
    """One producer of facts."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer = AIOKafkaProducer(**connection(settings), enable_idempotence=True, acks="all")

    async def start(self) -> None:
        """Connect."""
        await self._producer.start()

    async def stop(self) -> None:
        """Send what is waiting and disconnect."""
        await self._producer.stop()

    async def publish(self, facts: Iterable[Fact]) -> int:
        """Publish and wait for the broker's acknowledgements; returns how many there were."""
        acks = [
            await self._producer.send(
                topic_name(self._settings, one.type), one.value, one.account_id.encode(), headers=CONTENT_TYPE
            )
            for one in facts
        ]
        await asyncio.gather(*acks)
        return len(acks)
