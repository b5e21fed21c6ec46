"""A dead letter: bounded before it is masked, and without half a card number at its cut."""

import time
from dataclasses import dataclass

from schemas.rejections import ErrorCode, Rejected
from streams.dead_letters import LARGEST_VALUE, dead_letter

CARD = b"4111111111111111"
TOO_LARGE = Rejected(ErrorCode.TOO_LARGE, "", "too large")


@dataclass
class Refused:
    value: bytes | None
    topic: str = "charge.declined"
    partition: int = 0
    offset: int = 7
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def test_ten_megabytes_cost_no_more_than_the_part_that_is_kept() -> None:
    began = time.process_time()
    letter = dead_letter(Refused(b"4 1 1 1 " * 1_250_000), TOO_LARGE)
    assert time.process_time() - began < 10
    assert len(letter.value) == LARGEST_VALUE
    assert ("truncated", b"10000000") in letter.headers


def test_a_card_number_across_the_cut_is_masked() -> None:
    for ahead in range(1, len(CARD)):
        letter = dead_letter(Refused(b"x" * (LARGEST_VALUE - ahead) + CARD + b"x" * 5_000), TOO_LARGE)
        assert letter.value[-ahead:] == b"*" * min(ahead, 12) + CARD[12:ahead]
