# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""Ends, pauses, stages, calendars, provisional and reopened cases (contract section 3, points 8 to 10; section 6)."""

from datetime import date

from tests.stories.player import assert_story

BANKS = {"country": "DE", "move": "next", "resolved": {"source": "told", "weekend": [5, 6], "dates": []}}
STAGES = {"stages": [{"name": "warned", "after": 5}, {"name": "blocked", "after": 10}]}


def test_terminal_wins_whatever_arrives_later() -> None:
    assert_story("""
        day 0  issued on=card-A        =>  issued
        day 0  declined 0              =>  declined  notice:payment_declined  case:retrying@d3
        day 2  settled paid_elsewhere  =>  paid_elsewhere  paid_elsewhere  case:closed/paid_elsewhere
        day 3  declined 0 time=d1      =>  case_closed
        day 3  adjusted 400            =>  already_settled
        day 3  settled voided          =>  already_settled
        day 4  bound card-B            =>  instrument_changed
        day 5  retry_now               =>  no_open_case
    """)


def test_reopened_is_the_only_way_back_and_keeps_the_old_window() -> None:
    assert_story("""
        day 0  issued on=card-A     =>  issued
        day 0  declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day 3  due                  =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1          =>  paid  paid  notice:recovered  case:closed/paid
        day 9  reopened chargeback  =>  reopened  case:retrying@d12(balance_minor=4900,window_ends_at=d28)
    """)


def test_reopened_may_bring_a_window() -> None:
    assert_story("""
        day  0  issued on=card-A                           =>  issued
        day  0  declined 0                                 =>  declined  notice:payment_declined  case:retrying@d3
        day  3  due                                        =>  scheduled  request:1@card-A  case:in_flight
        day  3  succeeded 1                                =>  paid  paid  notice:recovered  case:closed/paid
        day  9  reopened chargeback balance=900 until=d11  =>  reopened  case:exhausted(balance_minor=900,window_ends_at=d11)
        day 11  due                                        =>  window_closed  notice:window_closed  case:closed/window_closed
        day 12  declined psp                               =>  case_closed
    """)


def test_reopened_without_a_case_opens_one_without_an_immediate_attempt() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  succeeded 0       =>  paid
        day 4  reopened refund   =>  reopened  case:retrying@d7(balance_minor=4900)
    """)


def test_an_ended_subscription_closes_its_cases_and_opens_no_more() -> None:
    assert_story("""
        day 0  issued on=card-A                     =>  issued
        day 0  declined 0                           =>  declined  notice:payment_declined  case:retrying@d3
        day 1  ended                                =>  subscription_ended  subscription_ended  case:closed/subscription_ended
        day 2  issued invoice=in-2 on=card-A at=d2  =>  issued
        day 2  declined 0 invoice=in-2              =>  no_case
    """)


def test_a_provisional_case_is_anchored_at_its_decline_until_the_invoice_comes() -> None:
    assert_story("""
        day 2         declined 0                    =>  declined  notice:payment_declined  case:retrying@d5(window_ends_at=d30)
        day 2  09:30  declined customer             =>  manual_attempt
        day 2  10:00  issued on=card-A amount=9000  =>  reanchored  case:retrying@d3(window_ends_at=d28,balance_minor=9000)
    """)


def test_rungs_due_while_paused_are_dropped_and_resume_makes_one_attempt() -> None:
    assert_story("""
        day  0         issued on=card-A  =>  issued
        day  0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day  2         pause             =>  pause  case:paused
        day 13         resume            =>  resume  resumed  request:1@card-A  case:in_flight
        day 13  10:00  declined 1        =>  declined  notice:payment_declined  case:retrying@d17
    """)


def test_resume_without_a_dropped_rung_makes_no_attempt() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1  pause             =>  pause  case:paused
        day 2  resume            =>  resume  case:retrying@d3
    """)


def test_a_pause_holds_for_cases_that_open_later_and_a_wide_resume_clears_what_lies_inside() -> None:
    assert_story("""
        day 0  issued on=card-A          =>  issued
        day 0  pause subscription=sub-1  =>  no_open_case
        day 0  declined 0                =>  declined  notice:payment_declined  case:paused
        day 1  pause invoice=in-1        =>  pause
        day 2  resume                    =>  resume  case:retrying@d3
    """)


def test_the_resume_of_a_subscription_lifts_the_pause_of_an_invoice_that_has_not_come_yet() -> None:
    assert_story("""
        day 0  pause invoice=in-1 subscription=sub-1  =>  no_open_case
        day 1  resume subscription=sub-1              =>  no_open_case
        day 1  issued on=card-A at=d1                 =>  issued
        day 1  declined 0                             =>  declined  notice:payment_declined  case:retrying@d4
    """)


