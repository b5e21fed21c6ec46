"""Calendar arithmetic: days in a zone, hours as elapsed time, and clocks that change."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.calendar import DAY, HOUR, MINUTE, SECOND, Duration, add, from_local, local_day
from schemas import time_zones
from schemas.instants import micros, moment
from schemas.time_zones import time_zone

ZONES = st.sampled_from(sorted(time_zones.ZONES))
INSTANTS = st.integers(0, micros(datetime(2100, 1, 1, tzinfo=UTC)))


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text))


def moved(start: str, duration: int | str, zone: str, time: int | None = None, sign: int = 1) -> str:
    result = add(at(start), Duration.parse(duration), zone, time, sign)
    return moment(result).astimezone(time_zone(zone)).isoformat()


@pytest.mark.parametrize(
    ("start", "duration", "zone", "expected"),
    [
        pytest.param(
            "2026-03-28T10:00+01:00", 1, "Europe/Berlin", "2026-03-29T10:00:00+02:00", id="a day of 23 hours"
        ),
        pytest.param(
            "2026-03-28T10:00+01:00", "PT24H", "Europe/Berlin", "2026-03-29T11:00:00+02:00", id="24 hours"
        ),
        pytest.param("2026-03-28T02:30+01:00", 1, "Europe/Berlin", "2026-03-29T03:30:00+02:00", id="skipped"),
        pytest.param(
            "2026-10-24T02:30+02:00", 1, "Europe/Berlin", "2026-10-25T02:30:00+02:00", id="doubled: first"
        ),
        pytest.param(
            "2026-10-25T02:30+01:00", 1, "Europe/Berlin", "2026-10-26T02:30:00+01:00", id="from the second"
        ),
        pytest.param(
            "2026-03-28T02:30+01:00", "P1DT1H", "Europe/Berlin", "2026-03-29T04:30:00+02:00", id="then hours"
        ),
        pytest.param(
            "2017-03-01T23:30-08:00", 11, "America/Los_Angeles", "2017-03-12T23:30:00-07:00", id="los angeles"
        ),
        pytest.param(
            "2011-12-29T10:00-10:00", 1, "Pacific/Apia", "2011-12-31T10:00:00+14:00", id="a day left out"
        ),
        pytest.param("2026-01-31T09:00+00:00", "P1M", "UTC", "2026-02-28T09:00:00+00:00", id="month end"),
        pytest.param(
            "2027-12-31T09:00+00:00", "P2M", "UTC", "2028-02-29T09:00:00+00:00", id="leap month end"
        ),
        pytest.param(
            "2026-01-31T09:00+00:00", "P1M1D", "UTC", "2026-03-01T09:00:00+00:00", id="clamped, then days"
        ),
        pytest.param("2028-02-29T09:00+00:00", "P1Y", "UTC", "2029-02-28T09:00:00+00:00", id="leap year"),
    ],
)
def test_adds_on_the_calendar_of_the_zone(start: str, duration: int | str, zone: str, expected: str) -> None:
    assert moved(start, duration, zone) == expected


def test_goes_back_as_well() -> None:
    assert moved("2026-03-29T10:00+02:00", 1, "Europe/Berlin", sign=-1) == "2026-03-28T10:00:00+01:00"
    assert moved("2026-03-31T09:00+00:00", "P1M", "UTC", sign=-1) == "2026-02-28T09:00:00+00:00"
    assert moved("2026-01-31T09:00+00:00", "PT36H", "UTC", sign=-1) == "2026-01-29T21:00:00+00:00"


def test_a_time_of_day_moves_day_based_durations_only() -> None:
    nine = 9 * HOUR
    assert moved("2026-03-28T22:00+01:00", 1, "Europe/Berlin", nine) == "2026-03-29T09:00:00+02:00"
    assert moved("2026-03-28T22:00+00:00", 1, "UTC", nine) == "2026-03-29T09:00:00+00:00"
    assert moved("2026-03-28T22:00+00:00", "P1DT1H", "UTC", nine) == "2026-03-29T23:00:00+00:00"
    assert moved("2026-03-28T22:00+01:00", "PT1H", "Europe/Berlin", nine) == "2026-03-28T23:00:00+01:00"


@given(INSTANTS, st.integers(0, 400), ZONES)
def test_days_keep_the_local_time_unless_the_clock_skips_it(instant: int, days: int, name: str) -> None:
    zone = time_zone(name)
    start = moment(instant).astimezone(zone)
    wanted = start.replace(tzinfo=None, fold=0) + timedelta(days=days)
    result = moment(add(instant, Duration(days=days), name)).astimezone(zone)
    if days == 0:
        assert result == start
    elif wanted.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wanted:
        assert result.replace(tzinfo=None) == wanted
        assert result.fold == 0  # of two, the first
    else:  # the time does not exist: it is read with the offset before the change
        before = (wanted - timedelta(days=2)).replace(tzinfo=zone).utcoffset()
        assert before is not None
        assert result.replace(tzinfo=None) > wanted
        assert result.astimezone(UTC).replace(tzinfo=None) == wanted - before


@given(INSTANTS, ZONES)
def test_the_local_calendar_is_that_of_zoneinfo(instant: int, name: str) -> None:
    local = moment(instant).astimezone(time_zone(name))
    midnight = local.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    time_of_day = (local.replace(tzinfo=None) - midnight) // timedelta(microseconds=1)
    assert local_day(instant, name) == (local.toordinal(), time_of_day)


@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"]
)
def test_near_a_change_every_hour_agrees_with_zoneinfo(name: str) -> None:
    zone = time_zone(name)
    for hour in range(366 * 24):
        naive = datetime(2026, 1, 1) + timedelta(hours=hour, minutes=15)  # noqa: DTZ001 - a local reading
        expected = micros(naive.replace(tzinfo=zone).astimezone(UTC))
        assert from_local(naive.toordinal(), naive.hour * HOUR + 15 * MINUTE, name) == expected


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (3, Duration(days=3)),
        ("P2W", Duration(days=14)),
        ("P1Y2M3W4DT5H6M7.25S", Duration(14, 25, 5 * HOUR + 6 * MINUTE + 7 * SECOND + 250_000)),
        ("PT36H", Duration(micros=36 * HOUR)),
        ("PT0.000001S", Duration(micros=1)),
        ("PT0S", Duration()),
    ],
)
def test_reads_durations(written: int | str, read: Duration) -> None:
    assert Duration.parse(written) == read


@pytest.mark.parametrize(
    ("written", "message"),
    [
        (-1, "negative"),
        ("-P1D", "negative"),
        ("P", "no duration"),
        ("PT", "no duration"),
        ("P1DT", "no duration"),
        ("PT0.0000001S", "no duration"),
        ("3", "no duration"),
        ("P1.5D", "no duration"),
        ("PT\uff11H", "no duration"),
        (3.5, "no duration"),
        (True, "no duration"),
        (None, "nothing is no duration"),
        (3_661, "too long"),
        ("P99999999Y", "too long"),
    ],
)
def test_refuses_what_is_no_duration(written: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Duration.parse(written)


@given(st.builds(Duration, st.integers(0, 100), st.integers(0, 300), st.integers(0, 40 * DAY)))
def test_a_written_duration_reads_back_the_same(duration: Duration) -> None:
    assert Duration.parse(duration.plain()) == duration


def test_months_have_no_exact_length() -> None:
    assert Duration.parse("P1DT1H").exact_micros() == 25 * HOUR
    with pytest.raises(ValueError, match="no exact length"):
        Duration.parse("P1M").exact_micros()
