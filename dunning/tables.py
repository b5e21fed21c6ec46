"""The tables of one journal partition: packed rows in memory, one changelog row for each.

The records of an account lie in one row while they are small together. Past `SPILL` bytes each record has a
row of its own, so that an event costs the same in an account of ten subscriptions and of ten thousand.
Only `dunning.account` sees the difference.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from dunning.due_index import DueIndex, Timer
from dunning.records import Account, Bundle, Credential, Instrument, Invoice, Subscription

SPILL: Final = 1_536  # bytes; our choice: above it decoding the whole row costs more than single rows do

Record = Account | Subscription | Invoice | Instrument | Credential

Changes = dict[str, bytes | None]
"""Rows to write to the changelog; None deletes."""

_SPILLED: Final = b"\xc0"
_SEPARATOR: Final = "\0"  # no id holds it: the door refuses control characters
_KINDS: dict[str, type[Record]] = {
    "a": Account,
    "s": Subscription,
    "i": Invoice,
    "p": Instrument,
    "f": Credential,
}

_TIED: Final = frozenset("sp")  # kinds that have ties

_decode_bundle = msgspec.msgpack.Decoder(Bundle).decode
_decode_invoice = msgspec.msgpack.Decoder(Invoice).decode
_decode: dict[str, Callable[[bytes], Record]] = {
    kind: msgspec.msgpack.Decoder(shape).decode for kind, shape in _KINDS.items()
}
_encoder = msgspec.msgpack.Encoder()
_buffer = bytearray()


def _encode(record: msgspec.Struct) -> bytes:
    """Pack into bytes of just that size: `encode` begins with half a kilobyte and leaves a hole behind each row."""
    _encoder.encode_into(record, _buffer)
    return bytes(_buffer)


class Tables:
    """Rows by key. What it holds is a function of the pages folded so far, byte for byte."""

    def __init__(self) -> None:
        """Start empty."""
        self.rows: dict[str, bytes] = {}
        self.due = DueIndex(partial(_timers_in, self.rows))  # no circle: with the tables all of it goes
        self._spilled: dict[str, dict[str, None]] = {}
        # Of spilled accounts: the subscriptions under each instrument they are bound to or were seen with, and the
        # instruments under their number.
        self._ties: dict[str, dict[str, dict[str, None]]] = {}

    # ---- restore ----

    def load(self, key: str, value: bytes | None) -> None:
        """Take one row of the changelog; the last value of a key wins."""
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value

    def restored(self) -> None:
        """Derive what is not stored: the due index, which records a spilled account has, and its ties."""
        for key, value in self.rows.items():
            account_id, separator, name = key.partition(_SEPARATOR)
            if separator:
                self._spilled.setdefault(account_id, {})[name] = None
                if name[0] in _TIED:
                    self._tie(account_id, name, None, _decode[name[0]](value))
            elif value == _SPILLED:
                self._spilled.setdefault(account_id, {})
            self.due.move(key, (), _timers_in(self.rows, key))

    def invoices(self) -> Iterator[Invoice]:
        """Decode every invoice of every account."""
        for key, row in self.rows.items():
            _, separator, name = key.partition(_SEPARATOR)
            if not separator and row != _SPILLED:
                yield from _decode_bundle(row).invoices.values()
            elif name.startswith("i:"):
                yield _decode_invoice(row)

    # ---- an account in one row ----

    def bundle(self, account_id: str) -> Bundle | None:
        """Decode the records of an account; None if each has a row of its own."""
        row = self.rows.get(account_id)
        if row is None:
            return Bundle()
        return None if row == _SPILLED else _decode_bundle(row)

    def write_bundle(
        self, account_id: str, bundle: Bundle, before: Sequence[Timer], changes: Changes
    ) -> None:
        """Write the records of an account, and spill them when they have grown too long together.

        `before` are its timers as they were read; the changed rows go into `changes`.
        """
        row = _encode(bundle)
        if len(row) <= SPILL:
            self.due.move(account_id, before, timers_of(account_id, bundle))
            self.rows[account_id] = changes[account_id] = row
            return
        self.due.move(account_id, before, ())
        self.rows[account_id] = changes[account_id] = _SPILLED
        self._spilled[account_id] = {}
        self.write_record(account_id, "a:", bundle.account, None, changes)
        for letter, records in (
            ("s:", bundle.subscriptions),
            ("i:", bundle.invoices),
            ("p:", bundle.instruments),
            ("f:", bundle.credentials),
        ):
            for record_id, record in records.items():
                self.write_record(account_id, letter + record_id, record, None, changes)

    # ---- an account with a row for each record ----

    def record(self, account_id: str, name: str) -> Any:
        """Decode one record of a spilled account; None if there is none."""
        row = self.rows.get(account_id + _SEPARATOR + name)
        return None if row is None else _decode[name[0]](row)

    def tied(self, account_id: str, ties: Iterable[str]) -> set[str]:
        """Give the subscriptions or instruments of a spilled account under any of the ties (`ties_of`)."""
        known = self._ties.get(account_id, {})
        return {tied_id for tie in ties for tied_id in known.get(tie, ())}

    def tied_by(self, account_id: str, tie: str) -> Collection[str]:
        """Give what is under one tie, in no order, without a copy."""
        return self._ties.get(account_id, {}).get(tie, {}).keys()

    def count_tied(self, account_id: str, ties: Iterable[str]) -> int:
        """Count what is under any of the ties; what is under two counts twice."""
        known = self._ties.get(account_id, {})
        return sum(len(known.get(tie, ())) for tie in ties)

    def ties(self, account_id: str) -> Iterable[str]:
        """List the ties of a spilled account."""
        return self._ties.get(account_id, ())

    def _tie(self, account_id: str, name: str, before: Record | None, after: Record) -> None:
        known, tied_id = self._ties.setdefault(account_id, {}), name[2:]
        for tie in () if before is None else ties_of(before):
            tied = known[tie]
            del tied[tied_id]
            if not tied:
                del known[tie]
        for tie in ties_of(after):
            known.setdefault(tie, {})[tied_id] = None

    def write_record(
        self, account_id: str, name: str, record: Record, before: int | None, changes: Changes
    ) -> None:
        """Write one record of a spilled account; `before` is its timer as it was read, its row goes into `changes`."""
        key = account_id + _SEPARATOR + name
        known = self.rows.get(key)
        if isinstance(record, Invoice):
            after = record.timer
            if before is None or after is None or not self.due.stays(before, after):
                self.due.move(key, _timer(before, name, account_id), _timer(after, name, account_id))
        elif name[0] in _TIED:
            self._tie(account_id, name, None if known is None else _decode[name[0]](known), record)
        if known is None:
            self._spilled[account_id][name] = None
        self.rows[key] = changes[key] = _encode(record)

    def drop_record(self, account_id: str, name: str, before: int | None) -> str:
        """Forget one record of a spilled account. Returns the key of its row."""
        key = account_id + _SEPARATOR + name
        self.due.move(key, _timer(before, name, account_id), ())
        self.rows.pop(key, None)
        self._spilled[account_id].pop(name, None)
        return key


BOUND, SEEN, UNPAID = "o", "s", "u"
NUMBER = "#"  # a card number's or bank account's credential begins so, too


def ties_of(record: Record) -> set[str]:
    """Name what a record hangs on, for those that are looked for so.

    A subscription: its own binding (or none), the instrument last seen with it, its debt. An instrument: its number.
    """
    if isinstance(record, Instrument):
        return set() if record.fingerprint is None else {NUMBER + record.fingerprint}
    if not isinstance(record, Subscription):
        return set()
    ties = {BOUND + (record.own or "")}
    if record.seen is not None:
        ties.add(SEEN + record.seen)
    if record.unpaid:
        ties.add(UNPAID)
    return ties


def timers_of(account_id: str, bundle: Bundle) -> list[Timer]:
    """List what is due next of each invoice of an account."""
    timers: list[Timer] = []  # no comprehension: for the one or two that most accounts have a loop costs half
    for invoice_id, invoice in bundle.invoices.items():
        if invoice.timer is not None:
            timers.append((invoice.timer, invoice_id, account_id))
    return timers


def _timers_in(rows: Mapping[str, bytes], key: str) -> Sequence[Timer]:
    row = rows.get(key)
    if row is None or row == _SPILLED:
        return ()
    account_id, separator, name = key.partition(_SEPARATOR)
    if not separator:
        return timers_of(account_id, _decode_bundle(row))
    return _timer(_decode_invoice(row).timer, name, account_id) if name.startswith("i:") else ()


def _timer(at: int | None, name: str, account_id: str) -> tuple[Timer, ...]:
    return () if at is None else ((at, name[2:], account_id),)
