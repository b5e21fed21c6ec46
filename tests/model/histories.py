"""Random histories: a few customers whose cards, invoices, providers and operators do everything the contract names.

The one rule: a seed gives one history, for ever. Instants are drawn from a small set, so that things coincide.
"""

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from schemas.instants import micros
from tests.model.comparing import History

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ZONES = ("UTC", "UTC", "Europe/Berlin", "America/Los_Angeles", "Australia/Lord_Howe")
OFFSETS = (0, 0, 0, 0, 10, 30, 60, 61, 360, 720, 780, 1439)  # minutes
DELAYS = (10, 60, 1440, 4320, 11520)  # minutes

SOFT = (
    {"dialect": "stripe", "code": "insufficient_funds"},
    {"dialect": "generic", "code": "retry_later"},
    {"dialect": "stripe", "code": "do_not_honor"},
)
HARD = (
    {"dialect": "generic", "code": "technical"},
    {"dialect": "generic", "code": "technical"},
    {"dialect": "stripe", "code": "expired_card"},
    {"dialect": "generic", "code": "fix_data"},
    {"dialect": "generic", "code": "needs_customer"},
    {"dialect": "stripe", "code": "stolen_card"},
    {"dialect": "generic", "code": "never"},
    {"dialect": "generic", "code": "reconcile"},
    {"dialect": "iso8583", "code": "59"},
    {"dialect": "stripe", "code": "no_such_code"},
)
ADVICE = ("24", "25", "26", "27", "30", "01", "03", "02")
DEBITS = {
    "sepa_debit": ("sepa", ("AM04", "AM04", "MS03", "AC04", "MD01", "FF01")),
    "ach_debit": ("ach", ("R01", "R09", "R01", "R02", "R03")),
    "bacs_debit": ("bacs", ("0", "0", "0", "1", "3", "6")),
}


