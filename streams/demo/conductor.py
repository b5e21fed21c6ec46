"""The order of the demo: who starts, what happens on which day, what is cleaned up.

One rule: whatever happens, every process that was started is ended and every temporary folder removed.
"""

import asyncio
import contextlib
import secrets
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.errors import KafkaError
from rich.console import Console, Group

from streams.broker import EmbeddedKafka
from streams.clients import admin_client
from streams.demo.charges import read_book
from streams.demo.crew import Crew
from streams.demo.evidence import Evidence, read_evidence
from streams.demo.life import life_of, most_telling, spoken
from streams.demo.pace import DAY_S, WINDOW_DAYS
from streams.demo.play import Play
from streams.demo.report import PICTURE_WIDTH, report, save_picture
from streams.demo.screen import Screen
from streams.demo.stories import write_stories
from streams.demo.verdict import judge
from streams.errors import Trouble
from streams.settings import Settings
from streams.topics import create_topics, topic_table

PARTITIONS = 4  # our choice: two for each worker
_PACE: dict[str, Any] = {
    "partitions": PARTITIONS,
    "session_timeout_ms": 6_000,  # the least a broker allows by default: a killed worker is missed sooner
    "metrics_host": "127.0.0.1",
    "metrics_port": 0,
    "log_format": "json",
    "instance_id": None,
    "policy_file": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What was asked for on the command line."""

    settings: Settings  # of the connection
    is_embedded: bool  # else the cluster of the settings is used
    subscriptions: int
    seed: int
    keep: bool  # folder, logs and topics
    picture: Path | None  # where the last screen is saved as SVG


def run_demo(order: Order, console: Console) -> bool:
    """Run the demo from the broker's start to its clean-up.

    Returns:
        Whether the verdict holds.

    Raises:
        Trouble: a part of it could not start or has crashed, with the end of its log.
        KeyboardInterrupt: SIGINT or SIGTERM came; everything is cleaned up by then.
    """
    with contextlib.ExitStack() as undo:
        undo.enter_context(_sigterm_as_sigint())
        folder = _folder(order, undo)
        mark = f"demo-{secrets.token_hex(3)}"
        place: dict[str, Any] = {"app_id": mark, "topic_prefix": f"{order.settings.topic_prefix}{mark}."}
        if order.is_embedded:
            console.print(
                "starting Apache Kafka (the very first time its jars are downloaded) …", highlight=False
            )
            kafka = undo.enter_context(EmbeddedKafka(folder / "kafka"))
            # Nothing of the user's settings: they belong to another cluster.
            defaults = {name: field.default for name, field in Settings.model_fields.items()}
            place = defaults | {"bootstrap": kafka.bootstrap, "replication": 1}
        settings = Settings(**(order.settings.model_dump() | place | _PACE))
        holds = asyncio.run(_run(order, settings, folder, console))
        if order.keep:
            console.print(kept(order, settings, folder), highlight=False, soft_wrap=True)
        return holds


def kept(order: Order, settings: Settings, folder: Path) -> str:
    """Say what was kept, and how to look at it."""
    if order.is_embedded:
        # On its own port: a broker of the user's may be on the usual one.
        port = settings.bootstrap.rpartition(":")[2]
        return (
            f"kept in {folder}: logs, policy, the executor's book and the broker; look at its topics with\n"
            f"  dunning kafka start --state-dir {folder / 'kafka'} --port {port}\n"
            f"  export DUNNING_BOOTSTRAP={settings.bootstrap} DUNNING_REPLICATION={settings.replication} "
            f"DUNNING_PARTITIONS={settings.partitions}"
        )
    return f"kept: logs, policy and the executor's book in {folder}, topics {settings.topic_prefix}*"


@contextlib.contextmanager
def _sigterm_as_sigint() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    # A shell's background process is born deaf to SIGINT; asyncio then leaves it alone, and SIGTERM would do nothing.
    was = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, was)
        signal.signal(signal.SIGTERM, before)


def _folder(order: Order, undo: contextlib.ExitStack) -> Path:
    if order.keep:
        return Path(tempfile.mkdtemp(prefix="dunning-demo-"))
    return Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="dunning-demo-")))


async def _run(order: Order, settings: Settings, folder: Path, console: Console) -> bool:
    stories = write_stories(order.subscriptions, order.seed)
    logs = folder / "logs"
    logs.mkdir()
    crew = Crew(settings, logs)
    seconds = WINDOW_DAYS * DAY_S
    title = f"dunning demo: {len(stories)} subscriptions, {WINDOW_DAYS} days in {seconds:.0f} seconds"
    try:
        made = await create_topics(settings)
        with Screen(console, title) as screen:
            screen.say(f"Kafka at {settings.bootstrap}, {len(made)} topics made")
            play = Play(settings, stories, crew, screen, folder)
            await play.run()
        evidence = await read_evidence(settings, read_book(play.book))
    except KafkaError as error:
        raise Trouble(f"{settings.bootstrap}: {error!r}; is the broker still there?") from error
    finally:
        crew.bury_all()
        if not order.is_embedded and not order.keep:
            await _delete_topics(settings)
    return _tell(evidence, screen, console, order.picture)


def _tell(evidence: Evidence, screen: Screen, console: Console, picture: Path | None) -> bool:
    verdict = judge(evidence)
    invoice_id = most_telling(evidence)
    story = None if invoice_id is None else life_of(evidence, invoice_id)
    life = [] if story is None else list(spoken(story))
    told = report(verdict, f"the life of {invoice_id}, in days since it began", life)
    if console.is_terminal:
        console.print(told, highlight=False)
    else:
        with console.capture() as capture:
            console.print(told, highlight=False)
        for line in capture.get().splitlines():  # without the blanks that fill a terminal's lines
            console.print(line.rstrip(), highlight=False, markup=False, soft_wrap=True)
    if picture is not None:
        try:
            save_picture(picture, "dunning demo", Group(screen.picture(PICTURE_WIDTH), told))
        except OSError as error:
            raise Trouble(f"{picture}: cannot be written: {error.strerror}; choose another place") from error
    return verdict.holds


async def _delete_topics(settings: Settings) -> None:
    with contextlib.suppress(Trouble):  # the demo's own error says more
        async with admin_client(settings) as admin:
            await admin.delete_topics([topic.name for topic in topic_table(settings)])
