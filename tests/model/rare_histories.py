"""Random histories of what is seldom: signals that contradict each other, outcomes told twice, cards learnt late.

The one rule: a seed gives one history, for ever. The seeds of `tests.model.histories` stay what they are.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.model.comparing import History
from tests.model.histories import ADVICE, DEBITS, SOFT, Writer, text, written

STARTS = (
    datetime(2026, 3, 2, 9, tzinfo=UTC),
    datetime(2026, 3, 24, 9, tzinfo=UTC),  # clocks go on in Europe on the 29th
    datetime(2026, 10, 20, 1, 30, tzinfo=UTC),  # and back on the 25th: 02:30 happens twice in Berlin
    datetime(2026, 1, 31, 23, 30, tzinfo=UTC),  # a month from here has no such day
)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "America/St_Johns")

SIGNALS: tuple[dict[str, Any], ...] = (
    {"dialect": "stripe", "code": "card_declined", "network": "visa", "network_code": "43"},
    {"dialect": "stripe", "code": "do_not_honor", "network": "Visa", "network_code": "51"},
    {"dialect": "stripe", "code": "do_not_honor", "network_code": "94"},
    {"dialect": "stripe", "code": "generic_decline", "network": "mc", "network_code": "82"},
    {"dialect": "stripe", "code": "previously_declined_do_not_retry"},
    {"dialect": "stripe", "code": "authentication_required"},
    {
        "dialect": "stripe",
        "code": "try_again_later",
        "advice_code": "try_again_later",
        "advice_dialect": "stripe",
    },
    {
        "dialect": "stripe",
        "code": "do_not_honor",
        "advice_code": "confirm_card_data",
        "advice_dialect": "stripe",
    },
    {"dialect": "stripe", "code": "do_not_honor", "advice_code": "03"},
    {"dialect": "stripe", "code": "do_not_honor", "advice_code": "77", "advice_dialect": "mastercard"},
    {"dialect": "stripe", "code": "do_not_honor", "advice_code": "03", "advice_dialect": "adyen"},
    {"dialect": "adyen", "code": "2"},
    {"dialect": "adyen", "code": "6"},
    {"dialect": "adyen", "code": "9"},
    {"dialect": "adyen", "code": "11"},
    {"dialect": "adyen", "code": "46"},
    {"dialect": "adyen", "code": "20"},
    {"dialect": "adyen", "code": "999"},
    {"dialect": "braintree", "code": "2001"},
    {"dialect": "braintree", "code": "2009", "network": "mastercard"},
    {"dialect": "braintree", "code": "2016"},
    {"dialect": "braintree", "code": "2033"},
    {"dialect": "braintree", "code": "3000"},
    {"dialect": "visa", "code": "94"},
    {"dialect": "visa", "code": "59"},
    {"dialect": "visa", "code": "91"},
    {"dialect": "visa", "code": "N7"},
    {"dialect": "mastercard", "code": "72"},
    {"dialect": "mastercard", "code": "79"},
    {"dialect": "mastercard", "code": "94"},
    {"dialect": "iso8583", "code": "36"},
    {"dialect": "iso8583", "code": "82"},
    {"dialect": "iso8583", "code": "96"},
    {"dialect": "iso8583", "code": "xx"},
)
RETURNS = {
    "sepa": ("AM04", "AM04", "AM04", "MS03", "FF01", "AG07", "AM05", "XX99"),
    "ach": ("R01", "R01", "R09", "R01", "R06", "R08", "R24", "R99"),
    "bacs": ("0", "0", "0", "0", "4", "9", "B", "Z"),
}
LABELS = ({"plan": "annual"}, {"plan": "annual", "tier": "gold"}, {"plan": "monthly"}, {"tier": "gold"})
DAYS_OFF = ("2026-03-06", "2026-04-03", "2026-04-06", "2026-10-26", "2026-11-02")
BAD: tuple[dict[str, Any], ...] = (
    {"amount_minor": 0},
    {"currency": "EURO"},
    {"subscription_id": ""},
    {"charge_id": "4111 1111 1111 1111"},
)
FEATURES = (
    "signals",
    "parts",
    "echoes",
    "attempted",
    "unissued",
    "foreign",
    "learning",
    "pauses",
    "regained",
    "bindings",
    "adjusted",
    "reopenings",
    "holds",
    "bursts",
    "presented",
    "currency",
    "bad",
    "select",
    "hours",
    "expiry",
    "labels",
)


class RareWriter(Writer):
    """Draws one history, mostly of what the common ones have seldom or never."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        draw = self.random
        self.start = draw.choice(STARTS)
        self.told_charges: list[tuple[dict[str, Any], datetime, dict[str, Any]]] = []
        self.account_cards: dict[str, list[dict[str, Any]]] = {}
        share = draw.choice((0.15, 0.3, 0.5))
        self.on |= {name for name in FEATURES if draw.random() < share}
        if "expiry" in self.on:
            self.on -= {"pauses", "commands"}  # what is planned under a pause is nobody's business

    # ---- drawing ----

    def decline(self, card: dict[str, Any]) -> dict[str, Any]:
        draw = self.random
        if card["type"] in DEBITS and self.chance(0.5, "presented"):
            dialect, _ = DEBITS[card["type"]]
            return {"dialect": dialect, "code": draw.choice(RETURNS[dialect])}
        if card["type"] not in DEBITS and self.chance(0.4, "signals"):
            return dict(draw.choice(SIGNALS))
        if card.get("network") == "mastercard" and self.chance(0.4, "bursts"):
            advice = {"advice_code": draw.choice(ADVICE), "advice_dialect": "mastercard"}
            return {**SOFT[2], "network": "mastercard", **advice}
        return super().decline(card)

    def card(self, number: int, index: int) -> dict[str, Any]:
        draw = self.random
        card = super().card(number, index)
        if self.chance(0.5, "presented"):
            kind = draw.choice(sorted(DEBITS)) if index else sorted(DEBITS)[number % 3]
            card = {"instrument_id": card["instrument_id"], "type": kind}
            if self.chance(0.4):
                card["fingerprint"] = f"fp-{number}{kind[0]}"
        elif self.chance(0.6, "bursts"):
            network = draw.choice(("visa", "mastercard", "MasterCard", "amex", "discover"))
            card |= {"network": network, "fingerprint": f"fp-{number}{network[0]}"}
        elif self.chance(0.1):
            card["type"] = draw.choice(("wallet", "other"))
        if self.chance(0.6, "expiry"):
            at = self.start + timedelta(days=draw.choice((-40, 0, 20, 31, 62)))
            card["expires"] = f"{at:%Y-%m}"
        if self.chance(0.6, "select"):
            card["country"] = draw.choice(("DE", "US", "NO"))
        return card

    def told(self, card: dict[str, Any]) -> dict[str, Any]:
        if not self.chance(0.6, "learning"):
            return card
        known = dict(card)
        for name in ("fingerprint", "network", "expires", "country"):
            if name in known and self.chance(0.5):
                del known[name]
        return known

    # ---- writing ----

    def charge(self, kind: str, invoice: dict[str, Any], time: datetime, **data: Any) -> None:
        draw = self.random
        if self.chance(0.3, "attempted") and data.get("initiated_by") != "psp":
            data["attempted_at"] = text(time - timedelta(minutes=draw.choice((0, 1, 60, 720, 1440, 4320))))
        if "amount_minor" not in data and self.chance(0.4, "parts"):
            data["amount_minor"] = draw.choice((1, 900, 2500, invoice["amount_minor"] + 1000))
        if self.chance(0.1, "currency"):
            data["currency"] = "USD"
        if kind == "charge.succeeded" and self.chance(0.2):
            data["instrument_id"] = None
        data.setdefault("charge_id", f"ch-{self.charges}r")
        self.told_charges.append((invoice, time, data))
        super().charge(kind, invoice, time, **data)

    def tell_issued(self, told: datetime, invoice: dict[str, Any]) -> dict[str, Any]:
        draw = self.random
        if self.chance(0.6, "labels"):
            invoice |= {"labels": draw.choice(LABELS), "due_at": text(told + timedelta(days=14))}
        if self.chance(0.4, "select"):
            invoice |= {"policy": draw.choice(("standard", "annual", "no-such-policy"))}
            invoice |= {"currency": draw.choice(("EUR", "GBP"))}
        if self.chance(0.5, "hours"):
            invoice["time_zone"] = draw.choice(ZONES)
        if self.chance(0.5, "unissued"):
            told += timedelta(minutes=draw.choice((10, 720, 2880, 7200, 20160)))
        if not self.chance(0.2, "unissued"):
            self.add("invoice.issued", told, **invoice)
        if self.chance(0.2, "unissued"):
            more = {"amount_minor": 7000, "issued_at": text(told)}
            self.add("invoice.issued", told + timedelta(days=1), **(invoice | more))
        return invoice

    # ---- the parts of a history ----

    def happening(
        self, account: str, cards: list[Any], subscriptions: list[str], invoices: list[Any]
    ) -> None:
        draw = self.random
        parts = {
            "parts": self.part_payments,
            "foreign": self.foreign_answer,
            "adjusted": self.adjustments,
            "reopenings": self.reopenings,
            "holds": self.holds,
            "bursts": self.burst,
            "presented": self.presentations,
        }
        kinds = [name for name in parts if name in self.on]
        kinds += [name for name in ("echoes", "pauses", "regained", "bindings", "bad") if name in self.on]
        if not kinds or self.chance(0.4):
            super().happening(account, cards, subscriptions, invoices)
            return
        invoice = draw.choice(invoices)
        at = max(self.instant(), invoice["at"])
        kind = draw.choice(kinds)
        if kind == "echoes":
            self.echo(at)
        elif kind == "pauses":
            self.pauses(invoice, at)
        elif kind == "regained":
            self.regained(account, cards, subscriptions, at)
        elif kind == "bindings":
            self.bindings(account, cards, subscriptions, at)
        elif kind == "bad":
            self.charge("charge.declined", {**invoice, **draw.choice(BAD)}, at, instrument_id="card-bad")
        else:
            used = self.used[invoice["subscription_id"]]
            parts[kind](invoice, at, used if self.chance(0.8) else draw.choice(cards)["instrument_id"])

    def part_payments(self, invoice: dict[str, Any], at: datetime, card: str) -> None:
        draw = self.random
        for _ in range(draw.randint(1, 4)):
            by = draw.choice(("customer", "admin", "psp", "schedule", "retry"))
            amount = draw.choice((1, 1000, 2450, 2500, 4900))
            self.outcome("charge.succeeded", invoice, at, card, by, amount_minor=amount)
            at += timedelta(minutes=draw.choice((0, 60, 1440, 4320)))

    def foreign_answer(self, invoice: dict[str, Any], at: datetime, card: str) -> None:
        """Answer a request outside of the charger: the latest, an older one, or one that was never made."""
        draw = self.random
        kind = draw.choice(("charge.declined", "charge.declined", "charge.succeeded", "charge.pending"))
        number = draw.choice((None, 1, 1, 2, 3, 9))
        request_id = None if number is None else f"{invoice['invoice_id']}/{number}"
        charge_id = request_id if request_id and self.chance(0.4) else f"ch-f{self.charges}"
        by = draw.choice(("retry", "retry", "retry", "schedule", "psp"))
        self.outcome(kind, invoice, at, card, by, request_id=request_id, charge_id=charge_id)

    def echo(self, at: datetime) -> None:
        """Tell of a charge again, under another event id and perhaps with another outcome."""
        if not self.told_charges:
            return
        draw = self.random
        invoice, before, data = draw.choice(self.told_charges)
        at = draw.choice((at, before, before + timedelta(minutes=draw.choice((1, 60, 2880)))))
        kind = draw.choice(("charge.declined", "charge.succeeded", "charge.pending"))
        card = data.get("instrument_id") or self.used[invoice["subscription_id"]]
        if card not in self.cards:
            return
        by = data.get("initiated_by", "schedule") if self.chance(0.7) else draw.choice(("customer", "psp"))
        more = {name: data[name] for name in ("charge_id", "request_id") if data.get(name) is not None}
        self.outcome(kind, invoice, at, card, by, **more)

    def pauses(self, invoice: dict[str, Any], at: datetime) -> None:
        """Pause and resume scopes that lie in each other."""
        draw = self.random
        scopes: tuple[dict[str, Any], ...] = (
            {},
            {"subscription_id": invoice["subscription_id"]},
            {"invoice_id": invoice["invoice_id"]},
            {"subscription_id": invoice["subscription_id"], "invoice_id": invoice["invoice_id"]},
            {"subscription_id": "sub-unknown"},
        )
        for _ in range(draw.randint(2, 5)):
            name = draw.choice(
                ("pause", "pause", "resume", "resume", "retry_now", "stop" if self.chance(0.2) else "pause")
            )
            who = {"account_id": invoice["account_id"], "issued_by": "ann", "reason": "asked"}
            self.add("dunning.command", at, command=name, **who, **draw.choice(scopes))
            at += timedelta(minutes=draw.choice((0, 30, 1440, 2880)))

    def regained(self, account: str, cards: list[Any], subscriptions: list[str], at: datetime) -> None:
        """Lose an instrument and get it, or another, again."""
        draw = self.random
        card, other = draw.choice(cards), draw.choice(cards)
        subscription = draw.choice(subscriptions)
        who = {"account_id": account}
        lost = draw.choice(("removed", "revoked", "unbound"))
        target = {"subscription_ids": subscriptions} if lost == "unbound" else {}
        self.add("payment_method.updated", at, **who, change=lost, instrument=self.told(card), **target)
        for _ in range(draw.randint(1, 3)):
            at += timedelta(minutes=draw.choice((0, 60, 1440, 2880)))
            change = draw.choice(("added", "bound", "bound", "details_updated"))
            again = draw.choice((card, card, other))
            chosen: tuple[dict[str, Any], ...] = (
                {"subscription_ids": [subscription]},
                {"account_default": True},
                {"subscription_ids": subscriptions},
            )
            target = draw.choice(chosen) if change == "bound" else {}
            self.add(
                "payment_method.updated", at, **who, change=change, instrument=self.told(again), **target
            )

    def bindings(self, account: str, cards: list[Any], subscriptions: list[str], at: datetime) -> None:
        """Bind with several targets at once."""
        draw = self.random
        card, old = draw.choice(cards), draw.choice(cards)
        targets: dict[str, Any] = {
            "subscription_ids": draw.sample(subscriptions, draw.randint(1, len(subscriptions))),
            "replaces": old["instrument_id"],
            "account_default": True,
        }
        chosen = draw.sample(sorted(targets), draw.randint(1, 3))
        more = {name: targets[name] for name in chosen}
        self.add(
            "payment_method.updated",
            at,
            account_id=account,
            change="bound",
            instrument=self.told(card),
            **more,
        )

    def adjustments(self, invoice: dict[str, Any], at: datetime, _: str) -> None:
        draw = self.random
        ids = {"invoice_id": invoice["invoice_id"], "account_id": invoice["account_id"]}
        for _number in range(draw.randint(1, 3)):
            balance = draw.choice((0, 1, 2500, invoice["amount_minor"], 12000))
            self.add("invoice.adjusted", at, **ids, balance_minor=balance)
            at += timedelta(minutes=draw.choice((0, 60, 1440)))
        if self.chance(0.5):
            self.reopen(invoice, at)

    def reopenings(self, invoice: dict[str, Any], at: datetime, card: str) -> None:
        """End an invoice, tell what comes too late, open it again; its window may be over by then."""
        draw = self.random
        ids = {"invoice_id": invoice["invoice_id"], "account_id": invoice["account_id"]}
        how = draw.choice(("closed", "paid", "stop", "none"))
        if how == "closed":
            reason = draw.choice(("paid_elsewhere", "voided", "written_off", "credited"))
            self.add("invoice.closed", at, **ids, reason=reason)
        elif how == "paid":
            self.outcome("charge.succeeded", invoice, at, card, "customer")
        elif how == "stop":
            self.add("dunning.command", at, **ids, command="stop", issued_by="ann", reason="asked")
        at += timedelta(minutes=draw.choice((0, 60, 1440, 7200)))
        ends = draw.choice((None, None, -1440, 0, 60, 2880, 14400, 50000))
        self.add(
            "invoice.reopened",
            at - timedelta(minutes=draw.choice((0, 0, 0, 2880))),
            **ids,
            reason="chargeback",
            balance_minor=draw.choice((None, None, 1, 2500, 20000)),
            window_ends_at=None if ends is None else text(at + timedelta(minutes=ends)),
        )

    def holds(self, invoice: dict[str, Any], at: datetime, card: str) -> None:
        """Let the provider announce a try of its own, and make it, or not, or give up."""
        draw = self.random
        tries = at + timedelta(minutes=draw.choice((60, 1440, 2880, 4320)))
        said: dict[str, Any] = {"psp_will_retry": True}
        if self.chance(0.7):
            said["psp_next_attempt_at"] = text(tries)
        by = draw.choice(("schedule", "psp", "retry", "customer"))
        self.outcome("charge.declined", invoice, at, card, by, **said)
        then = tries + timedelta(minutes=draw.choice((-60, 0, 0, 60, 1440, 1500)))
        kind = draw.choice(("declined", "declined", "succeeded", "pending", "gives up", "nothing"))
        if kind == "gives up":
            self.outcome("charge.declined", invoice, then, card, "schedule", psp_will_retry=False)
        elif kind != "nothing":
            part = {"amount_minor": 1000} if kind == "succeeded" and self.chance(0.5) else {}
            self.outcome(f"charge.{kind}", invoice, then, card, "psp", **part)

    def burst(self, invoice: dict[str, Any], at: datetime, card: str) -> None:
        """Have a card tried as often as its network allows, or nearly."""
        draw = self.random
        gap = timedelta(minutes=draw.choice((1, 60, 100)))
        by = draw.choice(("customer", "customer", "admin", "schedule"))
        known = self.cards[card]
        for _ in range(draw.choice((3, 9, 10, 14, 20))):
            data = {"decline": dict(SOFT[0]), "instrument": self.told(known)}
            self.charge("charge.declined", invoice, at, instrument_id=card, initiated_by=by, **data)
            at += gap

    def presentations(self, invoice: dict[str, Any], at: datetime, card: str) -> None:
        """Present an invoice again, perhaps with another amount."""
        draw = self.random
        for _ in range(draw.randint(1, 3)):
            more = {"amount_minor": 2500} if self.chance(0.3) else {}
            self.outcome(
                "charge.declined", invoice, at, card, draw.choice(("schedule", "psp", "customer")), **more
            )
            at += timedelta(days=draw.choice((1, 3, 10)))

    # ---- the files ----

    def policy(self) -> dict[str, Any] | None:
        draw = self.random
        file = super().policy() or {"policies": {"standard": {}}}
        if "select" in self.on:
            other = super().policy() or {"policies": {"standard": {"ladder": {"steps": [1, 4]}}}}
            file["policies"]["annual"] = other["policies"]["standard"]
            conditions: tuple[dict[str, Any], ...] = (
                {"currency": "GBP"},
                {"currency": ["EUR", "CHF"], "amount_minor": {"min": 5000}},
                {"amount_minor": {"max": 4900}},
                {"instrument_type": ["card", "sepa_debit"]},
                {"country": ["DE", "NO"]},
                {"label.plan": ["annual", "weekly"]},
                {"label.plan": "annual", "label.tier": "gold"},
            )
            names = ("annual", "standard")
            file["select"] = [{"when": draw.choice(conditions), "use": draw.choice(names)} for _ in range(2)]
            if self.chance(0.7):
                file["select"].append({"use": draw.choice(names)})
        for one in file["policies"].values():
            self._refine(one)
        return file

    def _refine(self, policy: dict[str, Any]) -> None:
        """Add the keys that the common policies never have, and odd values of those that they have."""
        draw = self.random
        if self.chance(0.5, "expiry"):
            policy["expiry_notice"] = draw.choice((1, 5, "PT36H", 0))
        if "hours" in self.on:
            resolved = {"source": "test", "weekend": [5, 6], "dates": list(DAYS_OFF)}
            days = {"country": "DE", "move": draw.choice(("next", "previous")), "resolved": resolved}
            night = draw.choice(({"from": "20:00", "to": "09:30"}, {"from": "08:00", "to": "11:00"}))
            choices = {
                "business_days": days,
                "quiet_hours": night,
                "spread": draw.choice(("PT2H", "PT30M", 1)),
            }
            policy |= {name: value for name, value in choices.items() if self.chance(0.5)}
            if self.chance(0.3):
                policy["at"] = draw.choice(("02:30", "02:00", "00:30", "09:00"))
        odd: dict[str, tuple[Any, ...]] = {
            "min_gap": (2, 5, "PT1H"),
            "answer_within": ("PT1M", 3, 7),
            "never": ({"close_after": 0}, {"close_after": 1}, {"close_after": "P1M"}),
            "stages": (
                [
                    {"name": "warned", "after": 0},
                    {"name": "blocked", "after": 3},
                    {"name": "gone", "after": 12},
                ],
                [{"name": "late", "after": "PT36H"}],
            ),
            "closing_notice": (0, "PT12H", 60),
            "window": ({"length": "P1M"}, {"anchor": "first_decline", "length": "PT60H"}, {"length": 45}),
            "technical": ([1], [1, 1, 1], ["PT1M"] * 4),
            "rules": ("strict", "strict", "none"),
        }
        policy |= {name: draw.choice(values) for name, values in odd.items() if self.chance(0.15)}
        if self.chance(0.1):
            policy["ladder"] = draw.choice(
                (
                    {"anchor": "invoice_date", "steps": ["P1M", 7, "PT36H", 1]},
                    {"anchor": "previous_attempt", "steps": [1, "PT1H", 1, "PT30M", 2, 3]},
                    {"anchor": "first_decline", "steps": [0, 1, "PT24H", 2, 3, 10]},
                    {"anchor": "invoice_date", "steps": []},
                )
            )

    def charger(self) -> list[dict[str, Any]]:
        draw = self.random
        rules = super().charger()
        for rule in rules[:-1]:
            if self.chance(0.3):
                moment = text(self.start + timedelta(days=draw.choice((1, 3, 7))))
                rule["match"] = draw.choice(
                    (
                        {"before": moment},
                        {"after": moment},
                        {"invoice_id": "in-10"},
                        {"subscription_id": "sub-11"},
                        {"attempt": 3},
                    )
                )
        if self.chance(0.3):
            card = self.cards[draw.choice(sorted(self.cards))]
            match = {"instrument_id": card["instrument_id"]}
            rules.insert(0, {"outcome": "declined", "decline": self.decline(card), "match": match})
        return rules


def rare_history(seed: int) -> History:
    """Draw the rare history of a seed."""
    return written(RareWriter(seed))
