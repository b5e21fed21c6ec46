"""What the libraries' log lines are worth: a filter for the lines of Faust, mode and aiokafka.

One rule: our own lines always pass.
"""

import logging
import time
from collections.abc import Callable

from aiokafka.errors import KafkaError

REPEAT_S = 10.0  # our choice: while a broker is away the client says so a hundred times a second
_CHATTY = ("aiokafka", "kafka", "faust", "mode")
_MOST_KEPT = 1_000  # different lines remembered; there are a few dozen


class LibraryLines(logging.Filter):
    """Drops lines that tell nothing new, and repeats within `REPEAT_S` seconds.

    Args:
        monotonic: seconds of a clock that never goes back.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._told_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the line is to be written."""
        message = record.getMessage() if isinstance(record.msg, str) else ""
        # The crash of each service on the way up, and what follows from it: the process tells its reason once.
        if "Crashed reason=" in message or "Error while stopping child" in message:
            return False
        # Futures of the client that nobody reads: what they belong to has failed with the same error, and says so.
        if record.name == "asyncio" and record.exc_info and isinstance(record.exc_info[1], KafkaError):
            return False
        if record.name.partition(".")[0] not in _CHATTY or record.levelno < logging.INFO:
            return True
        # At the start an error follows that says the same, and what to do.
        if message.startswith('Unable connect to "'):
            return False
        # The broker's answer while the markers of the transaction before are being written: since Kafka 4 in
        # most transactions that follow each other closely.
        if record.name == "aiokafka.producer.sender" and "NotEnoughReplicasError" in message:
            return False
        return self._is_new((record.name, str(record.msg)))

    def _is_new(self, line: tuple[str, str]) -> bool:
        now = self._monotonic()
        if now - self._told_at.get(line, -REPEAT_S) < REPEAT_S:
            return False
        if len(self._told_at) >= _MOST_KEPT:
            self._told_at.clear()
        self._told_at[line] = now
        return True
