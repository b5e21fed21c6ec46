"""Putting a policy file in force: its content becomes an event in every journal partition.

One rule: a partition gets the content only when it differs from what it was told last. What that was stands
beside the offsets of a consumer group of its own, as a digest; if the broker forgets it, a partition is told
the same content twice, which changes nothing.
"""

from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from schemas.commands import PoliciesSet
from schemas.envelope import Event
from schemas.pages import encode_event, encode_page
from streams.appender import BATCH_BYTES, Appender
from streams.clients import Connection
from streams.errors import Misuse
from streams.ports import Clock

_log = structlog.get_logger()

_sorted = msgspec.json.Encoder(order="deterministic").encode


def content_digest(content: dict[str, Any]) -> str:
    """Name a policy file's content: the same for the same content, whatever the order of its keys."""
    return blake2b(_sorted(content), digest_size=12).hexdigest()


async def sync_policies(
    content: dict[str, Any],
    *,
    journal: str,
    group_id: str,
    client: Connection,
    appender: Appender,
    clock: Clock,
) -> int:
    """Tell every journal partition the policies in force, unless it knows them.

    Args:
        content: of a policy file, checked.
        journal: the journal's full name.
        group_id: of the group that remembers what was told; not the engine's.
        client: how to reach the brokers.
        appender: writes to the journal.
        clock: its wall time goes into the event; no decision reads it.

    Returns:
        How many partitions were told.

    Raises:
        Misuse: the content is too large for a page.
        Unsettled, KafkaError: the broker did not answer. Call again; what was told is not told twice.
    """
    digest = content_digest(content)
    page = encode_page([encode_event(_policies_set(content, digest, clock.now_ms()))])
    if len(page) > BATCH_BYTES:
        raise Misuse(f"the policies take {len(page)} bytes, more than {BATCH_BYTES}: leave some out")
    memory = AIOKafkaConsumer(**client, group_id=group_id, enable_auto_commit=False)
    await memory.start()
    try:
        places = [TopicPartition(journal, number) for number in range(await appender.partitions(journal))]
        memory.assign(places)
        # Only the coordinator's answer carries the metadata; the public call gives the offset alone.
        known = await memory._coordinator.fetch_committed_offsets(places)  # noqa: SLF001  # held by the pin test
        behind = [place for place in places if place not in known or known[place].metadata != digest]
        for place in behind:
            told = await appender.append(journal, place.partition, page)
            await memory.commit({place: OffsetAndMetadata(told.offset + 1, digest)})
    finally:
        await memory.stop()
    if behind:
        _log.info("policies.set", digest=digest, partitions=len(behind))
    return len(behind)


def _policies_set(content: dict[str, Any], digest: str, now_ms: int) -> Event[PoliciesSet]:
    return Event(
        # Going back to earlier content is news, so the digest alone would not do as an id.
        id=f"{digest}/{now_ms}",
        source="dunning",
        type=PoliciesSet.TYPE,
        time=datetime.fromtimestamp(now_ms / 1000, UTC),
        data=PoliciesSet(policies=content),
    )
