"""The player of stories: one line is one page, on the fold itself.

    day  3         due           =>  scheduled  request:1@card-A  case:in_flight
    day  5  10:20  bound card-B  =>  instrument_changed  instrument_bound  request:2@card-B

Left: when (story days; 09:00 unless said), what happens. Right: the reasons, then everything that is written, in
its order; nothing written may be left out. `due` asserts that something is due at exactly this instant; what falls
due between two lines and is not told fails the story. `wakes` is an engine that was down until then. Details in
brackets are compared where they stand; `(why=rule)` asks whether the rule is named.

Every story is played three times and has to end alike: straight, restored from its changelog after each page, and
with each record in a row of its own.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache
from typing import Any

import pytest

from dunning import tables
from dunning.engine import Engine
from dunning.page import Output
from dunning.rules import Rules
from schemas.commands import PoliciesSet
from schemas.decisions import CaseChanged, NoticeRequested, RetryRequested, StageChanged
from schemas.envelope import Event
from schemas.instants import EPOCH, micros
from schemas.writing import read_written
from streams.rules import load_rules
from tests.stories.words import Calendar, Teller

_LINE = re.compile(r"day\s+(-?\d+)\s+(?:(\d\d:\d\d(?::\d\d)?)\s+)?(.*?)\s*=>\s*(.*)")
_DETAIL = re.compile(r"(\w+)=([^,)]*)")
_LONG_AGO = date(2026, 6, 1)


@cache
def shipped_rules() -> Rules:
    """The rule data as they ship."""
    return load_rules()


def assert_story(
    text: str,
    *,
    policy: Mapping[str, Any] | None = None,
    policies: Mapping[str, Any] | None = None,
    starts: date = _LONG_AGO,
    zone: str = "UTC",
) -> None:
    """Play a story and compare everything that it tells.

    Args:
        text: the story, a line for a page.
        policy: what the policy `standard` says other than the contract's.
        policies: a whole policy file instead.
        starts: the date of day 0.
        zone: of the invoices, and of the times of day in the story.
    """
    content = policies or {"policies": {"standard": dict(policy or {})}, "select": [{"use": "standard"}]}
    told = [line.strip() for line in text.splitlines() if line.strip()]
    straight = _Player(content, Calendar(starts, zone)).play(told)
    assert "\n".join(straight) == "\n".join(_tidy(line) for line in told)
    assert _Player(content, Calendar(starts, zone), is_restored=True).play(told) == straight
    with rows_split_at(0):
        assert _Player(content, Calendar(starts, zone)).play(told) == straight


class _Player:
    def __init__(self, content: Mapping[str, Any], calendar: Calendar, *, is_restored: bool = False) -> None:
        self._calendar = calendar
        self._is_restored = is_restored
        self._engine = Engine(shipped_rules())
        self._teller = Teller(calendar)
        self._rows: dict[bytes, bytes] = {}
        self._ids: dict[str, bytes] = {}
        self._now = 0
        self._fold(
            [
                Event(
                    id="p",
                    source="s",
                    type="dunning.policies_set",
                    time=EPOCH,
                    data=PoliciesSet(policies=dict(content)),
                )
            ],
            0,
        )

    def play(self, told: list[str]) -> list[str]:
        """Play the lines; what comes back is the story as it happened."""
        happened: list[str] = []
        for line in told:
            found = _LINE.fullmatch(line)
            assert found, f"no line of a story: {line}"
            day, clock, words, expected = found.groups()
            now = self._calendar.instant(day, clock or "")
            until = now + self._teller.is_early(words)
            while words != "wakes" and (due := self._engine.next_due) is not None and due < until:
                at = self._now = max(due, self._now)  # a hint may lie in the past; the clock does not go back
                if what := self._fold([], at):
                    happened.append(self._line(at, "due", what))
            self._now = now
            if words == "due":
                assert self._engine.due_before(now + 1) == now, f"nothing is due then: {line}"
            events = [] if words in ("due", "wakes") else self._teller.events(words, now)
            happened.append(self._line(now, words, self._fold(events, now, expected)))
        return happened

    def _fold(self, events: list[Event[Any]], now: int, expected: str = "") -> list[str]:
        reasons: list[str] = []
        written: list[str] = []
        details = [token for token in expected.split() if ":" in token]
        more_due = True
        while more_due:
            step = self._engine.fold(events, now)
            self._keep(step.changes)
            reasons += [note.reason for note in step.notes]
            for output in step.outputs:
                assert self._ids.setdefault(read_written(output.value).id, output.value) == output.value
                asked = details[len(written)] if len(written) < len(details) else ""
                written.append(self._word(output, now, asked))
            events, more_due = [], step.more_due
        return reasons + written

    def _keep(self, changes: Mapping[bytes, bytes | None]) -> None:
        for key, row in changes.items():
            self._rows.pop(key, None)
            if row is not None:
                self._rows[key] = row
        if self._is_restored and changes:
            before, self._engine = self._engine, Engine(shipped_rules())
            for key, row in self._rows.items():
                self._engine.load(key, row)
            self._engine.restored()
            assert self._engine.tables.rows == before.tables.rows
            assert self._engine.open_cases == before.open_cases

    def _word(self, output: Output, now: int, asked: str) -> str:
        event = read_written(output.value)
        data = event.data
        assert output.topic == event.type
        assert micros(event.time) == now
        if isinstance(data, RetryRequested):
            self._teller.asked_on[data.request_id] = data.instrument_id
            word = f"request:{data.attempt}@{data.instrument_id}"
        elif isinstance(data, NoticeRequested):
            word = f"notice:{data.kind}"
        elif isinstance(data, CaseChanged):
            ends = f"/{data.reason}" if data.state == "closed" else ""
            at = (
                ""
                if data.next_attempt_at is None
                else "@" + self._calendar.word(micros(data.next_attempt_at))
            )
            word = f"case:{data.state}{ends}{at}"
        else:
            assert isinstance(data, StageChanged)
            prefix = "" if data.subscription_id == "sub-1" else f"{data.subscription_id}."
            return f"{prefix}stage:{data.stage or 'clear'}{self._details(data, asked)}"
        prefix = "" if data.invoice_id == "in-1" else f"{data.invoice_id}."
        return prefix + word + self._details(data, asked)

    def _details(self, data: Any, asked: str) -> str:
        shown = []
        for name, wanted in _DETAIL.findall(asked.partition("(")[2]):
            value = getattr(data, name)
            if isinstance(value, datetime):
                value = self._calendar.word(micros(value))
            elif name == "why":
                value = wanted if wanted in value else "|".join(value)
            shown.append(f"{name}={value}")
        return f"({','.join(shown)})" if shown else ""

    def _line(self, now: int, words: str, what: list[str]) -> str:
        day, _, clock = self._calendar.word(now).partition("T")
        return _tidy(f"day {day.removeprefix('d')} {clock} {words} => {' '.join(what)}")


def _tidy(line: str) -> str:
    return " ".join(line.split()).replace(" 09:00 ", " ")


@contextmanager
def rows_split_at(limit: int) -> Iterator[None]:
    """Give each record a row of its own once an account's row is longer than `limit` bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "SPILL", limit)
        yield
