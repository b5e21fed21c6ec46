"""Recordings made by hand, and by a run of the engine itself."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from dunning.rules import Rules
from dunning.simulation import Line
from schemas.instants import micros, moment, read_instant
from schemas.reading import read_event
from streams.rules import load_rules

START = micros(read_instant("2026-03-02T09:00:00Z"))
DAY = 86_400_000_000
MINUTE = 60_000_000


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()


class Tape:
    """A recording in the making."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def tell(self, at: int, kind: str, invoice: str = "in-1", **data: Any) -> "Tape":
        """Record an event at `at` microseconds after the start."""
        fields: dict[str, Any] = {"account_id": f"acc-{invoice}"}
        if kind.startswith(("charge.", "invoice.issued")):
            fields |= {
                "invoice_id": invoice,
                "subscription_id": f"sub-{invoice}",
                "amount_minor": 4900,
                "currency": "EUR",
            }
        event = {
            "specversion": "1.0", "id": f"e-{len(self.lines)}", "source": "billing", "type": kind,
            "time": moment(START + at), "data": fields | data,
        }  # fmt: skip
        self.lines.append(Line(START + at, read_event(msgspec.json.encode(event))))
        return self

    def invoice(self, invoice: str = "in-1", at: int = 0, network: str | None = None, **data: Any) -> "Tape":
        """Record an invoice and its first decline."""
        currency = {"currency": data.pop("currency", "EUR")}
        self.tell(
            at, "invoice.issued", invoice, issued_at=moment(START + at), instrument_id="card-1", **currency
        )
        card = {"instrument_id": "card-1", "type": "card", "network": network, "fingerprint": f"fp-{invoice}"}
        self.declined(at, invoice, charge_id=f"first-{invoice}", instrument=card, **currency, **data)
        return self

    def declined(self, at: int, invoice: str = "in-1", **data: Any) -> "Tape":
        decline = {"dialect": "stripe", "code": "insufficient_funds"}
        charge = {"charge_id": f"c-{len(self.lines)}", "instrument_id": "card-1", "decline": decline}
        return self.tell(at, "charge.declined", invoice, **(charge | data))

    def succeeded(self, at: int, invoice: str = "in-1", **data: Any) -> "Tape":
        charge = {"charge_id": f"c-{len(self.lines)}", "instrument_id": "card-1"}
        return self.tell(at, "charge.succeeded", invoice, **(charge | data))


@pytest.fixture
def tape() -> Callable[[], Tape]:
    """Begin a recording; call it for each one."""
    return Tape


def policy(**fields: Any) -> dict[str, Any]:
    """Write the content of a policy file with one policy."""
    return {"policies": {"standard": fields}}


@pytest.fixture
def content() -> Callable[..., dict[str, Any]]:
    return policy
