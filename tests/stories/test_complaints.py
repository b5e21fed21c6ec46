# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""The complaints about other systems that a story can answer; a test is named after its row (U1 to U44)."""

from datetime import date, timedelta

import pytest

from schemas.rejections import Rejected
from tests.stories.player import assert_story
from tests.stories.words import told


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


def test_u4_a_subscription_has_its_policy_by_label_or_by_name() -> None:
    assert_story(
        """
        day 0  issued on=card-A                                     =>  issued
        day 0  issued invoice=in-2 sub=sub-2 on=card-A plan=annual  =>  issued
        day 0  issued invoice=in-3 sub=sub-3 on=card-A policy=soon  =>  issued
        day 0  declined 0                                           =>  declined  notice:payment_declined  case:retrying@d3
        day 0  declined 0 invoice=in-2 sub=sub-2                    =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d9
        day 0  declined 0 invoice=in-3 sub=sub-3                    =>  declined  in-3.notice:payment_declined  in-3.case:retrying@d1
        day 1  due                                                  =>  scheduled  in-3.request:1@card-A  in-3.case:in_flight
        day 1  succeeded 1 invoice=in-3 sub=sub-3                   =>  paid  paid  in-3.notice:recovered  in-3.case:closed/paid
        day 3  due                                                  =>  scheduled  request:1@card-A  case:in_flight
        day 3  succeeded 1                                          =>  paid  paid  notice:recovered  case:closed/paid
        day 9  due                                                  =>  scheduled  in-2.request:1@card-A  in-2.case:in_flight
    """,
        policies={
            "policies": {
                "standard": {},
                "patient": {"ladder": {"steps": [9]}},
                "soon": {"ladder": {"steps": [1]}},
            },
            "select": [{"when": {"label.plan": "annual"}, "use": "patient"}, {"use": "standard"}],
        },
    )


