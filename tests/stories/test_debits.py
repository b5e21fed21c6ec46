# ruff: noqa: E501 - a line of a story is a page, however much that writes
"""Bank debits: presentations are counted per invoice (contract section 6, Counting: ACH, SEPA, Bacs)."""

from tests.stories.player import assert_story


def test_ach_allows_two_further_presentations() -> None:
    assert_story("""
        day  0         issued on=bank-A                             =>  issued
        day  0         declined 0 ach:R01 on=bank-A type=ach_debit  =>  declined  notice:payment_declined  case:retrying@d3
        day  3         due                                          =>  scheduled  request:1@bank-A(amount_minor=4900)  case:in_flight
        day  3  09:10  declined 1 ach:R09                           =>  declined  notice:payment_declined  case:retrying@d7
        day  7         due                                          =>  scheduled  request:2@bank-A(amount_minor=4900)  case:in_flight
        day  7  09:10  declined 2 ach:R01                           =>  declined  notice:payment_declined  case:exhausted(why=nacha.limit.reinitiation)
        day  8         retry_now                                    =>  retry_now
        day 25         due                                          =>  notice:window_closing
        day 28         due                                          =>  window_closed  notice:window_closed  case:closed/window_closed
        day 29         declined psp                                 =>  case_closed
    """)


def test_ach_does_not_present_another_amount() -> None:
    assert_story("""
        day 0         issued on=bank-A                             =>  issued
        day 0         declined 0 ach:R01 on=bank-A type=ach_debit  =>  declined  notice:payment_declined  case:retrying@d3
        day 1         adjusted 4000                                =>  adjusted  case:exhausted(why=nacha.same_terms)
        day 2         adjusted 4900                                =>  adjusted  case:retrying@d3(balance_minor=4900)
        day 3         due                                          =>  scheduled  request:1@bank-A  case:in_flight
        day 3  09:10  succeeded 1                                  =>  paid  paid  notice:recovered  case:closed/paid
    """)


def test_sepa_counts_the_invoice_over_two_mandates() -> None:
    """A new mandate restarts, but gives no new budget: the limit is the invoice's."""
    assert_story("""
        day 0         issued on=iban-A                                =>  issued
        day 0         declined 0 sepa:AM04 on=iban-A type=sepa_debit  =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                                             =>  scheduled  request:1@iban-A  case:in_flight
        day 3  09:10  declined 1 sepa:AM04                            =>  declined  notice:payment_declined  case:retrying@d7
        day 5         bound iban-B type=sepa_debit                    =>  instrument_changed  instrument_bound  request:2@iban-B  case:in_flight
        day 5  09:10  declined 2 sepa:MS03                            =>  declined  notice:payment_declined  case:exhausted(why=sepa.limit.am04)
        day 6         bound iban-C type=sepa_debit                    =>  instrument_changed
        day 7         bound card-D                                    =>  instrument_changed  instrument_bound  request:3@card-D  case:in_flight
    """)


def test_bacs_presents_again_after_refer_to_payer_only() -> None:
    assert_story("""
        day  0         issued on=acct-A                             =>  issued
        day  0         declined 0 bacs:0 on=acct-A type=bacs_debit  =>  declined  notice:payment_declined  case:retrying@d3
        day  3         due                                          =>  scheduled  request:1@acct-A(why=bacs.0)  case:in_flight
        day  3  09:10  declined 1 bacs:0                            =>  declined  notice:payment_declined  case:retrying@d7
        day  7         due                                          =>  scheduled  request:2@acct-A  case:in_flight
        day  7  09:10  declined 2 bacs:0                            =>  declined  notice:payment_declined  case:retrying@d12
        day 12         due                                          =>  scheduled  request:3@acct-A  case:in_flight
        day 12  09:10  declined 3 bacs:0                            =>  declined  notice:payment_declined  case:exhausted(why=bacs.limit.count)
    """)
    assert_story("""
        day 0  issued on=acct-A                             =>  issued
        day 0  declined 0 bacs:1 on=acct-A type=bacs_debit  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 9  added acct-B                                 =>  added  notice:instrument_added_not_bound
    """)


def test_bacs_presents_nothing_again_a_calendar_month_after_the_first() -> None:
    assert_story(
        """
        day  0         issued on=acct-A                             =>  issued
        day  0         declined 0 bacs:0 on=acct-A type=bacs_debit  =>  declined  notice:payment_declined  case:retrying@d29
        day 29         due                                          =>  scheduled  request:1@acct-A(not_after=d30)  case:in_flight
        day 29  09:10  declined 1 bacs:0                            =>  declined  notice:payment_declined  case:exhausted
    """,
        policy={"window": {"length": 60}, "ladder": {"steps": [29, 30, 31]}},
    )


def test_a_request_that_is_answered_on_another_mandate_is_presented_once() -> None:
    assert_story("""
        day 0         issued on=acct-A                                     =>  issued
        day 0         declined 0 sepa:AM04 on=acct-A type=sepa_debit       =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                                                  =>  scheduled  request:1@acct-A  case:in_flight
        day 3  09:10  declined 1 sepa:AM04 on=acct-B type=sepa_debit       =>  declined_elsewhere  notice:payment_declined  case:retrying@d7
    """)
