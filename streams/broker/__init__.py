"""A real Apache Kafka broker as a child process, for development, demo and tests. Not for production."""

from streams.broker.embedded import EmbeddedKafka
from streams.broker.process import BrokerTrouble

__all__ = ["BrokerTrouble", "EmbeddedKafka"]
