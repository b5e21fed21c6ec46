"""A broker that outlives its command. Rule: stop only a process that is provably ours.

A state folder holds the broker's files and `broker.json`: pid, start time, address. A pid alone proves
nothing, it may have been given to another process since; so start time and command line must agree too.
"""

import fcntl
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from streams.broker.jars import find_jars
from streams.broker.java import find_java
from streams.broker.process import (
    HOST,
    STOP_LIMIT_S,
    BrokerFiles,
    BrokerTrouble,
    choose_ports,
    failure,
    prepare,
    start_command,
    wait_until_ready,
)
from streams.errors import Trouble

DEFAULT_PORT = 9092
_START_TOLERANCE_S = 2.0  # our choice: the record keeps the time as the system tells it, to a hundredth


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The record of a started broker."""

    pid: int
    started_at_s: float
    bootstrap: str
    java: str
    jars: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackgroundKafka:
    """The one background broker of a state folder."""

    state: Path

    @property
    def files(self) -> BrokerFiles:
        """The broker's data, configuration and log."""
        return BrokerFiles(folder=self.state.absolute())

    def running(self) -> Running | None:
        """Return the record if the broker runs, None if not (also after a crash of the machine).

        Raises:
            Trouble: the record cannot be read.
        """
        record = self._record()
        return record if record is not None and self._is_ours(record) else None

    def start(self, port: int = DEFAULT_PORT) -> tuple[Running, bool]:
        """Start the broker unless it runs, and wait until it answers.

        Returns:
            The record, and whether this call started it.

        Raises:
            Trouble: no Java, no jars, port taken, disk full, or the broker failed.
        """
        java, jars = find_java(), find_jars()
        with self._alone():
            if (record := self.running()) is not None:
                return record, False
            ports = choose_ports(port)
            cluster_id = prepare(self.files, ports, java, jars)
            process = self._launch(start_command(self.files, java, jars))
            try:
                wait_until_ready(self.files, ports.broker, cluster_id, process.is_running)
            except BaseException:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
                raise
            record = Running(
                pid=process.pid,
                started_at_s=process.create_time(),
                bootstrap=f"{HOST}:{ports.broker}",
                java=str(java),
                jars=str(jars),
            )
            fresh = self._record_file.with_suffix(".new")
            fresh.write_text(json.dumps(asdict(record)), encoding="utf-8")
            fresh.replace(self._record_file)
            return record, True

    def stop(self) -> Running | None:
        """Stop the broker; its data stays.

        Returns:
            The record of the broker that was stopped; None if it did not run.

        Raises:
            Trouble: it does not stop, or belongs to another user.
        """
        if not self.state.is_dir():
            return None
        with self._alone():
            record = self.running()
            if record is not None:
                _end(record.pid)
            self._record_file.unlink(missing_ok=True)
            return record

    def delete_data(self) -> None:
        """Delete the data of the stopped broker.

        Raises:
            Trouble: it runs.
        """
        if not self.state.is_dir():
            return
        with self._alone():
            if (record := self.running()) is not None:
                raise Trouble(f"the broker runs (pid {record.pid}): stop it first")
            shutil.rmtree(self.files.data, ignore_errors=True)

    def _launch(self, command: list[str]) -> psutil.Process:
        """Start the broker as nobody's child: the system takes care of it when this command is long gone."""
        with self.files.log.open("wb") as output:
            shell = subprocess.run(
                ["/bin/sh", "-c", '"$@" </dev/null >&2 & echo $!', "sh", *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                check=True,
                start_new_session=True,
            )
        try:
            return psutil.Process(int(shell.stdout))
        except psutil.NoSuchProcess as error:
            raise failure(self.files, "the broker stopped while it started") from error

    @property
    def _record_file(self) -> Path:
        return self.state / "broker.json"

    def _record(self) -> Running | None:
        if not self._record_file.is_file():
            return None
        try:
            return Running(**json.loads(self._record_file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise Trouble(
                f"{self._record_file} is damaged: look for a running broker, then delete the file"
            ) from error

    def _is_ours(self, record: Running) -> bool:
        try:
            process = psutil.Process(record.pid)
            return (
                abs(process.create_time() - record.started_at_s) < _START_TOLERANCE_S
                and process.status() != psutil.STATUS_ZOMBIE
                and str(self.files.properties) in process.cmdline()
            )
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let two commands on one state folder go one after the other."""
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            lock = (self.state / "lock").open("w")
        except OSError as error:
            raise BrokerTrouble(
                f"the state folder {self.state} cannot be written: {error.strerror}"
            ) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _end(pid: int) -> None:
    try:
        with suppress(psutil.NoSuchProcess):  # it ended between the look and the signal: what we want
            process = psutil.Process(pid)
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_LIMIT_S)
    except psutil.TimeoutExpired as error:
        raise Trouble(
            f"the broker (pid {pid}) did not stop within {STOP_LIMIT_S} s: look at its log"
        ) from error
    except psutil.AccessDenied as error:
        raise Trouble(f"the broker (pid {pid}) belongs to another user: let that user stop it") from error


def default_state_folder(environ: Mapping[str, str] | None = None) -> Path:
    """Name the user's folder for the background broker."""
    environ = os.environ if environ is None else environ
    base = environ.get("XDG_STATE_HOME") or Path(environ.get("HOME") or Path.home()) / ".local" / "state"
    return Path(base) / "dunning" / "kafka"