def test_u5_a_policy_deployed_later_leaves_an_open_case_alone() -> None:
    assert_story("""
        day 0         issued on=card-A                             =>  issued
        day 0         declined 0                                   =>  declined  notice:payment_declined  case:retrying@d3
        day 1         deployed steps=2,9                           =>
        day 1         issued invoice=in-2 sub=sub-2 on=card-B      =>  issued
        day 1         declined 0 invoice=in-2 sub=sub-2 on=card-B  =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d2
        day 2         due                                          =>  scheduled  in-2.request:1@card-B  in-2.case:in_flight
        day 2         declined 1 invoice=in-2 sub=sub-2            =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d9
        day 3         due                                          =>  scheduled  request:1@card-A  case:in_flight
        day 3         declined 1                                   =>  declined  notice:payment_declined  case:retrying@d7
        day 4         bound card-C                                 =>  instrument_changed  instrument_bound  request:2@card-C  case:in_flight
        day 4  09:01  declined 2                                   =>  declined  notice:payment_declined  case:retrying@d7
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


def test_u8_an_outcome_told_twice_is_one_attempt_of_its_request() -> None:
    """The request id is the idempotency key: a biller that crashed may tell the same charge again, as a new event."""
    assert_story("""
        day 0         issued on=card-A           =>  issued
        day 0         declined 0                 =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                        =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:01  declined 1 charge=in-1/1   =>  declined  notice:payment_declined  case:retrying@d7
        day 3  09:02  declined 1 charge=in-1/1   =>  charge_known
        day 7         due                        =>  scheduled  request:2@card-A  case:in_flight
        day 7  09:01  declined 1 charge=in-1/1   =>  charge_known
        day 7  09:02  succeeded 2 charge=in-1/2  =>  paid  paid  notice:recovered  case:closed/paid
        day 7  09:03  succeeded 2 charge=in-1/2  =>  charge_known
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


def test_u10_a_stage_that_the_next_oldest_reaches_in_this_very_instant_is_told_at_once() -> None:
    assert_story(
        """
        day 0  issued on=card-A                     =>  issued
        day 0  declined 0                           =>  declined  notice:payment_declined  case:exhausted
        day 2  due                                  =>  stage:warned
        day 3  issued invoice=in-2 on=card-A at=d3  =>  issued
        day 3  declined 0 invoice=in-2              =>  declined  in-2.notice:payment_declined  in-2.case:exhausted
        day 4  due                                  =>  stage:blocked
        day 5  settled paid_elsewhere               =>  paid_elsewhere  paid_elsewhere  stage:warned(previous_stage=blocked)  case:closed/paid_elsewhere
        day 7  due                                  =>  stage:blocked
        """,
        policy={
            "ladder": {"steps": []},
            "stages": [{"name": "warned", "after": 2}, {"name": "blocked", "after": 4}],
        },
    )


def test_u11_u36_a_rung_keeps_its_local_time_and_day_over_the_change_of_clocks() -> None:
    """Five past midnight is the day before in UTC: a rung counted there would ring on the wrong day."""
    for changes_on in (date(2026, 3, 29), date(2026, 10, 25)):
        assert_story(
            """
            day 0  00:05  issued on=card-A at=d0T00:05  =>  issued
            day 0  00:05  declined 0                    =>  declined  notice:payment_declined  case:retrying@d1T00:05
            day 1  00:05  due                           =>  scheduled  request:1@card-A  case:in_flight
            day 1  00:05  declined 1                    =>  declined  notice:payment_declined  case:retrying@d2T00:05
            day 2  00:05  due                           =>  scheduled  request:2@card-A  case:in_flight
            day 2  00:05  declined 2                    =>  declined  notice:payment_declined  case:retrying@d3T00:05
            day 3  00:05  due                           =>  scheduled  request:3@card-A  case:in_flight
            day 3  00:05  declined 3                    =>  declined  notice:payment_declined  case:exhausted(window_ends_at=d28T00:05)
        """,
            policy={"ladder": {"steps": [1, 2, 3]}},
            starts=changes_on - timedelta(days=1),
            zone="Europe/Berlin",
        )


def test_u36_a_rung_at_an_hour_that_happens_twice_rings_once() -> None:
    assert_story(
        """
        day 0         issued on=card-A  =>  issued
        day 0         declined 0        =>  declined  notice:payment_declined  case:retrying@d1T01:30
        day 1  01:30  due               =>  scheduled  request:1@card-A  case:in_flight
        day 1  01:31  declined 1        =>  declined  notice:payment_declined  case:retrying@d2T01:30
        day 2  01:30  due               =>  scheduled  request:2@card-A  case:in_flight
        day 2  01:31  declined 2        =>  declined  notice:payment_declined  case:exhausted
    """,
        policy={"ladder": {"steps": [1, 2]}, "at": "01:30", "min_gap": "PT0S"},
        starts=date(2026, 10, 31),
        zone="America/New_York",
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


def test_u27_a_cards_limit_is_counted_over_all_its_subscriptions() -> None:
    """Two instruments, one card number: ten attempts a day are left for both together."""
    four = " & ".join(["declined customer"] * 4)
    other = four.replace("customer", "customer invoice=in-2 sub=sub-2 on=card-B")
    assert_story(f"""
        day 0         issued on=card-A                                                                 =>  issued
        day 0         issued invoice=in-2 sub=sub-2 on=card-B                                          =>  issued
        day 0         declined 0 network=mastercard fingerprint=fp-1                                   =>  declined  notice:payment_declined  case:retrying@d3
        day 0  09:30  declined 0 invoice=in-2 sub=sub-2 on=card-B network=mastercard fingerprint=fp-1  =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 0  10:00  {four}                                                                           =>  manual_attempt  manual_attempt  manual_attempt  manual_attempt
        day 0  11:00  {other}                                                                          =>  manual_attempt  manual_attempt  manual_attempt  manual_attempt
        day 0  20:00  edited card-A                                                                    =>  details_updated  case:retrying@d1
        day 0  20:05  edited card-B                                                                    =>  details_updated  in-2.case:retrying@d1
        day 1         due                                                                              =>  details_updated  not_allowed_yet  request:1@card-A(why=mastercard.limit.24h)  case:in_flight  in-2.case:retrying@d1T09:30
        day 1  09:30  due                                                                              =>  details_updated  in-2.request:1@card-B(why=mastercard.limit.24h)  in-2.case:in_flight
    """)


def test_u28_an_attempt_exactly_as_old_as_the_period_no_longer_counts() -> None:
    nine = " & ".join(["declined customer"] * 9)
    manual = "manual_attempt " * 9
    story = f"""
        day 0         issued on=card-A               =>  issued
        day 0         declined 0 network=mastercard  =>  declined  notice:payment_declined  case:retrying@d3
        day 0  10:00  {nine}                         =>  {manual}
    """
    assert_story(f"""{story}
        day 1  edited card-A  =>  details_updated  details_updated  request:1@card-A  case:in_flight
    """)
    assert_story(f"""{story}
        day 1  08:59:59  edited card-A  =>  details_updated  case:retrying@d1
        day 1            due            =>  details_updated  request:1@card-A(why=mastercard.limit.24h)  case:in_flight
    """)


def test_u28_the_windows_end_does_not_belong_to_it() -> None:
    quiet = {"ladder": {"steps": [3]}, "closing_notice": None}
    story = """
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 3  due               =>  scheduled  request:1@card-A  case:in_flight
        day 3  declined 1        =>  declined  notice:payment_declined  case:exhausted
    """
    assert_story(
        f"""{story}
        day 27  08:59:59  bound card-B  =>  instrument_changed  instrument_bound  request:2@card-B(not_after=d28)  case:in_flight
        day 27  09:00     declined 2    =>  declined  notice:payment_declined  case:exhausted
        day 28  08:59:59  bound card-C  =>  instrument_changed  instrument_bound  request:3@card-C(not_after=d28)  case:in_flight
        day 28            due           =>  window_closed  notice:window_closed  case:closed/window_closed
        day 29            declined psp  =>  case_closed
    """,
        policy=quiet,
    )
    assert_story(
        f"""{story}
        day 28  bound card-C  =>  instrument_changed  window_closed  notice:window_closed  case:closed/window_closed
    """,
        policy=quiet,
    )


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


def test_u30_a_part_payment_lowers_what_is_asked_for() -> None:
    assert_story("""
        day 0         issued on=card-A               =>  issued
        day 0         declined 0                     =>  declined  notice:payment_declined  case:retrying@d3
        day 1         succeeded customer amount=900  =>  part_paid  case:retrying@d3(balance_minor=4000)
        day 3         due                            =>  scheduled  request:1@card-A(amount_minor=4000)  case:in_flight
        day 3  09:01  succeeded 1 amount=1500        =>  part_paid  case:retrying@d7(balance_minor=2500)
        day 5         adjusted 2000                  =>  adjusted  case:retrying@d7(balance_minor=2000)
        day 7         due                            =>  scheduled  request:2@card-A(amount_minor=2000)  case:in_flight
        day 7  09:01  succeeded 2 amount=2000        =>  paid  paid  notice:recovered  case:closed/paid(balance_minor=0)
    """)


def test_u33_a_manual_charge_and_ours_are_never_in_flight_together_and_its_success_ends_the_case() -> None:
    assert_story("""
        day 0         issued on=card-A             =>  issued
        day 0         declined 0                   =>  declined  notice:payment_declined  case:retrying@d3
        day 2  12:00  pending admin charge=ch-x    =>  pending  case:pending
        day 2  12:10  retry_now                    =>  retry_now
        day 2  12:20  bound card-B                 =>  instrument_changed
        day 3  12:00  succeeded admin charge=ch-x  =>  paid  paid  notice:recovered  case:closed/paid
        day 4         retry_now                    =>  no_open_case
    """)
    assert_story("""
        day 0         issued on=card-A    =>  issued
        day 0         declined 0          =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                 =>  scheduled  request:1@card-A  case:in_flight
        day 3  09:10  retry_now           =>  retry_now
        day 3  09:20  succeeded customer  =>  paid  paid  notice:recovered  case:closed/paid
        day 3  09:30  declined 1          =>  case_closed
        day 9         added card-B        =>  added
    """)


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


def test_u38_a_repeated_webhook_changes_nothing_and_an_unknown_one_is_refused_at_the_door() -> None:
    assert_story("""
        day 0         issued on=card-A    =>  issued
        day 0         again               =>  duplicate
        day 0         declined 0          =>  declined  notice:payment_declined  case:retrying@d3
        day 2         bound card-B        =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 2         again               =>  duplicate
        day 2  09:05  declined 1          =>  declined  notice:payment_declined  case:retrying@d3
        day 2  09:06  again bound card-B  =>  duplicate
        day 2  09:07  again declined 1    =>  duplicate
        day 3         due                 =>  scheduled  request:2@card-B  case:in_flight
        day 3  09:01  succeeded 2         =>  paid  paid  notice:recovered  case:closed/paid
        day 3  09:02  again               =>  duplicate
        day 9         again declined 1    =>  duplicate
    """)
    with pytest.raises(Rejected, match="type"):
        told("invoice.viewed", {"account_id": "acc", "invoice_id": "in-1"}, "e-1", 0)


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


def test_u41_a_stolen_card_is_not_retried_in_any_subscription() -> None:
    assert_story("""
        day  0  issued on=card-A                         =>  issued
        day  0  issued invoice=in-2 sub=sub-2 on=card-A  =>  issued
        day  0  declined 0 invoice=in-2 sub=sub-2        =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day  1  declined 0 stripe:stolen_card            =>  declined  in-2.notice:customer_action_needed  notice:payment_declined  notice:customer_action_needed  case:waiting  in-2.case:waiting
        day  4  edited card-A                            =>  details_updated
        day  5  retry_now                                =>  retry_now
        day 25  due                                      =>  notice:window_closing  in-2.notice:window_closing
        day 28  due                                      =>  window_closed  window_closed  notice:window_closed  in-2.notice:window_closed  case:closed/window_closed  in-2.case:closed/window_closed
        day 30  added card-B                             =>  added
    """)


def test_u42_the_providers_own_attempts_are_known() -> None:
    assert_story("""
        day  0         issued on=card-A         =>  issued
        day  0         declined 0 psp_again=d3  =>  declined  notice:payment_declined  case:retrying@d7
        day  3  09:05  declined psp             =>  declined  notice:payment_declined  case:retrying@d12
        day 12         due                      =>  scheduled  request:1@card-A  case:in_flight
        day 12  09:01  succeeded 1              =>  paid  paid  notice:recovered  case:closed/paid
    """)
