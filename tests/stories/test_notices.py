"""Notices that a policy asks for (contract section 2.2)."""

from datetime import date

from tests.stories.player import assert_story


def test_an_expiry_that_is_no_date_warns_nobody() -> None:
    for never in ("9999-12", "2201-01", "1969-12", "0001-01", "0000-01"):
        assert_story(
            f"""
            day  0  bound card-B expires={never}  =>  instrument_changed
            day  0  issued                        =>  issued
            day  0  declined 0 on=card-B          =>  declined  notice:payment_declined  case:retrying@d3
            day  3  due                           =>  scheduled  request:1@card-B  case:in_flight
            """,
            policy={"expiry_notice": 90},
        )


def test_a_card_that_expires_before_the_next_rung_is_told_of_ahead_of_it() -> None:
    assert_story(
        """
        day  0  bound card-B expires=2026-01  =>  instrument_changed
        day  0  issued                        =>  issued
        day  0  declined 0 on=card-B          =>  declined  notice:payment_declined  case:retrying@d3
        day  1  due                           =>  notice:instrument_expiring
        day  3  due                           =>  scheduled  request:1@card-B  case:in_flight
    """,
        policy={"expiry_notice": 2},
        starts=date(2026, 1, 30),
    )
