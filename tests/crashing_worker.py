"""A worker that dies at a named point: `python -m tests.crashing_worker POINT`, with the counting engine.

It kills itself (SIGKILL, so nothing is cleaned up) when it comes to the point. The points lie at the calls between
which a crash makes a difference; production code has no switch for it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.producer.sender import EndTxnHandler

from streams import takeover
from streams.appender import Appender
from streams.input_topics import InputTopics
from streams.ledger import KafkaLedger
from tests import counting_worker
from tests.counting import CountingFold


@dataclass(frozen=True, slots=True)
class Point:
    """A call, whether to die before or after it, and at which time that it comes to it."""

    owner: Any
    call: str
    dies_after: bool = False
    passes: int = 2  # one partition is past it already


POINTS: dict[str, Point] = {
    # intake
    "records fetched": Point(InputTopics, "read", dies_after=True),
    "page built": Point(Appender, "send"),
    "page handed over, not acknowledged": Point(Appender, "send", dies_after=True),
    "acknowledged, input offsets not committed": Point(InputTopics, "commit"),
    "input offsets committed": Point(InputTopics, "commit", dies_after=True),
    # engine
    "page queued, not applied": Point(CountingFold, "fold"),
    "page applied, no transaction": Point(KafkaLedger, "commit"),
    "transaction begun": Point(AIOKafkaProducer, "begin_transaction", dies_after=True),
    "first batch handed over": Point(AIOKafkaProducer, "send_batch", dies_after=True),
    "offset about to be sent": Point(AIOKafkaProducer, "send_offsets_to_transaction"),
    "offset sent": Point(AIOKafkaProducer, "send_offsets_to_transaction", dies_after=True),
    "all acknowledged, not ended": Point(AIOKafkaProducer, "commit_transaction"),
    "end sent, no reply": Point(EndTxnHandler, "handle_response"),
    "committed, memory not marked": Point(KafkaLedger, "commit", dies_after=True),
    "tick due": Point(KafkaLedger, "tick"),
    "tick appended": Point(KafkaLedger, "tick", dies_after=True),
    # takeover
    "before the fence": Point(KafkaLedger, "fence"),
    "fenced": Point(KafkaLedger, "fence", dies_after=True),
    "offset read": Point(KafkaLedger, "committed", dies_after=True),
    "first rows restored": Point(KafkaLedger, "changelog", passes=1),  # the other may have none yet
    "restored": Point(takeover, "spare_what_stays"),
}


def die_at(point: Point) -> None:
    """Make this process kill itself there."""
    left = point.passes

    def passed(result: Any = None) -> None:
        nonlocal left
        if result == []:
            return  # a look that found nothing
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    call: Callable[..., Any] = getattr(point.owner, point.call)

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        if not point.dies_after:
            passed()
        result = await call(*args, **kwargs)
        if point.dies_after:
            passed(result)
        return result

    async def streamed(*args: Any) -> AsyncIterator[Any]:
        async for portion in call(*args):
            yield portion
            passed()

    def called(*args: Any, **kwargs: Any) -> Any:
        passed()
        return call(*args, **kwargs)

    if point.call == "changelog":
        replacement: Callable[..., Any] = streamed
    else:
        replacement = awaited if asyncio.iscoroutinefunction(call) else called
    setattr(point.owner, point.call, replacement)


if __name__ == "__main__":
    die_at(POINTS[sys.argv[1]])
    sys.argv[1:] = []
    sys.exit(counting_worker.main())
