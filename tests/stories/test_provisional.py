# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""A case before its invoice: policy, anchor and amount are taken anew when the invoice comes (contract section 6)."""

from typing import Any

from tests.stories.player import assert_story


def by_plan(annual: dict[str, Any], standard: dict[str, Any] | None = None) -> dict[str, Any]:
    """Policies of which the invoice's label chooses; without the invoice it is the standard one."""
    return {
        "policies": {"annual": annual, "standard": standard or {}},
        "select": [{"when": {"label.plan": "annual"}, "use": "annual"}, {"use": "standard"}],
    }


def test_gaps_count_from_the_attempts_that_were_made_before_the_invoice_came() -> None:
    assert_story(
        """
        day 1         declined 0                        =>  declined  notice:payment_declined  case:retrying@d4
        day 4         due                               =>  scheduled  request:1@card-A  case:in_flight
        day 4         declined 1                        =>  declined  notice:payment_declined  case:retrying@d8
        day 4  10:00  issued on=card-A plan=annual      =>  reanchored  case:retrying@d6
        day 6         due                               =>  scheduled  request:2@card-A  case:in_flight
        day 6         declined 2                        =>  declined  notice:payment_declined  case:retrying@d9
        """,
        policies=by_plan({"ladder": {"anchor": "previous_attempt", "steps": [1, 2, 3]}}),
    )


def test_a_request_in_flight_has_a_gap_of_the_ladder_that_the_invoice_brings() -> None:
    assert_story(
        """
        day 1         declined 0                    =>  declined  notice:payment_declined  case:retrying@d4
        day 4         due                           =>  scheduled  request:1@card-A  case:in_flight
        day 4  09:30  issued on=card-A plan=annual  =>  reanchored  case:in_flight
        day 4  09:40  declined 1                    =>  declined  notice:payment_declined  case:retrying@d6T09:40
        """,
        policies=by_plan({"ladder": {"anchor": "previous_attempt", "steps": [1, 2, 3]}}),
    )


def test_a_ladder_from_the_first_decline_counts_from_it_though_it_was_before_the_invoice() -> None:
    assert_story(
        """
        day 1         declined 0                    =>  declined  notice:payment_declined  case:retrying@d4
        day 1  10:00  issued on=card-A plan=annual  =>  reanchored  case:retrying@d3
        day 3         due                           =>  scheduled  request:1@card-A  case:in_flight
        """,
        policies=by_plan({"ladder": {"anchor": "first_decline", "steps": [2, 5]}}),
    )


def test_a_technical_attempt_is_one_of_the_policy_that_the_invoice_brings() -> None:
    assert_story(
        """
        day 1         declined 0 technical          =>  declined  notice:payment_declined  case:retrying@d1T09:10
        day 1  09:05  issued on=card-A plan=annual  =>  reanchored  case:retrying@d1T11:00
        day 1  11:00  due                           =>  technical  request:1@card-A  case:in_flight
        """,
        policies=by_plan({"technical": ["PT2H"]}),
    )


def test_a_policy_without_technical_attempts_makes_none() -> None:
    assert_story(
        """
        day 1         declined 0 technical          =>  declined  notice:payment_declined  case:retrying@d1T09:10
        day 1  09:05  issued on=card-A plan=annual  =>  reanchored  case:retrying@d3
        day 3         due                           =>  scheduled  request:1@card-A  case:in_flight
        """,
        policies=by_plan({"technical": []}),
    )


def test_a_dead_card_ends_the_case_early_from_the_decline_before_the_invoice() -> None:
    assert_story(
        """
        day 1         declined 0 never              =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 1  09:05  issued on=card-A plan=annual  =>  reanchored  case:waiting
        day 6         due                           =>  window_closed  notice:window_closed  case:closed/window_closed
        """,
        policies=by_plan({"never": {"close_after": 5}}),
    )


def test_the_early_end_of_a_policy_that_the_invoice_does_not_choose_is_none() -> None:
    assert_story(
        """
        day 1         declined 0 never              =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 1  09:05  issued on=card-A plan=annual  =>  reanchored  case:waiting
        day 28        due                           =>  window_closed  notice:window_closed  case:closed/window_closed
        """,
        policies=by_plan({"closing_notice": None}, {"never": {"close_after": 5}}),
    )


