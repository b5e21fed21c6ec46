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


def test_only_the_returns_that_a_scheme_limits_begin_its_count() -> None:
    """The attempts after a technical return are no further presentations; those after the first AM04 all are."""
    assert_story(
        """
        day 0         issued on=iban-A                                =>  issued
        day 0         declined 0 sepa:FF01 on=iban-A type=sepa_debit  =>  declined  notice:payment_declined  case:retrying@d1
        day 1         due                                             =>  technical  request:1@iban-A  case:in_flight
        day 1  09:10  declined 1 sepa:AM04                            =>  declined  notice:payment_declined  case:retrying@d3
        day 3         due                                             =>  scheduled  request:2@iban-A  case:in_flight
        day 3  09:10  declined 2 sepa:FF01                            =>  declined  notice:payment_declined  case:retrying@d4T09:10
        day 4  09:10  due                                             =>  technical  request:3@iban-A  case:in_flight
        day 4  09:20  declined 3 sepa:FF01                            =>  declined  notice:payment_declined  case:exhausted(why=sepa.limit.am04)
    """,
        policy={"technical": [1, 1, 1]},
    )


def test_a_new_account_is_charged_what_is_left_after_another_return() -> None:
    """R02 limits nothing: what is presented on the new account is no re-initiation of it, whatever its amount."""
    assert_story("""
        day 0         issued on=bank-A                             =>  issued
        day 0         declined 0 ach:R02 on=bank-A type=ach_debit  =>  declined  notice:payment_declined  notice:customer_action_needed  case:waiting
        day 1         succeeded customer amount=900                =>  part_paid  case:waiting(balance_minor=4000)
        day 2         bound bank-B type=ach_debit                  =>  instrument_changed  instrument_bound  request:1@bank-B(amount_minor=4000)  case:in_flight
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
