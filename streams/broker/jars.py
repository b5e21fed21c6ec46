"""Kafka's jars: an unpacked distribution, the cache, or a download. Rule: only jars with the locked hash run.

The lock file lists every jar with its SHA-256, because the Maven client only warns about a wrong checksum.
A download is made beside the cache and moved into place whole, under a lock: a second process waits for it.
"""

import contextlib
import errno
import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import requests
from jgo.maven import MavenContext

from streams.errors import Misuse, Trouble

HOME_VARIABLE = "DUNNING_KAFKA_HOME"
LOCK_FILE = "kafka-jars.lock"
_DOWNLOADS_AT_ONCE = 4  # our choice: several times faster than one, and polite
_TIMEOUT_S = 30  # our choice: of one silent connection

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaJars:
    """The class path of a broker, and where it came from."""

    paths: tuple[Path, ...]
    found_in: str

    @property
    def class_path(self) -> str:
        """The value of Java's option `-cp`."""
        return os.pathsep.join(map(str, self.paths))

    def __str__(self) -> str:
        """Name the jars for people."""
        return f"{len(self.paths)} jars ({self.found_in})"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedJar:
    """One line of the lock file."""

    sha256: str
    group: str
    artifact: str
    version: str

    @property
    def within_repository(self) -> Path:
        """Where a Maven repository keeps the jar."""
        file_name = f"{self.artifact}-{self.version}.jar"
        return Path(*self.group.split("."), self.artifact, self.version, file_name)


def find_jars(environ: Mapping[str, str] | None = None) -> KafkaJars:
    """Find Kafka's jars: `DUNNING_KAFKA_HOME`, else the cache, else download them into it (44 MB, once).

    Args:
        environ: the environment to look in; the process's own when left out.

    Raises:
        Misuse: `DUNNING_KAFKA_HOME` is no unpacked Kafka.
        Trouble: the download failed (no network, disk full, wrong hash).
    """
    environ = os.environ if environ is None else environ
    if home := environ.get(HOME_VARIABLE):
        return _jars_of_distribution(Path(home))
    text = resources.files("streams.broker").joinpath(LOCK_FILE).read_text(encoding="utf-8")
    locked = parse_lock(text)
    cache = cache_folder(environ) / f"kafka-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    if not cache.is_dir():
        _fill(cache, locked)
    paths = tuple(cache / jar.within_repository for jar in locked)
    if missing := next((path for path in paths if not path.is_file()), None):
        raise Trouble(f"the jar cache is damaged ({missing} is missing): delete {cache} and try again")
    return KafkaJars(paths=paths, found_in=f"cache: {cache}")


def parse_lock(text: str) -> tuple[LockedJar, ...]:
    """Read the lock file: a SHA-256 and a Maven coordinate a line, `#` for remarks."""
    jars = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            sha256, coordinate = line.split()
            group, artifact, version = coordinate.split(":")
            jars.append(LockedJar(sha256=sha256, group=group, artifact=artifact, version=version))
    return tuple(jars)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Name the user's cache folder of this program (it need not exist)."""
    base = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(base) / "dunning"


def _jars_of_distribution(home: Path) -> KafkaJars:
    paths = tuple(sorted((home / "libs").glob("*.jar")))
    if not any(path.name.startswith("kafka_") for path in paths):
        raise Misuse(f"{HOME_VARIABLE}={home} is no unpacked Kafka: there is no libs/kafka_*.jar in it")
    return KafkaJars(paths=paths, found_in=f"{HOME_VARIABLE}: {home}")


def _fill(cache: Path, locked: tuple[LockedJar, ...]) -> None:
    partial = cache.with_name(f"{cache.name}.partial")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with _locked(cache.with_name(f"{cache.name}.lock")):
            if cache.is_dir():  # another process was faster
                return
            log.info("kafka.jars.download: %d jars into %s", len(locked), cache)
            _download(partial, locked)
            partial.rename(cache)
    except requests.RequestException as error:
        raise Trouble(
            f"Kafka's jars could not be downloaded ({type(error).__name__}): the first start needs the "
            f"network; connect and try again, set {HOME_VARIABLE} to an unpacked Kafka, "
            "or name a broker with --bootstrap"
        ) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            shutil.rmtree(partial, ignore_errors=True)
            raise Trouble(
                f"disk full: no room for Kafka's jars in {cache.parent}; free 50 MB or set XDG_CACHE_HOME"
            ) from error
        raise Trouble(
            f"the jar cache {cache.parent} cannot be written: {error.strerror}; set XDG_CACHE_HOME"
        ) from error


def _download(repository: Path, locked: tuple[LockedJar, ...]) -> None:
    context = MavenContext(repo_cache=repository, timeout=_TIMEOUT_S)
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        for _ in pool.map(lambda jar: _fetch(context, repository, jar), locked):
            pass


def _fetch(context: MavenContext, repository: Path, jar: LockedJar) -> None:
    target = repository / jar.within_repository
    if target.is_file() and _sha256(target) != jar.sha256:
        target.unlink()  # the torso of a download that was cut off
    try:
        context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except RuntimeError as error:  # the Maven client's own word for "not there"
        raise Trouble(f"Kafka's jar {jar.artifact} {jar.version} could not be had: {error}") from error
    if _sha256(target) != jar.sha256:
        target.unlink()
        raise Trouble(
            f"Kafka's jar {jar.artifact} {jar.version} has a wrong SHA-256 and was not used: try again"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
