"""The words of a story: the left side of one line becomes the events of one page.

The one rule: what a line leaves out has one plain default (account `acc`, subscription `sub-1`, invoice `in-1`,
card-A, 4900 EUR, `generic` declines that may be retried later), so that a line holds only what matters.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from schemas.commands import PoliciesSet
from schemas.envelope import Event
from schemas.instants import micros, moment
from schemas.reading import read_event
from schemas.time_zones import time_zone

AMOUNT = 4900
_INSTRUMENT_WORDS = ("type", "network", "fingerprint", "expires", "country")
_CHANGES = ("added", "bound", "edited", "unbound", "removed", "revoked")
_COMMANDS = ("pause", "resume", "stop", "retry_now")
_FOREIGN = ("customer", "admin", "psp")

Words = dict[str, str]


@dataclass
class Calendar:
    """Days of a story, counted from its first; times of day are those of its zone."""

    starts_on: date
    zone: str

    def instant(self, day: str, clock: str = "") -> int:
        """Microseconds UTC. A time that happens twice is the first, as the contract reads it."""
        local = datetime.combine(
            self.starts_on + timedelta(days=int(day)),
            time.fromisoformat(clock or "09:00"),
            time_zone(self.zone),
        )
        return micros(local)

    def read(self, word: str) -> int:
        """Read `d3` (day 3 at nine) or `d3T10:20`."""
        day, _, clock = word.removeprefix("d").partition("T")
        return self.instant(day, clock)

    def word(self, instant: int) -> str:
        """Write an instant as `read` reads it; one that the clock shows a second time gets a star."""
        local = moment(instant).astimezone(time_zone(self.zone))
        clock = local.time().isoformat("minutes" if not local.second else "auto")
        day = f"d{(local.date() - self.starts_on).days}"
        return (day if clock == "09:00" else f"{day}T{clock}") + ("*" if local.fold else "")


@dataclass
class Teller:
    """Turns words into events, as the upstream systems would send them."""

    calendar: Calendar
    last: list[Event[Any]] = field(default_factory=list)
    asked_on: Words = field(default_factory=dict)  # request id -> instrument, as far as the story has come
    _count: int = 0
    _told: dict[str, list[Event[Any]]] = field(default_factory=dict)

    def is_early(self, words: str) -> bool:
        """Tell whether the words answer a request that is still to be made: then it is due before they come."""
        return any(request not in self.asked_on for request in map(_answers, words.split(" & ")) if request)

    def events(self, words: str, now: int) -> list[Event[Any]]:
        """Read `what & what`, the events of one page; `again` is the page before, `again what` an earlier one."""
        if words.startswith("again"):
            _, _, what = words.partition(" ")
            return self._told[what] if what else self.last
        self.last = [self._event(one.split(), now) for one in words.split(" & ")]
        self._told[words] = self.last
        return self.last

    def _event(self, words: list[str], now: int) -> Event[Any]:
        verb, *rest = words
        options = dict(word.split("=", 1) for word in rest if "=" in word)
        plain = [word for word in rest if "=" not in word]
        self._count += 1
        at = self.calendar.read(options["time"]) if "time" in options else now
        if verb == "deployed":
            return _policies(options["steps"], f"e-{self._count}", at)
        kind, data = self._data(verb, plain, options)
        return told(kind, {"account_id": options.get("account", "acc"), **data}, f"e-{self._count}", at)

    def _data(self, verb: str, plain: list[str], options: Words) -> tuple[str, dict[str, Any]]:
        invoice = {"invoice_id": options.get("invoice", "in-1")}
        if verb == "issued":
            return "invoice.issued", invoice | self._issued(options)
        if verb in ("declined", "succeeded", "pending"):
            return f"charge.{verb}", invoice | self._charge(verb, plain, options)
        if verb in _CHANGES:
            return "payment_method.updated", _change(verb, plain[0], plain[1:], options)
        if verb in _COMMANDS:
            scope = {f"{name}_id": options[name] for name in ("subscription", "invoice") if name in options}
            return "dunning.command", {"command": verb, "issued_by": "ann", "reason": "asked", **scope}
        if verb == "adjusted":
            return "invoice.adjusted", invoice | {"balance_minor": int(plain[0])}
        if verb == "settled":
            return "invoice.closed", invoice | {"reason": plain[0]}
        if verb == "reopened":
            return "invoice.reopened", invoice | self._reopened(plain[0], options)
        assert verb == "ended", f"no such word: {verb}"
        return "subscription.ended", {"subscription_id": options.get("sub", "sub-1")}

    def _issued(self, options: Words) -> dict[str, Any]:
        data: dict[str, Any] = {
            "subscription_id": options.get("sub", "sub-1"),
            "amount_minor": int(options.get("amount", AMOUNT)),
            "currency": options.get("currency", "EUR"),
            "issued_at": _text(self.calendar.read(options.get("at", "d0"))),
            "time_zone": self.calendar.zone,
        }
        if "on" in options:
            data["instrument_id"] = options["on"]
        if "policy" in options:
            data["policy"] = options["policy"]
        if "plan" in options:
            data["labels"] = {"plan": options["plan"]}
        return data

    def _charge(self, verb: str, plain: list[str], options: Words) -> dict[str, Any]:
        """Who tried, and what came of it: `0` is the biller's first charge, a number above answers that request."""
        who = plain[0] if plain else "0"
        invoice_id = options.get("invoice", "in-1")
        data: dict[str, Any] = {
            "charge_id": options.get("charge", f"ch-{self._count}"),
            "subscription_id": options.get("sub", "sub-1"),
            "instrument_id": options.get("on") or self.asked_on.get(f"{invoice_id}/{who}", "card-A"),
            "amount_minor": int(options.get("amount", AMOUNT)),
            "currency": options.get("currency", "EUR"),
            "initiated_by": who if who in _FOREIGN else "schedule" if who == "0" else "retry",
        }
        if who not in _FOREIGN and who not in ("0", "retry"):
            data["request_id"] = f"{invoice_id}/{who}"
        if "tried" in options:
            data["attempted_at"] = _text(self.calendar.read(options["tried"]))
        if verb == "declined":
            dialect, _, code = (plain[1] if len(plain) > 1 else "retry_later").rpartition(":")
            data["decline"] = {"dialect": dialect or "generic", "code": code}
            if "advice" in options:
                data["decline"] |= {"advice_dialect": "mastercard", "advice_code": options["advice"]}
            if "network_code" in options:
                network, _, number = options["network_code"].partition(":")
                data["decline"] |= {"network": network, "network_code": number}
            if described := _instrument(data["instrument_id"], options):
                data["instrument"] = described
            if "psp_again" in options:
                data["psp_will_retry"] = options["psp_again"] != "no"
                if options["psp_again"].startswith("d"):
                    data["psp_next_attempt_at"] = _text(self.calendar.read(options["psp_again"]))
        return data

    def _reopened(self, reason: str, options: Words) -> dict[str, Any]:
        data: dict[str, Any] = {"reason": reason}
        if "balance" in options:
            data["balance_minor"] = int(options["balance"])
        if "until" in options:
            data["window_ends_at"] = _text(self.calendar.read(options["until"]))
        return data


