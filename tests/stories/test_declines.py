# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""Decline classes and what a verdict covers (contract section 3, point 5; section 6, Technical, What a verdict covers, Accelerated)."""

from tests.stories.player import assert_story

SHORT = {"technical": ["PT10M", "PT1H"]}
GAPS = {"ladder": {"anchor": "previous_attempt", "steps": [2, 3, 5]}, "technical": ["PT10M"]}


def test_technical_gaps_come_first_and_are_no_rungs() -> None:
    assert_story(
        """
        day 0         issued on=card-A      =>  issued
        day 0         declined 0 technical  =>  declined  notice:payment_declined  case:retrying@d0T09:10
        day 0  09:10  due                   =>  technical  request:1@card-A  case:in_flight
        day 0  09:11  declined 1 technical  =>  declined  notice:payment_declined  case:retrying@d0T10:11
        day 0  10:11  due                   =>  technical  request:2@card-A  case:in_flight
        day 0  10:12  declined 2 technical  =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                   =>  scheduled  request:3@card-A  case:in_flight
        day 3  10:00  due                   =>  outcome_missing  notice:outcome_missing
        day 3  10:00  declined 3 technical  =>  declined  notice:payment_declined  case:retrying@d7
    """,
        policy=SHORT,
    )


def test_rungs_before_a_planned_technical_attempt_are_passed_over() -> None:
    assert_story(
        """
        day 0         issued on=card-A      =>  issued
        day 2  20:00  declined 0 technical  =>  declined  notice:payment_declined  case:retrying@d3T20:00
        day 3  20:00  due                   =>  technical  request:1@card-A  case:in_flight
        day 3  20:00  declined 1            =>  declined  notice:payment_declined  case:retrying@d7
    """,
        policy={"technical": ["P1D"]},
    )


def test_a_restart_gives_the_technical_budget_back() -> None:
    assert_story(
        """
        day 0         issued on=card-A      =>  issued
        day 0         declined 0 technical  =>  declined  notice:payment_declined  case:retrying@d0T09:10
        day 0  09:10  due                   =>  technical  request:1@card-A  case:in_flight
        day 0  09:11  declined 1 technical  =>  declined  notice:payment_declined  case:retrying@d3
        day 1         bound card-B          =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day 1  09:01  declined 2 technical  =>  declined  notice:payment_declined  case:retrying@d1T09:11
    """,
        policy={"technical": ["PT10M"]},
    )


def test_in_a_ladder_of_gaps_a_technical_attempt_moves_the_start_not_the_gap() -> None:
    assert_story(
        """
        day 0         issued on=card-A      =>  issued
        day 0         declined 0 technical  =>  declined  notice:payment_declined  case:retrying@d0T09:10
        day 0  09:10  due                   =>  technical  request:1@card-A  case:in_flight
        day 0  09:11  declined 1            =>  declined  notice:payment_declined  case:retrying@d2T09:11
        day 2  09:11  due                   =>  scheduled  request:2@card-A  case:in_flight
        day 2  09:12  declined 2            =>  declined  notice:payment_declined  case:retrying@d5T09:12
    """,
        policy=GAPS,
    )


