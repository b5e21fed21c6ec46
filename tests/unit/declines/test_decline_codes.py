"""Each listed code has its class, and no list has more or fewer codes than were published.

The rule: `LISTED` is a second record beside the data files and is never computed from them, so that a slip
in one of the two shows. It holds the profile `current` at `NEWEST`.
"""

from collections.abc import Iterator

import pytest

from dunning.declines.tables import ANY_CODE
from dunning.declines.verdicts import verdict_on
from dunning.rules import Rules
from schemas.charges import Decline, Dialect
from schemas.decisions import DeclineClass

NEWEST = 1_798_761_600_000_000  # 2027-01-01T00:00:00Z

LISTED: dict[str, dict[str, str]] = {
    "iso8583": {
        "never": "04 07 12 41 43 46 57",
        "retry_later": "01 02 05 21 38 75 34 59 51 58 61 62 36 63 65 93",
        "technical": "06 19 22 31 91 92 96",
        "fix_data": "14 15 33 54 39 52 53 42 44 55 56 03 13 30 40",
        "needs_customer": "70 1A",
        "reconcile": "94",
    },
    "stripe": {
        "retry_later": (
            "generic_decline do_not_honor call_issuer no_action_taken try_again_later "
            "insufficient_funds card_velocity_exceeded withdrawal_count_limit_exceeded "
            "pin_try_exceeded previously_declined_do_not_retry"
        ),
        "technical": "processing_error issuer_not_available reenter_transaction approve_with_id",
        "fix_data": (
            "expired_card incorrect_cvc invalid_cvc incorrect_number invalid_number "
            "invalid_expiry_month invalid_expiry_year incorrect_address incorrect_zip incorrect_pin "
            "invalid_pin invalid_account new_account_information_available invalid_amount"
        ),
        "needs_customer": (
            "authentication_required authentication_not_handled mobile_device_authentication_required "
            "offline_pin_required online_or_offline_pin_required"
        ),
        "never": (
            "lost_card stolen_card fraudulent pickup_card restricted_card revocation_of_authorization "
            "revocation_of_all_authorizations stop_payment_order security_violation "
            "service_not_allowed transaction_not_allowed not_permitted card_not_supported "
            "currency_not_supported merchant_blacklist highest_risk_level blocklist do_not_try_again "
            "live_mode_test_card testmode_decline"
        ),
        "reconcile": "duplicate_transaction",
    },
    "braintree": {
        "retry_later": "2000 2001 2002 2003 2034 2038 2046 2057 2103 2104 2105 2106",
        "technical": "3000 2033",
        "fix_data": (
            "2004 2005 2006 2007 2008 2009 2010 2022 2029 2050 2051 2059 2060 2061 2083 2084 2078 "
            "2092 2102 gateway.avs gateway.cvv gateway.avs_and_cvv "
            "gateway.application_incomplete gateway.token_issuance 2023 2024 2025 2026 2027 2028 2030 "
            "2031 2032 2039 2040 2042 2045 2048 2049 "
            "2052 2055 2056 2058 2062 2063 2066 2068 2064 2071 2072 2073 2079 2080 2081 2085 2087 "
            "2089 2100 2088 2091 2096 2097 2098"
        ),
        "needs_customer": "2099 2101 2011 2041 2044 2074 2076 2082 2086 2107",
        "never": "2012 2013 2014 2015 2017 2018 2019 2020 2021 2043 2047 2053 2070 2075 2077 2093 2108 "
        "gateway.fraud gateway.risk_threshold",
        "reconcile": "2016 2069 2094 2035 2036 2037 2067 2054 2065 2090 2095 1004 1005 gateway.duplicate",
    },
    "adyen": {
        "retry_later": "2 3 12 15 18 27 28 29 46",
        "technical": "4 9 21 39 40",
        "fix_data": "6 8 17 24 32 34 35 7",
        "needs_customer": "11 38 42 16 19 33 36 37 41",
        "never": "5 10 23 25 26 50 14 20 22 31",
    },
    "visa": {
        "never": "04 07 12 14 15 41 43 46 57 R0 R1 R3",
        "retry_later": "03 39 51 52 53 59 61 62 65 75 78 83 86 93 5C 9G N3 N4 Z5 01 05 13 58 63",
        "technical": "19 91 96",
        "fix_data": "54 55 82 6P N7",
        "needs_customer": "70 1A",
    },
    "ach": {
        "retry_later": "R01 R09",
        "needs_customer": "R08",
        "never": "R02 R05 R07 R10 R29 R51 R14 R15 R16 R20 R23 R31",
        "fix_data": "R03 R04 R11 R12 R13 R17 R18 R19 R25 R26 R27 R28",
        "reconcile": (
            "R06 R24 R21 R22 R30 R32 R33 R34 R35 R36 R37 R38 R39 R40 R41 R42 R43 R44 R45 R46 R47 R50 R52 R53 "
            "R61 R62 R63 R64 R65 R66 R67 R68 R69 R70 R71 R72 R73 R74 R75 R76 R77 R78 R79 R80 R81 R82 R83 "
            "R84 R85"
        ),
    },
    "sepa": {
        "retry_later": "AM04 MS03",
        "needs_customer": "MS02 MD01 MD02 MD06 AG07",
        "never": "MD07 AC04 AC06 AG01",
        "fix_data": "AC01 AC13 BE05 RC01 AM02",
        "reconcile": "AM05",
        "technical": "FF01 AB03 AB09",
    },
    "bacs": {
        "retry_later": "0",
        "never": "1 2 B",
        "fix_data": "3 5 7 8 9 A",
        "needs_customer": "4 6",
    },
    "generic": {
        "retry_later": "retry_later",
        "technical": "technical",
        "fix_data": "fix_data",
        "needs_customer": "needs_customer",
        "never": "never",
        "reconcile": "reconcile",
    },
    "mac": {
        "fix_data": "01 04 22",
        "retry_later": "02 05 24 25 26 27 28 29 30 40 43",
        "never": "03 21 41 42 99",
    },
}