def told(kind: str, data: dict[str, Any], event_id: str, at: int) -> Event[Any]:
    """Wrap data into an event and send it through the door."""
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "biller",
        "type": kind,
        "time": _text(at),
        "data": data,
    }
    return read_event(json.dumps(event).encode())


def _policies(steps: str, event_id: str, at: int) -> Event[Any]:
    """Set a policy file of one policy with this ladder; no upstream may, so it does not come through the door."""
    ladder = {"steps": [int(step) for step in steps.split(",")]}
    content = {"policies": {"standard": {"ladder": ladder}}, "select": [{"use": "standard"}]}
    data = PoliciesSet(policies=content)
    return Event(id=event_id, source="operator", type=PoliciesSet.TYPE, time=moment(at), data=data)


def _answers(words: str) -> str | None:
    found = re.match(r"(?:declined|succeeded|pending) ([1-9]\d*)\b(?:.* invoice=(\S+))?", words)
    return f"{found[2] or 'in-1'}/{found[1]}" if found else None


def _change(verb: str, instrument_id: str, flags: list[str], options: Words) -> dict[str, Any]:
    data: dict[str, Any] = {
        "change": "details_updated" if verb == "edited" else verb,
        "instrument": _instrument(instrument_id, options) or {"instrument_id": instrument_id, "type": "card"},
    }
    if verb in ("bound", "unbound"):
        if "replaces" in options:
            data["replaces"] = options["replaces"]
        elif "default" in flags:
            data["account_default"] = True
        else:
            data["subscription_ids"] = options.get("sub", "sub-1").split(",")
    return data


def _instrument(instrument_id: str, options: Words) -> dict[str, Any] | None:
    said = {word: options[word] for word in _INSTRUMENT_WORDS if word in options}
    return {"instrument_id": instrument_id, "type": "card", **said} if said else None


def _text(instant: int) -> str:
    return moment(instant).isoformat()
