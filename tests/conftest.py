"""What all tests share: no settings from outside, and one real broker for those that ask for it.

`DUNNING_TEST_BOOTSTRAP` names a broker that already runs; it is used instead (and never stopped).
"""

import os
import secrets
from collections.abc import Callable, Iterator

import pytest

from streams.broker import EmbeddedKafka
from streams.settings import PREFIX, Settings

pytest.register_assert_rewrite("tests.stories.player")  # a story that fails is shown beside what happened


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in list(os.environ):
        if variable.startswith(PREFIX) and variable != "DUNNING_KAFKA_HOME":
            monkeypatch.delenv(variable)


@pytest.fixture(scope="session")
def bootstrap() -> Iterator[str]:
    """Host and port of the broker of this test run."""
    if outside := os.environ.get("DUNNING_TEST_BOOTSTRAP"):
        yield outside
        return
    with EmbeddedKafka() as kafka:
        yield kafka.bootstrap


@pytest.fixture
def unique() -> str:
    """A short random name, new for each test: two test runs may share a broker."""
    return f"t{secrets.token_hex(4)}"


@pytest.fixture
def settings_on(unique: str) -> Callable[[str], Settings]:
    """Make settings for one test, its own topics and its own group, on a broker."""

    def made(bootstrap: str) -> Settings:
        return Settings(
            bootstrap=bootstrap,
            app_id=unique,
            topic_prefix=f"{unique}.",
            partitions=2,
            replication=1,
            session_timeout_ms=6_000,
            metrics_port=0,
        )

    return made


@pytest.fixture
def settings(bootstrap: str, settings_on: Callable[[str], Settings]) -> Settings:
    """Settings for one test on the broker of this run."""
    return settings_on(bootstrap)