def test_fix_data_waits_for_an_edit() -> None:
    assert_story("""
        day 0         issued on=card-A     =>  issued
        day 0         declined 0 fix_data  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 8         edited card-A        =>  details_updated  details_updated  request:1@card-A  case:in_flight
        day 8  09:01  succeeded 1          =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_fix_data_is_cleared_by_a_charge_that_succeeds_on_the_instrument() -> None:
    assert_story("""
        day 0  issued on=card-A                  =>  issued
        day 0  issued invoice=in-2 on=card-A     =>  issued
        day 0  declined 0                        =>  declined  notice:payment_declined  case:retrying@d3
        day 0  declined 0 fix_data invoice=in-2  =>  declined  notice:customer_action_needed  in-2.notice:payment_declined  in-2.notice:customer_action_needed  in-2.case:waiting  case:waiting
        day 1  succeeded customer invoice=in-2   =>  paid  paid  in-2.notice:recovered  in-2.case:closed/paid  case:retrying@d3
        day 3  due                               =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1                       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_never_stops_every_case_on_the_card_number_each_with_its_own_notice() -> None:
    assert_story("""
        day 0  issued on=card-A                                              =>  issued
        day 0  issued invoice=in-2 sub=sub-2 on=card-C                       =>  issued
        day 0  declined 0 fingerprint=fp-1                                   =>  declined  notice:payment_declined  case:retrying@d3
        day 0  declined 0 invoice=in-2 sub=sub-2 on=card-C fingerprint=fp-1  =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 1  declined 0 never                                              =>  declined  in-2.notice:customer_action_needed  notice:payment_declined  notice:customer_action_needed  case:waiting  in-2.case:waiting
    """)


def test_needs_customer_holds_for_its_case_only() -> None:
    assert_story("""
        day 0  issued on=card-A               =>  issued
        day 0  issued invoice=in-2 on=card-A  =>  issued
        day 0  declined 0 needs_customer      =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 0  declined 0 invoice=in-2        =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 3  due                            =>  scheduled  in-2.request:1@card-A  in-2.case:in_flight
        day 3  succeeded 1 invoice=in-2       =>  paid  paid  in-2.notice:recovered  in-2.case:closed/paid
    """)


def test_a_case_that_opens_on_a_blocked_instrument_begins_there_with_its_notice() -> None:
    assert_story("""
        day 0  issued on=card-A                     =>  issued
        day 0  declined 0 never                     =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 5  issued invoice=in-2 on=card-A at=d5  =>  issued
        day 5  declined 0 invoice=in-2              =>  declined  in-2.notice:payment_declined  in-2.notice:customer_action_needed  in-2.case:waiting
    """)


def test_a_customers_never_holds_without_a_notice() -> None:
    assert_story("""
        day 0  issued on=card-A         =>  issued
        day 0  declined 0               =>  declined  notice:payment_declined  case:retrying@d3
        day 1  declined customer never  =>  manual_attempt  case:waiting
        day 4  edited card-A            =>  details_updated
    """)


def test_an_unknown_code_is_tried_later_and_says_so() -> None:
    assert_story("""
        day 0  issued on=card-A           =>  issued
        day 0  declined 0 stripe:made_up  =>  unknown_code  declined  notice:payment_declined(decline_class=retry_later,why=engine.unknown_code)  case:retrying@d3
    """)


def test_accelerated_closes_after_the_first_never_unless_another_card_is_bound() -> None:
    assert_story(
        """
        day 0         issued on=card-A                                                =>  issued
        day 0         issued invoice=in-2 sub=sub-2 on=card-B                         =>  issued
        day 1         declined 0 never                                                =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 1         declined 0 stripe:stolen_card invoice=in-2 sub=sub-2 on=card-B  =>  declined  in-2.notice:payment_declined  in-2.notice:customer_action_needed  in-2.case:waiting
        day 2         bound card-D sub=sub-2                                          =>  instrument_changed  instrument_bound  in-2.request:1@card-D  in-2.case:in_flight
        day 2  09:01  declined 1 invoice=in-2 sub=sub-2                               =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 3         due                                                             =>  scheduled  window_closed  in-2.request:2@card-D  notice:window_closed  in-2.case:in_flight  case:closed/window_closed
        day 3  10:00  due                                                             =>  outcome_missing  in-2.notice:outcome_missing
        day 5         settled voided                                                  =>  voided  voided  case:closed/voided
    """,
        policy={"never": {"close_after": 2}},
    )


def test_in_a_ladder_of_gaps_a_technical_attempt_that_is_dropped_moves_the_start_too() -> None:
    assert_story(
        """
        day 0         declined 0 technical psp_again=d0T12:00  =>  declined  notice:payment_declined  case:retrying@d2T09:10
        day 1  12:00  declined psp                             =>  declined  notice:payment_declined  case:retrying@d4T12:00
    """,
        policy=GAPS,
    )


def test_rungs_passed_over_for_a_technical_attempt_come_back_when_it_is_not_made() -> None:
    assert_story(
        """
        day 0         issued on=card-A      =>  issued
        day 2  20:00  declined 0 technical  =>  declined  notice:payment_declined  case:retrying@d3T20:00
        day 2  21:00  declined 0            =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                   =>  scheduled  request:1@card-A  case:in_flight
    """,
        policy={"technical": ["P1D"]},
    )


def test_accelerated_ends_all_attempts_not_only_the_case() -> None:
    assert_story(
        """
        day 0  declined 0 visa:59 network=visa  =>  declined  notice:payment_declined  case:retrying@d1
        day 1  due                              =>  scheduled  request:1@card-A  case:in_flight
        day 1  declined 1 visa:59               =>  declined  notice:payment_declined  case:exhausted
        day 2  edited card-A                    =>  details_updated window_closed  notice:window_closed  case:closed/window_closed
    """,
        policy={"never": {"close_after": 2}, "ladder": {"steps": [1, 2, 3]}},
    )


def test_a_technical_gap_beyond_the_window_leaves_the_ladder_alone() -> None:
    assert_story(
        """
        day 0  declined 0 technical  =>  declined  notice:payment_declined  case:retrying@d3
        day 3  due                   =>  scheduled  request:1@card-A  case:in_flight
        day 3  declined 1 technical  =>  declined  notice:payment_declined  case:retrying@d7
    """,
        policy={"technical": ["P30D"]},
    )


def test_a_card_that_is_edited_into_a_dead_card_number_stops_with_its_notice() -> None:
    assert_story("""
        day 0  issued on=card-A                            =>  issued
        day 0  issued invoice=in-2 sub=sub-2 on=card-B     =>  issued
        day 0  declined 0 fingerprint=F                    =>  declined  notice:payment_declined  case:retrying@d3
        day 0  declined 0 never invoice=in-2 sub=sub-2 on=card-B fingerprint=G  =>  declined  in-2.notice:payment_declined  in-2.notice:customer_action_needed  in-2.case:waiting
        day 1  edited card-A fingerprint=G                 =>  details_updated  notice:customer_action_needed(instrument_id=card-A,decline_class=never,why=generic.never)  case:waiting
        day 2  edited card-A fingerprint=H                 =>  details_updated
        day 3  bound card-C fingerprint=H                  =>  instrument_changed  instrument_bound  request:1@card-C  case:in_flight
    """)


def test_a_wait_learnt_by_a_case_without_rules_holds_for_the_others_on_the_card() -> None:
    assert_story(
        """
        day 0  issued on=card-A plan=free                               =>  issued
        day 0  issued invoice=in-2 sub=sub-2 on=card-A                  =>  issued
        day 0  declined 0 advice=30                                     =>  declined  notice:payment_declined  case:retrying@d3
        day 0  declined 0 invoice=in-2 sub=sub-2                        =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d10
        day 3  due                                                      =>  scheduled  request:1@card-A  case:in_flight
        """,
        policies={
            "policies": {"free": {"rules": "none"}, "standard": {}},
            "select": [{"when": {"label.plan": "free"}, "use": "free"}, {"use": "standard"}],
        },
    )


def test_a_fault_of_the_merchants_set_up_is_told_to_the_operator_and_not_to_the_customer() -> None:
    assert_story("""
        day 0  issued on=card-A                                      =>  issued
        day 0  issued invoice=in-2 sub=sub-2 on=card-A               =>  issued
        day 0  declined 0                                            =>  declined  notice:payment_declined(audience=customer)  case:retrying@d3
        day 0  declined 0 stripe:invalid_amount invoice=in-2 sub=sub-2  =>  declined  notice:customer_action_needed(audience=operator)  in-2.notice:payment_declined(audience=operator)  in-2.notice:customer_action_needed(audience=operator,action=required)  in-2.case:waiting  case:waiting
        day 1  edited card-A                                         =>  details_updated  details_updated  details_updated  request:1@card-A  in-2.request:1@card-A  case:in_flight  in-2.case:in_flight
    """)


def test_a_late_verdict_that_moves_nothing_still_blocks_its_own_case_with_a_notice() -> None:
    assert_story("""
        day 0         issued on=card-A               =>  issued
        day 0         declined 0                     =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                            =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due                            =>  outcome_missing  notice:outcome_missing
        day 3  12:00  retry_now                      =>  retry_now  command  request:2@card-A(supersedes=in-1/1)  case:in_flight
        day 3  12:30  declined 2                     =>  declined  notice:payment_declined  case:retrying@d7
        day 3  13:00  declined 1 stripe:stolen_card  =>  declined_elsewhere  notice:payment_declined  notice:customer_action_needed(why=stripe.stolen_card)  case:waiting
    """)


def test_never_on_the_old_token_of_the_same_card_number_is_told() -> None:
    assert_story("""
        day 0         bound card-A fingerprint=F                        =>  instrument_changed
        day 0         declined 0                                        =>  declined  notice:payment_declined  case:retrying@d3
        day 1         bound card-B fingerprint=F                        =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 1  10:00  declined 1                                        =>  declined  notice:payment_declined  case:retrying@d3
        day 1  12:00  declined psp stripe:stolen_card on=card-A tried=d0T12:00  =>  declined_elsewhere  notice:payment_declined  notice:customer_action_needed(instrument_id=card-B)  case:waiting
    """)


def test_a_card_number_that_is_learnt_delays_the_other_cases_on_it_at_once() -> None:
    assert_story("""
        day 0         issued on=card-A                                    =>  issued
        day 0         issued on=card-B invoice=in-2 sub=sub-2             =>  issued
        day 0         declined 0 advice=28                                =>  declined  notice:payment_declined  case:retrying@d6
        day 0  10:00  declined 0 invoice=in-2 sub=sub-2 on=card-B fingerprint=F  =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 1         added card-A fingerprint=F                          =>  added  in-2.notice:instrument_added_not_bound  in-2.case:retrying@d6
    """)


def test_a_verdict_that_is_told_too_late_asks_the_customer_for_nothing() -> None:
    assert_story("""
        day 0         issued on=card-A                           =>  issued
        day 0         declined 0                                 =>  declined  notice:payment_declined  case:retrying@d3
        day 1         declined 0 needs_customer tried=d-1        =>  declined  notice:payment_declined
        day 2         edited card-A                              =>  details_updated  details_updated  request:1@card-A  case:in_flight
        day 2  09:10  declined 1                                 =>  declined  notice:payment_declined  case:retrying@d3
        day 2  10:00  declined 0 fix_data tried=d1               =>  declined  notice:payment_declined
    """)


def test_who_turns_to_a_blocked_card_because_it_is_seen_is_told() -> None:
    assert_story("""
        day 0         issued on=card-A                                =>  issued
        day 0         declined 0 fix_data                             =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 1         issued on=card-B invoice=in-2                   =>  issued  case:retrying@d3
        day 1  10:00  declined 0 on=card-B invoice=in-2               =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 2         issued on=card-A invoice=in-3                   =>  issued  notice:customer_action_needed  in-2.notice:customer_action_needed  case:waiting  in-2.case:waiting
        day 2  10:00  issued on=card-B invoice=in-4                   =>  issued  case:retrying@d3  in-2.case:retrying@d3
        day 2  11:00  declined 0 on=card-A invoice=in-2               =>  declined  notice:customer_action_needed  in-2.notice:payment_declined  in-2.notice:customer_action_needed  in-2.case:waiting  case:waiting
    """)