def test_stages_of_a_policy_that_the_invoice_does_not_choose_are_not_reached() -> None:
    assert_story(
        """
        day 1         declined 0                    =>  declined  notice:payment_declined  case:retrying@d4
        day 1  09:30  issued on=card-A plan=annual  =>  reanchored  case:retrying@d3
        day 3         due                           =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due                           =>  outcome_missing  notice:outcome_missing
        day 9         succeeded 1                   =>  paid  paid  notice:recovered  case:closed/paid
        """,
        policies=by_plan({}, {"stages": [{"name": "warning", "after": 4}, {"name": "blocked", "after": 7}]}),
    )


def test_the_first_decline_of_a_bank_debit_chooses_the_policy_for_its_type() -> None:
    assert_story(
        """
        day 0  declined 0 sepa:AM04 on=iban-1  =>  declined  notice:payment_declined  case:retrying@d7
        """,
        policies={
            "policies": {"debit": {"ladder": {"steps": [7, 21]}}, "standard": {}},
            "select": [{"when": {"instrument_type": "sepa_debit"}, "use": "debit"}, {"use": "standard"}],
        },
    )


def test_until_the_invoice_comes_the_amount_is_that_of_the_decline_that_opens_the_case() -> None:
    assert_story("""
        day 0  08:00  declined customer amount=4000  =>  no_case
        day 0         declined 0 amount=10000        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                            =>  scheduled  request:1@card-A(amount_minor=10000)  case:in_flight
    """)


def test_a_closed_case_ages_from_the_date_of_the_invoice_that_comes_late() -> None:
    assert_story(
        """
        day  7  declined 0                  =>  declined  notice:payment_declined  case:retrying@d8
        day  8  due                         =>  scheduled  request:1@card-A  case:in_flight
        day  8  10:00  due                  =>  outcome_missing  notice:outcome_missing
        day  9  due                         =>  window_closed  notice:window_closed  case:closed/window_closed
        day 10  issued on=card-A            =>  case_closed  stage:late  stage:blocked
        """,
        policy={
            "window": {"length": 2},
            "ladder": {"steps": [1]},
            "closing_notice": None,
            "stages": [{"name": "late", "after": 5}, {"name": "blocked", "after": 9}],
        },
    )


def test_a_case_that_was_stopped_before_its_invoice_came_ages_by_the_policy_of_the_invoice() -> None:
    assert_story(
        """
        day 0  declined 0                        =>  declined  notice:payment_declined  case:retrying@d3
        day 1  stop                              =>  stopped  stop  case:closed/stopped
        day 2  issued on=card-A policy=staged    =>  case_closed  case:closed/stopped
        day 5  due                               =>  stage:warned
        """,
        policies={
            "policies": {"standard": {}, "staged": {"stages": [{"name": "warned", "after": 5}]}},
            "select": [{"use": "standard"}],
        },
    )


def test_gaps_do_not_run_while_a_technical_attempt_is_planned_when_the_invoice_comes() -> None:
    assert_story(
        """
        day 0         declined 0 technical =>  declined  notice:payment_declined  case:retrying@d1
        day 0  23:00  issued on=card-A     =>  reanchored
        day 1         due                  =>  technical  request:1@card-A  case:in_flight
        day 1  09:00  declined 1           =>  declined  notice:payment_declined  case:retrying@d1T21:00
        """,
        policy={
            "ladder": {"anchor": "previous_attempt", "steps": ["PT12H", "PT20H", 3]},
            "technical": ["P1D"],
        },
    )


def test_a_rung_that_waits_for_a_network_goes_on_waiting_when_the_invoice_comes() -> None:
    assert_story(
        """
        day 0  10:00  declined 0 advice=26          =>  declined  notice:payment_declined  case:retrying@d2T10:00
        day 1  20:00  issued on=card-A at=d0        =>  reanchored  case:retrying@d2T10:00
        day 2  10:00  due                           =>  scheduled  request:1@card-A(due_at=d1)  case:in_flight
        day 2  10:00  declined 1                    =>  declined  notice:payment_declined  case:retrying@d10
        """,
        policy={"ladder": {"steps": [1, 10]}},
    )


def test_a_case_that_was_stopped_before_its_invoice_came_goes_back_to_the_amount_of_the_invoice() -> None:
    assert_story("""
        day 0  declined 0 amount=900        =>  declined  notice:payment_declined  case:retrying@d3
        day 1  stop                         =>  stopped  stop  case:closed/stopped
        day 2  issued on=card-A             =>  case_closed  case:closed/stopped(balance_minor=4900)
        day 4  reopened correction          =>  reopened  case:retrying@d7(balance_minor=4900)
    """)
