"""The embedded broker: it starts, says who it is, cleans up, and tells clearly why it could not."""

import asyncio
import functools
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from jgo.maven import MavenContext

from streams.broker import BrokerTrouble, EmbeddedKafka, jars
from streams.broker.background import BackgroundKafka
from streams.broker.jars import LOCK_FILE, LockedJar, find_jars, parse_lock
from streams.broker.process import choose_ports
from streams.clients import connection
from streams.errors import Misuse, Trouble
from streams.settings import Settings
from streams.topics import create_topics, topic_name

ROOT = Path(__file__).parents[2]


def eventually(what: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(0.05)
    return False


def is_alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_what_is_written_in_a_transaction_is_read_back(settings: Settings) -> None:
    await create_topics(settings)
    topic = topic_name(settings, "dunning.case_changed")
    producer = AIOKafkaProducer(**connection(settings), transactional_id=settings.app_id)
    await producer.start()
    try:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"kept", partition=0)
        with pytest.raises(ZeroDivisionError):
            async with producer.transaction():
                await producer.send_and_wait(topic, b"given up", partition=0)
                raise ZeroDivisionError
        async with producer.transaction():
            await producer.send_and_wait(topic, b"kept too", partition=0)
    finally:
        await producer.stop()
    consumer = AIOKafkaConsumer(
        topic, **connection(settings), isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        values = [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(2)]
    finally:
        await consumer.stop()
    assert values == [b"kept", b"kept too"]


def test_it_says_what_it_took_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with EmbeddedKafka() as kafka:
        pid = kafka.pid
        assert kafka.java.version >= 17
        assert str(kafka.java.path) in str(kafka.java)
        assert "jars (" in str(kafka.jars)
        assert kafka.bootstrap.startswith("127.0.0.1:")
        assert len(list(tmp_path.iterdir())) == 1
    assert not is_alive(pid)
    assert list(tmp_path.iterdir()) == []


def test_data_outlives_the_broker_where_a_folder_is_given_and_a_second_broker_is_kept_off(
    tmp_path: Path,
) -> None:
    with EmbeddedKafka(data_dir=tmp_path) as kafka:
        settings = Settings(bootstrap=kafka.bootstrap, replication=1, partitions=1)
        assert asyncio.run(create_topics(settings)) != ()
        with pytest.raises(BrokerTrouble, match="another broker uses the folder"), EmbeddedKafka(tmp_path):
            pass
    with EmbeddedKafka(data_dir=tmp_path) as kafka:
        settings = Settings(bootstrap=kafka.bootstrap, replication=1, partitions=1)
        assert asyncio.run(create_topics(settings)) == ()


def test_it_ends_when_its_parent_is_killed() -> None:
    code = (
        "import time\nfrom streams.broker import EmbeddedKafka\n"
        "with EmbeddedKafka() as kafka:\n    print(kafka.pid, flush=True)\n    time.sleep(300)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        broker = int(parent.stdout.readline())
        assert is_alive(broker)
        parent.kill()
    assert eventually(lambda: not is_alive(broker))


def test_a_taken_port_is_told(taken_port: int) -> None:
    with pytest.raises(BrokerTrouble) as caught, EmbeddedKafka(port=taken_port):
        pass
    assert str(caught.value) == (
        f"port {taken_port} on 127.0.0.1 is taken: stop what listens there or choose another --port"
    )


def test_a_port_that_is_taken_between_choice_and_start_makes_it_choose_again(
    taken_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = choose_ports, []

    def first_the_taken_one(port: int | None) -> object:
        asked.append(port)
        ports = real(port)
        return type(ports)(broker=taken_port, controller=ports.controller) if len(asked) == 1 else ports

    monkeypatch.setattr("streams.broker.embedded.choose_ports", first_the_taken_one)
    with EmbeddedKafka() as kafka:
        assert kafka.bootstrap != f"127.0.0.1:{taken_port}"
    assert len(asked) == 2


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(BrokerTrouble, match="cannot be written: it is no folder"),
        EmbeddedKafka(tmp_path / "file"),
    ):
        pass


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 3 * 2**20})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(BrokerTrouble, match=r"^disk full: 3 MB are free under"), EmbeddedKafka(tmp_path):
        pass


def test_in_the_background_it_starts_once_and_stops(tmp_path: Path) -> None:
    broker = BackgroundKafka(state=tmp_path)
    port = choose_ports(None).broker
    record, is_new = broker.start(port)
    try:
        assert is_new
        assert record.bootstrap == f"127.0.0.1:{port}"
        assert broker.start(port) == (record, False)
        with pytest.raises(Trouble, match="stop it first"):
            broker.delete_data()
    finally:
        stopped = broker.stop()
    assert stopped == record
    assert not is_alive(record.pid)
    assert broker.running() is None
    assert broker.stop() is None