ADVICE = {"mac": Dialect.MASTERCARD}


def listed() -> Iterator[tuple[str, str, str]]:
    for name, classes in LISTED.items():
        for decline_class, codes in classes.items():
            for code in codes.split():
                yield name, code, decline_class


@pytest.mark.parametrize(("dialect", "code", "decline_class"), [row for row in listed() if row[0] != "mac"])
def test_a_listed_code_has_its_class(rules: Rules, dialect: str, code: str, decline_class: str) -> None:
    verdict = verdict_on(
        Decline(code=code, dialect=Dialect(dialect)), NEWEST, rules.declines, "current", None
    )

    assert verdict.decline_class == decline_class
    assert not verdict.unknown
    prefix = {"iso8583": "iso", "ach": "nacha"}.get(dialect, dialect)
    assert verdict.why[0].startswith(f"{prefix}.")
    assert verdict.why[0].endswith(f".{code.lower()}")


@pytest.mark.parametrize("dialect", sorted(LISTED))
def test_no_list_has_a_code_more_or_fewer(rules: Rules, dialect: str) -> None:
    tables = rules.declines.tables
    table = tables.advice[ADVICE[dialect]] if dialect in ADVICE else tables.codes[Dialect(dialect)]
    codes = {row.code for row in table.rows} - {ANY_CODE}
    if dialect == "braintree":
        generic = {str(code) for code in range(2109, 3000)}
        assert generic <= codes
        codes -= generic

    assert codes == {code for name, code, _ in listed() if name == dialect}


@pytest.mark.parametrize("code", ["2109", "2500", "2999"])
def test_braintree_has_a_range_of_generic_declines(rules: Rules, code: str) -> None:
    decline = Decline(code=code, dialect=Dialect.BRAINTREE)
    verdict = verdict_on(decline, NEWEST, rules.declines, "current", None)

    assert verdict.decline_class is DeclineClass.RETRY_LATER
    assert verdict.why == (f"braintree.{code}", "braintree.default")
    assert not verdict.unknown


