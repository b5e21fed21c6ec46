"""What somebody can do to an account by the thousand does not let a row grow by the thousand."""

from datetime import timedelta

from dunning.ceilings import KEPT_UNANSWERED, count_requested
from dunning.engine import Engine
from dunning.records import REMEMBERED, Credential
from schemas.envelope import Event
from schemas.instants import micros
from schemas.payment_methods import Instrument, InstrumentChange, InstrumentType, PaymentMethodUpdated
from tests.benchmarks.cases import BEGINS_AT, declined, issued
from tests.stories.player import shipped_rules

ACCOUNT = "acct_1"


def added(number: int) -> Event[PaymentMethodUpdated]:
    return Event(
        id=f"added-{number}",
        source="test",
        type=PaymentMethodUpdated.TYPE,
        time=BEGINS_AT,
        data=PaymentMethodUpdated(
            account_id=ACCOUNT,
            change=InstrumentChange.ADDED,
            instrument=Instrument(instrument_id=f"pm_{number:06d}", type=InstrumentType.CARD),
        ),
    )


def test_cards_that_are_tried_by_the_thousand() -> None:
    engine = Engine(shipped_rules())
    now = micros(BEGINS_AT)
    engine.fold([issued(1, 1, ACCOUNT, BEGINS_AT), declined(1, 1, ACCOUNT, BEGINS_AT)], now)
    longest = []
    for block in range(3):
        events = [added(number) for number in range(block * REMEMBERED, (block + 1) * REMEMBERED)]
        step = engine.fold(events, now)
        assert sum(b"instrument_added_not_bound" in output.value for output in step.outputs) == REMEMBERED
        longest.append(max(len(row) for name, row in engine.tables.rows.items() if "\0i:" in name))
    assert longest[2] == longest[1]


def test_requests_on_a_card_without_a_limit() -> None:
    credential = Credential()
    for number in range(KEPT_UNANSWERED + 10):
        count_requested(credential, f"in-{number}/1", micros(BEGINS_AT + timedelta(seconds=number)))
    assert len(credential.unanswered) == KEPT_UNANSWERED
    assert "in-9/1" not in credential.unanswered
