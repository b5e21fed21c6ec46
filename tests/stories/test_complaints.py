# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""The complaints about other systems that a story can answer; a test is named after its row (U1 to U44)."""

from tests.stories.player import assert_story


def test_u1_a_new_default_pays_every_unpaid_invoice_of_who_follows_it() -> None:
    assert_story("""
        day 0  issued on=card-A               =>  issued
        day 0  issued invoice=in-2 on=card-A  =>  issued
        day 0  declined 0                     =>  declined  notice:payment_declined  case:retrying@d3
        day 0  declined 0 invoice=in-2        =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 2  bound card-B default           =>  instrument_changed  instrument_bound  instrument_bound  request:1@card-B  in-2.request:1@card-B  case:in_flight  in-2.case:in_flight
    """)


def test_u2_a_ladder_may_try_just_before_each_stage() -> None:
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d4
        day 4         due               =>  scheduled  request:1@card-A  case:in_flight
        day 4  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 4  12:00  declined 1        =>  declined  notice:payment_declined  case:retrying@d9
        day 5         due               =>  stage:warned
        day 9         due               =>  scheduled  request:2@card-A  case:in_flight
        day 9  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 9  12:00  succeeded 2       =>  paid  paid  notice:recovered  stage:clear  case:closed/paid
    """,
        policy={
            "ladder": {"steps": [4, 9]},
            "stages": [{"name": "warned", "after": 5}, {"name": "blocked", "after": 10}],
        },
    )


def test_u3_a_retry_goes_to_the_card_bound_when_it_is_made() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 2  12:00  bound card-B      =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 2  12:01  declined 1        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due               =>  scheduled  request:2@card-B  case:in_flight
        day 3  09:01  succeeded 2       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_u6_a_pending_payment_that_fails_later_enters_the_ladder() -> None:
    assert_story("""
        day 0         issued on=card-A        =>  issued
        day 0         declined 0              =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                     =>  scheduled  request:1@card-A  case:in_flight
        day 3         pending 1 charge=ch-x   =>  pending  case:pending
        day 6         declined 1 charge=ch-x  =>  declined  notice:payment_declined  case:retrying@d7
        day 7         due                     =>  scheduled  request:2@card-A  case:in_flight
        day 7  09:01  succeeded 2             =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_u7_u31_an_unknown_result_is_never_retried() -> None:
    assert_story("""
        day  0  issued on=card-A  =>  issued
        day  0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day  3  due               =>  scheduled  request:1@card-A  case:in_flight
        day  3  pending 1         =>  pending  case:pending
        day 25  due               =>  notice:window_closing
        day 27  added card-B      =>  added  notice:instrument_added_not_bound
    """)


def test_u9_u26_a_notice_is_written_once_however_often_its_cause_is_told() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 0  again             =>  duplicate
        day 1  again             =>  duplicate
    """)


def test_u10_stages_follow_the_oldest_debt_when_it_is_paid() -> None:
    assert_story(
        """
        day 0         issued on=card-A                     =>  issued
        day 0         declined 0                           =>  declined  notice:payment_declined  case:exhausted
        day 4         issued invoice=in-2 on=card-A at=d4  =>  issued
        day 4         declined 0 invoice=in-2              =>  declined  in-2.notice:payment_declined  in-2.case:exhausted
        day 5         due                                  =>  stage:warned
        day 8         settled paid_elsewhere               =>  paid_elsewhere  paid_elsewhere  stage:clear  case:closed/paid_elsewhere
        day 9         due                                  =>  stage:warned
        day 9  12:00  added card-B                         =>  added  in-2.notice:instrument_added_not_bound
    """,
        policy={"ladder": {"steps": []}, "stages": [{"name": "warned", "after": 5}]},
    )


def test_u13_the_first_gap_is_not_skipped() -> None:
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d2
        day 2         due               =>  scheduled  request:1@card-A  case:in_flight
        day 2  09:01  declined 1        =>  declined  notice:payment_declined  case:retrying@d7T09:01
        day 7  09:01  due               =>  scheduled  request:2@card-A  case:in_flight
        day 7  09:02  succeeded 2       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy={"ladder": {"anchor": "previous_attempt", "steps": [2, 5, 7, 7]}},
    )


def test_u14_customer_attempts_use_none_of_the_automatic_budget() -> None:
    assert_story("""
        day 0         issued on=card-A   =>  issued
        day 0         declined 0         =>  declined  notice:payment_declined  case:retrying@d3
        day 1         declined customer  =>  manual_attempt
        day 1  10:00  declined customer  =>  manual_attempt
        day 1  11:00  declined customer  =>  manual_attempt
        day 3         due                =>  scheduled  request:1@card-A  case:in_flight
        day 3         succeeded 1        =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_u16_u44_one_attempt_in_flight_whoever_started_it() -> None:
    assert_story("""
        day 0         issued on=card-A                =>  issued
        day 0         declined 0                      =>  declined  notice:payment_declined  case:retrying@d3
        day 2  12:00  pending customer charge=ch-x    =>  pending  case:pending
        day 3  10:00  succeeded customer charge=ch-x  =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_u17_u43_no_retry_of_a_void_order() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 2         settled voided    =>  voided  voided  case:closed/voided
        day 2  12:00  declined psp      =>  case_closed
        day 9         added card-B      =>  added
    """)


