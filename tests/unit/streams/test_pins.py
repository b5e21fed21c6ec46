"""The libraries we look inside are the ones we looked at: versions, the C extension and the private names."""

import inspect
import re
from importlib.metadata import version

import faust
import pytest
from aiokafka import codec
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer import AIOKafkaProducer
from aiokafka.producer.transaction_manager import TransactionManager
from faust.transport.consumer import Consumer
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread
from mode import Service

from streams.worker import require_fast_client


@pytest.mark.parametrize(
    ("library", "pinned"),
    [("faust-streaming", "0.15.3"), ("mode-streaming", "0.7.1"), ("aiokafka", "0.14.0")],
)
def test_versions_are_pinned(library: str, pinned: str) -> None:
    assert version(library) == pinned


def test_the_client_has_its_c_extension() -> None:
    require_fast_client()


def test_the_client_reads_every_codec_of_kafka() -> None:
    """A producer or a cluster compresses as it likes; one codec that is not read would end every worker."""
    assert (codec.has_gzip(), codec.has_snappy(), codec.has_lz4(), codec.has_zstd()) == (True,) * 4


def test_the_private_names_that_are_read_are_there() -> None:
    coordinator = inspect.getsource(GroupCoordinator)
    assert "self._pending_exception = " in coordinator
    assert "self._coordination_task = " in coordinator
    assert "self._consumer" in inspect.getsource(AIOKafkaConsumerThread)
    assert "self._txn_manager = " in inspect.getsource(AIOKafkaProducer)
    assert "self._sender.sender_task" in inspect.getsource(AIOKafkaProducer)
    assert "self._create_directories()" in inspect.getsource(faust.App)
    assert "or tp in self._buffered_partitions" in inspect.getsource(Consumer.getmany)
    assert "self.rebalancing = False" in inspect.getsource(faust.App.on_rebalance_end)
    assert isinstance(TransactionManager.producer_id, property)
    assert isinstance(TransactionManager.producer_epoch, property)
    assert list(inspect.signature(GroupCoordinator.fetch_committed_offsets).parameters) == [
        "self",
        "partitions",
    ]


def test_no_service_of_ours_hides_an_attribute_of_its_base() -> None:
    # `Service._tasks` is a class attribute: a service that used the name for its own would lose its tasks.
    from streams.desk import Desk
    from streams.health import HealthPage

    for shape in (Desk, HealthPage):
        assigned = re.findall(r"self\.(\w+)(?:: [^=]+)? = ", inspect.getsource(shape.__init__))
        own = set(assigned)
        assert own
        assert not own & set(vars(Service)), f"{shape.__name__} hides {own & set(vars(Service))}"