class Writer:
    """Draws one history."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 - a test
        self.events: list[tuple[datetime, int, dict[str, Any]]] = []
        self.cards: dict[str, dict[str, Any]] = {}
        self.used: dict[str, str] = {}  # subscription: the card the biller thinks of
        self.charges = 0
        self.start = START
        draw = self.random
        self.span = draw.choice((6, 10, 15, 30, 40))  # days
        features = (
            "late",
            "hard",
            "methods",
            "people",
            "psp",
            "pending",
            "commands",
            "invoices",
            "reopened",
            "limits",
        )
        self.on = {name for name in features if draw.random() < draw.choice((0.2, 0.5, 0.8))}

    # ---- drawing ----

    def chance(self, share: float, feature: str | None = None) -> bool:
        return (feature is None or feature in self.on) and self.random.random() < share

    def instant(self, after: datetime | None = None) -> datetime:
        days = self.random.randint(0, self.span) if self.chance(0.6) else self.random.choice((0, 1, 2, 3, 7))
        return (after or self.start) + timedelta(days=days, minutes=self.random.choice(OFFSETS))

    def decline(self, card: dict[str, Any]) -> dict[str, Any]:
        draw = self.random
        if card["type"] in DEBITS:
            dialect, codes = DEBITS[card["type"]]
            return {"dialect": dialect, "code": draw.choice(codes if "hard" in self.on else codes[:1])}
        if "limits" in self.on and self.chance(0.4) and card.get("network") == "mastercard":
            advice = draw.choice(ADVICE if "hard" in self.on else ADVICE[:5])
            one = {"dialect": "stripe", "code": "do_not_honor", "network": "mastercard"}
            return {**one, "advice_code": advice, "advice_dialect": "mastercard"}
        return dict(draw.choice(HARD if self.chance(0.4, "hard") else SOFT))

    # ---- writing ----

    def add(self, kind: str, time: datetime, **data: Any) -> None:
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": f"evt-{len(self.events) + 1}",
            "source": "billing",
            "type": kind,
            "time": text(time),
        }
        arrival = time
        if self.chance(0.2, "late") and data.get("initiated_by") != "psp":
            arrival = time + timedelta(minutes=self.random.choice(DELAYS))
            event["recordedtime"] = text(arrival)
        event["data"] = {name: value for name, value in data.items() if value is not None}
        self.events.append((arrival, len(self.events), event))
        if self.chance(0.05, "late"):
            again = arrival + timedelta(minutes=self.random.choice((0, 1440)))
            self.events.append((again, len(self.events), {**event, "recordedtime": text(again)}))

    def charge(self, kind: str, invoice: dict[str, Any], time: datetime, **data: Any) -> None:
        self.charges += 1
        data.setdefault("charge_id", f"ch-{self.charges}")
        names = ("invoice_id", "account_id", "subscription_id", "currency")
        data.setdefault("amount_minor", invoice["amount_minor"])
        self.add(kind, time, **({name: invoice[name] for name in names} | data))

    # ---- the parts of a history ----

    def account(self, number: int) -> None:
        draw = self.random
        account = f"acc-{number}"
        cards = []
        for index in range(draw.randint(2, 4)):
            card = self.card(number, index)
            cards.append(card)
            self.cards[card["instrument_id"]] = card
        subscriptions = [f"sub-{number}{index}" for index in range(draw.randint(1, 3))]
        if self.chance(0.4, "methods"):
            self.add(
                "payment_method.updated",
                self.start - timedelta(days=1),
                account_id=account,
                change="bound",
                instrument=cards[0],
                account_default=True,
            )
        for subscription in subscriptions:
            self.used[subscription] = draw.choice(cards[:2])["instrument_id"]
        invoices = [self.issue(account, draw.choice(subscriptions), n) for n in range(draw.randint(1, 3))]
        for invoice in invoices:
            self.first(invoice)
        for _ in range(draw.randint(1, 10)):
            self.happening(account, cards, subscriptions, invoices)

    def card(self, number: int, index: int) -> dict[str, Any]:
        draw = self.random
        card: dict[str, Any] = {"instrument_id": f"card-{number}{index}", "type": "card"}
        if self.chance(0.15):
            card["type"] = draw.choice(sorted(DEBITS))
        elif self.chance(0.7, "limits"):
            card["network"] = draw.choice(("mastercard", "mastercard", "visa"))
        if self.chance(0.5):
            card["fingerprint"] = (
                f"fp-{number}{draw.randint(0, 1)}{card['type'][0]}{card.get('network', '')[:1]}"
            )
        return card

    def told(self, card: dict[str, Any]) -> dict[str, Any]:
        """Say of a card what the biller knows of it."""
        return card

    def issue(self, account: str, subscription: str, number: int) -> dict[str, Any]:
        draw = self.random
        at = self.start if self.chance(0.6) else self.instant()
        invoice = {
            "invoice_id": f"in-{account[4:]}{number}",
            "account_id": account,
            "subscription_id": subscription,
            "amount_minor": draw.choice((4900, 10000)),
            "currency": "EUR",
            "issued_at": text(at),
            "instrument_id": self.used[subscription] if self.chance(0.7) else None,
            "time_zone": draw.choice(ZONES),
        }
        told = at
        if self.chance(0.1, "late"):
            told = at + timedelta(minutes=draw.choice(DELAYS))
        return {**self.tell_issued(told, invoice), "at": at}

    def tell_issued(self, told: datetime, invoice: dict[str, Any]) -> dict[str, Any]:
        self.add("invoice.issued", told, **invoice)
        return invoice

    def first(self, invoice: dict[str, Any]) -> None:
        at = invoice["at"] if self.chance(0.8) else self.instant(invoice["at"])
        kind = "charge.declined" if self.chance(0.9) else "charge.pending"
        self.outcome(kind, invoice, at, self.used[invoice["subscription_id"]], "schedule")

    def outcome(
        self, kind: str, invoice: dict[str, Any], at: datetime, card_id: str, by: str, **more: Any
    ) -> None:
        card = self.cards[card_id]
        if kind == "charge.declined":
            more["decline"] = self.decline(card)
            if len(card) > 2:
                more["instrument"] = self.told(card)
            if by in {"schedule", "psp"} and self.chance(0.3, "psp"):
                more["psp_will_retry"] = self.chance(0.7)
                if more["psp_will_retry"] and self.chance(0.7):
                    more["psp_next_attempt_at"] = text(at + timedelta(days=self.random.choice((1, 2, 5))))
        self.charge(kind, invoice, at, instrument_id=card_id, initiated_by=by, **more)

    def happening(
        self, account: str, cards: list[Any], subscriptions: list[str], invoices: list[Any]
    ) -> None:
        draw = self.random
        invoice = draw.choice(invoices)
        at = max(self.instant(), invoice["at"])
        card = (
            self.used[invoice["subscription_id"]] if self.chance(0.8) else draw.choice(cards)["instrument_id"]
        )
        kinds = ["method", "method"] * ("methods" in self.on) + ["people"] * ("people" in self.on)
        kinds += ["psp"] * ("psp" in self.on) + ["pending"] * ("pending" in self.on)
        kinds += ["command", "command"] * ("commands" in self.on) + ["invoice"] * ("invoices" in self.on)
        kinds += ["reopened"] * ("reopened" in self.on) + ["schedule", "success"]
        kind = draw.choice(kinds)
        if kind == "method":
            self.method(account, cards, subscriptions, at)
        elif kind == "people":
            self.outcome("charge.declined", invoice, at, card, draw.choice(("customer", "admin")))
        elif kind == "psp":
            self.outcome("charge.declined", invoice, at, card, "psp")
        elif kind == "schedule":
            self.outcome("charge.declined", invoice, at, card, "schedule")
        elif kind == "success":
            amount = draw.choice((invoice["amount_minor"], invoice["amount_minor"], 1000))
            by = draw.choice(("customer", "admin", "psp", "schedule"))
            self.charge(
                "charge.succeeded", invoice, at, instrument_id=card, initiated_by=by, amount_minor=amount
            )
        elif kind == "pending":
            self.pending(invoice, at, card)
        elif kind == "command":
            self.command(account, invoice, at)
        elif kind == "reopened":
            self.reopen(invoice, at)
        else:
            self.invoice_event(account, invoice, at)

    def method(self, account: str, cards: list[Any], subscriptions: list[str], at: datetime) -> None:
        draw = self.random
        card = draw.choice(cards)
        change = draw.choice(
            ("bound", "bound", "bound", "details_updated", "added", "unbound", "removed", "revoked")
        )
        more: dict[str, Any] = {}
        if change == "bound":
            target = draw.choice(("subscription_ids", "subscription_ids", "replaces", "account_default"))
            others = [one["instrument_id"] for one in cards if one is not card]
            chosen = {"replaces": draw.choice(others), "account_default": True}
            more[target] = chosen.get(target, [draw.choice(subscriptions)])
            if target == "subscription_ids" and self.chance(0.8):
                self.used[more[target][0]] = card["instrument_id"]
        elif change == "unbound":
            more["subscription_ids"] = [draw.choice(subscriptions)]
        self.add(
            "payment_method.updated",
            at,
            account_id=account,
            change=change,
            instrument=self.told(card),
            **more,
        )

    def pending(self, invoice: dict[str, Any], at: datetime, card: str) -> None:
        charge_id = f"ch-p{self.charges}"
        by = self.random.choice(("schedule", "customer", "psp"))
        self.outcome("charge.pending", invoice, at, card, by, charge_id=charge_id)
        later = at + timedelta(minutes=self.random.choice((0, 60, 1440, 5760)))
        if self.chance(0.7):
            kind = self.random.choice(("charge.declined", "charge.succeeded"))
            self.outcome(kind, invoice, later, card, by, charge_id=charge_id)

    def command(self, account: str, invoice: dict[str, Any], at: datetime) -> None:
        draw = self.random
        scope: dict[str, Any] = draw.choice(
            ({}, {"subscription_id": invoice["subscription_id"]}, {"invoice_id": invoice["invoice_id"]})
        )
        name = draw.choice(("pause", "pause", "resume", "retry_now", "retry_now", "stop"))
        self.add(
            "dunning.command", at, account_id=account, command=name, issued_by="ann", reason="asked", **scope
        )
        if name == "pause" and self.chance(0.7):
            later = at + timedelta(minutes=draw.choice((0, 60, 1440, 4320)))
            self.add(
                "dunning.command",
                later,
                account_id=account,
                command="resume",
                issued_by="ann",
                reason="asked",
                **scope,
            )

    def reopen(self, invoice: dict[str, Any], at: datetime) -> None:
        draw = self.random
        self.add(
            "invoice.reopened",
            at,
            invoice_id=invoice["invoice_id"],
            account_id=invoice["account_id"],
            reason=draw.choice(("chargeback", "refund", "correction")),
            balance_minor=draw.choice((None, 2500)),
            window_ends_at=draw.choice((None, text(at + timedelta(days=5)))),
        )

    def invoice_event(self, account: str, invoice: dict[str, Any], at: datetime) -> None:
        draw = self.random
        ids = {"invoice_id": invoice["invoice_id"], "account_id": account}
        kind = draw.choice(("adjusted", "adjusted", "closed", "ended"))
        if kind == "adjusted":
            self.add("invoice.adjusted", at, **ids, balance_minor=draw.choice((0, 2500, 3000)))
        elif kind == "closed":
            reason = draw.choice(("paid_elsewhere", "voided", "written_off", "credited"))
            self.add("invoice.closed", at, **ids, reason=reason)
        else:
            self.add("subscription.ended", at, subscription_id=invoice["subscription_id"], account_id=account)

    # ---- the files ----

    def policy(self) -> dict[str, Any] | None:
        draw = self.random
        if self.chance(0.25):
            return None
        steps = {
            "invoice_date": ([3, 7, 12], [1, 2, 3, 4, 5], ["PT6H", "PT18H", 2, 7], [0, 3], [5]),
            "first_decline": ([2, 5, 9], [1, 2, 3], ["PT1H", "PT13H", 1]),
            "previous_attempt": ([1, 2, 3], ["PT1H"] * 8, [2, 2, 2, 2], ["PT13H", "PT6H", 1]),
        }
        anchor = draw.choice(sorted(steps))
        policy: dict[str, Any] = {
            "window": {
                "anchor": draw.choice(("invoice_date", "first_decline")),
                "length": draw.choice((28, 7, 5, 10)),
            },
            "ladder": {"anchor": anchor, "steps": draw.choice(steps[anchor])},
        }
        if "limits" in self.on and self.chance(0.3):
            policy["ladder"]["steps"] = (
                ["PT1H"] * 14 if anchor == "previous_attempt" else [f"PT{n}H" for n in range(1, 15)]
            )
            policy["min_gap"] = 0
        choices = {
            "technical": ([], ["PT10M"], ["PT1H", 1], ["PT10M", "PT1H", "PT6H"]),
            "min_gap": (0, "PT12H", "PT1H", 1),
            "answer_within": ("PT1H", "PT1H", 1, "PT10M"),
            "at": (None, "09:00", "18:00", "02:30"),
            "closing_notice": (None, 3, "PT1H", 7),
            "never": ({"close_after": None}, {"close_after": 2}, {"close_after": "PT36H"}),
            "stages": ([], [{"name": "warned", "after": 1}, {"name": "blocked", "after": 4}]),
            "rules": ("current", "strict", "none"),
        }
        for name, values in choices.items():
            if self.chance(0.35):
                policy[name] = draw.choice(values)
        return {"policies": {"standard": policy}}

    def charger(self) -> list[dict[str, Any]]:
        draw = self.random
        rules: list[dict[str, Any]] = []
        for _ in range(draw.randint(1, 3)):
            rule: dict[str, Any] = {
                "outcome": draw.choice(("declined", "declined", "succeeded", "none", "pending"))
            }
            if rule["outcome"] == "pending" and "pending" not in self.on:
                rule["outcome"] = "declined"
            card = self.cards[draw.choice(sorted(self.cards))]
            if card["type"] in DEBITS and rule["outcome"] == "declined":
                rule["match"] = {"instrument_id": card["instrument_id"]}
            elif self.chance(0.6):
                rule["match"] = draw.choice(
                    ({"instrument_id": card["instrument_id"]}, {"attempt": 1}, {"attempt": 2})
                )
            if rule["outcome"] == "declined":
                rule["decline"] = self.decline(card)
            if rule["outcome"] != "none" and self.chance(0.4):
                rule["after"] = draw.choice(("PT10M", "PT1H", "PT2H", 1))
            rules.append(rule)
        rules.append({"outcome": "declined", "decline": dict(SOFT[0])})
        return rules


def history(seed: int) -> History:
    """Draw the history of a seed."""
    return written(Writer(seed))


def written(writer: Writer) -> History:
    """Let a writer draw its history."""
    for number in range(1, writer.random.choice((1, 1, 1, 2)) + 1):
        writer.account(number)
    events = [event for _, _, event in sorted(writer.events, key=lambda item: item[:2])]
    until = writer.start + timedelta(days=writer.span + writer.random.choice((0, 5, 30)))
    return History(tuple(events), writer.policy(), tuple(writer.charger()), micros(until))


def text(at: datetime) -> str:
    """Write an instant as events do."""
    return at.isoformat().replace("+00:00", "Z")
