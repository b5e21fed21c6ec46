# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""Binding and restart (contract section 3, point 4; section 6, Binding, Restarts that wait; section 2.1)."""

from tests.stories.player import assert_story


def test_a_new_card_is_charged_at_once_and_only_once() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3  due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  declined 1        =>  declined  notice:payment_declined  case:retrying@d7
        day 5  bound card-B      =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day 5  bound card-B      =>  same_binding
        day 5  succeeded 2       =>  paid  paid  notice:recovered  case:closed/paid
        day 6  declined 1        =>  case_closed
    """)


def test_a_card_that_is_only_added_binds_nothing_and_is_told_once() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1  added card-B      =>  added  notice:instrument_added_not_bound(instrument_id=card-A,new_instrument_id=card-B)
        day 2  added card-B      =>  added
        day 2  added card-A      =>  added
        day 2  added card-C      =>  added  notice:instrument_added_not_bound
        day 3  due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
        day 4  added card-D      =>  added
    """)


def test_a_restart_waits_for_the_answer_and_a_success_makes_it_needless() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:20  bound card-B      =>  instrument_changed
        day 3  09:40  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_restart_waits_for_the_answer_and_goes_when_it_is_a_decline() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:20  bound card-B      =>  instrument_changed
        day 3  09:40  declined 1        =>  declined_elsewhere  instrument_bound  notice:payment_declined  request:2@card-B(supersedes=None,due_at=d3T09:20)  case:in_flight
        day 3  09:50  succeeded 2       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_restart_takes_the_place_of_an_overdue_request_and_a_late_decline_of_it_moves_nothing() -> None:
    assert_story("""
        day 0         issued on=card-A                =>  issued
        day 0         declined 0                      =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                             =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:20  bound card-B                    =>  instrument_changed
        day 3  10:00  due                             =>  outcome_missing  instrument_bound  notice:outcome_missing  request:2@card-B(supersedes=in-1/1)  case:in_flight
        day 3  10:30  declined 1 stripe:expired_card  =>  declined_elsewhere  notice:payment_declined
        day 3  10:40  declined 2                      =>  declined  notice:payment_declined  case:retrying@d7
        day 7         due                             =>  scheduled  request:3@card-B  case:in_flight
        day 7         succeeded 3                     =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_the_superseded_request_that_was_paid_after_all_closes_the_case() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 5         bound card-B      =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day 5  09:10  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_restart_while_a_request_is_overdue_goes_at_once() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 3  11:00  bound card-B      =>  instrument_changed  instrument_bound  request:2@card-B(supersedes=in-1/1,due_at=d3T11:00)  case:in_flight
    """)


