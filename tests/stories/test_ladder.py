# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""The clock and the ladder (contract section 3, points 1, 2 and 11; section 6, Window, Rungs, Order, `due_at`)."""

from tests.stories.player import assert_story

GAPS = {"ladder": {"anchor": "previous_attempt", "steps": [2, 3, 5]}}
DECLINE_LADDER = {"ladder": {"anchor": "first_decline", "steps": [1, 4, 9]}}


def test_the_default_ladder_runs_from_the_invoice_date_to_the_end_of_the_window() -> None:
    assert_story("""
        day  0  issued on=card-A  =>  issued
        day  1  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day  3  due               =>  scheduled  request:1@card-A  case:in_flight
        day  3  declined 1        =>  declined  notice:payment_declined  case:retrying@d7
        day  7  due               =>  scheduled  request:2@card-A  case:in_flight
        day  7  declined 2        =>  declined  notice:payment_declined  case:retrying@d12
        day 12  due               =>  scheduled  request:3@card-A  case:in_flight
        day 12  declined 3        =>  declined  notice:payment_declined  case:retrying@d17
        day 17  due               =>  scheduled  request:4@card-A  case:in_flight
        day 17  declined 4        =>  declined  notice:payment_declined  case:retrying@d21
        day 21  due               =>  scheduled  request:5@card-A  case:in_flight
        day 21  declined 5        =>  declined  notice:payment_declined  case:retrying@d26
        day 25  due               =>  notice:window_closing
        day 26  due               =>  scheduled  request:6@card-A  case:in_flight
        day 26  declined 6        =>  declined  notice:payment_declined  case:exhausted
        day 28  due               =>  window_closed  notice:window_closed  case:closed/window_closed
        day 30  declined psp      =>  case_closed
    """)


def test_a_ladder_of_the_first_decline_counts_from_it_and_from_no_later_one() -> None:
    assert_story(
        """
        day  0         issued on=card-A  =>  issued
        day  2         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day  3         due               =>  scheduled  request:1@card-A  case:in_flight
        day  3  10:00  due               =>  outcome_missing  notice:outcome_missing
        day  3  12:00  declined 1        =>  declined  notice:payment_declined  case:retrying@d6
        day  6         due               =>  scheduled  request:2@card-A  case:in_flight
        day  6  10:00  due               =>  outcome_missing  notice:outcome_missing
        day  6  12:00  declined 2        =>  declined  notice:payment_declined  case:retrying@d11
        day 11         due               =>  scheduled  request:3@card-A  case:in_flight
        day 11  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 12         declined 3        =>  declined  notice:payment_declined  case:exhausted
    """,
        policy=DECLINE_LADDER,
    )


def test_gaps_count_from_the_last_failed_automatic_attempt_the_billers_first_included() -> None:
    assert_story(
        """
        day  0         issued on=card-A  =>  issued
        day  1         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day  3         due               =>  scheduled  request:1@card-A  case:in_flight
        day  3  10:00  due               =>  outcome_missing  notice:outcome_missing
        day  3  10:00  declined 1        =>  declined  notice:payment_declined  case:retrying@d6T10:00
        day  6  10:00  due               =>  scheduled  request:2@card-A  case:in_flight
        day  6  11:00  due               =>  outcome_missing  notice:outcome_missing
        day  6  11:00  declined 2        =>  declined  notice:payment_declined  case:retrying@d11T11:00
        day 11  11:00  due               =>  scheduled  request:3@card-A  case:in_flight
        day 11  12:00  due               =>  outcome_missing  notice:outcome_missing
        day 11  12:00  declined 3        =>  declined  notice:payment_declined  case:exhausted
    """,
        policy=GAPS,
    )


def test_rungs_past_at_the_first_decline_are_skipped_not_fired_in_a_burst() -> None:
    assert_story("""
        day  0         issued on=card-A  =>  issued
        day 14         declined 0        =>  declined  notice:payment_declined  case:retrying@d17
        day 17         due               =>  scheduled  request:1@card-A  case:in_flight
        day 17  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 18         declined 1        =>  declined  notice:payment_declined  case:retrying@d21
    """)