def test_a_forgotten_invoice_is_gone_at_once_however_often_the_index_names_it() -> None:
    assert_story("""
        day   0         issued on=card-A    =>  issued
        day   0         settled voided      =>  voided
        day   0         pause invoice=in-1  =>  no_open_case
        day 400  08:30  declined 0          =>  case_closed
        day 400         due                 =>  forgotten
        day 400  10:00  declined 0          =>  declined  notice:payment_declined  case:retrying@d403T10:00
    """)


def test_an_invoice_is_forgotten_in_the_page_that_speaks_of_it() -> None:
    assert_story("""
        day   0  issued on=card-A  =>  issued
        day   0  settled voided    =>  voided
        day 400  declined 0        =>  case_closed  forgotten
    """)


def test_an_invoice_is_not_paid_before_its_amount_is_known() -> None:
    assert_story("""
        day 0         pending 0 charge=ch-0 amount=2000    =>  pending
        day 0  09:10  succeeded 0 charge=ch-0 amount=2000  =>  part_paid
        day 0  09:20  issued on=card-A                     =>  issued
        day 0  09:30  declined 0                           =>  declined  notice:payment_declined  case:retrying@d3(balance_minor=2900)
    """)


def test_what_was_paid_in_another_currency_before_the_invoice_came_is_not_counted() -> None:
    assert_story("""
        day 0         succeeded 0 currency=JPY  =>  part_paid
        day 0  09:10  issued on=card-A          =>  issued
        day 0  09:20  declined 0                =>  declined  notice:reconcile  notice:payment_declined  case:pending
    """)


def test_money_in_another_currency_is_told_of_when_there_is_a_case() -> None:
    assert_story("""
        day 0         issued on=card-A          =>  issued
        day 0  09:10  succeeded 0 currency=JPY  =>  currency_differs
        day 0  09:20  declined 0                =>  declined  notice:reconcile  notice:payment_declined  case:pending
    """)


def test_a_provisional_case_is_held_back_where_its_payment_was_in_another_currency() -> None:
    assert_story("""
        day 0         declined 0 currency=JPY               =>  declined  notice:payment_declined  case:retrying@d3
        day 0  09:10  succeeded 0 currency=JPY amount=1000  =>  part_paid  case:retrying@d3
        day 0  09:20  issued on=card-A                      =>  reanchored  notice:reconcile  case:pending
    """)


def test_a_narrow_resume_does_not_lift_a_wide_pause() -> None:
    assert_story("""
        day 0  issued on=card-A     =>  issued
        day 0  declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day 1  pause                =>  pause  case:paused
        day 2  resume invoice=in-1  =>  resume
    """)


def test_stop_closes_and_retry_now_asks_at_once() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1         retry_now         =>  retry_now  command  request:1@card-A  case:in_flight
        day 1  09:10  retry_now         =>  retry_now
        day 1  09:20  declined 1        =>  declined  command  notice:payment_declined  request:2@card-A  case:in_flight
        day 1  09:30  stop              =>  stopped  stop  case:closed/stopped
        day 5         settled voided    =>  voided  voided  case:closed/voided
    """)


def test_retry_now_does_nothing_on_a_dead_instrument() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0 never  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 1  retry_now         =>  retry_now
    """)


def test_stages_age_with_the_oldest_unpaid_invoice_and_follow_the_next_when_it_is_paid() -> None:
    assert_story(
        """
        day  0         issued on=card-A                     =>  issued
        day  0         declined 0                           =>  declined  notice:payment_declined  case:exhausted
        day  4         issued invoice=in-2 on=card-A at=d4  =>  issued
        day  4         declined 0 invoice=in-2              =>  declined  in-2.notice:payment_declined  in-2.case:exhausted
        day  5         due                                  =>  stage:warned
        day 10         due                                  =>  stage:blocked
        day 10  10:00  settled paid_elsewhere               =>  paid_elsewhere  paid_elsewhere  stage:warned  case:closed/paid_elsewhere
        day 11         settled paid_elsewhere invoice=in-2  =>  paid_elsewhere  paid_elsewhere  stage:clear  in-2.case:closed/paid_elsewhere
    """,
        policy={**STAGES, "ladder": {"steps": []}},
    )


def test_a_stage_passed_unseen_is_still_reported_in_order() -> None:
    assert_story(
        """
        day  0  issued on=card-A  =>  issued
        day 11  declined 0        =>  declined  notice:payment_declined  stage:warned  stage:blocked  case:retrying@d12
    """,
        policy=STAGES,
    )


def test_an_invoice_goes_on_ageing_after_stop() -> None:
    assert_story(
        """
        day 0  issued on=card-A     =>  issued
        day 0  declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day 1  stop                 =>  stopped  stop  case:closed/stopped
        day 5  due                  =>  stage:warned
        day 6  settled written_off  =>  written_off  written_off  stage:clear  case:closed/written_off
    """,
        policy=STAGES,
    )


