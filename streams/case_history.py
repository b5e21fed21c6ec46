"""Reading the life of one invoice, or the whole journal, from the topics.

Rule: it only reads: outside any consumer group, committed records only, up to the ends of the moment.
"""

from dataclasses import dataclass

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from dunning.explanation.history import Told
from schemas.decisions import CaseChanged, NoticeRequested, RetryRequested, StageChanged
from schemas.envelope import Event
from schemas.events import JournalData
from schemas.pages import PageError, decode_page
from schemas.writing import OutputData, WrittenError, read_written
from streams.errors import Misuse, Trouble
from streams.page_builder import partition_of
from streams.settings import Settings
from streams.topic_reader import committed_offset, open_reader, open_tape, partitions_of, read
from streams.topics import JOURNAL, STATE, topic_name

DECISIONS = tuple(shape.TYPE for shape in (RetryRequested, NoticeRequested, CaseChanged, StageChanged))


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the topics hold about one account."""

    account_id: str
    told: tuple[Told, ...]
    decided: tuple[Event[OutputData], ...]


async def read_invoice(settings: Settings, invoice_id: str, account_id: str | None) -> Recorded | None:
    """Read everything that is recorded about an invoice and its account.

    Args:
        settings: how to reach the brokers, and the topics' prefix.
        invoice_id: which one.
        account_id: its payer, if known: then one partition is read instead of all.

    Returns:
        None if no topic names the invoice.

    Raises:
        Misuse: several accounts have an invoice of that id.
        Trouble: no broker answers, a topic is missing, or a record is none of ours.
    """
    async with open_reader(settings) as reader:
        if account_id is None:
            account_id = await _payer(reader, settings, invoice_id)
            if account_id is None:
                return None
        journal = topic_name(settings, JOURNAL)
        partition = partition_of(account_id, len(await partitions_of(settings, journal)))
        # Asked for first: what is decided from here on may be shown as undecided, never the other way round.
        applied = await _applied(reader, settings, partition)
        return Recorded(
            account_id,
            tuple(await _told(reader, TopicPartition(journal, partition), account_id, applied)),
            tuple(await _decided(reader, settings, partition, invoice_id, account_id)),
        )


async def read_journal(settings: Settings) -> list[Told]:
    """Read every event of the journal, all partitions joined by the stamps of their pages.

    Raises:
        Trouble: no broker answers, a topic is missing, or a record is no page.
    """
    found: list[Told] = []
    clocks: dict[int, int] = {}

    def take(partition: int, stamp_ms: int, value: bytes) -> None:
        clocks[partition] = max(clocks.get(partition, 0), stamp_ms)
        found.extend(Told(clocks[partition] * 1_000, event) for event in _page(journal, partition, value))

    async with open_reader(settings) as reader:
        journal = topic_name(settings, JOURNAL)
        await read(reader, journal, await partitions_of(settings, journal), take)
    # Stable, so events of one partition stay in their order; across partitions they share no account.
    found.sort(key=lambda told: told.at)
    return found


async def _payer(reader: AIOKafkaConsumer, settings: Settings, invoice_id: str) -> str | None:
    """Find the account of an invoice: in the journal, or where that forgot it, in the changes of cases."""
    accounts: dict[str, None] = {}
    wanted = _as_json(invoice_id)

    def from_journal(partition: int, _: int, value: bytes) -> None:
        if wanted in value:
            for event in _page(journal, partition, value):
                if getattr(event.data, "invoice_id", None) == invoice_id:
                    accounts[str(getattr(event.data, "account_id", ""))] = None

    def from_changes(partition: int, _: int, value: bytes) -> None:
        if wanted in value:
            data = _decision(changes, partition, value).data
            if isinstance(data, CaseChanged) and data.invoice_id == invoice_id:
                accounts[data.account_id] = None

    journal, changes = topic_name(settings, JOURNAL), topic_name(settings, CaseChanged.TYPE)
    await read(reader, journal, await partitions_of(settings, journal), from_journal)
    if not accounts:
        await read(reader, changes, await partitions_of(settings, changes), from_changes)
    if len(accounts) > 1:
        names = ", ".join(sorted(accounts)[:5])
        raise Misuse(f"invoice {invoice_id}: several accounts have one ({names}); name one with --account")
    return next(iter(accounts), None)


async def _applied(reader: AIOKafkaConsumer, settings: Settings, partition: int) -> int | None:
    """Find the first page of the journal that the engine has not decided; None: the broker has forgotten it."""
    applied = await committed_offset(
        settings, settings.app_id, TopicPartition(topic_name(settings, JOURNAL), partition)
    )
    if applied is not None:
        return applied
    # Each decision writes state, so where there is none, there never was a decision.
    state = TopicPartition(topic_name(settings, STATE), partition)
    return None if (await reader.end_offsets([state]))[state] else 0


async def _told(
    reader: AIOKafkaConsumer, journal: TopicPartition, account_id: str, applied: int | None
) -> list[Told]:
    told: list[Told] = []
    wanted, clock_ms = _as_json(account_id), 0
    tape = await open_tape(reader, journal)
    while pages := await tape.take():
        for page in pages:
            clock_ms = max(clock_ms, page.timestamp)  # the engine's clock never goes back either
            if wanted in page.value:
                told.extend(
                    Told(clock_ms * 1_000, event, is_undecided=applied is not None and page.offset >= applied)
                    for event in _page(journal.topic, journal.partition, page.value)
                    if getattr(event.data, "account_id", None) == account_id
                )
    return told


async def _decided(
    reader: AIOKafkaConsumer, settings: Settings, partition: int, invoice_id: str, account_id: str
) -> list[Event[OutputData]]:
    """Read the decisions of the partition, those of one instant in the order of their kinds."""
    found: list[tuple[int, Event[OutputData]]] = []
    # A case's change comes after the page's other events (contract section 6, Order).
    kinds = (NoticeRequested.TYPE, RetryRequested.TYPE, StageChanged.TYPE, CaseChanged.TYPE)
    for rank, kind in enumerate(kinds):
        topic = topic_name(settings, kind)
        wanted = _as_json(account_id if kind == StageChanged.TYPE else invoice_id)
        values: list[bytes] = []

        def take(
            _: int, __: int, value: bytes, *, values: list[bytes] = values, wanted: bytes = wanted
        ) -> None:
            if wanted in value:
                values.append(value)

        await read(reader, topic, [partition], take)
        found += [(rank, _decision(topic, partition, value)) for value in values]
    found.sort(key=lambda one: (one[1].time, one[0]))
    return [event for _, event in found]


def _as_json(text: str) -> bytes:
    """Write a string as it stands in JSON of ours, to look for it before anything is decoded."""
    return msgspec.json.encode(text)


def _page(topic: str, partition: int, value: bytes) -> list[Event[JournalData]]:
    try:
        return list(decode_page(value))
    except PageError as error:
        raise Trouble(f"topic {topic}, partition {partition}: {error}; who else writes there?") from error


def _decision(topic: str, partition: int, value: bytes) -> Event[OutputData]:
    try:
        return read_written(value)
    except WrittenError as error:
        raise Trouble(f"topic {topic}, partition {partition}: {error}; who else writes there?") from error
