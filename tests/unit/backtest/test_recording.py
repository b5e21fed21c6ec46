"""What of a recording holds under any policy, and what belongs to the run that was recorded."""

from collections.abc import Callable
from typing import Any

import pytest

from dunning.backtest.recording import read_recording
from dunning.simulation import Line
from schemas.decisions import DeadLetter

DAY, MINUTE = 86_400_000_000, 60_000_000


@pytest.mark.parametrize(
    ("data", "is_outcome"),
    [
        ({"initiated_by": "retry"}, True),
        ({"request_id": "in-1/1"}, True),
        ({"charge_id": "in-1/2"}, False),
        ({"charge_id": "in-1/2", "initiated_by": "retry"}, True),
        ({"charge_id": "in-1/2", "initiated_by": "customer"}, False),
        ({"initiated_by": "schedule"}, False),
        ({"initiated_by": "customer"}, False),
        ({"initiated_by": "admin"}, False),
        ({"initiated_by": "psp"}, False),
    ],
    ids=str,
)
def test_who_tried_decides(data: dict[str, Any], is_outcome: bool, tape: Callable[[], Any]) -> None:
    recording = read_recording(tape().invoice().declined(DAY, **data).lines)
    assert (len(recording.facts), len(recording.outcomes)) == ((2, 1) if is_outcome else (3, 0))


def test_of_several_reports_on_one_charge_the_deciding_one_counts(tape: Callable[[], Any]) -> None:
    told = tape().invoice()
    told.tell(DAY, "charge.pending", charge_id="x", request_id="in-1/1", instrument_id="card-1")
    told.succeeded(2 * DAY, charge_id="x", request_id="in-1/1")
    told.tell(3 * DAY, "charge.pending", charge_id="x", request_id="in-1/1", instrument_id="card-1")
    (outcome,) = read_recording(told.lines).outcomes
    assert outcome.succeeded
    assert outcome.arrives_at - outcome.attempted_at == DAY, "tried when it was first told of"


def test_everything_else_stays_in_its_order(tape: Callable[[], Any]) -> None:
    told = tape().invoice().declined(DAY, request_id="in-1/1")
    told.tell(DAY, "subscription.ended", subscription_id="sub-in-1")
    letter = DeadLetter(line=4, error="x", error_path="", value="")
    recording = read_recording([*told.lines, Line(None, None, letter)])
    kinds = [line.event.type for line in recording.facts if line.event is not None]
    assert kinds == ["invoice.issued", "charge.declined", "subscription.ended"]
    assert recording.bad_lines == 1
    assert recording.ends_at == told.lines[-1].arrives_at


def test_an_empty_recording() -> None:
    recording = read_recording([])
    assert (recording.begins_at, recording.facts, recording.outcomes) == (None, (), ())
