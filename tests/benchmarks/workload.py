"""Workload DW-1: the events of a billing system in which every invoice is declined at first.

25 % invoice.issued, 55 % charge.declined, 12 % charge.succeeded, 8 % payment_method.updated; accounts by
Zipf(0.8); 1 % of the events told twice, 0.1 % out of order. One rule: a seed gives the same bytes, but for the
instant at which it all begins.
"""

import random
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any

import msgspec

SEED = 20_261_124
ZIPF = 0.8
SHARES = {
    "invoice.issued": 0.25,
    "charge.declined": 0.55,
    "charge.succeeded": 0.12,
    "payment_method.updated": 0.08,
}
NEW_SUBSCRIPTION = 1 / 3  # of the invoices; all others belong to one that is there
SUBSCRIPTIONS_A_CARD = 5
MOST_UNPAID = 2  # invoices of a subscription
MOST_DECLINES = 6  # of an invoice; then nothing more is heard of it
DUPLICATES = 0.01
OUT_OF_ORDER = 0.001

# Roughly how often issuers answer so; the words are Stripe's.
_CODES = {
    "insufficient_funds": 48,
    "do_not_honor": 16,
    "generic_decline": 14,
    "processing_error": 6,
    "expired_card": 6,
    "authentication_required": 4,
    "incorrect_number": 2,
    "lost_card": 2,
    "try_again_later": 2,
}
_CHANGES = {"bound": 50, "details_updated": 25, "added": 25}
_NETWORKS = ("visa", "mastercard")

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Wire:
    """One event as it stands on its topic."""

    type: str
    account_id: str
    value: bytes


@dataclass(slots=True)
class _Subscription:
    subscription_id: str
    account: "_Account"
    instrument_id: str
    unpaid: int = 0


@dataclass(slots=True)
class _Invoice:
    invoice_id: str
    subscription: _Subscription
    amount_minor: int
    charges: int = 0
    is_asked_for: bool = False  # a card was bound: the next outcome answers our request


@dataclass(slots=True)
class _Account:
    rank: int
    account_id: str
    subscriptions: list[_Subscription] = field(default_factory=list)
    cards: list[str] = field(default_factory=list)

    def new_card(self) -> str:
        card = f"pm_{self.rank:07d}_{len(self.cards) + 1}"
        self.cards.append(card)
        return card


