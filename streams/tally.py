"""Two sequences of written events compared, as they come: what the fold gives, and what a topic holds.

Rule: memory holds only what one side has and the other has not yet; of that digests, and a few values.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

import msgspec

KEPT_VALUES = 1_000  # of one side; beyond that a difference is told without its bytes; our choice


class Kind(StrEnum):
    """How a written event differs."""

    MISSING = "missing"  # the fold gives it, the topic has it not
    EXTRA = "extra"  # the topic has it, or has it once more; the fold does not give it
    DIFFERENT = "different"  # both have the id, with other bytes
    MISPLACED = "misplaced"  # both have the same bytes, in another order


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One event that differs."""

    kind: Kind
    topic: str  # the contract's name
    id: str
    page: int  # offset of the journal page that decides it; of an extra one, the page folded when it was met
    offset: int | None  # of the record on the topic
    expected: bytes | None  # what the fold gives; None also where it was not kept
    found: bytes | None  # what the topic holds; None also where it was not kept


@dataclass(frozen=True, slots=True)
class _Waiting:
    index: int  # in its sequence
    page: int
    offset: int | None
    digest: bytes
    value: bytes | None


class _Id(msgspec.Struct):
    id: str


_id = msgspec.json.Decoder(_Id).decode


class Tally:
    """Compares one partition of one topic.

    Args:
        topic: the contract's name.
        is_cut: the topic has lost its oldest records to retention. What the fold gives before the first
            record that is left is counted as gone, not as missing.
        applied: pages from this offset on may not have been decided yet when the topic was read.
    """

    def __init__(self, topic: str, *, is_cut: bool, applied: int) -> None:
        self.topic = topic
        self.expected = 0  # given by the fold
        self.found = 0  # held by the topic
        self.equal = 0
        self.gone = 0  # given by the fold, but older than what the topic has kept
        self.not_yet = 0  # given by pages that were not decided when the topic was read
        self.counts = dict.fromkeys(Kind, 0)
        self.first: Difference | None = None
        self._is_cut = is_cut
        self._applied = applied
        self._given: dict[str, _Waiting] = {}
        self._held: dict[str, _Waiting] = {}
        self._paired_index = (-1, -1)

    @property
    def is_identical(self) -> bool:
        """Whether nothing differs."""
        return not any(self.counts.values())

    @property
    def wanted(self) -> int:
        """How many records of the topic should be looked at next, so that neither side runs ahead."""
        if self._is_cut:
            return 1 if not self.found else 0
        return max(0, self.expected - self.gone - self.found)

    def give(self, key: bytes, value: bytes, page: int) -> None:
        """Take an event of the fold, decided by the page of that offset."""
        id_ = _id(value).id
        index, self.expected = self.expected, self.expected + 1
        if self._is_cut and id_ not in self._held:
            self.gone += 1
            return
        self._is_cut = False
        mine = _Waiting(index, page, None, _digest(key, value), value)
        other = self._held.pop(id_, None)
        if other is not None:
            self._pair(id_, mine, other)
        elif id_ in self._given:
            self._differs(Kind.MISSING, id_, mine, None)  # given twice: the second never pairs
        else:
            self._given[id_] = _kept(mine, self._given)

    def hold(self, key: bytes | None, value: bytes | None, offset: int, page: int) -> None:
        """Take a record of the topic, met when the fold stood at `page`."""
        index, self.found = self.found, self.found + 1
        body = value or b""
        mine = _Waiting(index, page, offset, _digest(key or b"", body), body)
        try:
            id_ = _id(body).id
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._differs(Kind.EXTRA, "(no event)", None, mine)
            return
        other = self._given.pop(id_, None)
        if other is not None:
            self._pair(id_, other, mine)
        elif id_ in self._held:
            self._differs(Kind.EXTRA, id_, None, mine)
        else:
            self._held[id_] = _kept(mine, self._held)

    def close(self) -> None:
        """Judge what found no partner, after both sides have ended."""
        for id_, given in self._given.items():
            if given.page >= self._applied:
                self.not_yet += 1
            else:
                self._differs(Kind.MISSING, id_, given, None)
        for id_, held in self._held.items():
            self._differs(Kind.EXTRA, id_, None, held)
        self._given.clear()
        self._held.clear()

    @property
    def has_unexplained(self) -> bool:
        """Whether the topic holds events that the fold has not given so far."""
        return bool(self._held)

    def _pair(self, id_: str, given: _Waiting, held: _Waiting) -> None:
        if given.digest != held.digest:
            self._differs(Kind.DIFFERENT, id_, given, held)
        elif (given.index > self._paired_index[0]) != (held.index > self._paired_index[1]):
            self._differs(Kind.MISPLACED, id_, given, held)
        else:
            self.equal += 1
        self._paired_index = (
            max(self._paired_index[0], given.index),
            max(self._paired_index[1], held.index),
        )

    def _differs(self, kind: Kind, id_: str, given: _Waiting | None, held: _Waiting | None) -> None:
        self.counts[kind] += 1
        one = given or held
        assert one is not None
        if self.first is None or one.page < self.first.page:
            self.first = Difference(
                kind=kind,
                topic=self.topic,
                id=id_,
                page=one.page,
                offset=held.offset if held else None,
                expected=given.value if given else None,
                found=held.value if held else None,
            )


def first_of(tallies: Iterator[Tally]) -> Difference | None:
    """Give the difference of the earliest page."""
    found = [tally.first for tally in tallies if tally.first is not None]
    return min(found, key=lambda difference: difference.page, default=None)


def _kept(one: _Waiting, others: dict[str, _Waiting]) -> _Waiting:
    if len(others) < KEPT_VALUES:
        return one
    return _Waiting(one.index, one.page, one.offset, one.digest, None)


def _digest(key: bytes, value: bytes) -> bytes:
    return blake2b(b"%d %b%b" % (len(key), key, value), digest_size=16).digest()
