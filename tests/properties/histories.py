"""Random histories: what upstream systems may send, in closed loop with the requests of an engine.

The one rule: a history is drawn once and becomes a script of pages; who plays the script plays the same events.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from dunning.calendar import DAY, HOUR, MINUTE
from dunning.engine import Engine
from schemas.commands import PoliciesSet
from schemas.decisions import RetryRequested
from schemas.envelope import Event
from schemas.instants import EPOCH, moment
from schemas.writing import OutputData, read_written
from tests.stories.player import shipped_rules
from tests.stories.words import told

START = 1_780_304_400_000_000  # 2026-06-01T09:00:00Z
CARDS: dict[str, dict[str, Any]] = {
    "card-A": {"network": "visa", "fingerprint": "fp-1"},
    "card-B": {"network": "mastercard", "fingerprint": "fp-2"},
    "card-C": {"network": "visa", "fingerprint": "fp-1"},
    "card-D": {},
}
SUBSCRIPTIONS = {"sub-1": "acc-1", "sub-2": "acc-1", "sub-3": "acc-2"}
INVOICES = {"in-1": "sub-1", "in-2": "sub-1", "in-3": "sub-2", "in-4": "sub-3"}
AMOUNT = 1000
MOST_TICKS = 100  # of one instant; far more than any history here has due at once

_GAPS = (0, 0, MINUTE, 20 * MINUTE, HOUR, 7 * HOUR, DAY, 3 * DAY)
_LATENESS = (0, 0, 0, 0, 5 * MINUTE, 2 * DAY)
_AGES = (0, 0, DAY, 5 * DAY, 27 * DAY, 40 * DAY)
_CLASSES = ("retry_later",) * 6 + (
    "technical",
    "technical",
    "fix_data",
    "needs_customer",
    "never",
    "reconcile",
)
_FOREIGN = ("customer", "admin", "psp", "psp")

POLICIES: tuple[dict[str, Any], ...] = (
    {},
    {"ladder": {"anchor": "first_decline", "steps": [1, 3, 9]}, "answer_within": "PT3H"},
    {"ladder": {"anchor": "previous_attempt", "steps": [2, "PT6H", 4, 8]}, "min_gap": "PT1H"},
    {
        "window": {"anchor": "first_decline", "length": 12},
        "ladder": {"anchor": "previous_attempt", "steps": ["PT1H"] * 40},
        "min_gap": "PT0S",
        "technical": ["PT30M"],
        "never": {"close_after": 2},
        "stages": [{"name": "warned", "after": 2}, {"name": "blocked", "after": 9}],
    },
)

Action = tuple[int, int, int, int]
"""(what happens, to which, how, how long after the action before)."""

actions = st.lists(
    st.tuples(st.integers(0, 59), st.integers(0, 11), st.integers(0, 11), st.integers(0, len(_GAPS) - 1)),
    min_size=4,
    max_size=40,
)
policies = st.sampled_from(POLICIES)


@dataclass(frozen=True)
class Page:
    """What one page held and wrote."""

    now: int
    events: Sequence[Event[Any]]
    outputs: list[tuple[str, bytes]]  # event id and bytes, in order

    def written(self) -> Iterator[OutputData]:
        """The data of what was written."""
        return (read_written(value).data for _, value in self.outputs)


Script = list[tuple[int, list[Event[Any]]]]
"""Arrivals: the instant of each page, microseconds UTC, and its events."""


@dataclass
class Runner:
    """An engine whose timers are visited at every due instant."""

    content: Mapping[str, Any]
    engine: Engine = field(default_factory=lambda: Engine(shipped_rules()))
    pages: list[Page] = field(default_factory=list)
    after_page: Callable[["Runner", Mapping[bytes, bytes | None]], None] | None = None

    def __post_init__(self) -> None:
        data = PoliciesSet(
            policies={"policies": {"standard": dict(self.content)}, "select": [{"use": "standard"}]}
        )
        self._fold([Event(id="p", source="s", type=PoliciesSet.TYPE, time=EPOCH, data=data)], 0)

    def advance(self, to: int) -> None:
        """Fold a tick at every instant at which something is due before `to`."""
        stuck = 0
        while (due := self.engine.next_due) is not None and due < to:
            # An entry is a hint, and may lie in the past; the clock does not go back.
            now = max(due, self.pages[-1].now)
            stuck = stuck + 1 if self.pages[-1].now == now else 0
            assert stuck < MOST_TICKS, f"{moment(due)} stays due for ever"
            self._fold([], now)

    def take(self, events: Sequence[Event[Any]], now: int) -> None:
        """Fold a page of events, after everything that is due before it."""
        self.advance(now)
        self._fold(events, now)

    def play(self, script: Script, until: int) -> "Runner":
        """Play a whole script."""
        for now, events in script:
            self.take(events, now)
        self.advance(until)
        return self

    def outputs(self) -> list[tuple[str, bytes]]:
        """Everything written, in order."""
        return [output for page in self.pages for output in page.outputs]

    def requests(self) -> list[RetryRequested]:
        """Every request, in order."""
        return [data for page in self.pages for data in page.written() if isinstance(data, RetryRequested)]

    def _fold(self, events: Sequence[Event[Any]], now: int) -> None:
        more_due = True
        while more_due:
            step = self.engine.fold(events, now)
            self.pages.append(Page(now, events, [(read_written(o.value).id, o.value) for o in step.outputs]))
            if self.after_page is not None:
                self.after_page(self, step.changes)
            events, more_due = [], step.more_due


@dataclass
class Author:
    """Turns actions into events that fit the state of the world, and remembers them as a script."""

    runner: Runner
    script: Script = field(default_factory=list)
    now: int = START
    kinds: Sequence[Callable[["Author", int, int], tuple[str, dict[str, Any]] | None]] = ()
    _number: int = 0
    _asked: dict[str, list[RetryRequested]] = field(default_factory=dict)
    _read: int = 0

    def write(self, drawn: Iterable[Action]) -> Script:
        """Play the actions one after the other."""
        for kind, which, how, gap in drawn:
            self.now += _GAPS[gap]
            self.runner.advance(self.now)
            self._catch_up()
            made = self.kinds[kind % len(self.kinds)](self, which, how)
            if made is None:
                continue
            self._number += 1
            late = 0 if made[0].startswith("payment") else _LATENESS[(which + how) % len(_LATENESS)]
            event = told(made[0], made[1], f"e-{self._number}", self.now - late)
            self.script.append((self.now, [event]))
            self.runner.take([event], self.now)
        return self.script

    def asked(self, invoice_id: str) -> list[RetryRequested]:
        """The requests of an invoice so far."""
        return self._asked.get(invoice_id, [])

    def _catch_up(self) -> None:
        for page in self.runner.pages[self._read :]:
            for data in page.written():
                if isinstance(data, RetryRequested):
                    self._asked.setdefault(data.invoice_id, []).append(data)
        self._read = len(self.runner.pages)

    # ---- what happens ----

    def invoice(self, which: int) -> dict[str, Any]:
        """The ids of one invoice."""
        invoice_id = list(INVOICES)[which % len(INVOICES)]
        subscription_id = INVOICES[invoice_id]
        return {
            "invoice_id": invoice_id,
            "account_id": SUBSCRIPTIONS[subscription_id],
            "subscription_id": subscription_id,
        }

    def charge(self, which: int, card: str, **more: Any) -> dict[str, Any]:
        """A charge of one invoice."""
        return {
            **self.invoice(which),
            "charge_id": f"ch-{self._number}",
            "amount_minor": AMOUNT,
            "currency": "EUR",
            "instrument_id": card,
            **more,
        }


def card(how: int) -> str:
    """One of the cards."""
    return list(CARDS)[how % len(CARDS)]


def described(name: str) -> dict[str, Any]:
    """A card as an event describes it."""
    return {"instrument_id": name, "type": "card", **CARDS[name]}


def decline(how: int) -> dict[str, Any]:
    """A decline of one of the classes."""
    return {"dialect": "generic", "code": _CLASSES[how % len(_CLASSES)]}


def issued(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]]:
    data = {**author.invoice(which), "amount_minor": AMOUNT, "currency": "EUR"}
    data["issued_at"] = moment(author.now - _AGES[how % len(_AGES)]).isoformat()
    if how % 3:
        data["instrument_id"] = card(how)
    return "invoice.issued", data


def declined_first(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]]:
    name = card(which // 4)
    return "charge.declined", author.charge(which, name, decline=decline(how), instrument=described(name))


def declined_answer(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]] | None:
    asked = author.asked(author.invoice(which)["invoice_id"])
    if not asked:
        return None
    request = asked[-1 if how < 10 else 0]
    more = {"request_id": request.request_id, "initiated_by": "retry", "decline": decline(how)}
    return "charge.declined", author.charge(which, request.instrument_id, **more)


def succeeded_answer(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]] | None:
    asked = author.asked(author.invoice(which)["invoice_id"])
    if not asked:
        return None
    more: dict[str, Any] = {"request_id": asked[-1].request_id, "initiated_by": "retry"}
    if how % 4:
        more["amount_minor"] = 100
    return "charge.succeeded", author.charge(which, asked[-1].instrument_id, **more)


def pending_answer(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]] | None:
    asked = author.asked(author.invoice(which)["invoice_id"])
    if not asked or how % 2:
        return None
    more = {"request_id": asked[-1].request_id, "initiated_by": "retry", "charge_id": asked[-1].request_id}
    return "charge.pending", author.charge(which, asked[-1].instrument_id, **more)


def declined_foreign(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]]:
    name = card(which // 4)
    more: dict[str, Any] = {"initiated_by": _FOREIGN[how % 4], "decline": decline(how // 3)}
    if how % 4 > 1 and how > 6:
        more["psp_will_retry"] = True
        if how > 8:
            more["psp_next_attempt_at"] = moment(author.now + 2 * DAY).isoformat()
    return "charge.declined", author.charge(which, name, instrument=described(name), **more)


def succeeded_foreign(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]]:
    more = {"initiated_by": "customer", "amount_minor": AMOUNT if how == 0 else 50}
    return "charge.succeeded", author.charge(which, card(which), **more)


def changed(change: str) -> Callable[[Author, int, int], tuple[str, dict[str, Any]]]:
    """One change of an instrument."""

    def make(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]]:
        ids = author.invoice(which)
        data: dict[str, Any] = {
            "account_id": ids["account_id"],
            "instrument": described(card(how)),
            "change": change,
        }
        if change == "bound" and how > 9:
            data["account_default"] = True
        elif change == "bound" and how > 7:
            data["replaces"] = card(which)
        elif change in ("bound", "unbound"):
            data["subscription_ids"] = [ids["subscription_id"]]
        return "payment_method.updated", data

    return make


def billing(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]]:
    ids = author.invoice(which)
    data = {"invoice_id": ids["invoice_id"], "account_id": ids["account_id"]}
    if how < 5:
        return "invoice.adjusted", {**data, "balance_minor": (700, 300, 1000, 2000, 0)[how]}
    if how < 7:
        return "invoice.closed", {**data, "reason": "voided"}
    if how == 11:
        return "subscription.ended", {
            "account_id": ids["account_id"],
            "subscription_id": ids["subscription_id"],
        }
    more: dict[str, Any] = {"reason": "correction"}
    if how > 8:
        more["window_ends_at"] = moment(author.now + 6 * DAY).isoformat()
    return "invoice.reopened", {**data, **more}


def commanded(author: Author, which: int, how: int) -> tuple[str, dict[str, Any]]:
    ids = author.invoice(which)
    command = ("pause", "resume", "resume", "retry_now")[how % 4] if how else "stop"
    scope = ({}, {"subscription_id": ids["subscription_id"]}, {"invoice_id": ids["invoice_id"]})[how % 3]
    return "dunning.command", {
        "account_id": ids["account_id"],
        "command": command,
        "issued_by": "ann",
        "reason": "asked",
        **scope,
    }


ANYTHING = (
    *(issued,) * 8,
    *(declined_first,) * 10,
    *(declined_answer,) * 16,
    *(succeeded_answer,) * 3,
    *(pending_answer,) * 2,
    *(declined_foreign,) * 4,
    succeeded_foreign,
    *(changed("bound"),) * 6,
    changed("added"),
    *(changed("details_updated"),) * 2,
    changed("unbound"),
    changed("removed"),
    *(billing,) * 2,
    *(commanded,) * 3,
)


def written(
    drawn: Iterable[Action], policy: Mapping[str, Any], kinds: Sequence[Any] = ANYTHING
) -> tuple[Script, Runner]:
    """Draw a history and play it once. Returns its script and what came of it."""
    author = Author(Runner(policy), kinds=kinds)
    script = author.write(drawn)
    author.runner.advance(author.now + 60 * DAY)
    return script, author.runner


def replayed(script: Script, policy: Mapping[str, Any], until: int | None = None, **more: Any) -> Runner:
    """Play a script on a new engine."""
    end = until if until is not None else max((now for now, _ in script), default=START)
    return Runner(policy, **more).play(script, end + 60 * DAY)
