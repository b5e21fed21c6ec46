"""Engine and model tell the same stories: a fixed set of random histories, none of which may differ.

A failure prints the shrunk history. More of them: `python -m tests.model.campaign [--rare] --seeds 100000`.
"""

from collections.abc import Callable

import pytest

from tests.model.campaign import differs, same_kind, show, signature
from tests.model.comparing import History
from tests.model.histories import history
from tests.model.rare_histories import rare_history
from tests.model.shrinking import shrink

BLOCK = 50


@pytest.mark.parametrize("first", range(0, 600, BLOCK))
@pytest.mark.parametrize("drawn", [history, rare_history], ids=["common", "rare"])
def test_engine_and_model_write_the_same(drawn: Callable[[int], History], first: int) -> None:
    for seed in range(first, first + BLOCK):
        one = drawn(seed)
        found = differs(one)
        if found:
            small = shrink(one, same_kind(signature(found)))
            pytest.fail(f"seed {seed}\n{show(small, differs(small))}", pytrace=False)


def test_a_difference_is_seen_and_shrunk() -> None:
    one = next(history(seed) for seed in range(100) if len(history(seed).events) > 8)
    small = shrink(one, lambda smaller: any(event["type"] == "charge.declined" for event in smaller.events))
    assert len(small.events) == 1
    assert not small.charger
    assert small.policy is None
