"""Membership of the group: what its trouble is called."""

from aiokafka.errors import KafkaError, UnknownError

from streams.app import MANY_REVOCATIONS, MANY_WITHIN_S, Revocations, name_taken
from streams.settings import Settings
from streams.worker import _told


def test_a_member_whose_name_another_one_took_is_told_the_setting() -> None:
    # As the client raises it where it joins, and where it asks for anything else.
    for error in (KafkaError(repr(UnknownError())), UnknownError()):
        told = str(_told(error, Settings(instance_id="worker-0")))
        assert "another worker seems to go by the instance_id worker-0" in told
        assert "DUNNING_INSTANCE_ID" in told
        assert "check the broker" in str(_told(error, Settings()))
    assert name_taken(repr(KafkaError("NotEnoughReplicasError()")), "worker-0") is None


def test_revocations_that_follow_each_other_too_fast_are_noticed_once() -> None:
    fast, slow = Revocations(), Revocations()
    noticed = [fast.are_many(number * 2.0) for number in range(2 * MANY_REVOCATIONS)]
    assert noticed == ([False] * (MANY_REVOCATIONS - 1) + [True]) * 2
    assert not any(slow.are_many(number * MANY_WITHIN_S / 5) for number in range(3 * MANY_REVOCATIONS))
