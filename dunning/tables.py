"""The tables of one journal partition: packed rows in memory, one changelog row for each.

An account is made of parts (the account itself, its subscriptions, invoices, instruments, credentials). While
they are small together they lie in one row; past `SPILL` bytes each part has a row of its own, so that an
event costs the same in an account of ten subscriptions and of ten thousand. Nobody above sees the difference.
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from dunning.due_index import DueIndex, Timer

SPILL = 4_096  # bytes; our choice: above it decoding the whole row costs more than single rows do
_SPILLED = b"\xc0"
_SEPARATOR = "\0"  # no id holds it: the door refuses control characters

Part = tuple[str, int | None, msgspec.Raw]
"""(key, instant and kind of its next timer or None, packed record)."""

Changes = dict[str, bytes | None]
"""Rows to write to the changelog; None deletes."""

_decode = msgspec.msgpack.Decoder(list[Part]).decode
_encode = msgspec.msgpack.Encoder().encode


class Tables:
    """Rows by key. What it holds is a function of the pages folded so far, byte for byte."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[str, bytes] = {}
        self.due = DueIndex(self._timers)
        self._spilled: dict[str, dict[str, None]] = {}

    # ---- restore ----

    def load(self, key: str, value: bytes | None) -> None:
        """Take one row of the changelog; the last value of a key wins."""
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value

    def restored(self) -> None:
        """Derive what is not stored: the due index, and which parts a spilled account has."""
        for key, value in self.rows.items():
            account, separator, part = key.partition(_SEPARATOR)
            if separator:
                self._spilled.setdefault(account, {})[part] = None
            elif value == _SPILLED:
                self._spilled.setdefault(account, {})
            self.due.move(key, (), self._timers(key))

    # ---- reading ----

    def is_spilled(self, account: str) -> bool:
        """Tell whether the account's parts have rows of their own."""
        return account in self._spilled

    def parts(self, account: str) -> dict[str, Part]:
        """Decode the row of an account that is not spilled."""
        row = self.rows.get(account)
        return {} if row is None else {part[0]: part for part in _decode(row)}

    def part(self, account: str, key: str) -> Part | None:
        """Decode one part of a spilled account."""
        row = self.rows.get(account + _SEPARATOR + key)
        return None if row is None else _decode(row)[0]

    def part_keys(self, account: str) -> Iterable[str]:
        """List the parts of a spilled account, in no order that means anything."""
        return self._spilled[account]

    def all_parts(self) -> Iterator[Part]:
        """Decode every part of every account."""
        for row in self.rows.values():
            if row != _SPILLED:
                yield from _decode(row)

    # ---- writing ----

    def write_row(self, account: str, before: Iterable[Part], after: Sequence[Part]) -> Changes:
        """Replace the row of an account that is not spilled, and spill it when it has grown too long.

        `before` are the parts as they were read. Returns the changed rows.
        """
        row = _encode(after)
        if len(row) <= SPILL:
            self.due.move(account, _timers_of(account, before), _timers_of(account, after))
            self.rows[account] = row
            return {account: row}
        self.due.move(account, _timers_of(account, before), ())
        self.rows[account] = _SPILLED
        self._spilled[account] = {}
        changes: Changes = {account: _SPILLED}
        for part in after:
            changes.update(self.write_part(account, None, part))
        return changes

    def write_part(self, account: str, before: Part | None, after: Part) -> Changes:
        """Replace one part of a spilled account. Returns the changed row."""
        key = account + _SEPARATOR + after[0]
        self.due.move(key, _timers_of(account, (before,) if before else ()), _timers_of(account, (after,)))
        row = self.rows[key] = _encode((after,))
        self._spilled[account][after[0]] = None
        return {key: row}

    def drop_part(self, account: str, before: Part) -> Changes:
        """Forget one part of a spilled account. Returns the changed row."""
        key = account + _SEPARATOR + before[0]
        self.due.move(key, _timers_of(account, (before,)), ())
        self.rows.pop(key, None)
        self._spilled[account].pop(before[0], None)
        return {key: None}

    def _timers(self, key: str) -> list[Timer]:
        row = self.rows.get(key)
        if row is None or row == _SPILLED:
            return []
        return _timers_of(key.partition(_SEPARATOR)[0], _decode(row))


def _timers_of(account: str, parts: Iterable[Part]) -> list[Timer]:
    return [(due, part, account) for part, due, _ in parts if due is not None]
