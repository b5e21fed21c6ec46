"""`dunning publish`: feed the events of a file. Rule: what is not an event is refused here, with its line."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import click
from aiokafka.errors import KafkaError

from dunning.explanation.wording import counted
from schemas.reading import LARGEST_VALUE, read_event
from schemas.rejections import Rejected
from streams.cli.options import with_settings
from streams.clients import LastError, connection, unreachable
from streams.errors import Misuse, Trouble
from streams.settings import Effective, Settings
from streams.topics import topic_name

_AT_ONCE = 5_000  # records handed over between two looks at their acknowledgements
_CONTENT_TYPE = [("content-type", b"application/cloudevents+json")]

_AGAIN = "Publishing again is safe: an event told twice changes nothing"

Line = tuple[str, bytes, bytes]
"""Topic (the event's type), key, value."""


@click.command()
@with_settings("card_number_exempt_fields")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--skip-bad", is_flag=True, help="tell bad lines and go on, instead of stopping at the first one"
)
def publish(effective: Effective, *, file: Path, skip_bad: bool) -> None:
    """Publish the events of FILE (`-`: standard input) to the topics named by their types.

    FILE holds one CloudEvent (structured, JSON) a line. A bad line ends the run with exit code 2; the lines
    before it have been published then. Prints how many events the broker has acknowledged.
    """
    if str(file) != "-" and not file.exists():  # told before a broker is looked for
        raise Misuse(f"{file}: there is no such file; name a file of events, or - for standard input")
    lines = _Lines(file, frozenset(effective.settings.card_number_exempt_fields), skip_bad=skip_bad)
    sent = asyncio.run(_publish(effective.settings, lines))
    skipped = f", {counted(lines.skipped, 'bad line')} skipped" if lines.skipped else ""
    click.echo(f"{counted(sent, 'event')} published{skipped}")
    if lines.refused is not None:
        raise lines.refused


class _Lines:
    """The good lines of a file. Ends at the first bad one, unless bad ones are to be skipped."""

    def __init__(self, file: Path, exempt: frozenset[str], *, skip_bad: bool) -> None:
        self.skipped = 0
        self.refused: Misuse | None = None
        self._name = "standard input" if str(file) == "-" else str(file)
        self._file = file
        self._exempt = exempt
        self._skip_bad = skip_bad

    def __iter__(self) -> Iterator[Line]:
        for number, line in enumerate(_raw_lines(self._file, self._name), start=1):
            raw = line.strip()
            if not raw:
                continue
            try:
                event = read_event(raw, exempt=self._exempt)
            except Rejected as verdict:
                refused = Misuse(f"{self._name}:{number}: {verdict.path or 'the line'}: {verdict.message}")
                if not self._skip_bad:
                    self.refused = refused
                    return
                self.skipped += 1
                click.echo(f"dunning: {refused}; skipped", err=True)
            else:
                yield event.type, event.data.account_id.encode(), raw


def _raw_lines(file: Path, name: str) -> Iterator[bytes]:
    try:
        with _opened(file) as stream:
            # Bounded, so that a file without line ends is refused and not read into memory.
            while line := stream.readline(LARGEST_VALUE + 2):
                yield line
                while len(line) > LARGEST_VALUE and not line.endswith(b"\n"):
                    line = stream.readline(LARGEST_VALUE + 2)
    except OSError as error:
        raise Misuse(f"{name}: cannot be read: {error.strerror}") from error


def _opened(file: Path) -> BinaryIO:
    return sys.stdin.buffer if str(file) == "-" else file.open("rb")


async def _publish(settings: Settings, lines: _Lines) -> int:
    from aiokafka import AIOKafkaProducer

    producer = AIOKafkaProducer(
        **connection(settings),
        acks="all",
        enable_idempotence=True,
        linger_ms=5,
        max_batch_size=500_000,
        max_request_size=2 * LARGEST_VALUE,
    )
    with LastError() as last:
        try:
            await producer.start()
        except KafkaError as error:
            await producer.stop()
            raise Trouble(unreachable(settings, last.cause)) from error
    sent = 0
    acks: list[asyncio.Future[object]] = []
    try:
        # Asked first: to a topic that is missing the client would go on sending until its time is over.
        present = (await producer.client.fetch_all_metadata()).topics()
        for kind, key, value in lines:
            topic = topic_name(settings, kind)
            if topic not in present:
                await asyncio.gather(*acks)
                raise Trouble(
                    f"topic {topic} is missing: make it with `dunning topics create`, or set the --topic-prefix that "
                    f"it has; {counted(sent + len(acks), 'event')} published"
                )
            acks.append(await producer.send(topic, value, key, headers=_CONTENT_TYPE))
            if len(acks) == _AT_ONCE:
                await asyncio.gather(*acks)
                sent += len(acks)
                acks = []
        await asyncio.gather(*acks)
    except KafkaError as error:
        raise Trouble(
            f"{settings.bootstrap}: {error!r} after {counted(sent, 'event')}; is there a topic for each type "
            f"(`dunning topics check`)? {_AGAIN}"
        ) from error
    except asyncio.CancelledError as error:
        sent += sum(ack.done() and not ack.cancelled() and ack.exception() is None for ack in acks)
        raise Trouble(f"interrupted after {counted(sent, 'event')}; {_AGAIN}") from error
    finally:
        await producer.stop()
    return sent + len(acks)