def test_days_keep_the_local_time_over_the_change_of_clocks() -> None:
    assert_story(
        """
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3  due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        starts=date(2026, 3, 27),
        zone="Europe/Berlin",
    )


def test_a_time_that_the_clock_skips_is_read_with_the_offset_before() -> None:
    assert_story(
        """
        day 0         issued on=card-A at=d0T02:30  =>  issued
        day 0         declined 0                    =>  declined  notice:payment_declined  case:retrying@d2T03:30
        day 2  03:30  due                           =>  scheduled  request:1@card-A  case:in_flight
    """,
        policy={"ladder": {"steps": [2]}},
        starts=date(2026, 3, 27),
        zone="Europe/Berlin",
    )


def test_a_time_that_happens_twice_is_the_first() -> None:
    assert_story(
        """
        day 0         issued on=card-A at=d0T02:30  =>  issued
        day 0         declined 0                    =>  declined  notice:payment_declined  case:retrying@d2T02:30
        day 2  02:30  due                           =>  scheduled  request:1@card-A  case:in_flight
    """,
        policy={"ladder": {"steps": [2]}},
        starts=date(2026, 10, 23),
        zone="Europe/Berlin",
    )


def test_at_moves_rungs_not_the_windows_end() -> None:
    assert_story(
        """
        day 0         issued on=card-A at=d0T17:00  =>  issued
        day 0  17:00  declined 0                    =>  declined  notice:payment_declined  case:retrying@d3T08:00(window_ends_at=d28T17:00)
        day 3  08:00  due                           =>  scheduled  request:1@card-A  case:in_flight
        day 3  08:01  succeeded 1                   =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy={"at": "08:00"},
    )


def test_a_month_ends_where_a_shorter_one_does() -> None:
    assert_story(
        """
        day  0  issued on=card-A  =>  issued
        day  0  declined 0        =>  declined  notice:payment_declined  case:retrying@d28
        day 28  due               =>  scheduled  request:1@card-A  case:in_flight
        day 28  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy={"window": {"length": 60}, "ladder": {"steps": ["P1M"]}},
        starts=date(2026, 1, 31),
    )


def test_a_rung_on_a_weekend_goes_on_monday() -> None:
    assert_story(
        """
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3  due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy={"ladder": {"steps": [1]}, "business_days": BANKS},
        starts=date(2026, 6, 5),
    )


def test_the_end_told_again_after_a_reopening_changes_nothing() -> None:
    assert_story("""
        day 0         issued on=card-A     =>  issued
        day 0         declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day 1         ended                =>  subscription_ended  subscription_ended  case:closed/subscription_ended
        day 2         reopened correction  =>  reopened  case:retrying@d3
        day 2  12:00  again ended          =>  duplicate
    """)


def test_an_attempt_at_a_closed_invoice_counts_for_min_gap_once_it_is_reopened() -> None:
    assert_story("""
        day 0         declined 0                =>  declined  notice:payment_declined  case:retrying@d3
        day 2         stop                      =>  stopped stop  case:closed/stopped
        day 6  22:00  succeeded psp amount=100  =>  part_paid  case:closed/stopped
        day 7         reopened refund           =>  reopened  case:retrying@d12
    """)


def test_an_attempt_before_there_was_a_case_counts_for_min_gap() -> None:
    assert_story("""
        day 2  22:00  declined customer         =>  no_case
        day 3  08:00  declined 0 tried=d0       =>  declined  notice:payment_declined  case:retrying@d7
    """)


def test_what_was_dropped_in_a_pause_is_not_made_up_for_once_the_case_was_stopped() -> None:
    assert_story("""
        day 0  declined 0       =>  declined  notice:payment_declined  case:retrying@d3
        day 2  pause            =>  pause  case:paused
        day 4  stop             =>  stopped stop  case:closed/stopped
        day 5  reopened refund  =>  reopened  case:paused
        day 6  resume           =>  resume  case:retrying@d7
    """)


def test_a_rung_moved_by_a_network_waits_on_when_the_invoice_comes() -> None:
    assert_story(
        """
        day  0  declined 0 advice=30  =>  declined  notice:payment_declined  case:retrying@d10
        day  3  issued                =>  reanchored
        day 10  due                   =>  scheduled  request:1@card-A  case:in_flight
    """,
        policy={"ladder": {"anchor": "previous_attempt", "steps": [2, 3, 5]}},
    )


