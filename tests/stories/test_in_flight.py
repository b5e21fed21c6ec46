# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""One request in flight, and charges whose outcome is not known (contract section 3, points 3 and 8; section 6, Quarantine)."""

from tests.stories.player import assert_story

GAPS = {"ladder": {"anchor": "previous_attempt", "steps": [2, 3, 5]}}


def test_a_biller_that_never_reports_success_is_never_asked_twice() -> None:
    assert_story("""
        day  0         issued on=card-A     =>  issued
        day  0         declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day  3         due                  =>  scheduled  request:1@card-A  case:in_flight
        day  3  10:00  due                  =>  outcome_missing  notice:outcome_missing
        day 25         due                  =>  notice:window_closing
        day 28         due                  =>  window_closed  notice:window_closed  case:closed/window_closed
        day 40         issued invoice=in-2  =>  issued
    """)


def test_the_answer_of_an_overdue_request_lets_the_ladder_go_on() -> None:
    assert_story("""
        day  0         issued on=card-A  =>  issued
        day  0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day  3         due               =>  scheduled  request:1@card-A  case:in_flight
        day  3  10:00  due               =>  outcome_missing  notice:outcome_missing
        day  8         declined 1        =>  declined  notice:payment_declined  case:retrying@d12
        day 12         due               =>  scheduled  request:2@card-A  case:in_flight
        day 12         succeeded 2       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_rung_that_falls_due_while_a_request_is_unanswered_is_dropped() -> None:
    assert_story("""
        day  0         issued on=card-A  =>  issued
        day  0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day  3         due               =>  scheduled  request:1@card-A  case:in_flight
        day  3  10:00  due               =>  outcome_missing  notice:outcome_missing
        day  7  08:00  declined 1        =>  declined  notice:payment_declined  case:retrying@d12
        day 12         due               =>  scheduled  request:2@card-A  case:in_flight
        day 12  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 12  10:00  succeeded 2       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_pending_charge_holds_the_case_until_its_decline_comes() -> None:
    assert_story("""
        day  0  issued on=card-A        =>  issued
        day  0  declined 0              =>  declined  notice:payment_declined  case:retrying@d3
        day  3  due                     =>  scheduled  request:1@card-A  case:in_flight
        day  3  pending 1 charge=ch-x   =>  pending  case:pending
        day  8  declined 1 charge=ch-x  =>  declined  notice:payment_declined  case:retrying@d12
        day 12  due                     =>  scheduled  request:2@card-A  case:in_flight
        day 12  succeeded 2             =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_pending_charge_is_resolved_by_its_request_id_too() -> None:
    assert_story("""
        day 0  issued on=card-A         =>  issued
        day 0  declined 0               =>  declined  notice:payment_declined  case:retrying@d3
        day 3  due                      =>  scheduled  request:1@card-A  case:in_flight
        day 3  pending 1 charge=ch-x    =>  pending  case:pending
        day 4  succeeded 1 charge=ch-y  =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_pending_charge_of_the_biller_itself_holds_the_case() -> None:
    assert_story("""
        day  0  issued on=card-A                    =>  issued
        day  0  declined 0                          =>  declined  notice:payment_declined  case:retrying@d3
        day  2  pending 0 charge=ch-x               =>  pending  case:pending
        day  4  succeeded 0 charge=ch-z amount=100  =>  part_paid  case:pending
        day  8  declined 0 charge=ch-x              =>  declined  notice:payment_declined  case:retrying@d12
        day 12  due                                 =>  scheduled  request:1@card-A  case:in_flight
        day 12  succeeded 1                         =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_no_outcome_is_missing_of_a_charge_reported_pending() -> None:
    assert_story("""
        day 0         issued on=card-A     =>  issued
        day 0         declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                  =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:30  pending 1            =>  pending  case:pending
        day 6         issued invoice=in-2  =>  issued
    """)


def test_a_restart_waits_for_a_pending_charge() -> None:
    assert_story("""
        day 0         issued on=card-A        =>  issued
        day 0         declined 0              =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                     =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:30  pending 1 charge=ch-x   =>  pending  case:pending
        day 5         bound card-B            =>  instrument_changed
        day 6         declined 1 charge=ch-x  =>  declined_elsewhere  instrument_bound  notice:payment_declined  request:2@card-B  case:in_flight
        day 6  10:00  succeeded 2             =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_charge_pending_before_its_case_opens_holds_it_from_the_beginning() -> None:
    assert_story("""
        day 0  issued on=card-A        =>  issued
        day 0  pending 0 charge=ch-x   =>  pending
        day 5  declined 0 charge=ch-x  =>  declined  notice:payment_declined  case:retrying@d7
        day 7  due                     =>  scheduled  request:1@card-A  case:in_flight
        day 7  succeeded 1             =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_pending_told_after_its_outcome_changes_nothing() -> None:
    assert_story("""
        day 0  issued on=card-A        =>  issued
        day 0  declined 0 charge=ch-x  =>  declined  notice:payment_declined  case:retrying@d3
        day 1  pending 0 charge=ch-x time=d0T08:59  =>  charge_known
        day 3  due                     =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1             =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_reconcile_decline_is_held_back_and_told_to_the_operator_only() -> None:
    assert_story("""
        day  0  issued on=card-A                    =>  issued
        day  0  declined 0                          =>  declined  notice:payment_declined  case:retrying@d3
        day  3  due                                 =>  scheduled  request:1@card-A  case:in_flight
        day  3  declined 1 reconcile charge=ch-x    =>  reconcile  notice:reconcile(audience=operator)  case:pending
        day  8  declined 1 retry_later charge=ch-x  =>  declined  notice:payment_declined(attempt=1)  case:retrying@d12
        day 12  due                                 =>  scheduled  request:2@card-A  case:in_flight
        day 12  succeeded 2                         =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_first_decline_that_is_reconcile_opens_a_case_under_quarantine() -> None:
    assert_story("""
        day 0  issued on=card-A                  =>  issued
        day 0  declined 0 reconcile charge=ch-x  =>  reconcile  notice:reconcile  case:pending
        day 4  succeeded 0 charge=ch-x           =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_retry_decline_without_request_id_answers_the_request_in_flight() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:05  declined retry    =>  declined  notice:payment_declined  case:retrying@d7
        day 7         due               =>  scheduled  request:2@card-A  case:in_flight
        day 7         succeeded 2       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_second_decline_of_one_charge_changes_nothing() -> None:
    assert_story("""
        day 0  issued on=card-A                            =>  issued
        day 0  declined 0 charge=ch-x                      =>  declined  notice:payment_declined  case:retrying@d3
        day 1  declined 0 never charge=ch-x                =>  charge_known
        day 3  due                                         =>  scheduled  request:1@card-A  case:in_flight
        day 3  declined 1 charge=ch-1                      =>  declined  notice:payment_declined  case:retrying@d7
        day 4  declined 1 stripe:expired_card charge=ch-1  =>  charge_known
        day 7  due                                         =>  scheduled  request:2@card-A  case:in_flight
        day 7  succeeded 2                                 =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_charge_with_an_outcome_is_not_pending_because_that_is_told_late() -> None:
    assert_story("""
        day 0         issued on=card-A                               =>  issued
        day 0         declined 0                                     =>  declined  notice:payment_declined  case:retrying@d3
        day 1         declined customer on=card-B charge=ch-b        =>  manual_attempt
        day 1  09:01  pending customer on=card-B charge=ch-b tried=d1  =>  charge_known
        day 3         due                                            =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due                                            =>  outcome_missing  notice:outcome_missing
        day 4         bound card-C                                   =>  instrument_changed  instrument_bound  request:2@card-C  case:in_flight
        day 4  09:10  declined 2                                     =>  declined  notice:payment_declined  case:retrying@d7
        day 5         declined 1 charge=ch-x tried=d4T12:00          =>  declined_elsewhere  notice:payment_declined
        day 5  09:01  pending 1 charge=ch-x tried=d4T11:59           =>  charge_known
        day 5  09:02  pending 1 charge=ch-x tried=d5T08:59           =>  pending  case:pending
    """)


def test_only_a_retry_answers_by_the_id_of_its_charge() -> None:
    for who, reason in (("customer", "manual_attempt"), ("psp", "declined"), ("0", "declined")):
        assert_story(f"""
            day 0         issued on=card-A            =>  issued
            day 0         declined 0                  =>  declined  notice:payment_declined  case:retrying@d3
            day 3         due                         =>  scheduled  request:1@card-A  case:in_flight
            day 3  09:20  declined {who} charge=in-1/1  =>  {reason}{"" if who == "customer" else "  notice:payment_declined"}
            day 3  09:30  declined retry charge=in-1/1  =>  charge_known
        """)


def test_the_same_event_again_changes_nothing() -> None:
    assert_story("""
        day  0         issued on=card-A        =>  issued
        day  0         again                   =>  duplicate
        day  0         declined 0              =>  declined  notice:payment_declined  case:retrying@d3
        day  0         again                   =>  duplicate
        day  2         pause                   =>  pause  case:paused
        day  2         again                   =>  duplicate
        day  3         resume                  =>  resume  scheduled  request:1@card-A  case:in_flight
        day  3         again                   =>  duplicate
        day  3  10:00  due                     =>  outcome_missing  notice:outcome_missing
        day  4         bound card-B            =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day  4         again                   =>  duplicate
        day  4  10:00  due                     =>  outcome_missing  notice:outcome_missing
        day  5         added card-C            =>  added  notice:instrument_added_not_bound
        day  5         again                   =>  duplicate
        day  6         succeeded 1 amount=900  =>  part_paid  case:in_flight
        day  6         again                   =>  duplicate
        day  6         adjusted 700            =>  adjusted  case:in_flight
        day  6         again                   =>  duplicate
        day  8         settled voided          =>  voided  voided  case:closed/voided
        day  8         again                   =>  duplicate
        day  9         reopened correction     =>  reopened  case:in_flight
        day  9         again                   =>  duplicate
        day 10         ended                   =>  subscription_ended  subscription_ended  case:closed/subscription_ended
        day 10         again                   =>  duplicate
    """)


def test_a_success_told_before_the_decline_it_followed_is_final() -> None:
    assert_story("""
        day 0  issued on=card-A     =>  issued
        day 2  succeeded 0 time=d1  =>  paid
        day 3  declined 0 time=d0   =>  case_closed
        day 4  bound card-B         =>  instrument_changed
    """)


def test_a_partial_success_lowers_the_balance_and_the_ladder_goes_on_with_the_rest() -> None:
    assert_story("""
        day 0         issued on=card-A         =>  issued
        day 0         declined 0               =>  declined  notice:payment_declined  case:retrying@d3(balance_minor=4900)
        day 3         due                      =>  scheduled  request:1@card-A  case:in_flight
        day 3         succeeded 1 amount=4000  =>  part_paid  case:retrying@d7(balance_minor=900)
        day 7         due                      =>  scheduled  request:2@card-A(amount_minor=900)  case:in_flight
        day 7  09:01  succeeded 2 amount=900   =>  paid  paid  notice:recovered  case:closed/paid(balance_minor=0)
    """)


def test_more_money_than_owed_closes_at_zero_never_below() -> None:
    assert_story("""
        day 0  issued on=card-A                =>  issued
        day 0  declined 0                      =>  declined  notice:payment_declined  case:retrying@d3
        day 2  succeeded customer amount=9000  =>  paid  paid  notice:recovered  case:closed/paid(balance_minor=0)
    """)


def test_an_overdue_request_still_holds_every_rung_until_the_window_closes() -> None:
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d2
        day 2         due               =>  scheduled  request:1@card-A  case:in_flight
        day 2  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 8         due               =>  window_closed  notice:window_closed  case:closed/window_closed
        day 9         succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """,
        policy={**GAPS, "window": {"length": 8}, "closing_notice": None},
    )


def test_a_success_after_the_window_closed_still_turns_it_into_paid() -> None:
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 5         due               =>  window_closed  notice:window_closed  case:closed/window_closed
        day 6         succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
        day 7         settled voided    =>  already_settled
    """,
        policy={"window": {"length": 5}, "closing_notice": None},
    )


def test_a_charge_in_doubt_is_told_with_the_rule_of_its_code_and_gives_the_class() -> None:
    assert_story("""
        day 0  issued on=card-A                              =>  issued
        day 0  declined 0 iso8583:94 charge=ch-x             =>  reconcile  notice:reconcile(audience=operator,decline_class=reconcile,why=iso.94)  case:pending(why=iso.94)
        day 1  succeeded customer charge=ch-x amount=1000    =>  part_paid  case:retrying@d3
        day 3  due                                           =>  scheduled  request:1@card-A(decline_class=reconcile)  case:in_flight
    """)


def test_only_its_own_charge_ends_the_doubt_about_a_request_that_was_reported_pending() -> None:
    assert_story("""
        day 0         issued on=card-A          =>  issued
        day 0         declined 0                =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                       =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:05  pending 1 charge=p-1      =>  pending  case:pending
        day 3  12:00  declined retry charge=x   =>  declined  notice:payment_declined
        day 3  13:00  declined retry charge=p-1 =>  declined  notice:payment_declined(attempt=1)  case:retrying@d7
    """)


def test_an_outcome_without_a_request_id_finds_the_superseded_request_by_its_charge_or_its_card() -> None:
    assert_story("""
        day 0         issued on=card-A                         =>  issued
        day 0         declined 0                               =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                                      =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  bound card-B                             =>  instrument_changed
        day 3  10:00  due                                      =>  outcome_missing  instrument_bound  notice:outcome_missing  request:2@card-B  case:in_flight
        day 3  10:10  succeeded retry on=card-A charge=x amount=900  =>  part_paid  case:in_flight
        day 3  10:20  declined retry on=card-A charge=in-1/1   =>  declined_elsewhere  notice:payment_declined(attempt=1)
    """)


def test_a_pending_charge_that_is_told_after_its_outcome_is_old_news_and_a_newer_one_is_doubt() -> None:
    assert_story("""
        day 0         issued on=card-A                          =>  issued
        day 0         declined 0                                =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                                       =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  declined 1 charge=x tried=d3T09:01        =>  declined  notice:payment_declined  case:retrying@d7
        day 3  09:20  pending 1 charge=psp-7 tried=d3T09:01     =>  answered_before
        day 3  09:30  pending 1 charge=psp-8 tried=d3T09:25     =>  pending  case:pending
    """)


def test_a_wait_that_comes_with_a_suspected_duplicate_is_kept() -> None:
    assert_story("""
        day 0         issued on=card-A                                =>  issued
        day 0         issued on=card-A invoice=in-2 sub=sub-2         =>  issued
        day 0         declined 0 invoice=in-2 sub=sub-2               =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 2         declined 0 mastercard:94 advice=27 charge=ch-x  =>  reconcile  notice:reconcile  case:pending  in-2.case:retrying@d6
    """)


def test_a_second_decline_of_a_request_is_one_more_failed_attempt() -> None:
    assert_story("""
        day 0         issued on=card-A           =>  issued
        day 0         declined 0                 =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                        =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  declined 1                 =>  declined  notice:payment_declined  case:retrying@d7
        day 6  22:00  declined 1                 =>  declined  notice:payment_declined  case:retrying@d12
        day 6  23:00  declined 1 needs_customer  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
    """)


def test_the_class_of_a_suspected_duplicate_gives_way_to_its_outcome_also_on_another_card() -> None:
    assert_story("""
        day 0         issued on=card-A           =>  issued
        day 0         declined 0                 =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                        =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  declined 1 reconcile       =>  reconcile  notice:reconcile  case:pending
        day 4         bound card-B               =>  instrument_changed
        day 5         declined 1                 =>  declined_elsewhere  instrument_bound  notice:payment_declined  request:2@card-B(decline_class=retry_later)  case:in_flight
    """)


def test_a_suspected_duplicate_that_names_no_request_is_resolved_by_its_own_charge_only() -> None:
    assert_story("""
        day 0         issued on=card-A                    =>  issued
        day 0         declined 0                          =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                                 =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:05  declined retry reconcile charge=p   =>  reconcile  notice:reconcile  case:pending
        day 3  09:10  declined 1                          =>  declined  notice:payment_declined(attempt=1)
        day 4         declined retry charge=p             =>  declined  notice:payment_declined  case:retrying@d7
    """)


def test_a_doubt_that_is_told_again_without_its_request_is_still_ended_by_it() -> None:
    assert_story("""
        day 0         issued on=card-A                       =>  issued
        day 0         declined 0                             =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                                    =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:05  pending 1 charge=p                     =>  pending  case:pending
        day 3  09:10  pending retry charge=p                 =>  pending
        day 3  09:15  declined 1 charge=q                    =>  declined  notice:payment_declined(attempt=1)  case:retrying@d7
    """)


def test_a_suspected_duplicate_on_another_card_that_opens_the_case_starts_its_ladder_when_it_is_resolved() -> (
    None
):
    assert_story(
        """
        day 0  bound card-B                            =>  instrument_changed
        day 0  issued                                  =>  issued
        day 0  declined 0 reconcile charge=x on=card-A =>  reconcile  notice:reconcile  case:pending
        day 1  declined 0 charge=x on=card-A           =>  declined_elsewhere  notice:payment_declined  case:retrying@d4
        """,
        policy={"ladder": {"anchor": "first_decline", "steps": [3, 7]}},
    )


def test_a_pending_charge_that_named_no_request_takes_it_out_of_flight_when_its_outcome_names_it() -> None:
    assert_story("""
        day 0         issued on=card-A            =>  issued
        day 0         declined 0                  =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                         =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:05  pending 0 charge=p          =>  pending  case:pending
        day 3  09:10  declined 1 charge=p         =>  declined  notice:payment_declined(attempt=1)  case:retrying@d7
    """)


def test_a_second_charge_in_doubt_of_one_request_is_told_and_both_are_waited_for() -> None:
    assert_story("""
        day 0         issued on=card-A                 =>  issued
        day 0         declined 0                       =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                              =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:05  declined 1 reconcile charge=p    =>  reconcile  notice:reconcile  case:pending
        day 3  09:06  declined 1 reconcile charge=q    =>  reconcile  notice:reconcile
        day 3  09:10  declined retry charge=q          =>  declined  notice:payment_declined(attempt=1)
        day 3  09:15  declined retry charge=p          =>  declined  notice:payment_declined(attempt=1)  case:retrying@d7
    """)


def test_an_older_verdict_that_is_told_during_a_doubt_does_not_decide() -> None:
    assert_story("""
        day 0         issued on=card-A                        =>  issued
        day 0         declined 0                              =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                                     =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:05  declined 1 reconcile charge=p           =>  reconcile  notice:reconcile  case:pending
        day 3  09:06  declined 0 needs_customer tried=d2      =>  declined  notice:payment_declined
        day 3  09:10  declined 1 charge=p                     =>  declined  notice:payment_declined  case:retrying@d7
    """)


def test_only_the_doubt_that_opened_the_case_is_its_first_decline_when_it_is_resolved() -> None:
    assert_story(
        """
        day 0         bound card-B                           =>  instrument_changed
        day 0         issued                                 =>  issued
        day 0         declined 0 on=card-A                   =>  declined_elsewhere  notice:payment_declined  case:retrying@d2
        day 2         due                                    =>  scheduled  request:1@card-B  case:in_flight
        day 2  09:05  declined 1 reconcile charge=x          =>  reconcile  notice:reconcile  case:pending
        day 2  10:00  bound card-C                           =>  instrument_changed
        day 4         declined 1 charge=x on=card-B          =>  declined_elsewhere  instrument_bound  notice:payment_declined  request:2@card-C  case:in_flight
        day 4  09:10  declined 2                             =>  declined  notice:payment_declined  case:retrying@d6T09:10
        """,
        policy={"ladder": {"anchor": "first_decline", "steps": [2, 9]}},
    )


def test_a_charge_that_has_an_outcome_and_is_pending_at_a_later_moment_is_doubt() -> None:
    assert_story("""
        day 0         issued on=card-A            =>  issued
        day 0         declined 0 charge=x         =>  declined  notice:payment_declined  case:retrying@d3
        day 1         pending 0 charge=x          =>  pending  case:pending
        day 2         declined 0 charge=x         =>  declined  notice:payment_declined  case:retrying@d3
        day 2  10:00  pending 0 charge=x tried=d1 =>  charge_known
    """)
