"""What a figure depends on: cores, versions, and how fast the machine is right now.

One rule: nothing that names a machine, a person or a path gets into a report.
"""

import os
import platform
import re
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from streams.broker.jars import KafkaJars
from streams.broker.java import find_java

_LIBRARIES = ("aiokafka", "faust-streaming", "msgspec", "pydantic")
_YARDSTICK = 2_000_000


def yardstick_ns() -> float:
    """Measure CPU nanoseconds of one addition in a Python loop: when it grows, the machine is busy elsewhere."""
    started = time.process_time()
    total = 0
    for number in range(_YARDSTICK):
        total += number
    return (time.process_time() - started) / _YARDSTICK * 1e9


def described(jars: KafkaJars | None = None) -> dict[str, Any]:
    """Describe machine and software.

    Args:
        jars: the broker's, where one takes part.
    """
    found = {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
        "load_before": round(os.getloadavg()[0], 1),
    }
    if jars is not None:
        found["kafka"] = _kafka_version(jars)
        found["java"] = find_java().version
    return found


def pin(pid: int, cores: set[int]) -> None:
    """Bind a process, with all its threads, to some cores; threads to come inherit it."""
    if not hasattr(os, "sched_setaffinity"):
        return
    for thread in psutil.Process(pid).threads():
        try:
            os.sched_setaffinity(thread.id, cores)
        except ProcessLookupError:  # a thread that has ended meanwhile
            continue


def sides() -> tuple[set[int], set[int]]:
    """Divide the cores between the broker and its client: one for the broker, the rest for the other."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    cores = sorted(os.sched_getaffinity(0))
    return ({cores[0]}, set(cores[1:])) if len(cores) > 1 else (set(cores), set(cores))


def _kafka_version(jars: KafkaJars) -> str:
    for path in map(Path, jars.paths):
        if found := re.match(r"kafka-clients-(\d+\.\d+\.\d+)", path.name):
            return found[1]
    return "unknown"