def test_a_pid_that_was_given_to_another_process_is_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        started_at_s = psutil.Process(other.pid).create_time()
        for claimed in (started_at_s, started_at_s - 100):
            (tmp_path / "broker.json").write_text(
                f'{{"pid": {other.pid}, "started_at_s": {claimed}, "bootstrap": "", "java": "", "jars": ""}}'
            )
            assert BackgroundKafka(state=tmp_path).stop() is None
            assert other.poll() is None
        other.communicate(b"\n")


def test_a_damaged_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "broker.json").write_text("{")
    with pytest.raises(Trouble, match=r"broker\.json is damaged"):
        BackgroundKafka(state=tmp_path).running()


def test_an_unpacked_distribution_is_used_and_a_wrong_one_refused(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match=r"^DUNNING_KAFKA_HOME=\S+ is no unpacked Kafka"):
        find_jars({"DUNNING_KAFKA_HOME": str(tmp_path)})
    (tmp_path / "libs").mkdir()
    jar = tmp_path / "libs" / "kafka_2.13-4.3.0.jar"
    jar.touch()
    found = find_jars({"DUNNING_KAFKA_HOME": str(tmp_path)})
    assert found.paths == (jar,)
    assert "DUNNING_KAFKA_HOME" in str(found)


def test_an_incomplete_distribution_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs" / "kafka_2.13-4.3.0.jar").touch()
    monkeypatch.setenv("DUNNING_KAFKA_HOME", str(tmp_path))
    with pytest.raises(BrokerTrouble, match="the jars are no complete Kafka"), EmbeddedKafka():
        pass


def test_the_lock_names_one_kafka_with_whole_hashes() -> None:
    locked = parse_lock((ROOT / "streams" / "broker" / LOCK_FILE).read_text("utf-8"))
    kafka = {jar.version for jar in locked if jar.group == "org.apache.kafka"}
    assert kafka == {"4.3.0"}
    assert all(len(jar.sha256) == 64 for jar in locked)
    assert len({(jar.group, jar.artifact) for jar in locked}) == len(locked)


class Repository:
    """A Maven repository on loopback with one jar in it."""

    def __init__(self, folder: Path) -> None:
        self.jar = LockedJar(sha256="", group="g.h", artifact="a", version="1")
        self.file = folder / self.jar.within_repository
        self.file.parent.mkdir(parents=True)
        self.file.write_bytes(b"the jar")
        handler = functools.partial(QuietHandler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    repository = Repository(tmp_path / "repository")
    monkeypatch.setattr(
        jars, "MavenContext", lambda **given: MavenContext(remote_repos={"test": repository.url}, **given)
    )
    serving = threading.Thread(target=repository.server.serve_forever)
    serving.start()
    yield repository
    repository.server.shutdown()
    serving.join()
    repository.server.server_close()


def locked_jar(sha256: str) -> LockedJar:
    return LockedJar(sha256=sha256, group="g.h", artifact="a", version="1")


def test_a_download_is_published_whole_and_a_torso_is_replaced(
    repository: Repository, tmp_path: Path
) -> None:
    jar = locked_jar(jars._sha256(repository.file))
    cache = tmp_path / "cache" / "kafka"
    torso = tmp_path / "cache" / "kafka.partial" / jar.within_repository
    torso.parent.mkdir(parents=True)
    torso.write_bytes(b"the")
    jars._fill(cache, (jar,))
    assert (cache / jar.within_repository).read_bytes() == b"the jar"
    assert not torso.parent.exists()


def test_a_jar_with_another_hash_is_not_used(repository: Repository, tmp_path: Path) -> None:  # noqa: ARG001
    cache = tmp_path / "cache" / "kafka"
    with pytest.raises(Trouble, match="a 1 has a wrong SHA-256 and was not used"):
        jars._fill(cache, (locked_jar("0" * 64),))
    assert not cache.exists()
    assert list(cache.parent.rglob("*.jar")) == []


def test_without_a_network_the_first_start_says_so(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = server.getsockname()[1]
    monkeypatch.setattr(repository, "url", f"http://127.0.0.1:{closed}")
    with pytest.raises(Trouble) as caught:
        jars._fill(tmp_path / "cache" / "kafka", (locked_jar("0" * 64),))
    assert "could not be downloaded (ConnectionError): the first start needs the network" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_downloads_at_once_are_one(repository: Repository, tmp_path: Path) -> None:
    jar = locked_jar(jars._sha256(repository.file))
    cache = tmp_path / "cache" / "kafka"
    failures: list[BaseException] = []

    def fill() -> None:
        try:
            jars._fill(cache, (jar,))
        except BaseException as error:  # noqa: BLE001 (handed to the test below)
            failures.append(error)

    threads = [threading.Thread(target=fill) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (cache / jar.within_repository).read_bytes() == b"the jar"


def test_ctrl_c_reaches_the_program_and_not_the_broker() -> None:
    with EmbeddedKafka() as kafka:
        assert os.getpgid(kafka.pid) != os.getpgid(0)
        os.kill(kafka.pid, signal.SIGTERM)  # one that stops by itself does no harm to the exit
        assert eventually(lambda: not is_alive(kafka.pid))
