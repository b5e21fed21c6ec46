"""Presets against the published schedules of the systems they mimic."""

from datetime import UTC, datetime

import pytest

from dunning.calendar import DAY, HOUR, MINUTE
from dunning.policy_plan import PlanKind, plan_of
from schemas.instants import micros
from streams.policies import load_policy_file, presets

# Offsets of the attempts from the first failure, and the window's end, as published; null if there is none.
PUBLISHED = {
    ("default", "standard"): ([3 * DAY, 7 * DAY, 12 * DAY, 17 * DAY, 21 * DAY, 26 * DAY], 28 * DAY),
    ("killbill", "killbill"): ([8 * DAY, 16 * DAY, 24 * DAY], None),
    ("killbill_technical", "killbill"): ([8 * DAY, 16 * DAY, 24 * DAY], None),
    ("polar", "polar"): ([2 * DAY, 7 * DAY, 14 * DAY, 21 * DAY], 21 * DAY + MINUTE),
    ("recurly", "recurly"): ([2 * DAY, 4 * DAY, 6 * DAY, 8 * DAY, 10 * DAY, 12 * DAY], 60 * DAY),
    ("woocommerce", "woocommerce"): ([12 * HOUR, 24 * HOUR, 48 * HOUR, 96 * HOUR, 168 * HOUR], None),
    ("lifterlms", "lifterlms"): ([12 * HOUR, 36 * HOUR, 84 * HOUR, 156 * HOUR], None),
    ("yuno", "yuno"): (
        [minutes * MINUTE for minutes in (5, 65, 365, 1_805, 4_685, 10_445)],
        None,
    ),
    ("cybersource_monthly", "cybersource_monthly"): ([2 * DAY, 4 * DAY, 6 * DAY, 8 * DAY, 10 * DAY], None),
}
# A Monday with no holiday of any of the calendars near the attempts.
START = micros(datetime(2026, 6, 1, 10, tzinfo=UTC))


def attempts(preset: str, name: str) -> tuple[list[int], int]:
    policy = load_policy_file(presets()[preset]).policies.policies[name]
    plan = plan_of(policy, START, "UTC")
    assert not plan.outside
    assert not [point for point in plan.points if point.kind is PlanKind.SKIPPED_RUNG]
    return [point.at - START for point in plan.points if point.kind is PlanKind.RUNG], plan.ends_at - START


@pytest.mark.parametrize(("preset", "name"), PUBLISHED)
def test_a_preset_keeps_the_published_schedule(preset: str, name: str) -> None:
    made, end = attempts(preset, name)
    published, published_end = PUBLISHED[preset, name]
    assert made == published
    assert end > made[-1]
    assert published_end in {None, end}


@pytest.mark.parametrize(
    ("preset", "name", "count", "window"),
    [
        ("stripe_8_in_2w", "stripe_8_in_2w", 8, 14 * DAY),
        ("gocardless", "gocardless", 3, 28 * DAY),
        ("adyen_sepa", "adyen_sepa", 2, 42 * DAY),
    ],
)
def test_a_preset_of_a_model_spreads_the_same_count_evenly_and_says_so(
    preset: str, name: str, count: int, window: int
) -> None:
    made, end = attempts(preset, name)
    assert (len(made), end) == (count, window)
    gaps = {after - before for before, after in zip([0, *made], made, strict=False)}
    assert len(gaps) == 1
    assert "spread" in presets()[preset].read_text(encoding="utf-8").lower()


def test_kill_bills_technical_gaps_double_from_five_minutes() -> None:
    policy = load_policy_file(presets()["killbill_technical"]).policies.policies["killbill"]
    assert [gap.micros for gap in policy.technical] == [300 * 1_000_000 * 2**number for number in range(8)]


def test_lago_keeps_attempts_strictly_more_than_its_days_apart() -> None:
    made, _ = attempts("lago", "lago")
    assert all(after - before > 7 * DAY for before, after in zip([0, *made], made, strict=False))


def test_the_accelerated_preset_closes_soon_after_fraud() -> None:
    policy = load_policy_file(presets()["accelerated"]).policies.policies["accelerated"]
    assert policy.never_close_after is not None
    assert (
        2 * DAY <= policy.never_close_after.exact_micros() < policy.window_length.exact_micros() <= 30 * DAY
    )


@pytest.mark.parametrize(("kind", "most"), [("ach_debit", 2), ("sepa_debit", 2), ("bacs_debit", 3)])
def test_bank_debits_stay_within_their_scheme_and_on_its_business_days(kind: str, most: int) -> None:
    policies = load_policy_file(presets()["bank_debit"]).policies
    policy, _ = policies.choose(
        named=None, currency="EUR", labels={}, instrument_type=kind, country=None, amount_minor=100
    )
    assert len(policy.steps) == most
    assert [gap.plain() for gap in policy.technical] == [1]
    assert policy.business_days is not None
    for day in range(365):  # whatever the day of the first failure
        plan = plan_of(policy, START + day * DAY, "UTC")
        for point in plan.points:
            if point.kind is PlanKind.RUNG:
                ordinal = datetime.fromtimestamp(point.at / 1_000_000, UTC).toordinal()
                assert policy.business_days.is_open(ordinal)


def test_every_preset_loads_without_a_warning() -> None:
    known = presets()
    assert len(known) >= 15
    for file in known.values():
        assert load_policy_file(file).problems == ()
