"""How a replay under other policies is shown."""

import io
from datetime import UTC, datetime

from rich.console import Console

from schemas.decisions import RequestReason, RetryRequested
from streams.cli.replay_view import show_what_if, what_if_data
from streams.what_if import DifferentCase, WhatIf


def request(invoice_id: str, day: int, currency: str) -> RetryRequested:
    due_at = datetime(2026, 3, day, 9, tzinfo=UTC)
    return RetryRequested(
        request_id=f"{invoice_id}/1", invoice_id=invoice_id, account_id="a", subscription_id="s",
        instrument_id="card-1", amount_minor=1499, currency=currency, attempt=1, reason=RequestReason.SCHEDULED,
        due_at=due_at,
        not_after=due_at, window_ends_at=due_at, decline_class=None, policy="p@1", supersedes=None, why=(),
    )  # fmt: skip


def test_cases_that_differ_are_in_the_order_of_time_and_amounts_have_their_currency() -> None:
    found = WhatIf(recorded=1, other=2)
    for name, day, currency in (("in-1", 9, "JPY"), ("in-3", 4, "EUR"), ("in-2", 4, "EUR")):
        one = request(name, day, currency)
        found.different[name] = DifferentCase(invoice_id=name, partition=0, recorded=None, other=one)
    console = Console(file=io.StringIO(), width=120)
    show_what_if(found, "the file", console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    rows = [line.split()[0] for line in shown.splitlines() if line.startswith("in-")]
    assert rows == ["in-2", "in-3", "in-1"]
    assert "on card-1, 14.99 EUR" in shown
    assert "on card-1, 1,499 JPY" in shown
    assert "1 request under the policies of the day" in shown
    listed = what_if_data(found, "the file")["first_differences"]
    assert [case["invoice_id"] for case in listed] == rows