def test_a_rung_of_the_very_instant_of_the_first_decline_is_too_near_to_it() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 3  declined 0        =>  declined  notice:payment_declined  case:retrying@d7
    """)


def test_a_rung_of_the_very_instant_is_used_where_no_gap_is_demanded() -> None:
    assert_story(
        """
        day 0  issued on=card-A  =>  issued
        day 3  declined 0        =>  declined  scheduled  notice:payment_declined  request:1@card-A  case:in_flight
    """,
        policy={"min_gap": "PT0S"},
    )


def test_a_rung_nearer_than_min_gap_to_the_last_attempt_is_skipped() -> None:
    assert_story("""
        day 0         issued on=card-A   =>  issued
        day 0         declined 0         =>  declined  notice:payment_declined  case:retrying@d3
        day 2  21:01  declined customer  =>  manual_attempt  case:retrying@d7
        day 7         due                =>  scheduled  request:1@card-A  case:in_flight
        day 7         declined 1         =>  declined  notice:payment_declined  case:retrying@d12
    """)


def test_a_rung_exactly_min_gap_after_the_last_attempt_is_used() -> None:
    assert_story("""
        day 0         issued on=card-A   =>  issued
        day 0         declined 0         =>  declined  notice:payment_declined  case:retrying@d3
        day 2  21:00  declined customer  =>  manual_attempt
        day 3         due                =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due                =>  outcome_missing  notice:outcome_missing
        day 3  10:00  succeeded 1        =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_rung_at_or_after_the_end_of_the_window_does_not_exist() -> None:
    assert_story(
        """
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d2
        day 2  due               =>  scheduled  request:1@card-A  case:in_flight
        day 2  declined 1        =>  declined  notice:payment_declined  case:exhausted
        day 4  due               =>  window_closed  notice:window_closed  case:closed/window_closed
        day 8  declined psp      =>  case_closed
    """,
        policy={"window": {"length": 4}, "ladder": {"steps": [2, 4, 6]}, "closing_notice": None},
    )


def test_a_window_from_the_first_decline() -> None:
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 2         declined 0        =>  declined  notice:payment_declined  case:retrying@d6
        day 6         due               =>  scheduled  request:1@card-A  notice:window_closing  case:in_flight
        day 6  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 7         due               =>  window_closed  notice:window_closed  case:closed/window_closed
        day 8         declined psp      =>  case_closed
    """,
        policy={
            "window": {"anchor": "first_decline", "length": 5},
            "closing_notice": 1,
            "ladder": {"steps": [6]},
        },
    )


def test_a_first_decline_after_its_window_opens_no_case() -> None:
    assert_story("""
        day  0  issued on=card-A  =>  issued
        day 28  declined 0        =>  no_case
        day 29  bound card-B      =>  instrument_changed
    """)


def test_a_first_decline_just_before_the_end_of_its_window_opens_a_case_with_nothing_to_try() -> None:
    assert_story("""
        day  0         issued on=card-A  =>  issued
        day 27  23:59  declined 0        =>  declined  notice:payment_declined  case:exhausted
        day 28         due               =>  window_closed  notice:window_closed  case:closed/window_closed
        day 29         declined psp      =>  case_closed
    """)


def test_an_event_comes_before_the_timer_of_its_instant() -> None:
    assert_story("""
        day 0  issued on=card-A     =>  issued
        day 0  declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day 3  succeeded customer   =>  paid  paid  notice:recovered  case:closed/paid
        day 4  issued invoice=in-2  =>  issued
    """)


def test_at_the_instant_of_the_windows_end_nothing_is_requested_any_more() -> None:
    assert_story(
        """
        day  0  issued on=card-A     =>  issued
        day  0  declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day  3  due                  =>  scheduled  request:1@card-A  case:in_flight
        day  3  declined 1           =>  declined  notice:payment_declined  case:exhausted
        day 10  bound card-B         =>  instrument_changed  window_closed  notice:window_closed  case:closed/window_closed
        day 11  issued invoice=in-2  =>  issued
    """,
        policy={"window": {"length": 10}, "ladder": {"steps": [3]}, "closing_notice": None},
    )


def test_just_before_the_windows_end_a_binding_still_restarts() -> None:
    assert_story(
        """
        day  0         issued on=card-A  =>  issued
        day  0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day  3         due               =>  scheduled  request:1@card-A  case:in_flight
        day  3         declined 1        =>  declined  notice:payment_declined  case:exhausted
        day 10  08:59  bound card-B      =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day 10         due               =>  window_closed  notice:window_closed  case:closed/window_closed
        day 11         succeeded 2       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy={"window": {"length": 10}, "ladder": {"steps": [3]}, "closing_notice": None},
    )