class Workload:
    """An endless, reproducible stream of events.

    Args:
        accounts: how many payers there are.
        begins_at: the time of the first event, UTC; each further event is `step` later.
        step: from event to event.
        seed: of everything that is drawn.
        book: begins every id; workloads of other books are about other payers.
    """

    def __init__(
        self,
        *,
        accounts: int,
        begins_at: datetime,
        step: timedelta = timedelta(milliseconds=1),
        seed: int = SEED,
        book: str = "",
    ) -> None:
        self._book = book
        self._dice = random.Random(seed)  # noqa: S311  # reproducible, not secret
        self._popularity = list(accumulate(rank**-ZIPF for rank in range(1, accounts + 1)))
        self._kinds, self._weights = list(SHARES), list(accumulate(SHARES.values()))
        self._accounts: dict[int, _Account] = {}
        self._fresh: deque[_Invoice] = deque()  # issued, not declined yet
        self._open: list[_Invoice] = []
        self._number = 0
        self._invoices = 0
        self._now = begins_at.astimezone(UTC)
        self._step = step
        self._stream = self._told()

    def take(self, count: int) -> list[Wire]:
        """Give the next `count` events, doubled and late ones included."""
        return [next(self._stream) for _ in range(count)]

    def _told(self) -> Iterator[Wire]:
        late: Wire | None = None
        while True:
            event = self._event()
            if late is None and self._dice.random() < OUT_OF_ORDER:
                late = event
                continue
            yield event
            if late is not None:
                yield late
                late = None
            if self._dice.random() < DUPLICATES:
                yield event

    def _event(self) -> Wire:
        kind = self._kinds[bisect_left(self._weights, self._dice.random() * self._weights[-1])]
        if kind == "invoice.issued" or not (self._fresh or self._open):
            return self._issued()
        if kind == "charge.declined":
            first_share = SHARES["invoice.issued"] / SHARES["charge.declined"]
            is_first = bool(self._fresh) and (not self._open or self._dice.random() < first_share)
            return self._declined_first() if is_first else self._declined_again()
        if not self._open:
            return self._declined_first()
        return self._succeeded() if kind == "charge.succeeded" else self._changed()

    def _issued(self) -> Wire:
        rank = bisect_left(self._popularity, self._dice.random() * self._popularity[-1])
        account = self._accounts.get(rank)
        if account is None:
            account = self._accounts[rank] = _Account(rank, f"{self._book}acct_{rank:07d}")
        subscription = self._subscription(account)
        subscription.unpaid += 1
        self._invoices += 1
        invoice = _Invoice(
            f"{self._book}in_{self._invoices:09d}", subscription, self._dice.randrange(499, 19_999)
        )
        self._fresh.append(invoice)
        data = {
            "invoice_id": invoice.invoice_id,
            "account_id": account.account_id,
            "subscription_id": subscription.subscription_id,
            "amount_minor": invoice.amount_minor,
            "currency": "EUR",
            "issued_at": self._now,
            "instrument_id": subscription.instrument_id,
            "time_zone": "Europe/Berlin",
            "labels": {"plan": "monthly", "country": "DE"},
        }
        return self._wire("invoice.issued", account.account_id, data)

    def _subscription(self, account: _Account) -> _Subscription:
        """Take a subscription that may be billed again, or a new one on one of the account's few cards."""
        known = account.subscriptions
        if known and self._dice.random() > NEW_SUBSCRIPTION:
            subscription = known[self._dice.randrange(len(known))]
            if subscription.unpaid < MOST_UNPAID:
                return subscription
        if len(account.cards) <= len(known) // SUBSCRIPTIONS_A_CARD:
            card = account.new_card()
        else:
            card = account.cards[self._dice.randrange(len(account.cards))]
        subscription = _Subscription(f"{self._book}sub_{account.rank:07d}_{len(known) + 1}", account, card)
        known.append(subscription)
        return subscription

    def _declined_first(self) -> Wire:
        invoice = self._fresh.popleft()
        self._open.append(invoice)
        return self._declined(invoice, "schedule")

    def _declined_again(self) -> Wire:
        place = self._dice.randrange(len(self._open))
        invoice = self._open[place]
        if invoice.charges + 1 >= MOST_DECLINES:
            self._drop(place)
        if invoice.is_asked_for:
            invoice.is_asked_for = False
            return self._declined(invoice, "retry")
        return self._declined(invoice, "psp" if self._dice.random() < 0.5 else "customer")

    def _declined(self, invoice: _Invoice, initiated_by: str) -> Wire:
        code = self._dice.choices(list(_CODES), list(_CODES.values()))[0]
        card = invoice.subscription.instrument_id
        data = self._charge(invoice) | {
            "instrument_id": card,
            "initiated_by": initiated_by,
            "decline": {"code": code, "dialect": "stripe", "message": "Your card was declined."},
            "instrument": self._instrument(card),
        }
        return self._wire("charge.declined", invoice.subscription.account.account_id, data)

    def _succeeded(self) -> Wire:
        invoice = self._drop(self._dice.randrange(len(self._open)))
        invoice.subscription.unpaid -= 1
        data = self._charge(invoice) | {
            "instrument_id": invoice.subscription.instrument_id,
            "initiated_by": "retry" if invoice.is_asked_for else "customer",
        }
        return self._wire("charge.succeeded", invoice.subscription.account.account_id, data)

    def _changed(self) -> Wire:
        invoice = self._open[self._dice.randrange(len(self._open))]
        subscription = invoice.subscription
        account = subscription.account
        change = self._dice.choices(list(_CHANGES), list(_CHANGES.values()))[0]
        card = subscription.instrument_id if change == "details_updated" else account.new_card()
        data: dict[str, Any] = {
            "account_id": account.account_id,
            "change": change,
            "instrument": self._instrument(card),
        }
        if change == "bound":
            data["subscription_ids"] = [subscription.subscription_id]
            subscription.instrument_id = card
            invoice.is_asked_for = True
        return self._wire("payment_method.updated", account.account_id, data)

    def _charge(self, invoice: _Invoice) -> dict[str, Any]:
        invoice.charges += 1
        return {
            "charge_id": f"ch_{invoice.invoice_id}_{invoice.charges}",
            "invoice_id": invoice.invoice_id,
            "account_id": invoice.subscription.account.account_id,
            "subscription_id": invoice.subscription.subscription_id,
            "amount_minor": invoice.amount_minor,
            "currency": "EUR",
            "attempted_at": self._now,
        }

    def _drop(self, place: int) -> _Invoice:
        """Take an invoice out of those that go on."""
        self._open[place], self._open[-1] = self._open[-1], self._open[place]
        return self._open.pop()

    def _instrument(self, instrument_id: str) -> dict[str, Any]:
        return {
            "instrument_id": instrument_id,
            "type": "card",
            "network": _NETWORKS[len(instrument_id) % 2],
            "fingerprint": "fp_" + instrument_id,
            "expires": "2029-12",
            "country": "DE",
        }

    def _wire(self, kind: str, account_id: str, data: dict[str, Any]) -> Wire:
        self._number += 1
        self._now += self._step
        event = {
            "specversion": "1.0",
            "id": f"{self._book}evt_{self._number:010d}",
            "source": "billing.example/events",
            "type": kind,
            "time": self._now,
            "datacontenttype": "application/json",
            "data": data,
        }
        return Wire(kind, account_id, _encode(event))
