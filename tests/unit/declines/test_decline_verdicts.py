"""How the signals of one response are put together, and which rows are in force.

The rule: each test names the sentence that it holds; the properties at the end hold for any response.
"""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.declines.verdicts import STRICTNESS, VERDICTS_KEPT, DeclineRules, Verdict, verdict_on
from dunning.rules import Rules
from schemas.charges import Decline, Dialect
from schemas.decisions import DeclineClass
from schemas.instants import micros
from streams.rules import load_rules

HOUR = 3_600_000_000
DAY = 24 * HOUR
NEWEST = micros(datetime(2027, 1, 1, tzinfo=UTC))


def day(text: str) -> int:
    return micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


def read(
    rules: Rules,
    dialect: str,
    code: str,
    *,
    at: int = NEWEST,
    profile: str = "current",
    on: str | None = None,
    network: str | None = None,
    network_code: str | None = None,
    mac: str | None = None,
) -> Verdict:
    decline = Decline(
        code=code,
        dialect=Dialect(dialect),
        network=network,
        network_code=network_code,
        advice_code=mac,
        advice_dialect=Dialect.MASTERCARD if mac else None,
    )
    return verdict_on(decline, at, rules.declines, profile, on)


# ---- the network's code and the provider's ----


def test_a_networks_code_wins_over_a_generic_decline(rules: Rules) -> None:
    verdict = read(rules, "stripe", "generic_decline", network="visa", network_code="43")

    assert verdict.decline_class is DeclineClass.NEVER
    assert verdict.why[:2] == ("visa.cat1.43", "visa.cat1")
    assert "engine.precedence" in verdict.why
    assert verdict.fraud


def test_a_networks_softer_code_revives_no_stolen_card(rules: Rules) -> None:
    verdict = read(rules, "stripe", "stolen_card", network="visa", network_code="05")

    assert verdict.decline_class is DeclineClass.NEVER
    assert verdict.why[0] == "stripe.stolen_card"
    assert "visa.cat4.05" in verdict.why
    assert verdict.mask


def test_of_two_codes_of_one_class_the_networks_is_named_first(rules: Rules) -> None:
    verdict = read(rules, "stripe", "insufficient_funds", network="visa", network_code="51")

    assert verdict.why == ("visa.cat2.51", "visa.cat2", "stripe.insufficient_funds")


def test_an_unknown_code_gives_way_to_the_networks_and_is_still_reported(rules: Rules) -> None:
    verdict = read(rules, "stripe", "a_code_from_next_year", network="visa", network_code="91")

    assert verdict.decline_class is DeclineClass.TECHNICAL
    assert verdict.why == ("visa.cat2.91", "visa.cat2", "stripe.default", "engine.unknown_code")
    assert verdict.unknown


def test_an_unknown_networks_code_leaves_the_providers_class(rules: Rules) -> None:
    verdict = read(rules, "stripe", "processing_error", network="visa", network_code="ZZ")

    assert verdict.decline_class is DeclineClass.TECHNICAL
    assert verdict.why[0] == "stripe.processing_error"
    assert verdict.unknown


def test_reconcile_comes_before_never(rules: Rules) -> None:
    verdict = read(rules, "stripe", "duplicate_transaction", network="visa", network_code="43")

    assert verdict.decline_class is DeclineClass.RECONCILE


@pytest.mark.parametrize("dialect", sorted(Dialect))
@pytest.mark.parametrize("profile", ["current", "strict", "none"])
def test_an_unlisted_code_is_retried_later_and_says_so(rules: Rules, dialect: str, profile: str) -> None:
    verdict = read(rules, dialect, "no-such-code", profile=profile)

    assert verdict.decline_class is DeclineClass.RETRY_LATER
    assert verdict.unknown
    assert any("unknown" in rule for rule in verdict.why)
    assert verdict.why[0].endswith(".default")


# ---- networks ----


@pytest.mark.parametrize(
    ("network", "code", "decline_class", "first"),
    [
        ("visa", "94", "reconcile", "iso.94"),
        ("mastercard", "94", "reconcile", "iso.94"),
        ("visa", "30", "fix_data", "iso.30"),
        ("visa", "92", "technical", "iso.92"),
        ("visa", "14", "never", "visa.cat1.14"),
        ("mastercard", "14", "fix_data", "iso.14"),
        ("amex", "14", "fix_data", "iso.14"),
        ("visa", "82", "fix_data", "visa.cat3.82"),
        ("mastercard", "82", "retry_later", "mastercard.82"),
        ("visa", "5c", "retry_later", "visa.cat2.5c"),
        ("VISA", "1a", "needs_customer", "visa.cat3.1a"),
        ("MC", "79", "retry_later", "mastercard.79"),
        ("ach", "r02", "never", "nacha.r02"),
    ],
)
def test_a_networks_code_is_read_in_its_table_else_in_the_iso_table(
    rules: Rules, network: str, code: str, decline_class: str, first: str
) -> None:
    verdict = read(rules, "generic", "technical", network=network, network_code=code)

    assert verdict.decline_class == decline_class
    assert verdict.why[0] == first
    assert not verdict.unknown


