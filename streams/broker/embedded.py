"""A broker for the length of a `with` block. Rule: it never outlives the process that started it."""

import contextlib
import logging
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.broker.jars import KafkaJars, find_jars
from streams.broker.java import Java, find_java
from streams.broker.process import (
    HOST,
    STOP_LIMIT_S,
    BrokerFiles,
    PortTaken,
    choose_ports,
    prepare,
    sole_user,
    start_command,
    wait_until_ready,
)

_STARTS = 5  # our choice: how often other ports are tried when somebody takes them between choice and start

# The broker's parent may be killed without a chance to stop it. So a shell waits for the end of a pipe that
# only the parent holds open, and then ends the broker. The shell itself becomes the broker: `$$` is its pid.
_UNTIL_PARENT_ENDS = 'exec 3<&0; (read -r _ <&3; kill $$) >/dev/null 2>&1 & exec 3<&-; exec "$@" </dev/null'

log = logging.getLogger(__name__)


class EmbeddedKafka:
    """Real Apache Kafka on loopback, started on entry and stopped on exit.

    Use it as `with EmbeddedKafka() as kafka:` and connect to `kafka.bootstrap`. Starting takes about 3 s, the
    very first time longer (the jars are downloaded). It is synchronous and may be used inside a running event
    loop.

    Attributes:
        bootstrap: host and port, set on entry.
        java: the Java that was taken, set on entry.
        jars: the jars that were taken, set on entry.
    """

    bootstrap: str
    java: Java
    jars: KafkaJars

    def __init__(self, data_dir: Path | None = None, port: int | None = None) -> None:
        """Describe a broker.

        Args:
            data_dir: where to keep data, configuration and log; kept afterwards and usable again. A temporary
                folder that is removed on exit when left out.
            port: the port on loopback; a free one when left out.
        """
        self._data_dir = data_dir
        self._port = port
        self._undo = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The broker's process id (for tests that kill it)."""
        if self._process is None:
            raise RuntimeError("the broker is not running")
        return self._process.pid

    def __enter__(self) -> Self:
        """Start the broker and wait until it answers.

        Raises:
            Trouble: no Java, no jars, no disk space, the port is taken, or the broker failed; in one line,
                and after a failure of the broker the tail of its log.
        """
        self.java = find_java()
        self.jars = find_jars()
        with contextlib.ExitStack() as undo:
            if self._data_dir is None:
                folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="dunning-kafka-")))
            else:
                folder = self._data_dir.absolute()
            files = BrokerFiles(folder=folder)
            undo.enter_context(sole_user(files))
            undo.callback(self._end_process)
            self._start(files)
            self._undo = undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the broker and remove its temporary folder."""
        self._undo.close()

    def _start(self, files: BrokerFiles) -> None:
        for last in (*[False] * (_STARTS - 1), True):
            ports = choose_ports(self._port)
            cluster_id = prepare(files, ports, self.java, self.jars)
            with files.log.open("wb") as output:
                process = subprocess.Popen(
                    ["/bin/sh", "-c", _UNTIL_PARENT_ENDS, "sh", *start_command(files, self.java, self.jars)],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,  # Ctrl-C is for the parent, which then stops the broker last
                )
            self._process = process
            try:
                wait_until_ready(
                    files,
                    ports.broker,
                    cluster_id,
                    lambda: self._process is not None and self._process.poll() is None,
                )
            except PortTaken:
                self._end_process()
                if last or self._port is not None:
                    raise
                log.info("kafka.port_taken: trying other ports")
            else:
                self.bootstrap = f"{HOST}:{ports.broker}"
                log.info("kafka.started: %s with %s, %s", self.bootstrap, self.java, self.jars)
                return

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            if process.stdin is not None:
                process.stdin.close()  # the waiting shell sends the broker SIGTERM
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            log.warning("kafka.killed: the broker did not stop within %d s", STOP_LIMIT_S)
            process.kill()
            process.wait()