def test_what_is_due_in_one_instant_goes_by_kind_then_by_invoice() -> None:
    assert_story(
        """
        day 0  issued invoice=in-2 on=card-A  =>  issued
        day 0  issued on=card-A               =>  issued
        day 0  declined 0 invoice=in-2        =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d4
        day 0  declined 0                     =>  declined  notice:payment_declined  case:retrying@d4
        day 4  issued invoice=in-3            =>  issued  scheduled  scheduled  request:1@card-A  in-2.request:1@card-A  notice:window_closing  in-2.notice:window_closing  case:in_flight  in-2.case:in_flight
    """,
        policy={"ladder": {"steps": [4]}, "closing_notice": 4, "window": {"length": 8}},
    )


def test_an_engine_that_was_down_asks_once_not_for_the_rungs_it_slept_through() -> None:
    assert_story("""
        day  0         issued on=card-A     =>  issued
        day  0         declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day 18  12:00  wakes                =>  scheduled  request:1@card-A  case:in_flight
        day 18  12:01  declined 1           =>  declined  notice:payment_declined  case:retrying@d21
        day 21         due                  =>  scheduled  request:2@card-A  case:in_flight
        day 21  10:00  due                  =>  outcome_missing  notice:outcome_missing
        day 21  13:00  issued invoice=in-2  =>  issued
    """)


def test_an_engine_that_was_down_beyond_the_window_asks_for_nothing() -> None:
    assert_story("""
        day  0  issued on=card-A  =>  issued
        day  0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 30  wakes             =>  not_allowed_yet  window_closed  notice:window_closing  notice:window_closed  case:closed/window_closed
    """)


def test_an_engine_that_was_down_makes_up_for_one_gap_and_counts_the_next_from_the_attempt() -> None:
    assert_story(
        """
        day  0         issued on=card-A  =>  issued
        day  0         declined 0        =>  declined  notice:payment_declined  case:retrying@d2
        day  9         wakes             =>  scheduled  request:1@card-A  case:in_flight
        day  9  10:00  declined 1        =>  declined  notice:payment_declined  case:retrying@d12T10:00
        day 12  10:00  due               =>  scheduled  request:2@card-A  case:in_flight
        day 12  11:00  due               =>  outcome_missing  notice:outcome_missing
        day 12  11:00  succeeded 2       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy=GAPS,
    )


def test_a_second_schedule_decline_is_a_failed_attempt_but_uses_no_rung() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 2         declined 0        =>  declined  notice:payment_declined
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 3  10:00  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_second_schedule_decline_uses_the_next_gap() -> None:
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d2
        day 1         declined 0        =>  declined  notice:payment_declined  case:retrying@d4
        day 4         due               =>  scheduled  request:1@card-A  case:in_flight
        day 4  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 4  10:00  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy=GAPS,
    )


def test_a_failed_customer_attempt_moves_no_ladder_of_gaps() -> None:
    assert_story(
        """
        day 0         issued on=card-A   =>  issued
        day 0         declined 0         =>  declined  notice:payment_declined  case:retrying@d2
        day 1         declined customer  =>  manual_attempt
        day 2         due                =>  scheduled  request:1@card-A  case:in_flight
        day 2  10:00  due                =>  outcome_missing  notice:outcome_missing
        day 2  10:00  succeeded 1        =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy=GAPS,
    )