@pytest.mark.parametrize("network", ["visa", "mastercard"])
def test_an_iso_row_names_the_network_that_lacks_it(rules: Rules, network: str) -> None:
    assert read(rules, network, "92").why == ("iso.92", f"{network}.default")


def test_the_networks_table_wins_over_the_neutral_one(rules: Rules) -> None:
    assert read(rules, "iso8583", "39").decline_class is DeclineClass.FIX_DATA
    assert read(rules, "iso8583", "39", on="Visa").decline_class is DeclineClass.RETRY_LATER
    assert read(rules, "iso8583", "39", on="Visa").why == ("visa.cat2.39", "visa.cat2")


def test_leading_zeros_count(rules: Rules) -> None:
    assert read(rules, "visa", "4").unknown
    assert read(rules, "visa", "04").decline_class is DeclineClass.NEVER


@pytest.mark.parametrize(
    ("dialect", "said", "on", "network"),
    [
        ("stripe", None, None, None),
        ("stripe", None, "Visa", "visa"),
        ("visa", None, "mastercard", "visa"),
        ("visa", "MasterCard", None, "mastercard"),
        ("stripe", "mc", "visa", "mastercard"),
        ("stripe", "American Express", None, "amex"),
        ("iso8583", None, "jcb", "jcb"),
    ],
)
def test_the_declines_own_network_wins(
    rules: Rules, dialect: str, said: str | None, on: str | None, network: str | None
) -> None:
    assert read(rules, dialect, "51", network=said, on=on).network == network


def test_braintrees_2009_is_final_on_mastercard_only(rules: Rules) -> None:
    assert read(rules, "braintree", "2009").decline_class is DeclineClass.FIX_DATA
    assert read(rules, "braintree", "2009", on="visa").decline_class is DeclineClass.FIX_DATA
    verdict = read(rules, "braintree", "2009", on="mastercard")
    assert verdict.decline_class is DeclineClass.NEVER
    assert verdict.why == ("braintree.2009", "braintree.no_retry.mastercard")


# ---- advice codes ----


@pytest.mark.parametrize("code", ["79", "82", "83"])
@pytest.mark.parametrize(
    ("mac", "decline_class"), [(None, "retry_later"), ("01", "fix_data"), ("03", "never")]
)
def test_mastercards_new_codes_depend_on_the_advice(
    rules: Rules, code: str, mac: str | None, decline_class: str
) -> None:
    assert read(rules, "mastercard", code, mac=mac).decline_class == decline_class


@pytest.mark.parametrize(
    ("mac", "hours"), [("24", 1), ("25", 24), ("26", 48), ("27", 96), ("28", 144), ("29", 192), ("30", 240)]
)
def test_a_wait_code_holds(rules: Rules, mac: str, hours: int) -> None:
    verdict = read(rules, "mastercard", "51", mac=mac)

    assert verdict.decline_class is DeclineClass.RETRY_LATER
    assert (verdict.hold, verdict.hold_rule) == (hours * HOUR, f"mastercard.mac.{mac}")
    assert f"mastercard.mac.{mac}" in verdict.why


def test_without_rules_the_class_remains_and_the_wait_is_known_for_others_on_the_card(rules: Rules) -> None:
    assert read(rules, "mastercard", "51", mac="27", profile="none") == read(
        rules, "mastercard", "51", mac="27"
    )
    assert read(rules, "mastercard", "51", mac="03", profile="none").decline_class is DeclineClass.NEVER


def test_of_two_waits_the_longest_holds(rules: Rules) -> None:
    verdict = read(rules, "stripe", "previously_declined_do_not_retry", network="mastercard", mac="30")

    assert (verdict.hold, verdict.hold_rule) == (30 * DAY, "stripe.previously_declined_do_not_retry")


@pytest.mark.parametrize("mac", ["40", "43", "77"])
def test_an_informing_advice_changes_no_class(rules: Rules, mac: str) -> None:
    verdict = read(rules, "mastercard", "91", mac=mac)

    assert verdict.decline_class is DeclineClass.TECHNICAL
    assert verdict.unknown is (mac == "77")


def test_a_prepaid_card_suggests_another_method(rules: Rules) -> None:
    assert read(rules, "mastercard", "51", mac="40").ask_other_method


def test_an_advice_code_without_a_dialect_is_not_read(rules: Rules) -> None:
    decline = Decline(code="51", dialect=Dialect.MASTERCARD, advice_code="03")
    verdict = verdict_on(decline, NEWEST, rules.declines, "current", None)

    assert verdict.decline_class is DeclineClass.RETRY_LATER
    assert "mastercard.mac.dialect" in verdict.why
    assert not verdict.unknown