def test_an_edit_in_place_restarts_whatever_the_old_decline_was() -> None:
    assert_story("""
        day 0         issued on=card-A                =>  issued
        day 0         declined 0 stripe:expired_card  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 4         edited card-A expires=2031-05   =>  details_updated  details_updated  request:1@card-A(reason=details_updated)  case:in_flight
        day 4  10:00  declined 1                      =>  declined  notice:payment_declined  case:retrying@d7
        day 7         due                             =>  scheduled  request:2@card-A  case:in_flight
        day 7         succeeded 2                     =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_an_edit_of_another_card_restarts_nothing() -> None:
    assert_story("""
        day 0  issued on=card-A                =>  issued
        day 0  declined 0 stripe:expired_card  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 4  edited card-B expires=2031-05   =>  details_updated
    """)


def test_never_survives_an_edit_and_only_another_card_helps() -> None:
    assert_story("""
        day  0         issued on=card-A               =>  issued
        day  0         declined 0 stripe:stolen_card  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day  4         edited card-A expires=2031-05  =>  details_updated
        day  9         bound card-B                   =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day  9  10:00  declined 1                     =>  declined  notice:payment_declined  case:retrying@d12
        day 12         due                            =>  scheduled  request:2@card-B  case:in_flight
        day 12         succeeded 2                    =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_binding_after_a_needs_customer_decline_restarts() -> None:
    assert_story("""
        day 0         issued on=card-A                           =>  issued
        day 0         declined 0 stripe:authentication_required  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 9         bound card-B                               =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 9  10:00  succeeded 1                                =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_each_open_case_gets_exactly_one_attempt_on_the_new_card() -> None:
    assert_story("""
        day 0         issued on=card-A                         =>  issued
        day 0         issued invoice=in-2 on=card-A            =>  issued
        day 0         issued invoice=in-3 sub=sub-2 on=card-A  =>  issued
        day 0         declined 0                               =>  declined  notice:payment_declined  case:retrying@d3
        day 0         declined 0 invoice=in-2                  =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 0         declined 0 invoice=in-3 sub=sub-2        =>  declined  in-3.notice:payment_declined  in-3.case:retrying@d3
        day 2         bound card-B                             =>  instrument_changed  instrument_bound  instrument_bound  request:1@card-B  in-2.request:1@card-B  case:in_flight  in-2.case:in_flight
        day 2  10:00  declined 1 & declined 1 invoice=in-2     =>  declined  declined  notice:payment_declined  in-2.notice:payment_declined  case:retrying@d3  in-2.case:retrying@d3
        day 2  11:00  bound card-B sub=sub-1,sub-2             =>  instrument_changed  instrument_bound  in-3.request:1@card-B  in-3.case:in_flight
    """)


def test_replacing_takes_every_subscription_charged_on_the_old_card_and_no_other() -> None:
    assert_story("""
        day 0  issued on=card-A                             =>  issued
        day 0  issued invoice=in-2 sub=sub-2 on=card-A      =>  issued
        day 0  issued invoice=in-3 sub=sub-3 on=card-C      =>  issued
        day 0  declined 0                                   =>  declined  notice:payment_declined  case:retrying@d3
        day 0  declined 0 invoice=in-2 sub=sub-2            =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 0  declined 0 invoice=in-3 sub=sub-3 on=card-C  =>  declined  in-3.notice:payment_declined  in-3.case:retrying@d3
        day 1  bound card-B replaces=card-A                 =>  instrument_changed  instrument_bound  instrument_bound  request:1@card-B  in-2.request:1@card-B  case:in_flight  in-2.case:in_flight
    """)


def test_who_follows_the_default_goes_on_following_when_it_is_replaced() -> None:
    assert_story("""
        day 0         issued                        =>  issued
        day 0         bound card-A default          =>  same_binding
        day 0         declined 0                    =>  declined  notice:payment_declined  case:retrying@d3
        day 1         bound card-B replaces=card-A  =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 1  10:00  declined 1                    =>  declined  notice:payment_declined  case:retrying@d3
        day 2         bound card-C default          =>  instrument_changed  instrument_bound  request:2@card-C  case:in_flight
    """)


def test_a_restart_that_waits_goes_to_the_card_that_was_seen_meanwhile() -> None:
    assert_story("""
        day 0         bound card-A default        =>  same_binding
        day 0         issued                      =>  issued
        day 0         declined 0 on=card-A        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                         =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  bound card-B default        =>  instrument_changed
        day 3  09:20  declined 0 on=card-C        =>  declined  notice:payment_declined
        day 3  09:30  declined 1                  =>  declined_elsewhere  instrument_bound  notice:payment_declined  request:2@card-C  case:in_flight
    """)


def test_a_restart_that_waits_is_needless_when_the_card_that_is_asked_for_is_seen_again() -> None:
    assert_story("""
        day 0         bound card-A default           =>  same_binding
        day 0         issued                         =>  issued
        day 0         declined 0 on=card-A           =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                            =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  bound card-B default           =>  instrument_changed
        day 3  09:20  issued invoice=in-2 on=card-A  =>  issued
        day 3  10:00  due                            =>  outcome_missing  notice:outcome_missing
    """)


def test_a_card_that_counts_as_bound_because_it_was_seen_goes_on_counting_when_seen_again() -> None:
    assert_story("""
        day 0         bound card-A default           =>  same_binding
        day 0         issued on=card-B               =>  issued
        day 0         declined 0 on=card-B           =>  declined  notice:payment_declined  case:retrying@d3
        day 1         removed card-A                 =>  same_binding
        day 1  10:00  issued invoice=in-2 on=card-B  =>  issued
        day 1  11:00  bound card-C default           =>  same_binding
        day 3         due                            =>  scheduled  request:1@card-B  case:in_flight
        day 3  09:10  succeeded 1                    =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_the_second_success_of_an_answered_request_leaves_a_restart_that_waits() -> None:
    assert_story("""
        day 0         issued on=card-A        =>  issued
        day 0         declined 0              =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                     =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  declined 1              =>  declined  notice:payment_declined  case:retrying@d7
        day 4         pause                   =>  pause  case:paused
        day 4  09:10  bound card-B            =>  instrument_changed
        day 4  09:20  succeeded 1 amount=900  =>  part_paid  case:paused(balance_minor=4000)
        day 5         resume                  =>  resume  resumed  request:2@card-B  case:in_flight
    """)


def test_a_revocation_that_is_told_late_does_not_hide_a_newer_one() -> None:
    assert_story("""
        day 0         issued on=card-A                   =>  issued
        day 0         declined 0                         =>  declined  notice:payment_declined  case:retrying@d3
        day 2         revoked card-A                     =>  instrument_changed  notice:no_instrument  case:waiting
        day 2  10:00  revoked card-A time=d1               =>  same_binding
        day 2  11:00  declined 0 on=card-A tried=d1T10:00  =>  declined_elsewhere  notice:payment_declined
    """)


def test_the_account_default_moves_only_subscriptions_without_a_binding_of_their_own() -> None:
    assert_story("""
        day 0  bound card-A                             =>  instrument_changed
        day 0  issued                                   =>  issued
        day 0  issued invoice=in-2 sub=sub-2 on=card-A  =>  issued
        day 0  declined 0                               =>  declined  notice:payment_declined  case:retrying@d3
        day 0  declined 0 invoice=in-2 sub=sub-2        =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 1  bound card-B default                     =>  instrument_changed  instrument_bound  in-2.request:1@card-B  in-2.case:in_flight
    """)


def test_unbinding_goes_back_to_the_account_default() -> None:
    assert_story("""
        day 0  bound card-D default  =>  same_binding
        day 0  bound card-A          =>  instrument_changed
        day 0  issued                =>  issued
        day 0  declined 0            =>  declined  notice:payment_declined  case:retrying@d3
        day 1  unbound card-A        =>  instrument_changed  instrument_bound  request:1@card-D  case:in_flight
    """)


def test_without_any_instrument_a_case_waits_and_says_so_and_a_binding_restarts_it() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1         removed card-A    =>  instrument_changed  notice:no_instrument  case:waiting
        day 1  10:00  removed card-A    =>  same_binding
        day 8         bound card-B      =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 8  10:00  due               =>  outcome_missing  notice:outcome_missing
        day 9         revoked card-B    =>  instrument_changed  notice:no_instrument
    """)


def test_no_instrument_is_told_once_for_each_cause_and_open_case() -> None:
    assert_story("""
        day 0         issued on=card-A                             =>  issued
        day 0         issued invoice=in-2 on=card-A                =>  issued
        day 0         declined 0                                   =>  declined  notice:payment_declined  case:retrying@d3
        day 0         declined 0 invoice=in-2                      =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 1         removed card-A                               =>  instrument_changed  notice:no_instrument  in-2.notice:no_instrument  case:waiting  in-2.case:waiting
        day 1         again                                        =>  duplicate
        day 1  10:00  revoked card-A                               =>  same_binding
        day 1  11:00  unbound card-A                               =>  same_binding
        day 2         pause                                        =>  pause  case:paused  in-2.case:paused
        day 2  10:00  resume                                       =>  resume  case:waiting  in-2.case:waiting
        day 5         bound card-B                                 =>  instrument_changed  instrument_bound  instrument_bound  request:1@card-B  in-2.request:1@card-B  case:in_flight  in-2.case:in_flight
        day 5  09:10  declined 1 & succeeded 1 invoice=in-2        =>  declined  paid  paid  notice:payment_declined  in-2.notice:recovered  case:retrying@d7  in-2.case:closed/paid
        day 6         unbound card-B                               =>  instrument_changed  notice:no_instrument  case:waiting
    """)


def test_what_was_seen_before_a_binding_is_forgotten() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1         bound card-B      =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 1  10:00  declined 1        =>  declined  notice:payment_declined  case:retrying@d3
        day 2         unbound card-B    =>  instrument_changed  notice:no_instrument  case:waiting
    """)


def test_an_account_default_forgets_what_was_seen_before_it() -> None:
    assert_story("""
        day 0         issued on=card-A      =>  issued
        day 0         declined 0            =>  declined  notice:payment_declined  case:retrying@d3
        day 1         bound card-B default  =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 1  10:00  declined 1            =>  declined  notice:payment_declined  case:retrying@d3
        day 2         removed card-B        =>  instrument_changed  notice:no_instrument  case:waiting
    """)


def test_a_card_only_seen_restarts_nothing_but_the_next_attempt_goes_to_it() -> None:
    assert_story("""
        day 0  issued on=card-A                     =>  issued
        day 0  declined 0                           =>  declined  notice:payment_declined  case:retrying@d3
        day 2  issued invoice=in-2 on=card-B at=d2  =>  issued
        day 3  due                                  =>  scheduled  request:1@card-B  case:in_flight
        day 3  succeeded 1                          =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_card_seen_that_differs_from_a_known_default_is_a_binding_of_its_own() -> None:
    assert_story("""
        day 0  bound card-D default  =>  same_binding
        day 0  issued on=card-A      =>  issued
        day 0  declined 0            =>  declined  notice:payment_declined  case:retrying@d3
        day 1  bound card-E default  =>  same_binding
        day 3  due                   =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1           =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_decline_on_a_card_not_charged_any_more_is_told_and_moves_nothing() -> None:
    assert_story("""
        day 0         issued on=card-A                                =>  issued
        day 0         bound card-B                                    =>  instrument_changed
        day 0         declined 0 on=card-B stripe:insufficient_funds  =>  declined  notice:payment_declined  case:retrying@d3
        day 2         declined psp on=card-A                          =>  declined_elsewhere  notice:payment_declined
        day 2  12:00  declined admin on=card-A                        =>  manual_attempt
        day 3         due                                             =>  scheduled  request:1@card-B(decline_class=retry_later)  case:in_flight
        day 3  09:10  succeeded 1                                     =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_late_never_for_the_old_card_holds_for_it_but_not_for_the_new_one() -> None:
    assert_story("""
        day 0         issued on=card-A              =>  issued
        day 0         declined 0                    =>  declined  notice:payment_declined  case:retrying@d3
        day 1         bound card-B                  =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 1  09:10  declined 1                    =>  declined  notice:payment_declined  case:retrying@d3
        day 2         declined psp never on=card-A  =>  declined_elsewhere  notice:payment_declined
        day 2  10:00  bound card-A                  =>  instrument_changed  notice:customer_action_needed  case:waiting
        day 3         bound card-B                  =>  instrument_changed  instrument_bound  request:2@card-B  case:in_flight
        day 3  10:00  succeeded 2                   =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_binding_a_dead_card_requests_nothing_and_asks_the_customer() -> None:
    assert_story("""
        day 0         issued on=card-A               =>  issued
        day 0         declined 0 never               =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 1         bound card-B fingerprint=fp-1  =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 1  09:10  declined 1 never               =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 2         bound card-C fingerprint=fp-1  =>  instrument_changed  notice:customer_action_needed
        day 3         bound card-A                   =>  instrument_changed  notice:customer_action_needed
    """)


def test_two_bindings_before_the_attempt_may_go_are_one_attempt_on_the_newest_card() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  bound card-B      =>  instrument_changed
        day 3  09:20  bound card-C      =>  instrument_changed
        day 3  09:30  declined 1        =>  declined_elsewhere  instrument_bound  notice:payment_declined  request:2@card-C  case:in_flight
    """)


def test_binding_away_and_back_within_one_page_ends_on_the_old_card() -> None:
    assert_story("""
        day 0  issued on=card-A             =>  issued
        day 0  declined 0                   =>  declined  notice:payment_declined  case:retrying@d3
        day 2  bound card-B & bound card-A  =>  instrument_changed  instrument_changed  instrument_bound  request:1@card-A  case:in_flight
    """)


def test_a_restart_that_waits_for_a_pause_goes_when_it_is_lifted_as_one_attempt() -> None:
    assert_story("""
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1         pause             =>  pause  case:paused
        day 2         bound card-B      =>  instrument_changed
        day 4         resume            =>  resume  resumed  request:1@card-B(reason=resumed,due_at=d4)  case:in_flight
        day 4  10:00  succeeded 1       =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_success_in_the_page_of_a_binding_makes_the_attempt_needless() -> None:
    assert_story("""
        day 0  issued on=card-A                   =>  issued
        day 0  declined 0                         =>  declined  notice:payment_declined  case:retrying@d3
        day 2  bound card-B & succeeded customer  =>  instrument_changed  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_binding_is_only_read_when_the_attempt_is_asked_for() -> None:
    assert_story("""
        day 0  issued on=card-A             =>  issued
        day 0  declined 0                   =>  declined  notice:payment_declined  case:retrying@d3
        day 3  bound card-B & bound card-C  =>  instrument_changed  instrument_changed  instrument_bound  request:1@card-C  case:in_flight
    """)


def test_binding_a_card_that_needs_its_data_fixed_gives_one_attempt_and_the_verdict_stays() -> None:
    assert_story("""
        day 0         issued on=card-A                =>  issued
        day 0         declined 0 stripe:expired_card  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 1         bound card-B                    =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 1  09:10  declined 1                      =>  declined  notice:payment_declined  case:retrying@d3
        day 2         bound card-A                    =>  instrument_changed  instrument_bound  request:2@card-A  case:in_flight
        day 2  09:10  declined 2                      =>  declined  notice:payment_declined  case:waiting
        day 4         edited card-A                   =>  details_updated  details_updated  request:3@card-A  case:in_flight
    """)


def test_a_restart_that_ends_up_on_a_dead_card_asks_for_nothing() -> None:
    assert_story("""
        day 0  bound card-B default                               =>  same_binding
        day 0  declined 0                                         =>  declined  notice:payment_declined  case:retrying@d3
        day 0  declined 0 never invoice=in-2 sub=sub-2 on=card-C  =>  declined  in-2.notice:payment_declined  in-2.notice:customer_action_needed  in-2.case:waiting
        day 1  removed card-A & issued invoice=in-3 on=card-C     =>  instrument_changed issued  notice:customer_action_needed  case:waiting
    """)


def test_a_part_payment_that_answers_the_request_makes_the_restart_needless_too() -> None:
    assert_story("""
        day 0         issued on=card-A         =>  issued
        day 0         declined 0               =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                      =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  bound card-B             =>  instrument_changed
        day 3  09:20  succeeded 1 amount=1000  =>  part_paid  case:retrying@d7
        day 7         due                      =>  scheduled  request:2@card-B(amount_minor=3900)  case:in_flight
    """)


def test_the_first_gap_follows_the_attempt_of_a_restart_though_an_older_one_failed_meanwhile() -> None:
    assert_story(
        """
        day 0         declined 0    =>  declined  notice:payment_declined  case:retrying@d2
        day 2         due           =>  scheduled  request:1@card-A  case:in_flight
        day 2  09:10  edited card-A =>  details_updated
        day 2  09:30  declined 1    =>  declined  details_updated  notice:payment_declined  request:2@card-A  case:in_flight
        day 2  09:35  declined 2    =>  declined  notice:payment_declined  case:retrying@d4T09:35
        """,
        policy={"ladder": {"anchor": "previous_attempt", "steps": [2, 5, 7]}},
    )


def test_a_charge_made_before_its_mandate_was_revoked_does_not_bring_it_back() -> None:
    assert_story("""
        day 0         issued on=card-A     =>  issued
        day 0         declined 0           =>  declined  notice:payment_declined  case:retrying@d3
        day 1         revoked card-A       =>  instrument_changed  notice:no_instrument  case:waiting
        day 1  10:00  declined 0 tried=d0T12:00  =>  declined_elsewhere  notice:payment_declined
        day 2         declined 0           =>  declined  notice:payment_declined  case:retrying@d3
    """)


def test_a_late_invoice_does_not_bring_a_removed_card_back() -> None:
    assert_story("""
        day 1  removed card-A                             =>  same_binding
        day 2  issued on=card-A time=d0                   =>  issued
        day 2  declined customer                          =>  no_case
        day 2  declined psp                               =>  declined_elsewhere  notice:payment_declined  notice:no_instrument  case:waiting
    """)


def test_a_restart_that_waits_for_a_network_does_not_outlive_a_newer_verdict_about_the_card() -> None:
    assert_story("""
        day 0         issued on=card-A                     =>  issued
        day 0         declined 0 retry_later advice=26     =>  declined  notice:payment_declined  case:retrying@d3
        day 1         edited card-A                        =>  details_updated  case:retrying@d2
        day 1  10:00  declined customer fix_data           =>  manual_attempt  case:waiting
    """)


def test_a_restart_that_waits_for_a_network_does_not_outlive_a_newer_verdict_of_another_case() -> None:
    assert_story("""
        day 0         issued on=card-A                              =>  issued
        day 0         issued on=card-A invoice=in-2 sub=sub-2       =>  issued
        day 0         declined 0 retry_later advice=26              =>  declined  notice:payment_declined  case:retrying@d3
        day 1         edited card-A                                 =>  details_updated  case:retrying@d2
        day 1  10:00  declined 0 fix_data invoice=in-2 sub=sub-2    =>  declined  notice:customer_action_needed  in-2.notice:payment_declined  in-2.notice:customer_action_needed  in-2.case:waiting  case:waiting
    """)


def test_a_restart_on_a_card_whose_data_are_wrong_does_not_outlive_the_next_verdict() -> None:
    assert_story("""
        day 0         issued on=card-A                     =>  issued
        day 0         declined 0                           =>  declined  notice:payment_declined  case:retrying@d3
        day 0         declined customer fix_data on=card-B advice=26  =>  manual_attempt
        day 1         bound card-B                         =>  instrument_changed  case:retrying@d2
        day 1  10:00  declined customer fix_data on=card-B =>  manual_attempt  case:waiting
    """)


def test_an_edit_outlives_the_answer_that_it_waited_for() -> None:
    assert_story("""
        day 0         issued on=card-A           =>  issued
        day 0         declined 0                 =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                        =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:20  edited card-A              =>  details_updated
        day 3  09:40  declined 1 needs_customer  =>  declined  details_updated  notice:payment_declined  notice:customer_action_needed  request:2@card-A  case:in_flight
        day 3  09:50  declined 2 needs_customer  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
    """)


def test_what_a_pause_dropped_is_not_made_up_for_after_a_newer_verdict() -> None:
    assert_story("""
        day 0         issued on=card-A           =>  issued
        day 0         declined 0                 =>  declined  notice:payment_declined  case:retrying@d3
        day 1         pause                      =>  pause  case:paused
        day 4         pending 0 charge=ch-x      =>  pending
        day 4  10:00  resume                     =>  resume  case:pending
        day 4  11:00  declined 0 needs_customer charge=ch-x  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
    """)


def test_an_instrument_that_was_only_seen_restarts_nothing_when_the_binding_is_lost() -> None:
    assert_story("""
        day 0  bound card-A                 =>  instrument_changed
        day 0  issued on=card-A             =>  issued
        day 0  declined 0                   =>  declined  notice:payment_declined  case:retrying@d3
        day 1  issued on=card-S invoice=in-2  =>  issued
        day 2  unbound card-A               =>  instrument_changed
        day 3  due                          =>  scheduled  request:1@card-S  case:in_flight
        day 3  succeeded 1                  =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_turning_to_a_seen_instrument_that_is_blocked_asks_the_customer() -> None:
    assert_story("""
        day 0  bound card-A                         =>  instrument_changed
        day 0  issued on=card-A                     =>  issued
        day 0  declined 0                           =>  declined  notice:payment_declined  case:retrying@d3
        day 1  issued on=card-S invoice=in-2        =>  issued
        day 1  declined customer never on=card-S    =>  manual_attempt
        day 2  unbound card-A                       =>  instrument_changed  notice:customer_action_needed(instrument_id=card-S)  case:waiting
    """)


def test_the_ladder_goes_on_after_a_restart_that_paid_a_part() -> None:
    assert_story(
        """
        day 0         issued on=card-A        =>  issued
        day 0         declined 0              =>  declined  notice:payment_declined  case:retrying@d3
        day 1         bound card-B            =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 1  09:10  succeeded 1 amount=900  =>  part_paid  case:retrying@d3
        day 3         due                     =>  scheduled  request:2@card-B(amount_minor=4000)  case:in_flight
        day 3  09:10  declined 2              =>  declined  notice:payment_declined  case:retrying@d6T09:10
        """,
        policy={"ladder": {"anchor": "first_decline", "steps": [3, 7]}},
    )


def test_the_ladder_goes_on_after_a_restart_that_a_part_payment_made_needless() -> None:
    assert_story(
        """
        day 0         issued on=card-A        =>  issued
        day 0         declined 0              =>  declined  notice:payment_declined  case:retrying@d2
        day 2         due                     =>  scheduled  request:1@card-A  case:in_flight
        day 2  09:10  bound card-B            =>  instrument_changed
        day 2  09:20  succeeded 1 amount=900  =>  part_paid  case:retrying@d5
        """,
        policy={"ladder": {"anchor": "previous_attempt", "steps": [2, 3, 5]}},
    )


def test_a_dead_card_that_is_bound_leaves_the_ladder_to_the_next_one() -> None:
    assert_story(
        """
        day 0         issued on=card-A                 =>  issued
        day 0         declined 0                       =>  declined  notice:payment_declined  case:retrying@d3
        day 1         declined customer never on=card-B  =>  manual_attempt
        day 1  10:00  bound card-B                     =>  instrument_changed  notice:customer_action_needed  case:waiting
        day 1  11:00  unbound card-B                   =>  instrument_changed  notice:no_instrument
        day 1  12:00  issued on=card-C invoice=in-2    =>  issued  case:retrying@d3
        """,
        policy={"ladder": {"anchor": "first_decline", "steps": [3, 7]}},
    )


def test_of_instruments_seen_beside_an_account_default_the_last_is_charged() -> None:
    assert_story("""
        day 0         bound card-D default                =>  same_binding
        day 0         issued on=card-A                    =>  issued
        day 0         declined 0 on=card-A                =>  declined  notice:payment_declined  case:retrying@d3
        day 1         issued on=card-B invoice=in-2       =>  issued
        day 3         due                                 =>  scheduled  request:1@card-B  case:in_flight
        day 3  09:10  declined 1 on=card-B                =>  declined  notice:payment_declined  case:retrying@d7
        day 4         issued on=card-D invoice=in-3       =>  issued
        day 7         due                                 =>  scheduled  request:2@card-D  case:in_flight
        day 7  09:10  succeeded 2                         =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_one_binding_gives_every_case_its_attempt_though_the_first_is_declined_at_once() -> None:
    assert_story("""
        day 0         issued on=card-A                         =>  issued
        day 0         issued on=card-A invoice=in-2            =>  issued
        day 0         declined 0                               =>  declined  notice:payment_declined  case:retrying@d3
        day 0         declined 0 invoice=in-2                  =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 1         pending 0 charge=ch-x invoice=in-2       =>  pending  in-2.case:pending
        day 2         bound card-B                             =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 2         declined 1 fix_data                      =>  declined  in-2.notice:customer_action_needed  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 2         declined 0 charge=ch-x invoice=in-2      =>  declined_elsewhere  instrument_bound  in-2.notice:payment_declined  in-2.request:1@card-B  in-2.case:in_flight
    """)


def test_a_restart_that_waited_in_a_pause_is_the_first_failed_attempt_though_a_decline_came_before_it() -> (
    None
):
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d1
        day 0  10:00  pause             =>  pause  case:paused
        day 0  11:00  edited card-A     =>  details_updated
        day 0  20:00  declined psp      =>  declined  notice:payment_declined
        day 9         resume            =>  resume  resumed  request:1@card-A  case:in_flight
        day 9         declined 1        =>  declined  notice:payment_declined  case:retrying@d10
        """,
        policy={"ladder": {"anchor": "previous_attempt", "steps": [1, 2, 3]}},
    )


def test_an_instrument_that_was_seen_again_as_the_account_default_follows_it() -> None:
    assert_story("""
        day 0         bound card-D default                =>  same_binding
        day 0         issued on=card-A                    =>  issued
        day 0         declined 0 on=card-A                =>  declined  notice:payment_declined  case:retrying@d3
        day 1         bound card-A default                =>  same_binding
        day 1  10:00  issued on=card-A invoice=in-2       =>  issued
        day 2         bound card-E default                =>  instrument_changed  instrument_bound  request:1@card-E  case:in_flight
    """)