def test_where_a_gap_is_skipped_the_next_counts_from_the_instant_at_which_it_was_due() -> None:
    assert_story(
        """
        day 0         issued on=card-A   =>  issued
        day 0         declined 0         =>  declined  notice:payment_declined  case:retrying@d2
        day 1  23:00  declined customer  =>  manual_attempt  case:retrying@d5
        day 5         due                =>  scheduled  request:1@card-A  case:in_flight
        day 5  10:00  due                =>  outcome_missing  notice:outcome_missing
        day 5  10:00  succeeded 1        =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy=GAPS,
    )


def test_exhausted_when_the_last_possible_rung_is_used_and_a_binding_still_restarts() -> None:
    assert_story(
        """
        day  0         issued on=card-A    =>  issued
        day  0         declined 0          =>  declined  notice:payment_declined  case:retrying@d3
        day  3         due                 =>  scheduled  request:1@card-A  case:in_flight
        day  3         declined 1          =>  declined  notice:payment_declined  case:exhausted
        day  9         bound card-B        =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day  9  10:00  declined 2          =>  declined  notice:payment_declined  case:exhausted
        day 12         succeeded customer  =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy={"ladder": {"steps": [3]}},
    )


def test_after_a_restart_the_failed_immediate_attempt_is_the_first_of_a_ladder_of_gaps() -> None:
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d2
        day 2         due               =>  scheduled  request:1@card-A  case:in_flight
        day 2         declined 1        =>  declined  notice:payment_declined  case:retrying@d5
        day 3         bound card-B      =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day 3  10:00  declined 2        =>  declined  notice:payment_declined  case:retrying@d5T10:00
        day 5  10:00  due               =>  scheduled  request:3@card-B  case:in_flight
        day 5  10:00  declined 3        =>  declined  notice:payment_declined  case:retrying@d8T10:00
        day 8  10:00  due               =>  scheduled  request:4@card-B  case:in_flight
        day 8  10:00  succeeded 4       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy=GAPS,
    )


def test_after_a_restart_a_first_decline_ladder_begins_anew_with_the_next_decline() -> None:
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d1
        day 1         due               =>  scheduled  request:1@card-A  case:in_flight
        day 1         declined 1        =>  declined  notice:payment_declined  case:retrying@d4
        day 3         bound card-B      =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day 3  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 3  12:00  declined 2        =>  declined  notice:payment_declined  case:retrying@d4T12:00
        day 4  12:00  due               =>  scheduled  request:3@card-B  case:in_flight
        day 4  12:00  declined 3        =>  declined  notice:payment_declined  case:retrying@d7T12:00
        day 7  12:00  due               =>  scheduled  request:4@card-B  case:in_flight
        day 7  12:30  succeeded 4       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy=DECLINE_LADDER,
    )


def test_after_a_restart_an_invoice_date_ladder_goes_on() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3         declined 1        =>  declined  notice:payment_declined  case:retrying@d7
        day 5         bound card-B      =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day 5  10:00  declined 2        =>  declined  notice:payment_declined  case:retrying@d7
        day 7         due               =>  scheduled  request:3@card-B  case:in_flight
        day 7  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 7  10:00  succeeded 3       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_an_immediate_attempt_has_its_events_time_as_due_at_not_its_arrival() -> None:
    assert_story("""
        day 0         issued on=card-A            =>  issued
        day 0         declined 0                  =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                         =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due                         =>  outcome_missing  notice:outcome_missing
        day 5         bound card-B time=d4T11:00  =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
    """)


