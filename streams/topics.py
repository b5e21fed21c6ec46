"""The one table of all topics. Rule: topics are made ahead and checked at start, never made by a worker.

Journal, state and outputs have one partition count: what is decided in partition p is written to partition p.
Input topics belong to the upstream systems and may have any.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from dunning.explanation.wording import counted
from schemas.decisions import CaseChanged, DeadLetter, NoticeRequested, RetryRequested, StageChanged
from schemas.events import INPUT_TYPES
from streams.clients import admin_client
from streams.errors import Trouble
from streams.settings import PREFIX, Settings

JOURNAL = "dunning.journal"
STATE = "dunning.state"
INPUTS = tuple(INPUT_TYPES)
OUTPUTS = tuple(
    shape.TYPE for shape in (RetryRequested, NoticeRequested, CaseChanged, StageChanged, DeadLetter)
)

_MESSAGE_BYTES = 1_048_588  # Kafka's own default; whole batches of 900,000 bytes must fit
_STATE_SEGMENT_BYTES = 64 * 1024 * 1024  # our choice: only closed segments are compacted
_DAY_MS = 24 * 60 * 60 * 1000
_LEADER_LIMIT_S = 30  # our choice
_EXISTENCE = "topic"  # the name under which a missing topic is reported


class Role(StrEnum):
    """What a topic is for."""

    INPUT = "input"
    JOURNAL = "journal"
    STATE = "state"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic as it is made, and what a check insists on."""

    name: str
    role: Role
    partitions: int
    replication: int
    exact: Mapping[str, str]
    """Settings that must be just so."""
    at_least: Mapping[str, int]
    """Settings that may be larger; -1 on the broker means without limit."""
    tuning: Mapping[str, str]
    """Settings for the making only: another value costs speed or disk, not correctness."""

    @property
    def configs(self) -> dict[str, str]:
        """The settings with which the topic is made."""
        return {**self.exact, **{key: str(value) for key, value in self.at_least.items()}, **self.tuning}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A topic's setting that is not as it must be."""

    topic: str
    setting: str
    actual: str
    wanted: str

    def __str__(self) -> str:
        """Say it in one line."""
        if self.setting == _EXISTENCE:
            return f"topic {self.topic} is missing: make it with `dunning topics create`"
        return f"topic {self.topic}: {self.setting} is {self.actual}, should be {self.wanted}"


def topic_name(settings: Settings, name: str) -> str:
    """Return the name of a topic on the broker: the contract's name behind the configured prefix."""
    return settings.topic_prefix + name


def topic_table(settings: Settings) -> tuple[Topic, ...]:
    """List all topics with their settings: inputs, journal, state, outputs."""
    retention = {"retention.ms": settings.retention_days * _DAY_MS}
    room = {"max.message.bytes": _MESSAGE_BYTES}
    kept = {"cleanup.policy": "delete", "unclean.leader.election.enable": "false"}
    plans: list[tuple[str, Role, dict[str, str], dict[str, int], dict[str, str]]] = [
        # An input that is compacted loses events: its keys are not ours.
        *((name, Role.INPUT, {"cleanup.policy": "delete"}, {}, {}) for name in INPUTS),
        (JOURNAL, Role.JOURNAL, kept | {"message.timestamp.type": "LogAppendTime"}, retention | room, {}),
        (
            STATE,
            Role.STATE,
            kept | {"cleanup.policy": "compact"},
            room,
            {"segment.bytes": str(_STATE_SEGMENT_BYTES), "min.cleanable.dirty.ratio": "0.2"},
        ),
        *((name, Role.OUTPUT, kept, retention | room, {}) for name in OUTPUTS),
    ]
    in_sync = {"min.insync.replicas": min(2, settings.replication)}
    return tuple(
        Topic(
            name=topic_name(settings, name),
            role=role,
            partitions=settings.partitions,
            replication=settings.replication,
            exact=exact,
            at_least=at_least if role is Role.INPUT else at_least | in_sync,
            tuning=tuning,
        )
        for name, role, exact, at_least, tuning in plans
    )


async def create_topics(settings: Settings) -> tuple[str, ...]:
    """Make the topics that are missing and wait until each partition has a leader.

    Existing topics are left as they are; `check_topics` tells whether they are right. Calling it twice, or
    twice at once, does no harm.

    Returns:
        The names of the topics that were made by this call.

    Raises:
        Trouble: no broker answers, or it refuses a topic; the message names both.
    """
    table = topic_table(settings)
    async with admin_client(settings) as admin:
        present = set(await admin.list_topics())
        missing = [topic for topic in table if topic.name not in present]
        made = await _make(admin, missing) if missing else ()
        await _wait_for_leaders(admin, [topic.name for topic in table])
    return made


async def check_topics(settings: Settings) -> tuple[Difference, ...]:
    """Compare the topics on the broker with the table.

    Returns:
        Every setting that is wrong, in the order of the table; empty when a worker may start.

    Raises:
        Trouble: no broker answers or it refuses to tell.
    """
    table = topic_table(settings)
    async with admin_client(settings) as admin:
        present = {described["topic"]: described for described in await _described(admin, table)}
        configs = await _configs(admin, [topic.name for topic in table if topic.name in present])
    return tuple(
        difference
        for topic in table
        for difference in _differences(topic, present.get(topic.name), configs.get(topic.name, {}))
    )


