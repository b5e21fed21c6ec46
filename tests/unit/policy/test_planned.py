"""Planned instants: business days, quiet hours, spread, and their order."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.calendar import DAY, HOUR, Duration, add
from dunning.policy import Policy, planned, planned_technical
from dunning.policy_file import policy_from_content
from schemas.instants import micros, moment
from schemas.time_zones import time_zone

# Good Friday and Easter Monday, and a bank holiday of one day.
DAYS_OFF = {"source": "test", "weekend": [5, 6], "dates": ["2026-04-03", "2026-04-06", "2026-05-01"]}
BERLIN = "Europe/Berlin"


def policy(**options: Any) -> Policy:
    return policy_from_content("p", options)


def business_days(move: str) -> dict[str, Any]:
    return {"country": "ECB", "move": move, "resolved": DAYS_OFF}


def local(instant: int) -> str:
    return f"{moment(instant).astimezone(time_zone(BERLIN)):%a %m-%d %H:%M}"


def rung(of: Policy, start: str, step: int | str) -> str:
    return local(planned(of, micros(datetime.fromisoformat(start)), Duration.parse(step), BERLIN, "in-1/0"))


@pytest.mark.parametrize(
    ("move", "step", "expected"),
    [
        pytest.param("next", 1, "Thu 04-02 10:00", id="an open day stays"),
        pytest.param("next", 2, "Tue 04-07 10:00", id="over Easter"),
        pytest.param("previous", 2, "Thu 04-02 10:00", id="before Easter"),
        pytest.param("previous", 5, "Thu 04-02 10:00", id="Monday too"),
        pytest.param("next", 30, "Mon 05-04 10:00", id="a holiday before a weekend"),
    ],
)
def test_moves_to_an_open_day_at_the_same_local_time(move: str, step: int, expected: str) -> None:
    assert rung(policy(business_days=business_days(move)), "2026-04-01T10:00+02:00", step) == expected


@pytest.mark.parametrize(
    ("hours", "step", "expected"),
    [
        pytest.param(("20:00", "08:00"), "PT9H59M", "Wed 04-01 19:59", id="just before"),
        pytest.param(("20:00", "08:00"), "PT10H", "Thu 04-02 08:00", id="the first quiet moment"),
        pytest.param(("20:00", "08:00"), "PT16H", "Thu 04-02 08:00", id="after midnight"),
        pytest.param(("20:00", "08:00"), "PT22H", "Thu 04-02 08:00", id="the end is free"),
        pytest.param(("12:00", "14:00"), "PT2H", "Wed 04-01 14:00", id="noon itself"),
        pytest.param(("12:00", "14:00"), "PT4H", "Wed 04-01 14:00", id="the end of noon"),
        pytest.param(("12:00", "14:00"), "PT3H", "Wed 04-01 14:00", id="over noon"),
        pytest.param(("12:00", "14:00"), "PT5H", "Wed 04-01 15:00", id="after noon"),
    ],
)
def test_quiet_hours_end_at_their_end(hours: tuple[str, str], step: str, expected: str) -> None:
    quiet = policy(quiet_hours={"from": hours[0], "to": hours[1]})
    assert rung(quiet, "2026-04-01T10:00+02:00", step) == expected


def test_quiet_hours_that_end_on_a_closed_day_go_on() -> None:
    both = policy(quiet_hours={"from": "20:00", "to": "08:00"}, business_days=business_days("previous"))
    assert rung(both, "2026-04-01T21:00+02:00", 1) == "Tue 04-07 08:00"


def test_technical_attempts_keep_their_time_of_day_and_are_not_spread() -> None:
    of = policy(at="18:00", spread="PT5H", business_days=business_days("next"))
    start = micros(datetime.fromisoformat("2026-04-02T10:00+02:00"))
    assert local(planned_technical(of, start, Duration.parse(1), BERLIN)) == "Tue 04-07 10:00"
    assert local(planned_technical(policy(at="18:00"), start, Duration.parse(1), BERLIN)) == "Fri 04-03 10:00"


@given(st.text(min_size=1), st.integers(1, 40 * DAY))
def test_a_spread_is_bounded_and_always_the_same(key: str, spread: int) -> None:
    of = policy(spread=Duration(micros=spread).plain())
    start = micros(datetime(2026, 4, 1, tzinfo=UTC))
    first = planned(of, start, Duration(days=3), "UTC", key)
    assert first == planned(of, start, Duration(days=3), "UTC", key)
    assert 0 <= first - add(start, Duration(days=3), "UTC") < spread


def test_a_spread_is_even() -> None:
    of = policy(spread="PT1H")
    delays = [planned(of, 0, Duration(), "UTC", f"in-{number}/0") for number in range(6_000)]
    quarters = [sum(delay // (HOUR // 4) == quarter for delay in delays) for quarter in range(4)]
    assert all(1_350 < count < 1_650 for count in quarters)
    assert (
        planned(of, 0, Duration(), "UTC", "in-1/0") == 514_374_186
    )  # pinned: a change would move open cases


@given(
    st.integers(0, micros(datetime(2050, 1, 1, tzinfo=UTC))),
    st.integers(0, 60),
    st.sampled_from(["UTC", BERLIN, "America/Los_Angeles", "Asia/Kolkata", "Pacific/Apia"]),
)
def test_attempts_are_made_on_open_days_outside_quiet_hours(start: int, days: int, zone: str) -> None:
    of = policy(quiet_hours={"from": "20:00", "to": "08:00"}, business_days=business_days("next"))
    at = moment(planned(of, start, Duration(days=days), zone, "k")).astimezone(time_zone(zone))
    assert at.weekday() < 5
    assert at.date().isoformat() not in DAYS_OFF["dates"]
    assert 8 <= at.hour < 20
