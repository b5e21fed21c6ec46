"""`dunning publish` beside a broker that is played."""

import asyncio
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest
from click.testing import CliRunner

from streams.cli.program import dunning
from streams.errors import Trouble

ENDED = "subscription.ended"


class Topics:
    """What the broker says of its topics."""

    def __init__(self, *names: str) -> None:
        self._names = set(names)

    def topics(self) -> set[str]:
        return self._names


class Producer:
    """Keeps what was sent to it; `answers` acknowledges so many, the rest waits."""

    present: ClassVar[tuple[str, ...]] = (ENDED,)
    answers: ClassVar[int] = 1_000
    sent: ClassVar[list[str]]

    def __init__(self, **_: object) -> None:
        type(self).sent = []
        self.client = self

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Disconnect."""

    async def fetch_all_metadata(self) -> Topics:
        return Topics(*self.present)

    async def send(self, topic: str, _: bytes, __: bytes, **___: object) -> "asyncio.Future[None]":
        self.sent.append(topic)
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if len(self.sent) <= self.answers:
            answer.set_result(None)
        else:
            asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
        return answer


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> type[Producer]:
    class Broker(Producer):
        """One for each test."""

    monkeypatch.setattr("aiokafka.AIOKafkaProducer", Broker)
    return Broker


def file_of(folder: Path, *types: str) -> str:
    data: Mapping[str, Mapping[str, Any]] = {
        ENDED: {"subscription_id": "s-1", "account_id": "a"},
        "invoice.closed": {"invoice_id": "in-1", "account_id": "a", "reason": "voided"},
    }
    file = folder / "e.jsonl"
    file.write_text(
        "".join(
            json.dumps({"specversion": "1.0", "id": f"e-{number}", "source": "t", "type": type_,
                        "time": "2026-02-02T09:00:00Z", "data": data[type_]}) + "\n"
            for number, type_ in enumerate(types)
        )
    )  # fmt: skip
    return str(file)


def test_a_missing_topic_is_told_before_anything_is_sent_to_it(
    broker: type[Producer], tmp_path: Path
) -> None:
    file = file_of(tmp_path, ENDED, "invoice.closed", ENDED)
    with pytest.raises(
        Trouble, match=r"topic invoice\.closed is missing: .*topics create.*; 1 event published"
    ):
        CliRunner().invoke(dunning, ["publish", file], catch_exceptions=False)
    assert broker.sent == [ENDED]


def test_an_interrupt_tells_how_many_events_were_acknowledged(broker: type[Producer], tmp_path: Path) -> None:
    broker.answers = 2
    file = file_of(tmp_path, ENDED, ENDED, ENDED)
    with pytest.raises(Trouble, match="interrupted after 2 events; Publishing again is safe"):
        CliRunner().invoke(dunning, ["publish", file], catch_exceptions=False)