def test_attempts_are_numbered_over_our_own_requests_only() -> None:
    assert_story("""
        day  0  issued on=card-A   =>  issued
        day  0  declined 0         =>  declined  notice:payment_declined  case:retrying@d3
        day  1  declined customer  =>  manual_attempt
        day  2  declined psp       =>  declined  notice:payment_declined  case:retrying@d7
        day  7  due                =>  scheduled  request:1@card-A  case:in_flight
        day  7  declined 1         =>  declined  notice:payment_declined  case:retrying@d12
        day 12  due                =>  scheduled  request:2@card-A  case:in_flight
        day 12  succeeded 2        =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_not_after_is_the_windows_end() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3  due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_moved_rung_outlives_a_charge_that_was_pending_meanwhile() -> None:
    assert_story("""
        day  0  declined 0 advice=30                  =>  declined  notice:payment_declined  case:retrying@d10
        day  4  pending customer charge=x on=card-B   =>  pending  case:pending
        day  5  declined customer charge=x on=card-B  =>  manual_attempt  case:retrying@d10
        day 10  due                                   =>  scheduled  request:1@card-A  case:in_flight
    """)


def test_a_moved_rung_that_comes_due_while_a_charge_is_pending_is_dropped() -> None:
    assert_story("""
        day  0  declined 0 advice=30                  =>  declined  notice:payment_declined  case:retrying@d10
        day  4  pending customer charge=x on=card-B   =>  pending  case:pending
        day 11  declined customer charge=x on=card-B  =>  manual_attempt  case:retrying@d12
    """)


def test_an_order_that_goes_with_a_moved_rung_takes_no_further_gap() -> None:
    assert_story(
        """
        day  0  declined 0 advice=30  =>  declined  notice:payment_declined  case:retrying@d10
        day  4  retry_now             =>  retry_now
        day 10  due                   =>  command  request:1@card-A  case:in_flight
        day 10  declined 1            =>  declined  notice:payment_declined  case:retrying@d13
    """,
        policy=GAPS,
    )


def test_a_failed_attempt_takes_the_gap_of_a_rung_that_still_waits_for_a_network() -> None:
    assert_story(
        """
        day 0  declined 0 advice=30  =>  declined  notice:payment_declined  case:retrying@d10
        day 4  declined 0 on=card-B  =>  declined  notice:payment_declined  case:retrying@d7
    """,
        policy=GAPS,
    )


def test_no_gap_runs_while_the_attempt_before_it_is_pending() -> None:
    assert_story(
        """
        day 0  declined 0           =>  declined  notice:payment_declined  case:retrying@d2
        day 2  due                  =>  scheduled  request:1@card-A  case:in_flight
        day 2  pending 1 charge=x   =>  pending  case:pending
        day 9  declined 1 charge=x  =>  declined  notice:payment_declined  case:retrying@d12
    """,
        policy=GAPS,
    )


def test_behind_a_moved_rung_that_is_dropped_the_next_gap_counts_from_its_planned_instant() -> None:
    assert_story(
        """
        day  0         declined 0 advice=30  =>  declined  notice:payment_declined  case:retrying@d10
        day  9  22:00  declined customer     =>  manual_attempt  case:retrying@d11
        day 11         due                   =>  scheduled  request:1@card-A  case:in_flight
    """,
        policy={"ladder": {"anchor": "previous_attempt", "steps": [7, 4, 3]}},
    )


def test_an_order_that_waits_for_a_network_takes_the_one_gap_that_falls_due_meanwhile() -> None:
    assert_story(
        """
        day  0         declined 0 advice=30  =>  declined  notice:payment_declined  case:retrying@d10
        day  0  11:00  retry_now             =>  retry_now
        day 10         due                   =>  command  request:1@card-A  case:in_flight
        day 10         declined 1            =>  declined  notice:payment_declined  case:retrying@d13
        """,
        policy=GAPS,
    )


def test_a_technical_attempt_that_waits_for_a_network_leaves_every_gap() -> None:
    assert_story(
        """
        day  0         declined 0 advice=30 invoice=in-2        =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d10
        day  0  09:30  declined 0 technical                     =>  declined  notice:payment_declined  case:retrying@d10
        day 10         settled voided invoice=in-2              =>  voided  voided  technical  request:1@card-A  in-2.case:closed/voided  case:in_flight
        day 10         declined 1                               =>  declined  notice:payment_declined  case:retrying@d12
        """,
        policy=GAPS,
    )


def test_a_technical_attempt_moves_the_start_of_the_gaps_and_takes_none() -> None:
    assert_story(
        """
        day 0         declined 0 technical  =>  declined  notice:payment_declined  case:retrying@d0T15:00
        day 0  15:00  due                   =>  technical  request:1@card-A  case:in_flight
        day 0  15:00  declined 1            =>  declined  notice:payment_declined  case:retrying@d0T17:00
        day 0  17:00  due                   =>  scheduled  request:2@card-A  case:in_flight
        """,
        policy={
            "ladder": {"anchor": "previous_attempt", "steps": ["PT2H", "PT3H"]},
            "technical": ["PT6H"],
            "min_gap": 0,
        },
    )


def test_an_attempt_before_the_case_counts_for_min_gap_though_nothing_was_bound_yet() -> None:
    assert_story("""
        day 3  08:30  declined customer                 =>  no_case
        day 3         declined 0 time=d0 tried=d0       =>  declined  notice:payment_declined  case:retrying@d7
    """)


def test_a_technical_attempt_at_the_instant_of_a_gap_takes_no_gap() -> None:
    assert_story(
        """
        day 0         issued on=card-A     =>  issued
        day 0         declined 0 technical =>  declined  notice:payment_declined  case:retrying@d1
        day 1         due                  =>  technical  request:1@card-A  case:in_flight
        day 1  09:00  declined 1           =>  declined  notice:payment_declined  case:retrying@d2
        day 2         due                  =>  scheduled  request:2@card-A  case:in_flight
        day 2  09:00  declined 2           =>  declined  notice:payment_declined  case:retrying@d4
        """,
        policy={"ladder": {"anchor": "previous_attempt", "steps": [1, 2, 3]}, "technical": ["P1D"]},
    )


def test_a_card_that_is_only_seen_goes_on_with_the_ladder_from_the_first_decline() -> None:
    assert_story(
        """
        day 0         issued on=card-A            =>  issued
        day 0         declined 0                  =>  declined  notice:payment_declined  case:retrying@d3
        day 0  16:00  declined 0 on=card-B        =>  declined  notice:payment_declined
        day 3         due                         =>  scheduled  request:1@card-B  case:in_flight
        day 3  09:10  declined 1                  =>  declined  notice:payment_declined  case:retrying@d7
        """,
        policy={"ladder": {"anchor": "first_decline", "steps": [3, 7]}},
    )


def test_an_attempt_that_is_ordered_at_the_instant_of_a_gap_takes_that_one_gap() -> None:
    assert_story(
        """
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d2
        day 2  retry_now         =>  retry_now  command  request:1@card-A  case:in_flight
        day 2  declined 1        =>  declined  notice:payment_declined  case:retrying@d7
        """,
        policy={"ladder": {"anchor": "previous_attempt", "steps": [2, 5, 7]}},
    )


def test_a_pause_that_is_over_before_a_technical_attempt_may_go_leaves_it_alone() -> None:
    assert_story(
        """
        day 0         issued on=card-A                      =>  issued
        day 0         declined customer advice=28           =>  no_case
        day 0         declined 0 technical                  =>  declined  notice:payment_declined  case:retrying@d6
        day 2         pause                                 =>  pause  case:paused
        day 3         resume                                =>  resume  case:retrying@d6
        day 6         due                                   =>  technical  request:1@card-A(due_at=d0T10:00)  case:in_flight
        """,
        policy={"technical": ["PT1H"], "ladder": {"steps": [1, 20]}},
    )