def test_an_invoice_that_was_paid_is_not_reopened_from_before_its_subscription_ended() -> None:
    assert_story("""
        day 0  issued on=card-A             =>  issued
        day 0  declined 0                   =>  declined  notice:payment_declined  case:retrying@d3
        day 1  succeeded customer           =>  paid  paid  notice:recovered  case:closed/paid
        day 5  ended                        =>  subscription_ended
        day 6  reopened chargeback time=d4  =>  settled_later
        day 8  reopened chargeback time=d7  =>  reopened  case:retrying@d12
    """)


def test_an_invoice_that_was_settled_twice_is_not_reopened_from_between() -> None:
    assert_story("""
        day 0  issued on=card-A             =>  issued
        day 0  declined 0                   =>  declined  notice:payment_declined  case:retrying@d3
        day 1  succeeded customer           =>  paid  paid  notice:recovered  case:closed/paid
        day 5  succeeded customer           =>  already_settled
        day 6  reopened chargeback time=d4  =>  settled_later
        day 7  settled voided               =>  already_settled
        day 8  reopened chargeback time=d6  =>  settled_later
    """)


def test_an_invoice_that_was_reopened_before_it_came_opens_its_case_when_it_does() -> None:
    assert_story("""
        day 0  settled voided            =>  voided
        day 1  reopened correction       =>  unknown_invoice
        day 2  issued on=card-A at=d0    =>  reopened  case:retrying@d3
        day 3  due                       =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1               =>  paid  paid  notice:recovered  case:closed/paid
    """)
    assert_story("""
        day 0  succeeded customer        =>  part_paid
        day 1  reopened chargeback       =>  unknown_invoice
        day 2  declined 0                =>  declined  notice:payment_declined  case:retrying@d5
    """)


def test_an_invoice_that_was_reopened_before_it_came_keeps_the_window_that_this_brought() -> None:
    assert_story("""
        day 0  settled voided                =>  voided
        day 1  reopened correction until=d9  =>  unknown_invoice
        day 2  issued on=card-A at=d0        =>  reopened  case:retrying@d3(window_ends_at=d9)
        day 3  due                           =>  scheduled  request:1@card-A(not_after=d9)  case:in_flight
    """)
    assert_story("""
        day 1  reopened correction until=d9  =>  unknown_invoice
        day 2  declined 0                    =>  declined  notice:payment_declined  case:retrying@d5(window_ends_at=d9)
        day 4  issued on=card-A at=d0        =>  reanchored  case:retrying@d7(window_ends_at=d9)
    """)
    assert_story("""
        day 1  reopened correction until=d2  =>  unknown_invoice
        day 3  declined 0                    =>  no_case
    """)


def test_a_balance_that_was_stated_after_the_settlement_is_what_a_reopened_invoice_goes_back_to() -> None:
    assert_story("""
        day 0  issued on=card-A     =>  issued
        day 0  declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day 1  settled voided       =>  voided  voided  case:closed/voided
        day 2  adjusted 3000        =>  already_settled
        day 3  reopened correction  =>  reopened  scheduled  request:1@card-A(amount_minor=3000)  case:in_flight
    """)


def test_a_decline_of_a_moment_before_a_part_payment_changes_nothing() -> None:
    assert_story("""
        day 0         issued on=card-A                      =>  issued
        day 1         succeeded customer amount=900         =>  part_paid
        day 2         declined 0 tried=d0                   =>  no_case
        day 2  10:00  declined 0                            =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                                   =>  scheduled  request:1@card-A(amount_minor=4000)  case:in_flight
        day 3  09:30  succeeded customer amount=1000        =>  part_paid  case:in_flight
        day 3  09:40  declined 1 needs_customer tried=d3    =>  paid_later  case:retrying@d7
        day 4         declined 0 never tried=d3             =>  paid_later  notice:customer_action_needed  case:waiting
    """)


def test_a_charge_that_was_paid_and_comes_back_counts_and_its_verdict_holds() -> None:
    assert_story("""
        day 0         issued on=card-A               =>  issued
        day 0         declined 0                     =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                            =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  succeeded 1 charge=x           =>  paid  paid  notice:recovered  case:closed/paid
        day 5         declined 1 never charge=x      =>  case_closed
        day 5  10:00  reopened chargeback            =>  reopened  notice:customer_action_needed  case:waiting
    """)


def test_a_case_that_was_paid_before_its_invoice_came_is_reopened_under_the_policy_of_the_invoice() -> None:
    assert_story(
        """
        day 0         declined 0                        =>  declined  notice:payment_declined  case:retrying@d3
        day 0  12:00  succeeded customer                =>  paid  paid  notice:recovered  case:closed/paid
        day 0  18:00  issued on=card-A policy=other     =>  already_settled
        day 1  12:00  reopened chargeback               =>  reopened  case:retrying@d2
        """,
        policies={
            "policies": {"standard": {}, "other": {"ladder": {"steps": [2, 5]}}},
            "select": [{"use": "standard"}],
        },
    )
