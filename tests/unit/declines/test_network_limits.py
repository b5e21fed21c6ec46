"""Ceilings and fees by network, profile and day. The rule: a day and the moment before it are both tried."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import msgspec
import pytest

from dunning.calendar import Duration
from dunning.ceilings import KEPT_ATTEMPTS, KEPT_FOR, KEPT_UNANSWERED
from dunning.network_rules.fees import read_fees
from dunning.network_rules.limits import read_network_rules
from dunning.rule_files import RuleDataError
from dunning.rules import Rules
from schemas.instants import micros

HOUR = 3_600_000_000
DAY = 24 * HOUR


def day(text: str) -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


TODAY = day("2026-11-24")


def figures(rules: Rules, network: str | None, profile: str, at: int) -> dict[str, tuple[int, int]]:
    return {
        limit.rule_id: (limit.limit, limit.period)
        for limit in rules.networks.card_limits(network, profile, at)
    }


def test_no_ceiling_asks_for_more_attempts_than_a_card_keeps() -> None:
    """Older attempts are dropped: a ceiling that still counted them would let too many through, in silence."""
    rows = msgspec.json.decode(files("dunning.network_rules").joinpath("limits.json").read_bytes())["rows"]
    assert max(row["limit"] for row in rows) <= min(KEPT_ATTEMPTS, KEPT_UNANSWERED)
    assert max(Duration.parse(row["period"]).exact_micros() for row in rows) <= KEPT_FOR


@pytest.mark.parametrize(
    ("network", "profile", "expected"),
    [
        ("visa", "current", {"visa.limit.30d": (20, 30 * DAY)}),
        ("Visa", "strict", {"visa.limit.30d": (15, 30 * DAY)}),
        (
            "mastercard",
            "current",
            {"mastercard.limit.24h": (10, DAY), "mastercard.limit.30d": (35, 30 * DAY)},
        ),
        ("mc", "strict", {"mastercard.limit.24h": (10, DAY), "mastercard.limit.30d": (35, 30 * DAY)}),
        ("amex", "current", {}),
        ("amex", "strict", {"amex.limit.24h": (20, DAY), "amex.limit.30d": (20, 30 * DAY)}),
        ("discover", "strict", {"discover.limit.24h": (20, DAY), "discover.limit.30d": (20, 30 * DAY)}),
        ("jcb", "strict", {"jcb.limit.24h": (20, DAY), "jcb.limit.30d": (20, 30 * DAY)}),
        ("visa", "none", {}),
        ("mastercard", "none", {}),
        ("ach", "strict", {}),
        (None, "strict", {}),
    ],
)
def test_a_network_has_its_ceilings(
    rules: Rules, network: str | None, profile: str, expected: dict[str, tuple[int, int]]
) -> None:
    assert figures(rules, network, profile, TODAY) == expected


@pytest.mark.parametrize(
    ("network", "profile", "rule", "switch", "before", "after"),
    [
        ("visa", "current", "visa.limit.30d", "2021-04-17", None, 15),
        ("visa", "strict", "visa.limit.30d", "2021-04-17", None, 15),
        ("visa", "current", "visa.limit.30d", "2025-05-25", 15, 20),
        ("visa", "strict", "visa.limit.30d", "2025-05-25", 15, 15),
        ("mastercard", "current", "mastercard.limit.24h", "2022-10-01", 20, 10),
        ("mastercard", "strict", "mastercard.limit.24h", "2022-10-01", 20, 10),
        ("mastercard", "current", "mastercard.limit.30d", "2024-08-01", None, 35),
        ("mastercard", "strict", "mastercard.limit.30d", "2023-11-01", None, 35),
    ],
)
def test_a_ceiling_begins_on_its_day(
    *, rules: Rules, network: str, profile: str, rule: str, switch: str, before: int | None, after: int
) -> None:
    nothing = (None, 0)

    assert figures(rules, network, profile, day(switch) - 1).get(rule, nothing)[0] == before
    assert figures(rules, network, profile, day(switch)).get(rule, nothing)[0] == after


def test_ach_may_be_presented_twice_more_in_180_days(rules: Rules) -> None:
    for kind in ("ach", "ach_debit"):
        limit = rules.networks.debit_limit(kind, "current")
        assert limit is not None
        assert limit.ids[0] == "nacha.limit.reinitiation"
        assert (limit.further, limit.same_amount, limit.codes) == (2, True, ("R01", "R09"))
        assert limit.ends_at(TODAY) == TODAY + 180 * DAY
        assert limit.limits("r01")
        assert not limit.limits("R02")


def test_sepa_may_be_presented_twice_more_in_42_days(rules: Rules) -> None:
    limit = rules.networks.debit_limit("sepa_debit", "strict")

    assert limit is not None
    assert limit.ids[0] == "sepa.limit.am04"
    assert (limit.further, limit.same_amount, limit.codes) == (2, False, ("AM04", "MS03"))
    assert limit.ends_at(TODAY) == TODAY + 42 * DAY


@pytest.mark.parametrize(
    ("first", "current", "strict"),
    [
        ("2026-07-15", "2026-08-15", "2026-08-14"),  # a month of 31 days: 30 days are earlier
        ("2026-02-10", "2026-03-10", "2026-03-10"),  # of 28: the month is
        ("2027-01-31", "2027-02-28", "2027-02-28"),  # no such day: the last one
    ],
)
def test_bacs_ends_a_calendar_month_after_the_first_presentation(
    rules: Rules, first: str, current: str, strict: str
) -> None:
    usual = rules.networks.debit_limit("bacs_debit", "current")
    careful = rules.networks.debit_limit("bacs", "strict")

    assert usual is not None
    assert careful is not None
    assert (usual.further, careful.further) == (3, 2)
    assert usual.same_amount
    assert usual.codes == ("0",)
    assert usual.ends_at(day(first)) == day(current)
    assert careful.ends_at(day(first)) == day(strict)


@pytest.mark.parametrize("kind", ["card", "wallet", "visa", "stripe", "other"])
def test_what_is_no_bank_debit_has_no_such_limit(rules: Rules, kind: str) -> None:
    assert rules.networks.debit_limit(kind, "strict") is None


@pytest.mark.parametrize("kind", ["ach", "sepa", "bacs"])
def test_without_rules_there_is_no_limit(rules: Rules, kind: str) -> None:
    assert rules.networks.debit_limit(kind, "none") is None


def test_an_unknown_profile_is_refused(rules: Rules) -> None:
    with pytest.raises(ValueError, match="lenient"):
        rules.networks.card_limits("visa", "lenient", TODAY)
    with pytest.raises(ValueError, match="lenient"):
        rules.networks.debit_limit("ach", "lenient")


@pytest.mark.parametrize(
    ("at", "amount"),
    [
        ("2022-09-30", None),
        ("2022-10-01", "0.10"),
        ("2023-12-31", "0.15"),
        ("2024-01-01", "0.30"),
        ("2024-12-31", "0.30"),
        ("2025-01-01", "0.50"),
    ],
)
def test_mastercards_fee_rises(rules: Rules, at: str, amount: str | None) -> None:
    fee = rules.fees.at("mastercard.fee.attempt", day(at))

    assert (fee.amount if fee else None) == (Decimal(amount) if amount else None)


Row = dict[str, Any]


def changed(name: str, rule: str, change: Callable[[Row], object]) -> bytes:
    file = msgspec.json.decode((files("dunning.network_rules") / name).read_bytes())
    change(next(row for row in file["rows"] if row["id"] == rule))
    return msgspec.json.encode(file)


def shipped(name: str) -> bytes:
    return (files("dunning.network_rules") / name).read_bytes()


@pytest.mark.parametrize(
    "change",
    [
        {"limit": 0},
        {"period": "PT0S"},
        {"network": "visa"},
        {"from": "2024-01-01"},
        {"to": "2023-01-01"},
        {"profiles": ["lenient"]},
        {"limits": 3},
    ],
)
def test_a_contradicting_limit_is_refused(change: Row) -> None:
    content = changed("limits.json", "mastercard.limit.24h", lambda row: row.update(change))

    with pytest.raises(RuleDataError, match=r"limits\.json"):
        read_network_rules(content, shipped("debits.json"))


@pytest.mark.parametrize("change", [{"further": 0}, {"codes": []}, {"period": None}, {"instrument": "sepa"}])
def test_a_contradicting_debit_limit_is_refused(change: Row) -> None:
    content = changed("debits.json", "nacha.limit.reinitiation", lambda row: row.update(change))

    with pytest.raises(RuleDataError, match=r"debits\.json"):
        read_network_rules(shipped("limits.json"), content)


@pytest.mark.parametrize(
    "change",
    [{"amount": "ten"}, {"amount": "0"}, {"amount": "NaN"}, {"currency": "QQQ"}, {"from": "2026-01-01"}],
)
def test_a_contradicting_fee_is_refused(change: Row) -> None:
    content = changed("fees.json", "mastercard.fee.attempt", lambda row: row.update(change))

    with pytest.raises(RuleDataError, match=r"fees\.json"):
        read_fees(content)
