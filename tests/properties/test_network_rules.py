"""Network rules are ceilings: none is broken, and nothing waits that all of them allow (contract section 3, point 6).

An eager schedule (an attempt every half hour) on random histories, against a checker that counts by hand: it looks at
every instant at which the answer could change, and knows nothing of how the engine counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dunning.calendar import DAY, HOUR, MINUTE
from schemas.charges import ChargeDeclined, ChargeSucceeded
from schemas.decisions import CaseChanged, RetryRequested
from schemas.instants import micros, moment
from schemas.payment_methods import PaymentMethodUpdated
from tests.properties import histories
from tests.properties.histories import CARDS, Author, Page
from tests.stories.words import told

EAGER: dict[str, Any] = {
    "window": {"length": 40},
    "ladder": {"anchor": "invoice_date", "steps": [f"PT{30 * number}M" for number in range(1, 1800)]},
    "technical": [],
    "min_gap": "PT0S",
    "closing_notice": None,
}
STEP = 30 * MINUTE
LIMITS = {
    ("visa", "current"): [(20, 30 * DAY)],
    ("visa", "strict"): [(15, 30 * DAY)],
    ("mastercard", "current"): [(10, DAY), (35, 30 * DAY)],
    ("mastercard", "strict"): [(10, DAY), (35, 30 * DAY)],
}
WAITS = {"24": HOUR, "25": DAY, "26": 2 * DAY, "27": 4 * DAY, "28": 6 * DAY, "29": 8 * DAY, "30": 10 * DAY}

Action = tuple[int, int, int]
"""(how long to wait, to which invoice, how): most answer a request with a decline."""

histories_of_declines = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 7), st.integers(0, 19)), min_size=20, max_size=60
)


@dataclass
class Card:
    """What was attempted on one card number, by whoever."""

    network: str
    declined: list[int] = field(default_factory=list)
    unanswered: dict[str, int] = field(default_factory=dict)
    wait_until: int = 0

    def allows(self, at: int, profile: str) -> bool:
        """Count by hand."""
        attempts = [*self.declined, *self.unanswered.values()]
        limits = LIMITS[self.network, profile]
        return at >= self.wait_until and all(
            sum(at - period < one for one in attempts) < limit for limit, period in limits
        )

    def first_allowed(self, at: int, profile: str) -> int:
        """Try every instant at which the answer could change."""
        attempts = [*self.declined, *self.unanswered.values()]
        periods = [period for _, period in LIMITS[self.network, profile]]
        changes = {at, self.wait_until, *(one + period for one in attempts for period in periods)}
        return min(one for one in changes if one >= at and self.allows(one, profile))


@dataclass
class Ledger:
    """Follows the events; its cards are those of the contract, by fingerprint."""

    profile: str
    cards: dict[str, Card] = field(
        default_factory=lambda: {"fp-1": Card("visa"), "fp-2": Card("mastercard"), "card-V": Card("visa")}
    )
    asked_on: dict[str, str] = field(default_factory=dict)
    cases: dict[str, CaseChanged] = field(default_factory=dict)
    charged: dict[str, str] = field(default_factory=dict)
    rung: dict[str, int] = field(default_factory=dict)  # the oldest rung that is neither used nor dropped

    def follow(self, page: Page) -> None:
        for event in page.events:
            data = event.data
            if isinstance(data, PaymentMethodUpdated):
                self.charged.update(dict.fromkeys(data.subscription_ids, data.instrument.instrument_id))
            elif isinstance(data, ChargeDeclined):
                card = self.card(data.instrument_id)
                card.unanswered.pop(data.request_id or "", None)
                tried = micros(data.attempted_at or event.time)
                card.declined.append(tried)
                if data.decline.advice_code is not None:
                    card.wait_until = max(card.wait_until, tried + WAITS[data.decline.advice_code])
            elif isinstance(data, ChargeSucceeded):
                self.card(self.asked_on[data.request_id or ""]).unanswered.pop(data.request_id or "", None)
        for written in page.written():
            if isinstance(written, RetryRequested):
                self.asked(written, page.now)
            elif isinstance(written, CaseChanged):
                self.cases[written.invoice_id] = written

    def asked(self, request: RetryRequested, now: int) -> None:
        card = self.card(request.instrument_id)
        assert card.allows(now, self.profile), f"{request.request_id} breaks a rule of {card.network}"
        card.unanswered[request.request_id] = now
        self.asked_on[request.request_id] = request.instrument_id

    def card(self, instrument_id: str) -> Card:
        return self.cards[_SHOWN[instrument_id].get("fingerprint", instrument_id)]


_SHOWN: dict[str, dict[str, Any]] = {
    "card-A": CARDS["card-A"],
    "card-B": CARDS["card-B"],
    "card-C": CARDS["card-C"],
    "card-V": {"network": "visa"},
}
_CARD_OF = {"sub-1": "card-A", "sub-2": "card-C", "sub-4": "card-B", "sub-5": "card-V"}
_INVOICES = {"in-1": "sub-1", "in-2": "sub-2", "in-4": "sub-4", "in-5": "sub-5", "in-6": "sub-4"}
_GAPS = (0, MINUTE, 5 * MINUTE, 5 * MINUTE, 31 * MINUTE, 31 * MINUTE, 2 * HOUR, 9 * HOUR, DAY, 4 * DAY)


@settings(max_examples=25)
@given(histories_of_declines, st.sampled_from(["current", "strict"]))
def test_no_attempt_breaks_a_rule_and_none_is_held_back_that_all_rules_allow(
    drawn: Sequence[Action], profile: str
) -> None:
    runner = played(drawn, profile)
    ledger = Ledger(profile)
    for page in runner.pages:
        before = {invoice_id: case for invoice_id, case in ledger.cases.items() if case.state == "retrying"}
        ledger.follow(page)
        if not page.events:
            _nothing_is_late(ledger, before, page)
        for written in page.written():
            if isinstance(written, CaseChanged) and written.next_attempt_at is not None:
                _is_first_allowed(ledger, written, page.now)


@settings(max_examples=25)
@given(histories_of_declines)
def test_without_rules_every_rung_is_used(drawn: Sequence[Action]) -> None:
    for page in played(drawn, "none").pages:
        for written in page.written():
            if isinstance(written, CaseChanged) and written.next_attempt_at is not None:
                at = micros(written.next_attempt_at)
                assert (at - histories.START) % STEP == 0
                assert at - page.now <= STEP


def played(drawn: Sequence[Action], profile: str) -> histories.Runner:
    """Open five cases on three card numbers, then let time pass and answers come."""
    author = Author(histories.Runner({**EAGER, "rules": profile}))
    for number, (invoice_id, subscription_id) in enumerate(_INVOICES.items()):
        _send(
            author,
            f"i-{number}",
            "invoice.issued",
            {
                "invoice_id": invoice_id,
                "account_id": "acc-1",
                "subscription_id": subscription_id,
                "amount_minor": 1000,
                "currency": "EUR",
                "issued_at": "2026-06-01T09:00:00Z",
            },
        )
        _send(author, f"d-{number}", "charge.declined", _declined(invoice_id, f"ch-{number}", None, {}))
    asked: dict[str, RetryRequested] = {}
    read = 0
    for number, (gap, which, how) in enumerate(drawn):
        author.now += _GAPS[gap]
        author.runner.advance(author.now)
        for page in author.runner.pages[read:]:
            asked.update(
                {data.invoice_id: data for data in page.written() if isinstance(data, RetryRequested)}
            )
        read = len(author.runner.pages)
        for invoice_id in list(_INVOICES)[: 1 + which % 5] if how < 14 else list(_INVOICES)[which % 5 :][:1]:
            request = asked.pop(invoice_id, None)
            who = f"{number}-{invoice_id}"
            if request is not None and how == 13:
                _send(author, who, "charge.succeeded", _succeeded(invoice_id, who, request))
            elif request is not None:
                _send(author, who, "charge.declined", _declined(invoice_id, who, request, _more(author, how)))
            elif how > 10:
                _send(author, who, "charge.declined", _declined(invoice_id, who, None, _foreign(author, how)))
    author.runner.advance(author.now + 50 * DAY)
    return author.runner


def _send(author: Author, event_id: str, kind: str, data: dict[str, Any]) -> None:
    author.runner.take([told(kind, data, event_id, author.now)], author.now)


def _declined(
    invoice_id: str, charge_id: str, request: RetryRequested | None, more: dict[str, Any]
) -> dict[str, Any]:
    subscription_id = _INVOICES[invoice_id]
    name = _CARD_OF[subscription_id]
    data = {
        "invoice_id": invoice_id,
        "account_id": "acc-1",
        "subscription_id": subscription_id,
        "charge_id": charge_id,
        "amount_minor": 1000,
        "currency": "EUR",
        "instrument_id": name,
        "instrument": {"instrument_id": name, "type": "card", **_SHOWN[name]},
        "decline": {"dialect": "generic", "code": "retry_later"},
    }
    if request is not None:
        data |= {"request_id": request.request_id, "initiated_by": "retry"}
    advice = more.pop("advice", None)
    if advice is not None and name == "card-B":
        data["decline"] = {
            "dialect": "iso8583",
            "code": "51",
            "advice_dialect": "mastercard",
            "advice_code": advice,
        }
    return data | more


def _succeeded(invoice_id: str, charge_id: str, request: RetryRequested) -> dict[str, Any]:
    return {
        "invoice_id": invoice_id,
        "account_id": "acc-1",
        "subscription_id": _INVOICES[invoice_id],
        "charge_id": charge_id,
        "amount_minor": 1,
        "currency": "EUR",
        "instrument_id": request.instrument_id,
        "request_id": request.request_id,
        "initiated_by": "retry",
    }


def _more(author: Author, how: int) -> dict[str, Any]:
    if how == 12:
        return {"advice": ("24", "25", "26", "27")[author.now // MINUTE % 4]}
    return {"attempted_at": moment(author.now - 3 * MINUTE).isoformat()} if how == 11 else {}


def _foreign(author: Author, how: int) -> dict[str, Any]:
    more: dict[str, Any] = {"initiated_by": ("customer", "admin")[how % 2]}
    if how == 19:
        more["attempted_at"] = moment(author.now - 2 * DAY).isoformat()
    return more


# ---- the checker ----


def _nothing_is_late(ledger: Ledger, before: dict[str, CaseChanged], page: Page) -> None:
    """Whoever was to be tried by now has been tried, in a page in which nothing else happened."""
    requested = {data.invoice_id for data in page.written() if isinstance(data, RetryRequested)}
    for invoice_id, case in before.items():
        if case.next_attempt_at is not None and micros(case.next_attempt_at) <= page.now:
            others_first = ledger.cases[invoice_id].next_attempt_at != case.next_attempt_at
            assert invoice_id in requested or others_first


def _is_first_allowed(ledger: Ledger, case: CaseChanged, now: int) -> None:
    """A planned attempt is on a rung, if its card allows it then, and at the first instant that it does, if not."""
    assert case.next_attempt_at is not None
    at = micros(case.next_attempt_at)
    card = ledger.card(_CARD_OF[case.subscription_id])
    assert card.allows(at, ledger.profile)
    next_rung = histories.START + -(-(now - histories.START) // STEP) * STEP
    earliest = card.first_allowed(now, ledger.profile)
    if earliest == now:
        assert at <= max(next_rung, now) + STEP
    else:
        assert at <= card.first_allowed(max(next_rung, now) + STEP, ledger.profile)
