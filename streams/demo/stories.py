"""Who the demo is about: a few hundred subscriptions, each with a short story. Rule: one seed, one cast.

A story says what biller, customer and provider will do; what the engine does about it is seen later.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from streams.demo.pace import BILLING_DAYS, SETTLE_DAYS


class Kind(StrEnum):
    """How a story goes."""

    PAID_AT_ONCE = "paid_at_once"  # the first charge succeeds: no case
    PAID_LATER = "paid_later"  # a rung finds money
    NEW_CARD = "new_card"  # the customer adds another card, and binds it days later
    EDITED_CARD = "edited_card"  # the expiry date is corrected in place
    TECHNICAL = "technical"  # the provider stumbles once or twice
    PENDING = "pending"  # an outcome that takes days to be known
    UNREPORTED = "unreported"  # charged, but the biller never hears of it
    SETTLED = "settled"  # paid elsewhere, or voided
    ENDED = "ended"  # the subscription is over
    BY_HAND = "by_hand"  # the customer pays through a link
    UNPAID = "unpaid"  # nothing helps


SHARES: dict[Kind, int] = {
    Kind.PAID_AT_ONCE: 12,
    Kind.PAID_LATER: 34,
    Kind.NEW_CARD: 20,
    Kind.EDITED_CARD: 6,
    Kind.TECHNICAL: 6,
    Kind.PENDING: 5,
    Kind.UNREPORTED: 3,
    Kind.SETTLED: 4,
    Kind.ENDED: 3,
    Kind.BY_HAND: 3,
    Kind.UNPAID: 4,
}
"""Of a hundred subscriptions. Our choice: much more trouble than in real life."""

SUCCEEDED, PENDING, UNREPORTED = "succeeded", "pending", "unreported"
"""What the provider makes of a charge; every other word is a decline code of Stripe."""

Answers = Mapping[str, tuple[str, ...]]
"""By instrument: the answer to the first request on it, the second, …; the last one goes on for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One subscription with one invoice."""

    number: int
    kind: Kind
    amount_minor: int
    network: str
    first_decline: str | None  # what the biller's own charge answered; None: it was paid
    bills_on: float  # day of the invoice and its first charge
    turns_on: float  # day on which the customer pays, leaves, …; only of the kinds that do
    answers: Answers = field(default_factory=dict)

    @property
    def account_id(self) -> str:
        """The payer."""
        return f"acct-{self.number:03}"

    @property
    def subscription_id(self) -> str:
        """What is paid for."""
        return f"sub-{self.number:03}"

    @property
    def invoice_id(self) -> str:
        """The invoice, and so the case."""
        return f"in-{self.number:03}"

    @property
    def card(self) -> str:
        """The card at the beginning."""
        return f"card-{self.number:03}"

    @property
    def new_card(self) -> str:
        """The card that a customer of kind `NEW_CARD` adds."""
        return f"card-{self.number:03}-new"


def write_stories(count: int, seed: int) -> tuple[Story, ...]:
    """Write `count` stories; the same seed gives the same ones on every machine."""
    dice = random.Random(seed)  # noqa: S311  # a show, not a secret
    kinds = [kind for kind, share in SHARES.items() for _ in range(share)]
    # Every kind appears once, however few stories there are.
    cast = list(SHARES)[:count]
    cast += [kinds[dice.randrange(len(kinds))] for _ in range(count - len(cast))]
    dice.shuffle(cast)
    return tuple(_story(number, kind, count, dice) for number, kind in enumerate(cast, start=1))


def _story(number: int, kind: Kind, count: int, dice: random.Random) -> Story:
    first_decline, old, new = _turn_of_events(kind, dice)
    card = f"card-{number:03}"
    return Story(
        number=number,
        kind=kind,
        amount_minor=dice.choice((499, 999, 1_499, 1_999, 2_900, 4_900, 9_900)),
        network=dice.choice(("visa", "mastercard")),
        first_decline=first_decline,
        bills_on=BILLING_DAYS * (number - 1) / count,
        turns_on=dice.uniform(*SETTLE_DAYS),
        answers={card: old, **({f"{card}-new": new} if new else {})},
    )


_SOFT = ("insufficient_funds", "insufficient_funds", "do_not_honor")


def _turn_of_events(kind: Kind, dice: random.Random) -> tuple[str | None, tuple[str, ...], tuple[str, ...]]:
    """Say what the first charge, later charges on the card, and charges on the new card come to."""
    soft = dice.choice(_SOFT)
    match kind:
        case Kind.PAID_AT_ONCE:
            return None, (SUCCEEDED,), ()
        case Kind.PAID_LATER:
            return soft, (soft,) * dice.choice((0, 0, 1, 1, 2, 3)) + (SUCCEEDED,), ()
        case Kind.NEW_CARD:
            hard = dice.choice(("expired_card", "lost_card", "stolen_card", "do_not_honor"))
            return hard, (hard,), (soft,) * dice.choice((0, 0, 0, 1)) + (SUCCEEDED,)
        case Kind.EDITED_CARD:
            return dice.choice(("expired_card", "incorrect_cvc")), (SUCCEEDED,), ()
        case Kind.TECHNICAL:
            return "processing_error", ("processing_error",) * dice.choice((0, 1)) + (SUCCEEDED,), ()
        case Kind.PENDING:
            return soft, (PENDING,), ()
        case Kind.UNREPORTED:
            return soft, (UNREPORTED,), ()
        case Kind.SETTLED | Kind.ENDED | Kind.BY_HAND | Kind.UNPAID:
            return soft, (soft,), ()