def test_u18_an_ended_subscription_is_not_moved_back() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1  ended             =>  subscription_ended  subscription_ended  case:closed/subscription_ended
        day 2  declined 0        =>  case_closed
    """)


def test_u19_one_paid_invoice_does_not_clear_the_others() -> None:
    assert_story(
        """
        day 0         issued on=card-A                     =>  issued
        day 0         issued invoice=in-2 on=card-A        =>  issued
        day 0         declined 0                           =>  declined  notice:payment_declined  case:exhausted
        day 0         declined 0 invoice=in-2              =>  declined  in-2.notice:payment_declined  in-2.case:exhausted
        day 5         due                                  =>  stage:warned
        day 6         settled paid_elsewhere               =>  paid_elsewhere  paid_elsewhere  case:closed/paid_elsewhere
        day 6  12:00  settled paid_elsewhere invoice=in-2  =>  paid_elsewhere  paid_elsewhere  stage:clear  in-2.case:closed/paid_elsewhere
    """,
        policy={"ladder": {"steps": []}, "stages": [{"name": "warned", "after": 5}]},
    )


def test_u20_a_hard_decline_shows_as_waiting() -> None:
    assert_story("""
        day 0  issued on=card-A             =>  issued
        day 0  declined 0 stripe:lost_card  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
    """)


def test_u21_a_customers_abort_does_not_clear_the_next_attempt() -> None:
    assert_story("""
        day 0         issued on=card-A                  =>  issued
        day 0         declined 0                        =>  declined  notice:payment_declined  case:retrying@d3
        day 2         declined customer needs_customer  =>  manual_attempt
        day 3         due                               =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due                               =>  outcome_missing  notice:outcome_missing
        day 4         added card-B                      =>  added  notice:instrument_added_not_bound
    """)


def test_u22_a_removed_card_is_not_charged() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1  removed card-A    =>  instrument_changed  notice:no_instrument  case:waiting
        day 4  added card-B      =>  added  notice:instrument_added_not_bound
    """)


def test_u24_u32_added_but_not_bound_is_told() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1         added card-B      =>  added  notice:instrument_added_not_bound
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:01  declined 1        =>  declined  notice:payment_declined  case:retrying@d7
        day 4         bound card-B      =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
    """)


def test_u29_the_providers_attempts_share_the_ladder_and_exhaustion_ends() -> None:
    assert_story(
        """
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1  declined psp      =>  declined  notice:payment_declined  case:exhausted
        day 9  added card-B      =>  added  notice:instrument_added_not_bound
    """,
        policy={"ladder": {"steps": [3]}},
    )


def test_u34_changing_the_default_retries() -> None:
    assert_story("""
        day 0  issued on=card-A      =>  issued
        day 0  declined 0            =>  declined  notice:payment_declined  case:retrying@d3
        day 2  bound card-B default  =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
    """)


def test_u35_exactly_one_attempt_after_a_change_of_card() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 2         bound card-B      =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 2         bound card-B      =>  same_binding
        day 2  09:05  declined 1        =>  declined  notice:payment_declined  case:retrying@d3
        day 2  09:06  bound card-B      =>  same_binding
    """)


def test_u37_a_late_failure_does_not_overwrite_a_paid_invoice() -> None:
    assert_story("""
        day 0  issued on=card-A    =>  issued
        day 0  declined 0          =>  declined  notice:payment_declined  case:retrying@d3
        day 3  due                 =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1         =>  paid  paid  notice:recovered  case:closed/paid
        day 4  declined 1 time=d3  =>  case_closed
    """)


def test_u39_the_customer_hears_of_the_first_failure() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
    """)


def test_u40_the_stage_is_kept_apart_from_the_first_decline() -> None:
    assert_story(
        """
        day 0  issued on=card-A    =>  issued
        day 0  declined 0          =>  declined  notice:payment_declined  case:retrying@d3
        day 2  succeeded customer  =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy={"stages": [{"name": "blocked", "after": 14}]},
    )


def test_u42_the_providers_own_attempts_are_known() -> None:
    assert_story("""
        day  0         issued on=card-A         =>  issued
        day  0         declined 0 psp_again=d3  =>  declined  notice:payment_declined  case:retrying@d7
        day  3  09:05  declined psp             =>  declined  notice:payment_declined  case:retrying@d12
        day 12         due                      =>  scheduled  request:1@card-A  case:in_flight
        day 12  09:01  succeeded 1              =>  paid  paid  notice:recovered  case:closed/paid
    """)