@pytest.mark.parametrize(("code", "decline_class"), [(c, k) for name, c, k in listed() if name == "mac"])
def test_an_advice_code_has_its_class(rules: Rules, code: str, decline_class: str) -> None:
    # A technical answer of the provider gives way to every class that an advice code can have.
    decline = Decline(
        code="technical", dialect=Dialect.GENERIC, advice_code=code, advice_dialect=Dialect.MASTERCARD
    )
    verdict = verdict_on(decline, NEWEST, rules.declines, "current", None)

    says_nothing_of_the_class = code in {"40", "43"}
    assert verdict.decline_class == ("technical" if says_nothing_of_the_class else decline_class)
    assert f"mastercard.mac.{code}" in verdict.why


@pytest.mark.parametrize(
    ("code", "decline_class"),
    [("do_not_try_again", "never"), ("try_again_later", "retry_later"), ("confirm_card_data", "fix_data")],
)
def test_stripes_advice_has_its_class(rules: Rules, code: str, decline_class: str) -> None:
    decline = Decline(
        code="processing_error", dialect=Dialect.STRIPE, advice_code=code, advice_dialect=Dialect.STRIPE
    )
    verdict = verdict_on(decline, NEWEST, rules.declines, "current", None)

    assert verdict.decline_class == decline_class
    assert verdict.why[0] == f"stripe.advice.{code}"


FLAGGED = {
    "alert_merchant": {
        "stripe": "invalid_amount currency_not_supported live_mode_test_card testmode_decline",
        "iso8583": "58 03 13 30 40",
        "visa": "03 13 58",
        "adyen": "7",
        "bacs": "7 8 9 A",
        "ach": "R06 R11 R17 R18 R19 R24 R25 R26 R27 R28 R21 R47 R85",
        "sepa": "BE05 AM02",
        "braintree": "2023 2028 2030 2058 2073 2100 gateway.token_issuance",
    },
    "fraud": {
        "stripe": "stolen_card fraudulent highest_risk_level",
        "iso8583": "07 43 34 59 63",
        "visa": "07 43 59 83 63",
        "mastercard": "83",
        "adyen": "14 20 22 31",
        "braintree": "2014 2021 2077 gateway.fraud gateway.risk_threshold",
    },
    "mask": {
        "stripe": "lost_card stolen_card fraudulent merchant_blacklist",
        "adyen": "2 14 46 unlisted",
    },
    "ask_other_method": {"visa": "5C 9G", "adyen": "12 28", "braintree": "2057"},
}


@pytest.mark.parametrize(
    ("flag", "dialect", "code"),
    [(f, d, c) for f, dialects in FLAGGED.items() for d, codes in dialects.items() for c in codes.split()],
)
def test_a_code_carries_its_flags(rules: Rules, flag: str, dialect: str, code: str) -> None:
    verdict = verdict_on(
        Decline(code=code, dialect=Dialect(dialect)), NEWEST, rules.declines, "current", None
    )

    assert getattr(verdict, flag) is True


@pytest.mark.parametrize("network", [None, "visa", "mastercard", "amex"])
@pytest.mark.parametrize("profile", ["current", "strict"])
def test_a_fault_of_the_merchant_is_known_by_the_reasons_alone(
    rules: Rules, profile: str, network: str | None
) -> None:
    """Notices have no verdict any more, only what it said why."""
    declines = [
        Decline(code=row.code, dialect=table.dialect, network_code=beside)
        for table in rules.declines.tables.codes.values()
        for row in table.rows
        for beside in (None, "03", "05", "unlisted")
    ]
    verdicts = [verdict_on(decline, NEWEST, rules.declines, profile, network) for decline in declines]
    faults = rules.declines.merchant_faults
    told = [not faults.isdisjoint(verdict.why) for verdict in verdicts]
    assert told == [verdict.alert_merchant for verdict in verdicts]
    assert {True, False} == set(told)


@pytest.mark.parametrize("code", ["insufficient_funds", "do_not_honor", "expired_card", "processing_error"])
def test_an_everyday_code_carries_no_flag(rules: Rules, code: str) -> None:
    verdict = verdict_on(Decline(code=code, dialect=Dialect.STRIPE), NEWEST, rules.declines, "current", None)

    raised = (verdict.alert_merchant, verdict.fraud, verdict.mask, verdict.ask_other_method)
    assert not any(raised)
