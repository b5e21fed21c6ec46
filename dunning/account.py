"""An account while a page touches it: its records, decoded once and written once.

The one rule: whoever changes a record says so (`changed`), and nothing is written that was not changed.
"""

from collections.abc import Iterator
from typing import TypeVar

import msgspec

from dunning.records import Account, Credential, Instrument, Invoice, Subscription
from dunning.tables import Changes, Part, Tables

Record = TypeVar("Record", Account, Subscription, Invoice, Instrument, Credential)

_ACCOUNT = "a"
_encode = msgspec.msgpack.Encoder().encode
_decoders = {kind: msgspec.msgpack.Decoder(kind) for kind in (Account, Subscription, Invoice, Instrument, Credential)}


class Matter:
    """One invoice in the hands of a page: its record, and whether the page has looked at its plan yet."""

    __slots__ = ("account", "id", "invoice", "is_planned", "is_settled_up", "key", "moved_by", "timer")

    def __init__(self, account: "OpenAccount", invoice_id: str, invoice: Invoice) -> None:
        """Take one invoice of an account into the page."""
        self.account = account
        self.id = invoice_id
        self.invoice = invoice
        self.key = "i:" + invoice_id
        self.is_settled_up = False  # rungs that fell due before this page have been looked at
        self.is_planned = False  # the plan is that of the record as it is now
        self.moved_by = ""  # what moved the case in this page: the reason of its case_changed
        self.timer: int | None = None


