"""An account while a page touches it: its records, decoded once and written once.

The one rule: whoever changes a record says so (`…_changed`), and nothing is written that was not changed.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from dunning.reasons import Cause
from dunning.records import Account, Bundle, Case, Credential, Instrument, Invoice, Subscription
from dunning.tables import BOUND, NUMBER, SEEN, UNPAID, Changes, Record, Tables, ties_of, timers_of

Kept = TypeVar("Kept", Subscription, Instrument, Credential)


class Means(msgspec.Struct, gc=False):
    """A means of payment: an instrument, and the card number or bank account behind it."""

    instrument_id: str
    instrument: Instrument
    credential_id: str
    credential: Credential


class Matter(msgspec.Struct, gc=False, eq=False):
    """One invoice in the hands of a page: its record, and whether the page has looked at its plan yet.

    It and its account point at each other, unseen by the collector: `OpenAccount.write` breaks the circle.
    """

    account: "OpenAccount"
    id: str
    invoice: Invoice
    case: Case  # only where there is one: ask `has_open_case`, or know it
    is_settled_up: bool = False  # rungs that fell due before this page have been looked at
    is_planned: bool = False  # the plan is that of the record as it is now
    moved_by: Cause = "replanned"  # what moved the case in this page: the reason of its case_changed
    rules: tuple[str, ...] = ()  # the network rules that delay or forbid the next attempt, as planned

    @property
    def has_open_case(self) -> bool:
        """Whether the invoice has a case that is not closed."""
        case = self.invoice.case
        return case is not None and case.closed is None


class OpenAccount:
    """The records of one account, by kind and id."""

    __slots__ = (
        "_before",
        "_blank",
        "_bundle",
        "_changed",
        "_gone",
        "_matters",
        "_means",
        "_spilled",
        "_tables",
        "account_id",
        "root",
    )

    def __init__(self, tables: Tables, account_id: str) -> None:
        """Open an account; one that is not known yet is empty."""
        self.account_id = account_id
        self._tables = tables
        bundle = tables.bundle(account_id)
        self._spilled = bundle is None
        self._bundle = Bundle(tables.record(account_id, "a:")) if bundle is None else bundle
        self.root: Account = self._bundle.account
        self._before = [] if bundle is None else timers_of(account_id, bundle)
        self._blank: dict[str, Any] = {}  # by kind and id, as the records that may be kept
        self._means: dict[str, Means] = {}
        self._matters: dict[str, Matter] = {}
        self._changed: dict[str, Record] = {}
        self._gone: dict[str, int | None] = {}

    # ---- reading ----

    def subscription(self, subscription_id: str) -> Subscription:
        """A subscription's record; an unknown one is blank."""
        records = self._bundle.subscriptions
        return records.get(subscription_id) or self._other("s:", subscription_id, Subscription, records)

    def instrument(self, instrument_id: str) -> Instrument:
        """An instrument's record; an unknown one is blank."""
        records = self._bundle.instruments
        return records.get(instrument_id) or self._other("p:", instrument_id, Instrument, records)

    def credential(self, credential_id: str) -> Credential:
        """The record of a card number or bank account; an unknown one is blank."""
        records = self._bundle.credentials
        return records.get(credential_id) or self._other("f:", credential_id, Credential, records)

    def means(self, instrument_id: str) -> Means:
        """An instrument with what networks count it under: its fingerprint, else its id (contract section 2.1)."""
        means = self._means.get(instrument_id)
        if means is None:
            instrument = self.instrument(instrument_id)
            fingerprint = instrument.fingerprint
            credential_id = "=" + instrument_id if fingerprint is None else NUMBER + fingerprint
            means = Means(instrument_id, instrument, credential_id, self.credential(credential_id))
            self._means[instrument_id] = means
        return means

    def matter(self, invoice_id: str) -> Matter | None:
        """An invoice that is known, or None."""
        matter = self._matters.get(invoice_id)
        if matter is not None:
            return matter
        invoice = self._bundle.invoices.get(invoice_id)
        if invoice is None:
            name = "i:" + invoice_id
            if not self._spilled or name in self._gone:  # its row is there until the page is written
                return None
            invoice = self._tables.record(self.account_id, name)
            if invoice is None:
                return None
            self._bundle.invoices[invoice_id] = invoice
            if invoice.timer is not None:
                self._before.append((invoice.timer, invoice_id, self.account_id))
        matter = self._matters[invoice_id] = Matter(self, invoice_id, invoice, invoice.case)  # type: ignore[arg-type]  # see `Matter.case`
        return matter

    def new_matter(self, invoice_id: str, invoice: Invoice) -> Matter:
        """Keep an invoice that was not known before."""
        self._bundle.invoices[invoice_id] = invoice
        matter = self._matters[invoice_id] = Matter(self, invoice_id, invoice, invoice.case)  # type: ignore[arg-type]  # see `Matter.case`
        self.matter_changed(matter)
        return matter

    def tied_to(self, instrument_id: str) -> list[str]:
        """The subscriptions that may be charged on the instrument, or were seen with it; sorted."""
        return self._with(self._ties_with(instrument_id), self._bundle.subscriptions)

    def _ties_with(self, instrument_id: str) -> set[str]:
        ties = {BOUND + instrument_id, SEEN + instrument_id}
        return ties | {BOUND} if self.root.default == instrument_id else ties

    def count_tied(self, instrument_id: str) -> int:
        """Count roughly whom `tied_to` would list, without listing them."""
        if not self._spilled:
            return len(self._bundle.subscriptions)
        return self._tables.count_tied(self.account_id, self._ties_with(instrument_id))

    def sharing(self, credential_id: str) -> list[str]:
        """The instruments of a card number or bank account, sorted."""
        if not credential_id.startswith(NUMBER):
            return [credential_id[1:]]  # no number is known: the credential is the instrument's alone
        return self._with({credential_id}, self._bundle.instruments)

    def count_sharing(self, credential_id: str, enough: int) -> int:
        """Count roughly the subscriptions that may be charged on a card number; beyond `enough`, or its instruments."""
        if not self._spilled:
            return len(self._bundle.subscriptions)
        if not credential_id.startswith(NUMBER):
            return self.count_tied(credential_id[1:])
        names = self._tables.tied_by(self.account_id, credential_id)
        return len(names) if len(names) > enough else sum(map(self.count_tied, names))

    def following(self) -> list[str]:
        """The subscriptions that may follow the account default, or would forget what was seen; sorted."""
        known = self._bundle.subscriptions.values()
        ties = {tie for subscription in known for tie in ties_of(subscription)}
        if self._spilled:
            ties.update(self._tables.ties(self.account_id))
        wanted = {tie for tie in ties if tie == BOUND or tie.startswith(SEEN)}
        return self._with(wanted, self._bundle.subscriptions)

    def _with(
        self, ties: Collection[str], known: Mapping[str, Subscription] | Mapping[str, Instrument]
    ) -> list[str]:
        """List the subscriptions or instruments that have one of the ties: the same ones however the account is stored.

        `known`: of a spilled account those that this page has opened, and may have changed; of another one all.
        """
        found = [name for name, one in known.items() if not ties_of(one).isdisjoint(ties)]
        if self._spilled:
            found += [name for name in self._tables.tied(self.account_id, ties) if name not in known]
        return sorted(found)

    def open_matters(self) -> Iterator[Matter]:
        """Every invoice of the account with an open case, by subscription, then in the order of the ids."""
        for subscription_id in self._with({UNPAID}, self._bundle.subscriptions):
            yield from self.open_matters_of(subscription_id)

    def open_matters_of(self, subscription_id: str) -> Iterator[Matter]:
        """Every invoice of the subscription with an open case, in the order of the ids."""
        for invoice_id in sorted(self.subscription(subscription_id).unpaid):
            matter = self.matter(invoice_id)
            if matter is not None and matter.has_open_case:
                yield matter

    # ---- writing ----

    def root_changed(self) -> None:
        """Say that the account's own record was changed."""
        self._changed["a:"] = self._bundle.account

    def subscription_changed(self, subscription_id: str) -> None:
        """Say that a subscription's record was changed."""
        self._change("s:", subscription_id, self._bundle.subscriptions)

    def instrument_changed(self, instrument_id: str) -> None:
        """Say that an instrument's record was changed."""
        self._means.pop(instrument_id, None)  # its fingerprint may be another one now
        self._change("p:", instrument_id, self._bundle.instruments)

    def credential_changed(self, credential_id: str) -> None:
        """Say that a credential's record was changed."""
        self._change("f:", credential_id, self._bundle.credentials)

    def matter_changed(self, matter: Matter) -> None:
        """Say that an invoice's record was changed."""
        self._changed["i:" + matter.id] = matter.invoice

    def forget(self, matter: Matter) -> None:
        """Drop an invoice whose time of remembrance is over."""
        name = "i:" + matter.id
        self._gone[name] = matter.invoice.timer
        self._changed.pop(name, None)
        self._matters.pop(matter.id, None)
        self._bundle.invoices.pop(matter.id, None)

    def replan(self) -> list[Matter]:
        """Take back the plans made in this page, because something that they rest on has changed."""
        planned = [matter for matter in self._matters.values() if matter.is_planned]
        for matter in planned:
            matter.is_planned = False
        return planned

    def write(self, changes: Changes) -> None:
        """Write what was changed into the tables, and its rows into `changes`, for the changelog."""
        self._matters.clear()  # they point back here: without the circle all of this goes as soon as the page does
        if not self._changed and not self._gone:
            return
        if not self._spilled:
            self._tables.write_bundle(self.account_id, self._bundle, self._before, changes)
            return
        before = {"i:" + invoice_id: at for at, invoice_id, _ in self._before}
        for name, record in self._changed.items():
            self._tables.write_record(self.account_id, name, record, before.get(name), changes)
        for name in self._gone:
            changes[self._tables.drop_record(self.account_id, name, before.get(name))] = None

    def _other(self, kind: str, record_id: str, shape: type[Kept], records: dict[str, Kept]) -> Kept:
        """Find a record in a row of its own, or give a blank one; that is kept only if it is changed."""
        name = kind + record_id
        blank: Kept | None = self._blank.get(name)
        if blank is not None:
            return blank
        record: Kept | None = self._tables.record(self.account_id, name) if self._spilled else None
        if record is not None:
            records[record_id] = record
            return record
        self._blank[name] = unknown = shape()
        return unknown

    def _change(self, kind: str, record_id: str, records: dict[str, Kept]) -> None:
        name = kind + record_id
        if record_id not in records:
            records[record_id] = self._blank.pop(name)
        self._changed[name] = records[record_id]


def count_open(tables: Tables) -> int:
    """Count the open cases of a restored partition."""
    return sum(1 for invoice in tables.invoices() if invoice.case is not None and invoice.case.closed is None)