async def require_topics(settings: Settings) -> None:
    """Refuse to go on with wrong topics; for the start of a worker.

    Raises:
        Trouble: topics are missing or set wrongly; the message has a line for each cause.
    """
    if differences := await check_topics(settings):
        raise Trouble(told(settings, differences))


def told(settings: Settings, differences: Sequence[Difference]) -> str:
    """Say what is wrong with the topics and what to do, one line for each cause.

    The likely mistake is ours, not the topics': settings other than those with which they were made.
    """
    missing = [one for one in differences if one.setting == _EXISTENCE]
    if len(missing) == len(topic_table(settings)):
        return (
            f"all {len(missing)} topics are missing: make them with `dunning topics create`, "
            "or set the --topic-prefix that they have"
        )
    causes: dict[tuple[str, str, str], list[Difference]] = {}
    for one in differences:
        cause = (one.topic, "", "") if one.setting == _EXISTENCE else (one.setting, one.actual, one.wanted)
        causes.setdefault(cause, []).append(one)
    return "\n".join(_told_of(ones[0], len(ones) - 1) for ones in causes.values())


def _told_of(one: Difference, others: int) -> str:
    also = f" ({counted(others, 'other topic')} likewise)" if others else ""
    return f"{one}{also}{_remedy(one)}"


def _remedy(one: Difference) -> str:
    match one.setting:
        case "partitions" | "replication":
            return (
                f"; set --{one.setting} {one.actual} ({PREFIX}{one.setting.upper()}), with which it was made"
            )
        case "min.insync.replicas":
            return f"; set --replication 1 ({PREFIX}REPLICATION) if there is a single broker"
        case "retention.ms" if (days := int(one.actual) // _DAY_MS) > 0:
            return f"; set --retention-days {days} ({PREFIX}RETENTION_DAYS), or have it kept for longer"
        case _:
            return ""


async def _make(admin: AIOKafkaAdminClient, missing: list[Topic]) -> tuple[str, ...]:
    response = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=topic.configs)
            for topic in missing
        ]
    )
    made = []
    for name, code, *message in response.topic_errors:
        kind = for_code(code)
        if code == 0:
            made.append(name)
        elif kind is InvalidReplicationFactorError:
            raise Trouble(
                f"topic {name}: this cluster has fewer brokers than the replication of "
                f"{missing[0].replication}: for a single broker set --replication 1 or DUNNING_REPLICATION=1"
            )
        elif kind is not TopicAlreadyExistsError:
            raise Trouble(
                f"topic {name}: the broker refused to make it: {kind.__name__} "
                f"{' '.join(filter(None, message))}"
            )
    return tuple(made)


async def _wait_for_leaders(admin: AIOKafkaAdminClient, names: list[str]) -> None:
    """The broker answers before its partitions have leaders, and the first use would fail."""
    deadline = time.monotonic() + _LEADER_LIMIT_S
    while True:
        without = [
            described["topic"]
            for described in await admin.describe_topics(names)
            if described["error_code"] or any(part["leader"] < 0 for part in described["partitions"])
        ]
        if not without:
            return
        if time.monotonic() > deadline:
            raise Trouble(
                f"topic {without[0]}: a partition has no leader after {_LEADER_LIMIT_S} s: check the brokers"
            )
        await asyncio.sleep(0.05)


async def _described(admin: AIOKafkaAdminClient, table: tuple[Topic, ...]) -> list[dict[str, Any]]:
    present = set(await admin.list_topics())
    names = [topic.name for topic in table if topic.name in present]
    return await admin.describe_topics(names) if names else []


async def _configs(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    found: dict[str, dict[str, str]] = {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    for response in await admin.describe_configs(resources):
        for code, message, _, name, entries in response.resources:
            if code:
                kind: type[KafkaError] = for_code(code)
                raise Trouble(
                    f"topic {name}: the broker does not tell its settings: {kind.__name__} {message or ''}"
                )
            found[name] = {entry[0]: entry[1] for entry in entries}
    return found


def _differences(
    topic: Topic, described: dict[str, Any] | None, configs: Mapping[str, str]
) -> Iterator[Difference]:
    def differs(setting: str, actual: object, wanted: object) -> Difference:
        return Difference(topic=topic.name, setting=setting, actual=str(actual), wanted=str(wanted))

    if described is None:
        yield differs(_EXISTENCE, "missing", f"there with {topic.partitions} partitions")
        return
    partitions = described["partitions"]
    if topic.role is not Role.INPUT:
        if len(partitions) != topic.partitions:
            yield differs("partitions", len(partitions), topic.partitions)
        copies = min((len(partition["replicas"]) for partition in partitions), default=0)
        if copies < topic.replication:
            yield differs("replication", copies, f"at least {topic.replication}")
    for setting, exact in topic.exact.items():
        actual = configs.get(setting)
        if actual != exact:
            yield differs(setting, actual, exact)
    for setting, least in topic.at_least.items():
        number = int(configs.get(setting, "0"))
        if number != -1 and number < least:
            yield differs(setting, number, f"at least {least}")