class OpenAccount:
    """The records of one account, by kind and id."""

    __slots__ = (
        "_changed",
        "_credentials",
        "_gone",
        "_instruments",
        "_matters",
        "_root",
        "_spilled",
        "_stored",
        "_subscriptions",
        "_tables",
        "account_id",
    )

    def __init__(self, tables: Tables, account_id: str) -> None:
        """Open an account; one that is not known yet is empty."""
        self.account_id = account_id
        self._tables = tables
        self._spilled = tables.is_spilled(account_id)
        self._stored: dict[str, Part] = {} if self._spilled else tables.parts(account_id)
        self._root: Account | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._matters: dict[str, Matter] = {}
        self._instruments: dict[str, Instrument] = {}
        self._credentials: dict[str, Credential] = {}
        self._changed: dict[str, msgspec.Struct] = {}
        self._gone: dict[str, None] = {}

    # ---- reading ----

    def root(self) -> Account:
        """The account's own record."""
        if self._root is None:
            self._root = self._find(_ACCOUNT, Account) or Account()
        return self._root

    def subscription(self, subscription_id: str) -> Subscription:
        """A subscription's record; an unknown one is empty, and kept once it is changed."""
        record = self._subscriptions.get(subscription_id)
        if record is None:
            record = self._find("s:" + subscription_id, Subscription) or Subscription()
            self._subscriptions[subscription_id] = record
        return record

    def instrument(self, instrument_id: str) -> Instrument:
        """An instrument's record; an unknown one is empty."""
        record = self._instruments.get(instrument_id)
        if record is None:
            record = self._find("p:" + instrument_id, Instrument) or Instrument()
            self._instruments[instrument_id] = record
        return record

    def credential_id(self, instrument_id: str) -> str:
        """What networks count under: the fingerprint, without one the instrument id (contract section 2.1)."""
        fingerprint = self.instrument(instrument_id).fingerprint
        return "=" + instrument_id if fingerprint is None else "#" + fingerprint

    def credential(self, credential_id: str) -> Credential:
        """The record of a card number or bank account."""
        record = self._credentials.get(credential_id)
        if record is None:
            record = self._find("f:" + credential_id, Credential) or Credential()
            self._credentials[credential_id] = record
        return record

    def credential_of(self, instrument_id: str) -> Credential:
        """The record of the card number or bank account behind an instrument."""
        return self.credential(self.credential_id(instrument_id))

    def matter(self, invoice_id: str) -> Matter | None:
        """An invoice that is known, or None."""
        matter = self._matters.get(invoice_id)
        if matter is None and (invoice := self._find("i:" + invoice_id, Invoice)) is not None:
            matter = self._matters[invoice_id] = Matter(self, invoice_id, invoice)
            matter.timer = self._stored[matter.key][1]
        return matter

    def new_matter(self, invoice_id: str, invoice: Invoice) -> Matter:
        """Keep an invoice that was not known before."""
        matter = self._matters[invoice_id] = Matter(self, invoice_id, invoice)
        self._changed[matter.key] = invoice
        return matter

    def subscription_ids(self) -> Iterator[str]:
        """Every subscription of the account, in the order of its ids. Costs what the account is large."""
        known = self._tables.part_keys(self.account_id) if self._spilled else self._stored
        keys = {key[2:] for key in known if key.startswith("s:")}
        return iter(sorted(keys.union(self._subscriptions)))

    def open_matters(self) -> Iterator[Matter]:
        """Every invoice of the account with an open case, by subscription, then in the order of the ids."""
        for subscription_id in self.subscription_ids():
            yield from self.open_matters_of(subscription_id)

    def open_matters_of(self, subscription_id: str) -> Iterator[Matter]:
        """Every invoice of the subscription with an open case, in the order of the ids."""
        for invoice_id in sorted(self.subscription(subscription_id).unpaid):
            matter = self.matter(invoice_id)
            if matter is not None and (case := matter.invoice.case) is not None and case.closed is None:
                yield matter

    # ---- writing ----

    def root_changed(self) -> None:
        """Say that the account's own record was changed."""
        self._changed[_ACCOUNT] = self.root()

    def subscription_changed(self, subscription_id: str) -> None:
        """Say that a subscription's record was changed."""
        self._changed["s:" + subscription_id] = self._subscriptions[subscription_id]

    def instrument_changed(self, instrument_id: str) -> None:
        """Say that an instrument's record was changed."""
        self._changed["p:" + instrument_id] = self._instruments[instrument_id]

    def credential_changed(self, credential_id: str) -> None:
        """Say that a credential's record was changed."""
        self._changed["f:" + credential_id] = self._credentials[credential_id]

    def matter_changed(self, matter: Matter) -> None:
        """Say that an invoice's record was changed."""
        self._changed[matter.key] = matter.invoice

    def forget(self, matter: Matter) -> None:
        """Drop an invoice whose time of remembrance is over."""
        self._gone[matter.key] = None
        self._changed.pop(matter.key, None)
        self._matters.pop(matter.id, None)

    def write(self) -> Changes:
        """Write what was changed into the tables. Returns the rows for the changelog."""
        if not self._changed and not self._gone:
            return {}
        if self._spilled:
            changes: Changes = {}
            for key in self._changed:
                changes.update(self._tables.write_part(self.account_id, self._stored.get(key), self._packed(key)))
            for key in self._gone:
                if (part := self._stored.get(key)) is not None:
                    changes.update(self._tables.drop_part(self.account_id, part))
            return changes
        after = dict(self._stored)
        for key in self._changed:
            after[key] = self._packed(key)
        for key in self._gone:
            after.pop(key, None)
        return self._tables.write_row(self.account_id, self._stored.values(), list(after.values()))

    def _packed(self, key: str) -> Part:
        timer = self._matters[key[2:]].timer if key.startswith("i:") else None
        return key, timer, msgspec.Raw(_encode(self._changed[key]))

    def _find(self, key: str, kind: type[Record]) -> Record | None:
        part = self._stored.get(key)
        if part is None:
            if not self._spilled or (part := self._tables.part(self.account_id, key)) is None:
                return None
            self._stored[key] = part
        record: Record = _decoders[kind].decode(part[2])
        return record


def count_open(tables: Tables) -> int:
    """Count the open cases of a restored partition."""
    decode = _decoders[Invoice].decode
    cases = (decode(packed).case for key, _, packed in tables.all_parts() if key.startswith("i:"))
    return sum(1 for case in cases if case is not None and case.closed is None)
