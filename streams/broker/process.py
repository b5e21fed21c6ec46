"""One broker process: files, ports, start. Rule: a failure is told with its cause and the log's tail.

The recipe: Kafka in KRaft mode, one node that is broker and controller, static voter, everything on loopback.
"""

import asyncio
import base64
import contextlib
import errno
import fcntl
import logging
import secrets
import shutil
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.broker.jars import KafkaJars
from streams.broker.java import Java
from streams.errors import Misuse, Trouble

HOST = "127.0.0.1"
START_LIMIT_S = 90  # our choice: the start takes 3 s, on a machine that is busy with other things far more
STOP_LIMIT_S = 30  # our choice: a stop takes half a second
_FIRST_PORT, _LAST_PORT = 20_000, 32_000  # below the range from which systems number outgoing connections
_NEEDED_BYTES = 256 * 1024 * 1024  # our choice: Kafka lays out its logs and indexes ahead
_TAIL_LINES = 15
_HEAP = ("-Xms512m", "-Xmx1g")

log = logging.getLogger(__name__)


class BrokerTrouble(Trouble):
    """The broker did not start or stopped by itself; first line: why, then the tail of its log."""


class PortTaken(BrokerTrouble):
    """Something else listens on the broker's port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFiles:
    """Where one broker keeps its things."""

    folder: Path

    @property
    def data(self) -> Path:
        """The log directory of Kafka."""
        return self.folder / "data"

    @property
    def properties(self) -> Path:
        """The broker's configuration, written anew at each start."""
        return self.folder / "kafka.properties"

    @property
    def log(self) -> Path:
        """What the broker prints: without a log configuration only errors."""
        return self.folder / "broker.log"

    @property
    def cluster_id(self) -> str | None:
        """The cluster that the data belongs to; None before the data folder is formatted."""
        meta = self.data / "meta.properties"
        if not meta.is_file():
            return None
        pairs = (line.partition("=") for line in meta.read_text(encoding="utf-8").splitlines())
        return next((value for key, _, value in pairs if key == "cluster.id"), None)

    def printed(self) -> list[str]:
        """Return the lines that the broker printed, without the frames of stack traces."""
        if not self.log.is_file():
            return []
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if line.strip() and not line.startswith("\tat ")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """The two ports of one broker, on loopback."""

    broker: int
    controller: int


@contextlib.contextmanager
def sole_user(files: BrokerFiles) -> Iterator[None]:
    """Keep a second broker off the folder: Kafka notices too, but only after it has disturbed the first.

    Raises:
        BrokerTrouble: another broker uses the folder, or it cannot be written.
    """
    try:
        files.folder.mkdir(parents=True, exist_ok=True)
        lock = (files.folder / "in-use.lock").open("w")
    except OSError as error:
        reason = "it is no folder" if isinstance(error, FileExistsError) else error.strerror
        raise BrokerTrouble(f"the broker's folder {files.folder} cannot be written: {reason}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BrokerTrouble(
                f"another broker uses the folder {files.folder}: stop it or choose another folder"
            ) from error
        yield


def choose_ports(port: int | None) -> Ports:
    """Choose free ports; `port` is the broker's if given.

    They are free now, not reserved: a start that finds them taken is to be tried again with others.

    Raises:
        PortTaken: `port` was given and something listens there.
    """
    if port is not None and not _is_free(port):
        raise PortTaken(f"port {port} on {HOST} is taken: stop what listens there or choose another --port")
    broker = _free_port(()) if port is None else port
    return Ports(broker=broker, controller=_free_port((broker,)))


def _free_port(but_not: tuple[int, ...]) -> int:
    for _ in range(200):
        port = _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)
        if port not in but_not and _is_free(port):
            return port
    raise PortTaken(f"no free port on {HOST} between {_FIRST_PORT} and {_LAST_PORT}")


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        # As Java does: a port whose old connections still time out counts as free.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
            candidate.listen(1)
        except PermissionError as error:
            raise Misuse(f"port {port} may not be used by this user: choose one above 1023") from error
        except OSError:
            return False
    return True