@pytest.mark.parametrize("dialect", [Dialect.STRIPE, Dialect.ADYEN])
def test_an_advice_code_is_read_in_its_own_dialect_only(rules: Rules, dialect: Dialect) -> None:
    decline = Decline(code="51", dialect=Dialect.MASTERCARD, advice_code="03", advice_dialect=dialect)
    verdict = verdict_on(decline, NEWEST, rules.declines, "current", None)

    assert verdict.decline_class is DeclineClass.RETRY_LATER
    assert "engine.unknown_advice" in verdict.why
    assert verdict.unknown


# ---- dates ----


@pytest.mark.parametrize("code", ["03", "62", "78", "93"])
def test_visa_moved_four_codes_out_of_category_1(rules: Rules, code: str) -> None:
    switch = day("2021-04-17")

    before = read(rules, "visa", code, at=switch - 1)
    after = read(rules, "visa", code, at=switch)

    assert (before.decline_class, before.why[0]) == (DeclineClass.NEVER, f"visa.cat1.{code}")
    assert (after.decline_class, after.why[0]) == (DeclineClass.RETRY_LATER, f"visa.cat2.{code}")


def test_visa_83_changed_its_category_and_not_its_class(rules: Rules) -> None:
    switch = day("2026-07-25")

    assert read(rules, "visa", "83", at=switch - 1).why == ("visa.cat4.83", "visa.cat4")
    assert read(rules, "visa", "83", at=switch).why == ("visa.cat2.83", "visa.cat2")


def test_mastercard_46_and_72_begin_in_june_2025(rules: Rules) -> None:
    switch = day("2025-06-03")

    assert read(rules, "mastercard", "46", at=switch - 1).why == ("iso.46", "mastercard.default")
    assert read(rules, "mastercard", "46", at=switch).why == ("mastercard.46",)
    assert read(rules, "mastercard", "72", at=switch - 1).unknown
    assert read(rules, "mastercard", "72", at=switch).decline_class is DeclineClass.NEEDS_CUSTOMER


def test_before_visas_categories_the_iso_table_holds(rules: Rules) -> None:
    assert read(rules, "visa", "14", at=day("2020-04-01") - 1).why == ("iso.14", "visa.default")
    assert read(rules, "visa", "14", at=day("2020-04-01")).why == ("visa.cat1.14", "visa.cat1")


# ---- profiles ----


@pytest.mark.parametrize(
    ("dialect", "code", "current", "strict"),
    [
        ("iso8583", "36", "retry_later", "never"),
        ("sepa", "MS03", "retry_later", "needs_customer"),
        ("braintree", "2033", "technical", "reconcile"),
        ("stripe", "previously_declined_do_not_retry", "retry_later", "never"),
        ("adyen", "46", "retry_later", "never"),
    ],
)
def test_the_profiles_read_five_codes_differently(
    rules: Rules, dialect: str, code: str, current: str, strict: str
) -> None:
    assert read(rules, dialect, code).decline_class == current
    assert read(rules, dialect, code, profile="strict").decline_class == strict
    assert read(rules, dialect, code, profile="none").decline_class == current


@pytest.mark.parametrize(
    ("dialect", "code"), [("stripe", "previously_declined_do_not_retry"), ("adyen", "46")]
)
def test_a_providers_block_holds_for_30_days(rules: Rules, dialect: str, code: str) -> None:
    assert read(rules, dialect, code).hold == 30 * DAY
    assert read(rules, dialect, code, profile="strict").hold == 0
    assert read(rules, dialect, code, profile="none").hold == 30 * DAY


def test_cannot_approve_now_waits_in_strict_only(rules: Rules) -> None:
    assert read(rules, "mastercard", "05", mac="02").hold == 0
    assert read(rules, "mastercard", "05", mac="02", profile="strict").hold == 72 * HOUR


def test_no_other_code_is_read_differently(rules: Rules) -> None:
    apart = {row.id for row in rules.declines.tables.rows() if len(row.profiles) == 1}

    assert apart == {
        "adyen.46",
        "braintree.2033",
        "iso.36",
        "mastercard.mac.02",
        "sepa.ms03",
        "stripe.previously_declined_do_not_retry",
    }


def test_an_unknown_profile_is_refused(rules: Rules) -> None:
    with pytest.raises(ValueError, match="lenient"):
        read(rules, "stripe", "expired_card", profile="lenient")


# ---- properties ----

