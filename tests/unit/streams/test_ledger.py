"""What the client raises becomes what the port promises."""

import pytest

from streams.ledger import _settling
from streams.ports import Unsettled


async def test_a_client_that_knows_of_no_broker_yet_is_a_step_to_be_tried_again() -> None:
    # aiokafka asserts it in `coordinator_lookup`: a broker that has just started may list none in its metadata.
    with pytest.raises(Unsettled, match="fencing: AssertionError"):
        async with _settling("fencing"):
            raise AssertionError("Did we not perform bootstrap?")
