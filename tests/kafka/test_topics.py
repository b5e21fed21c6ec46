"""Topics on a real broker: made once, with leaders, and every wrong setting named."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.clients import admin_client
from streams.errors import Trouble
from streams.settings import Settings
from streams.topics import check_topics, create_topics, require_topics, topic_name, topic_table


async def alter(admin: AIOKafkaAdminClient, topic: str, **configs: str) -> None:
    settings = {key.replace("_", "."): value for key, value in configs.items()}
    for response in await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)]):
        assert all(error[0] == 0 for error in response.resources), response


async def settled(settings: Settings, count: int) -> list[str]:
    """Check until `count` differences are seen: a change shows a moment after it was confirmed."""
    async with asyncio.timeout(30):
        while len(found := await check_topics(settings)) != count:
            await asyncio.sleep(0.05)
    return [str(difference) for difference in found]


async def test_topics_are_made_once_and_are_right(settings: Settings) -> None:
    missing = await check_topics(settings)
    assert len(missing) == len(topic_table(settings))
    assert str(missing[0]).endswith("is missing: make it with `dunning topics create`")

    made = await create_topics(settings)
    assert made == tuple(topic.name for topic in topic_table(settings))
    assert await create_topics(settings) == ()
    assert await check_topics(settings) == ()
    await require_topics(settings)


async def test_making_them_twice_at_once_does_no_harm(settings: Settings) -> None:
    first, second = await asyncio.gather(create_topics(settings), create_topics(settings))
    assert sorted(first + second) == sorted(topic.name for topic in topic_table(settings))


async def test_every_wrong_setting_is_named(settings: Settings) -> None:
    journal, state = topic_name(settings, "dunning.journal"), topic_name(settings, "dunning.state")
    declined = topic_name(settings, "charge.declined")
    async with admin_client(settings) as admin:
        await admin.create_topics([NewTopic(declined, 5, 1, topic_configs={"cleanup.policy": "compact"})])
        await create_topics(settings)
        await alter(
            admin, journal, message_timestamp_type="CreateTime", retention_ms="1000", max_message_bytes="5000"
        )
        await alter(admin, state, cleanup_policy="delete")
        await admin.create_partitions({state: NewPartitions(3)})

    assert await settled(settings, 6) == [
        f"topic {declined}: cleanup.policy is compact, should be delete",  # its partitions are its owner's
        f"topic {journal}: message.timestamp.type is CreateTime, should be LogAppendTime",
        f"topic {journal}: retention.ms is 1000, should be at least 5184000000",
        f"topic {journal}: max.message.bytes is 5000, should be at least 1048588",
        f"topic {state}: partitions is 3, should be 2",
        f"topic {state}: cleanup.policy is delete, should be compact",
    ]
    with pytest.raises(Trouble, match="should be LogAppendTime"):
        await require_topics(settings)


async def test_endless_retention_is_enough(settings: Settings) -> None:
    await create_topics(settings)
    stamped = {"message_timestamp_type": "LogAppendTime"}
    async with admin_client(settings) as admin:
        await alter(admin, topic_name(settings, "dunning.journal"), retention_ms="1", **stamped)
        assert len(await settled(settings, 1)) == 1
        await alter(admin, topic_name(settings, "dunning.journal"), retention_ms="-1", **stamped)
        assert await settled(settings, 0) == []


async def test_too_few_brokers_are_told(settings: Settings) -> None:
    wanted = settings.model_copy(update={"replication": 3})
    with pytest.raises(Trouble) as caught:
        await create_topics(wanted)
    message = str(caught.value)
    assert message.startswith(
        f"topic {settings.topic_prefix}invoice.issued: this cluster has fewer brokers than"
    )
    assert message.endswith("for a single broker set --replication 1 or DUNNING_REPLICATION=1")


async def test_no_broker_is_told() -> None:
    with pytest.raises(Trouble, match=r"^cannot talk to Kafka at 127\.0\.0\.1:1 \(PLAINTEXT\): .*Errno"):
        await check_topics(Settings(bootstrap="127.0.0.1:1"))
