# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""Who tried: customer, admin and provider (contract section 3, points 6 and 7; section 6, Provider's hold, Counting)."""

from tests.stories.player import assert_story


def test_the_customers_attempt_counts_for_min_gap_whatever_it_is_made_with() -> None:
    assert_story("""
        day 0         issued on=card-A               =>  issued
        day 0         declined 0                     =>  declined  notice:payment_declined  case:retrying@d3
        day 2  22:00  declined customer on=card-B    =>  manual_attempt  case:retrying@d7
        day 7         due                            =>  scheduled  request:1@card-A  case:in_flight
    """)


def test_customer_and_admin_attempts_open_no_case() -> None:
    assert_story("""
        day 0  issued on=card-A   =>  issued
        day 0  declined customer  =>  no_case
        day 1  declined admin     =>  no_case
        day 2  declined 0         =>  declined  notice:payment_declined  case:retrying@d3
    """)


def test_customer_attempts_use_no_rung_and_their_success_closes() -> None:
    assert_story("""
        day 0         issued on=card-A   =>  issued
        day 0         declined 0         =>  declined  notice:payment_declined  case:retrying@d3
        day 1         declined customer  =>  manual_attempt
        day 1  12:00  declined admin     =>  manual_attempt
        day 2         succeeded admin    =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_providers_attempt_uses_the_next_rung() -> None:
    assert_story("""
        day 0  issued on=card-A  =>  issued
        day 0  declined 0        =>  declined  notice:payment_declined  case:retrying@d3
        day 1  declined psp      =>  declined  notice:payment_declined  case:retrying@d7
    """)


def test_the_engine_holds_back_until_the_providers_attempt_is_answered() -> None:
    assert_story("""
        day 0         issued on=card-A         =>  issued
        day 0         declined 0 psp_again=d5  =>  declined  notice:payment_declined  case:retrying@d7
        day 5  10:00  declined psp             =>  declined  notice:payment_declined  case:retrying@d12
    """)


def test_the_hold_ends_a_day_after_the_providers_attempt_if_nothing_is_heard() -> None:
    assert_story("""
        day  0  issued on=card-A               =>  issued
        day  0  declined 0 psp_again=d6T12:00  =>  declined  notice:payment_declined  case:retrying@d12
        day 12  due                            =>  scheduled  request:1@card-A  case:in_flight
        day 12  succeeded 1                    =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_without_an_instant_the_hold_lasts_until_answered_and_psp_will_retry_false_ends_it() -> None:
    assert_story("""
        day  0  issued on=card-A          =>  issued
        day  0  declined 0 psp_again=yes  =>  declined  notice:payment_declined  case:retrying
        day  3  due                       =>  not_allowed_yet
        day  7  due                       =>  not_allowed_yet
        day 12  due                       =>  not_allowed_yet
        day 13  declined 0 psp_again=no   =>  declined  notice:payment_declined  case:retrying@d17
    """)


def test_a_hold_without_an_instant_ends_in_exhausted_when_its_last_rung_is_missed() -> None:
    assert_story(
        """
        day 0  declined 0 psp_again=yes  =>  declined  notice:payment_declined  case:retrying
        day 3  due                       =>  not_allowed_yet
        day 5  due                       =>  not_allowed_yet  case:exhausted
        day 6  declined psp              =>  declined  notice:payment_declined
    """,
        policy={"ladder": {"steps": [3, 5]}},
    )


def test_the_providers_hold_outlives_a_close_and_a_reopening() -> None:
    assert_story("""
        day 0  declined 0 psp_again=d6  =>  declined  notice:payment_declined  case:retrying@d7
        day 1  settled paid_elsewhere   =>  paid_elsewhere paid_elsewhere  case:closed/paid_elsewhere
        day 2  reopened correction      =>  reopened  case:retrying@d7
        day 7  due                      =>  scheduled  request:1@card-A  case:in_flight
    """)


def test_a_provider_that_gives_up_while_the_case_is_closed_holds_nothing_back_afterwards() -> None:
    assert_story("""
        day 0         declined 0 psp_again=yes     =>  declined  notice:payment_declined  case:retrying
        day 1         settled paid_elsewhere       =>  paid_elsewhere paid_elsewhere  case:closed/paid_elsewhere
        day 1  12:00  declined psp tried=d0T12:00  =>  case_closed
        day 2         reopened correction          =>  reopened  case:retrying@d3
    """)


def test_old_news_of_the_provider_ends_no_newer_hold() -> None:
    assert_story("""
        day 0  10:00  declined 0 psp_again=d6                 =>  declined  notice:payment_declined  case:retrying@d7T10:00
        day 0  12:00  declined 0 psp_again=no tried=d0T09:30  =>  declined  notice:payment_declined
        day 0  13:00  declined psp tried=d0T09:40             =>  declined  notice:payment_declined
    """)


def test_a_decline_that_names_a_request_never_made_counts_like_any_other() -> None:
    assert_story("""
        day 0  issued on=card-A           =>  issued
        day 0  declined 4 needs_customer  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
    """)


def test_a_restart_goes_ahead_before_the_providers_attempt_and_waits_from_then_on() -> None:
    assert_story("""
        day 0         issued on=card-A         =>  issued
        day 0         declined 0 psp_again=d6  =>  declined  notice:payment_declined  case:retrying@d7
        day 5         bound card-B             =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 5  09:01  declined 1 psp_again=d6  =>  declined  notice:payment_declined  case:retrying@d7
        day 6  10:00  bound card-C             =>  instrument_changed
        day 7         due                      =>  instrument_bound  request:2@card-C  case:in_flight
        day 7  09:01  succeeded 2              =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_mastercard_wait_moves_an_immediate_attempt_too_and_names_its_rule() -> None:
    assert_story("""
        day 0  issued on=card-A                                                     =>  issued
        day 0  declined 0 iso8583:51 network=mastercard fingerprint=fp-1 advice=26  =>  declined  notice:payment_declined  case:retrying@d3
        day 1  edited card-A                                                        =>  details_updated  case:retrying@d2
        day 2  due                                                                  =>  details_updated  request:1@card-A(why=mastercard.mac.26,due_at=d1)  case:in_flight
    """)


def test_the_eleventh_mastercard_attempt_in_a_day_goes_when_the_first_is_a_day_old() -> None:
    assert_story("""
        day 0         issued on=card-A               =>  issued
        day 0         declined 0 network=mastercard  =>  declined  notice:payment_declined  case:retrying@d3
        day 0  10:00  declined customer              =>  manual_attempt
        day 0  11:00  declined customer              =>  manual_attempt
        day 0  12:00  declined customer              =>  manual_attempt
        day 0  13:00  declined customer              =>  manual_attempt
        day 0  14:00  declined customer              =>  manual_attempt
        day 0  15:00  declined admin                 =>  manual_attempt
        day 0  16:00  declined admin                 =>  manual_attempt
        day 0  17:00  declined admin                 =>  manual_attempt
        day 0  18:00  declined admin                 =>  manual_attempt
        day 0  20:00  edited card-A                  =>  details_updated  case:retrying@d1
        day 1         due                            =>  details_updated  request:1@card-A(why=mastercard.limit.24h,due_at=d0T20:00)  case:in_flight
        day 1  10:00  succeeded 1                    =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_a_wait_of_the_card_number_shows_in_the_other_cases_at_once() -> None:
    assert_story("""
        day  0  declined 0 fingerprint=f on=card-A                                   =>  declined  notice:payment_declined  case:retrying@d3
        day  1  declined 0 invoice=in-2 sub=sub-2 fingerprint=f on=card-B advice=30  =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d11  case:retrying@d11
        day 11  due                                                                  =>  scheduled scheduled  request:1@card-A  in-2.request:1@card-B  case:in_flight  in-2.case:in_flight
    """)


def test_a_success_on_a_full_card_gives_the_other_cases_their_attempts_back() -> None:
    """Twenty in thirty days: the request of one case is the twentieth, until it is paid."""
    many, manual = " & ".join(["declined customer"] * 17), "manual_attempt " * 17
    assert_story(f"""
        day 0         issued on=card-A                                          =>  issued
        day 0         issued invoice=in-2 sub=sub-2 on=card-A                   =>  issued
        day 0         declined 0 network=visa                                   =>  declined  notice:payment_declined  case:retrying@d3
        day 0  09:30  declined 0 invoice=in-2 sub=sub-2 on=card-A network=visa  =>  declined  in-2.notice:payment_declined  in-2.case:retrying@d3
        day 1         {many}  =>  {manual}
        day 3         due                                                       =>  scheduled  not_allowed_yet  request:1@card-A  case:in_flight  in-2.case:exhausted
        day 3  10:00  succeeded 1                                               =>  paid  paid  notice:recovered  case:closed/paid  in-2.case:retrying@d7
    """)


def test_the_last_attempt_that_a_network_allows_delays_the_other_cases_on_the_card() -> None:
    assert_story("""
        day 0         declined 0 fingerprint=f network=mastercard                                                                                                                                       =>  declined  notice:payment_declined  case:retrying@d3
        day 2  22:00  declined customer invoice=in-2 fingerprint=f & declined customer invoice=in-2 & declined customer invoice=in-2 & declined customer invoice=in-2 & declined customer invoice=in-2  =>  no_case no_case no_case no_case no_case
        day 2  23:00  declined customer invoice=in-2 & declined customer invoice=in-2 & declined customer invoice=in-2 & declined customer invoice=in-2                                                 =>  no_case no_case no_case no_case
        day 2  23:30  declined customer invoice=in-2                                                                                                                                                    =>  no_case  case:retrying@d3T22:00
        day 3  22:00  due                                                                                                                                                                               =>  scheduled  request:1@card-A  case:in_flight
    """)


def test_a_providers_attempt_that_is_told_late_uses_the_rung_after_those_dropped_in_its_hold() -> None:
    for again in ("d2T20:00", "yes"):
        shown = "case:retrying@d7" if again != "yes" else "case:retrying"
        dropped = "" if again != "yes" else "day 3 due => not_allowed_yet"
        assert_story(f"""
            day 0         issued on=card-A                =>  issued
            day 0         declined 0 psp_again={again}    =>  declined  notice:payment_declined  {shown}
            {dropped}
            day 3  12:00  declined psp tried=d2T20:00     =>  declined  notice:payment_declined  case:retrying@d12
        """)


def test_a_providers_attempt_uses_both_of_two_rungs_of_one_instant() -> None:
    assert_story(
        """
        day 0         declined 0    =>  declined  notice:payment_declined  case:retrying@d1
        day 0  10:00  declined psp  =>  declined  notice:payment_declined  case:retrying@d10
        """,
        policy={"ladder": {"anchor": "first_decline", "steps": [1, "PT24H", 10]}},
    )


def test_a_provider_that_pays_a_part_uses_a_gap() -> None:
    assert_story(
        """
        day 0  issued on=card-A            =>  issued
        day 0  declined 0                  =>  declined  notice:payment_declined  case:retrying@d2
        day 1  succeeded psp amount=900    =>  part_paid  case:retrying@d5
        """,
        policy={"ladder": {"anchor": "previous_attempt", "steps": [2, 3, 5]}},
    )


def test_a_provider_takes_the_place_of_a_rung_that_waits_for_a_network() -> None:
    assert_story("""
        day 0         issued on=card-A                           =>  issued
        day 0         declined 0 retry_later advice=28           =>  declined  notice:payment_declined  case:retrying@d6
        day 4         declined psp                               =>  declined  notice:payment_declined  case:retrying@d7
    """)


def test_what_a_provider_used_is_used_on_the_ladder_of_the_invoice_too() -> None:
    assert_story(
        """
        day 0         declined 0                        =>  declined  notice:payment_declined  case:retrying@d3
        day 1         declined psp                      =>  declined  notice:payment_declined  case:retrying@d6
        day 1  10:00  issued on=card-A policy=other     =>  reanchored  case:retrying@d4
        """,
        policies={
            "policies": {
                "standard": {"ladder": {"anchor": "invoice_date", "steps": [3, 6]}},
                "other": {"ladder": {"anchor": "invoice_date", "steps": [2, 4]}},
            }
        },
    )


def test_a_provider_that_tries_again_holds_back_a_case_that_it_opened_on_another_card() -> None:
    assert_story("""
        day 0  bound card-B                         =>  instrument_changed
        day 0  issued                               =>  issued
        day 0  declined psp on=card-A psp_again=d4  =>  declined_elsewhere  notice:payment_declined  case:retrying@d7
    """)


def test_a_provider_that_announced_its_attempt_before_the_latest_decline_is_heeded_all_the_same() -> None:
    assert_story("""
        day 0         issued on=card-A                           =>  issued
        day 0         declined 0                                 =>  declined  notice:payment_declined  case:retrying@d3
        day 2         declined 0                                 =>  declined  notice:payment_declined
        day 2  10:00  declined 0 tried=d1 psp_again=d7T08:00     =>  declined  notice:payment_declined  case:retrying@d12
        day 2  11:00  declined 0 tried=d0T10:00 psp_again=no     =>  declined  notice:payment_declined
        day 2  12:00  declined 0 tried=d2T10:00 psp_again=no     =>  declined  notice:payment_declined  case:retrying@d3
    """)


def test_a_provider_that_has_tried_the_former_card_holds_nothing_back_any_more() -> None:
    assert_story("""
        day 0         issued on=card-A                 =>  issued
        day 0         declined 0 psp_again=yes         =>  declined  notice:payment_declined  case:retrying
        day 1         bound card-B                     =>  instrument_changed  instrument_bound  request:1@card-B  case:in_flight
        day 1  09:10  declined 1                       =>  declined  notice:payment_declined  case:retrying
        day 2         declined psp on=card-A           =>  declined_elsewhere  notice:payment_declined  case:retrying@d3
        day 2  10:00  declined psp on=card-A psp_again=d4  =>  declined_elsewhere  notice:payment_declined  case:retrying@d7
    """)


def test_a_suspected_duplicate_that_the_provider_tries_again_holds_back_after_its_outcome_too() -> None:
    assert_story("""
        day 0  issued on=card-A                                  =>  issued
        day 0  declined 0 reconcile charge=ch-x psp_again=d3T08:00   =>  reconcile  notice:reconcile  case:pending
        day 1  declined 0 charge=ch-x                            =>  declined  notice:payment_declined  case:retrying@d7
    """)


def test_what_a_decline_before_a_part_payment_says_of_the_provider_is_heeded() -> None:
    assert_story("""
        day 0         issued on=card-A                            =>  issued
        day 0         declined 0                                  =>  declined  notice:payment_declined  case:retrying@d3
        day 1         succeeded customer amount=900               =>  part_paid  case:retrying@d3
        day 2         declined psp tried=d0T12:00 psp_again=d4    =>  paid_later  case:retrying@d7
    """)


def test_a_failed_charge_of_the_customer_inside_a_hold_uses_no_gap() -> None:
    assert_story(
        """
        day 0         issued on=card-A                       =>  issued
        day 0         declined 0 technical psp_again=d1      =>  declined  notice:payment_declined  case:retrying@d2
        day 0  23:30  declined customer on=card-B            =>  manual_attempt
        day 2         due                                    =>  scheduled  request:1@card-A  case:in_flight
        """,
        policy={
            "ladder": {"anchor": "previous_attempt", "steps": ["PT12H", "PT12H"]},
            "technical": ["P1D"],
        },
    )