def prepare(files: BrokerFiles, ports: Ports, java: Java, jars: KafkaJars) -> str:
    """Write the configuration, format the data folder if it is new, and return the cluster's id.

    Raises:
        BrokerTrouble: the folder cannot be written, the disk is full, or Kafka refuses it.
    """
    try:
        files.data.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(files.data).free) < _NEEDED_BYTES:
            raise BrokerTrouble(
                f"disk full: {free // 2**20} MB are free under {files.folder}, the broker needs "
                f"{_NEEDED_BYTES // 2**20} MB: free some or choose another data folder"
            )
        files.properties.write_text(_properties(files, ports), encoding="utf-8")
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise BrokerTrouble(f"disk full: nothing can be written under {files.folder}") from error
        raise BrokerTrouble(
            f"the broker's folder {files.folder} cannot be written: {error.strerror}"
        ) from error
    if (known := files.cluster_id) is not None:
        return known
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    while cluster_id.startswith("-"):  # the tool would read it as an option
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
    command = [str(java.path), "-cp", jars.class_path, "kafka.tools.StorageTool", "format"]
    with files.log.open("ab") as output:
        formatted = subprocess.run(
            [*command, "-t", cluster_id, "-c", files.properties],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False, timeout=START_LIMIT_S,
        )  # fmt: skip
    if formatted.returncode:
        raise failure(files, "Kafka could not format its data folder")
    return cluster_id


def _properties(files: BrokerFiles, ports: Ports) -> str:
    return f"""\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{HOST}:{ports.controller}
listeners=PLAINTEXT://{HOST}:{ports.broker},CONTROLLER://{HOST}:{ports.controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={files.data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
"""


def start_command(files: BrokerFiles, java: Java, jars: KafkaJars) -> list[str]:
    """Return the command line of the broker."""
    return [str(java.path), *_HEAP, "-cp", jars.class_path, "kafka.Kafka", str(files.properties)]


def wait_until_ready(files: BrokerFiles, port: int, cluster_id: str, is_alive: Callable[[], bool]) -> None:
    """Wait until the broker answers on its port and says that it is ours.

    Raises:
        PortTaken: another program took one of the ports first.
        BrokerTrouble: the broker stopped, or did not answer within `START_LIMIT_S`.
    """
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if not is_alive():
            raise failure(files, "the broker stopped while it started")
        if _accepts(port):
            answering = _in_own_loop(port)
            if answering == cluster_id:
                return
            if answering is not None:
                raise PortTaken(f"port {port} on {HOST} was taken by another broker meanwhile: try again")
        time.sleep(0.05)
    raise failure(files, f"the broker did not answer within {START_LIMIT_S} s")


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def _in_own_loop(port: int) -> str | None:
    """Ask for the cluster's id from a thread of its own: the caller may be inside a running loop."""
    answers: list[str | None] = []
    asker = threading.Thread(target=lambda: answers.append(asyncio.run(_cluster_behind(port))), daemon=True)
    asker.start()
    asker.join()
    return answers[0] if answers else None


async def _cluster_behind(port: int) -> str | None:
    admin = AIOKafkaAdminClient(bootstrap_servers=f"{HOST}:{port}", request_timeout_ms=2_000)
    try:
        await admin.start()
        described = await admin.describe_cluster()
    except (KafkaError, OSError, TimeoutError) as error:
        log.debug("kafka.not_ready: %s", error)
        return None
    finally:
        await admin.close()
    cluster_id = described.get("cluster_id")
    return cluster_id if isinstance(cluster_id, str) else None


_PORT_TAKEN = "Address already in use"
_DISK_FULL = "No space left on device"
_PAGE_BYTES = 65_536  # our choice: less is nothing
_CAUSES = {
    _PORT_TAKEN: "one of its ports was taken meanwhile: try again or choose another",
    "Failed to acquire lock": "another broker uses this data folder: stop it or choose another folder",
    _DISK_FULL: "disk full: free some space or choose another data folder",
    "UnsupportedClassVersionError": "this Java is too old for these jars: use Java 17 or later",
    "OutOfMemoryError": "too little memory: it needs about 1 GB",
    "Could not reserve enough space": "too little memory: it needs about 1 GB",
    "Could not find or load main class": "the jars are no complete Kafka: unpack or download it again",
}


def failure(files: BrokerFiles, what: str) -> BrokerTrouble:
    """Say why the broker failed: a known cause if its log names one, and the tail of the log."""
    printed = files.printed()
    tail = "\n".join(printed[-_TAIL_LINES:])
    for sign, cause in _CAUSES.items():
        if any(sign in line for line in printed):
            kind = PortTaken if sign == _PORT_TAKEN else BrokerTrouble
            return kind(f"{what}: {cause}\n{tail}")
    if shutil.disk_usage(files.folder).free < _PAGE_BYTES:  # then the log could not be written either
        return BrokerTrouble(f"{what}: {_CAUSES[_DISK_FULL]}")
    shown = f"its log {files.log} ends:\n{tail}" if tail else f"it printed nothing to {files.log}"
    return BrokerTrouble(f"{what}; {shown}")
