"""The charge executor, a process of its own: `python -m streams.demo.executor PLAN BOOK`.

One rule: it reads committed requests only, writes each charge into its book first, and answers afterwards.

Connection and names come from the `DUNNING_` environment, as for a worker. Stops on SIGTERM, and when its
standard input ends: it never outlives the demo.
"""

import asyncio
import dataclasses
import hashlib
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer

from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded, Decline, Dialect, Initiator
from schemas.decisions import RetryRequested
from schemas.events import InputData
from schemas.instants import micros
from schemas.writing import read_written
from streams.clients import connection
from streams.demo.biller import Fact, Publisher, fact
from streams.demo.charges import Charge, ChargeMemory, Outcome, encode_charge
from streams.demo.pace import DAY_S, PENDING_DAYS
from streams.demo.stories import Answers
from streams.logs import configure_logging
from streams.settings import Settings, load_settings
from streams.topics import topic_name

_log = structlog.get_logger()

READY = "executor.ready"
"""Logged when every partition is being read."""

_FASTEST_S, _SLOWEST_S = 0.02, 0.15  # how long the provider takes for a charge


class Executor:
    """Executes requests and tells the outcomes. `failed` is done when one could not be told.

    Args:
        memory: what was charged so far.
        book: where each charge is written down, one JSON a line.
        publish: sends the answers.
    """

    def __init__(
        self, memory: ChargeMemory, book: BinaryIO, publish: Callable[[list[Fact]], Awaitable[object]]
    ) -> None:
        self._memory = memory
        self._book = book
        self._publish = publish
        self._answering: set[asyncio.Task[None]] = set()
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self, request: RetryRequested) -> None:
        """Execute a request now and answer it when the provider is done."""
        charge = self._memory.execute(request, micros(datetime.now(UTC)))
        self._book.write(encode_charge(charge))
        self._book.flush()
        if charge.outcome is Outcome.REPEATED:
            charge = self._memory.answer_again(request.request_id)
        task = asyncio.get_running_loop().create_task(self._answer(request, charge))
        self._answering.add(task)
        task.add_done_callback(self._answered)

    def _answered(self, task: "asyncio.Task[None]") -> None:
        self._answering.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.failed.done():
            self.failed.set_exception(error)

    async def stop(self) -> None:
        """Give up what has not been answered yet."""
        for task in self._answering:
            task.cancel()
        await asyncio.gather(*self._answering, return_exceptions=True)

    async def _answer(self, request: RetryRequested, charge: Charge) -> None:
        await asyncio.sleep(_provider_s(request.request_id))
        for data in answers(request, charge):
            if isinstance(data, ChargeSucceeded) and charge.outcome is Outcome.PENDING:
                await asyncio.sleep(PENDING_DAYS * DAY_S)
            await self._publish([fact("executor", f"{data.TYPE}/{request.request_id}", data)])


def answers(request: RetryRequested, charge: Charge) -> list[InputData]:
    """Say what the biller is told of a charge, in order; nothing where it is told nothing."""
    happened_at = datetime.now(UTC)
    succeeded = ChargeSucceeded(
        charge_id=f"ch-{request.request_id}",
        invoice_id=request.invoice_id,
        account_id=request.account_id,
        subscription_id=request.subscription_id,
        amount_minor=request.amount_minor,
        currency=request.currency,
        instrument_id=request.instrument_id,
        attempted_at=happened_at,
        request_id=request.request_id,
        initiated_by=Initiator.RETRY,
    )
    if charge.outcome is Outcome.SUCCEEDED:
        return [succeeded]
    if charge.outcome is Outcome.PENDING:
        fields = {one.name: getattr(succeeded, one.name) for one in dataclasses.fields(ChargePending)}
        return [ChargePending(**fields), succeeded]
    if charge.code is None:
        return []
    return [
        ChargeDeclined(
            charge_id=f"ch-{request.request_id}",
            invoice_id=request.invoice_id,
            account_id=request.account_id,
            subscription_id=request.subscription_id,
            instrument_id=request.instrument_id,
            amount_minor=request.amount_minor,
            currency=request.currency,
            decline=Decline(code=charge.code, dialect=Dialect.STRIPE),
            attempted_at=happened_at,
            initiated_by=Initiator.RETRY,
            request_id=request.request_id,
        )
    ]


def _provider_s(request_id: str) -> float:
    share = int.from_bytes(hashlib.blake2b(request_id.encode(), digest_size=2).digest()) / 65_535
    return _FASTEST_S + share * (_SLOWEST_S - _FASTEST_S)


async def _run(settings: Settings, plan: dict[str, Answers], book: BinaryIO) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(sys.stdin.fileno(), stop.set)  # nothing is ever written there: readable means ended
    publisher = Publisher(settings)
    await publisher.start()
    consumer = AIOKafkaConsumer(
        topic_name(settings, RetryRequested.TYPE),
        **connection(settings),
        group_id=f"{settings.app_id}-executor",
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    executor = Executor(ChargeMemory(plan), book, publisher.publish)
    try:
        await consumer.start()
        _log.info(READY)
        reading = asyncio.ensure_future(_read(consumer, executor))
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait((reading, executor.failed, stopping), return_when=asyncio.FIRST_COMPLETED)
        for end in (reading, executor.failed):
            if end.done():
                end.result()
        reading.cancel()
        await asyncio.wait((reading,))
    finally:
        await executor.stop()
        await consumer.stop()
        await publisher.stop()


async def _read(consumer: AIOKafkaConsumer, executor: Executor) -> None:
    async for record in consumer:
        event = read_written(record.value)
        if isinstance(event.data, RetryRequested):
            executor.take(event.data)


def main() -> None:
    """Run until told to stop."""
    settings = load_settings().settings
    configure_logging(settings)
    plan = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=dict[str, dict[str, tuple[str, ...]]])
    with Path(sys.argv[2]).open("wb") as book:
        asyncio.run(_run(settings, {invoice: dict(answers) for invoice, answers in plan.items()}, book))


if __name__ == "__main__":
    main()