RULES = load_rules()
RANK = {decline_class: rank for rank, decline_class in enumerate(STRICTNESS)}
MACS = [row.code for row in RULES.declines.tables.advice[Dialect.MASTERCARD].rows if row.code != "*"]
CODES = {
    dialect: [row.code for row in table.rows if row.code != "*" and not row.code.startswith("21")]
    for dialect, table in RULES.declines.tables.codes.items()
}
INSTANTS = st.integers(min_value=day("2019-01-01"), max_value=day("2028-01-01"))
PROFILES = st.sampled_from(["current", "strict", "none"])
NETWORKS = st.sampled_from(["visa", "mastercard", "amex"])
PROVIDERS = st.sampled_from(["generic", "stripe", "adyen", "braintree"]).flatmap(
    lambda dialect: st.tuples(st.just(dialect), st.sampled_from(CODES[Dialect(dialect)]))
)
NETWORK_CODES = st.one_of(
    st.sampled_from(CODES[Dialect.VISA] + CODES[Dialect.ISO8583]), st.sampled_from(["79", "72", "ZZ"])
)


def rank(verdict: Verdict) -> int:
    return RANK[verdict.decline_class]


@given(
    provider=PROVIDERS,
    network=NETWORKS,
    code=NETWORK_CODES,
    mac=st.sampled_from([*MACS, "77"]),
    at=INSTANTS,
    profile=PROFILES,
)
def test_a_signal_more_never_loosens(
    *, provider: tuple[str, str], network: str, code: str, mac: str, at: int, profile: str
) -> None:
    dialect, own = provider
    alone = read(RULES, dialect, own, at=at, profile=profile, on=network)
    coded = read(RULES, dialect, own, at=at, profile=profile, network=network, network_code=code)
    advised = read(RULES, dialect, own, at=at, profile=profile, network=network, network_code=code, mac=mac)

    assert rank(advised) <= rank(coded) <= rank(alone)
    assert alone.hold <= coded.hold <= advised.hold
    for flag in ("fraud", "mask", "alert_merchant", "ask_other_method", "unknown"):
        assert getattr(alone, flag) <= getattr(coded, flag) <= getattr(advised, flag)


@given(provider=PROVIDERS, network=NETWORKS, code=NETWORK_CODES, at=INSTANTS, profile=PROFILES)
def test_the_network_alone_is_never_stricter_than_both(
    provider: tuple[str, str], network: str, code: str, at: int, profile: str
) -> None:
    dialect, own = provider
    both = read(RULES, dialect, own, at=at, profile=profile, network=network, network_code=code)
    unheard = read(RULES, "stripe", "unlisted", at=at, profile=profile, network=network, network_code=code)
    listed = "engine.unknown_code" not in both.why

    if listed:
        assert rank(both) <= rank(unheard)
        alone = read(RULES, dialect, own, at=at, profile=profile, network=network)
        assert rank(both) == min(rank(alone), rank(unheard))


@given(
    dialect=st.sampled_from(sorted(Dialect)),
    code=st.text(min_size=1, max_size=12),
    network=st.none() | st.text(min_size=1, max_size=8),
    network_code=st.none() | st.text(min_size=1, max_size=4),
    advice=st.none() | st.text(min_size=1, max_size=4),
    advice_dialect=st.none() | st.sampled_from(sorted(Dialect)),
    at=st.integers(min_value=0, max_value=day("2199-12-31")),
    profile=PROFILES,
)
def test_any_response_has_a_verdict(
    *,
    dialect: Dialect,
    code: str,
    network: str | None,
    network_code: str | None,
    advice: str | None,
    advice_dialect: Dialect | None,
    at: int,
    profile: str,
) -> None:
    decline = Decline(
        code=code,
        dialect=dialect,
        network=network,
        network_code=network_code,
        advice_code=advice,
        advice_dialect=advice_dialect,
    )
    verdict = verdict_on(decline, at, RULES.declines, profile, None)

    assert verdict.why
    assert len(set(verdict.why)) == len(verdict.why)
    assert verdict.unknown == any("unknown" in rule for rule in verdict.why)
    assert bool(verdict.hold) == (verdict.hold_rule is not None)
    # What is remembered is what would be found anew, whatever the case of the letters.
    fresh = DeclineRules(RULES.declines.tables)
    assert verdict_on(decline, at, fresh, profile, None) == verdict


@pytest.mark.parametrize("dialect", ["stripe", "visa", "sepa", "ach"])
def test_case_does_not_matter(dialect: str) -> None:
    for code in CODES[Dialect(dialect)]:
        lower = read(RULES, dialect, code.lower())
        assert lower == read(RULES, dialect, code.upper())
        assert not lower.unknown


def test_a_flood_of_made_up_codes_is_not_remembered_for_ever() -> None:
    rules = DeclineRules(RULES.declines.tables)
    for number in range(VERDICTS_KEPT + 500):
        verdict_on(Decline(code=f"made-up-{number}", dialect=Dialect.STRIPE), NEWEST, rules, "current", None)

    assert rules.remembered == VERDICTS_KEPT
