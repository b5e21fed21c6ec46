"""A worker that pauses its broker in the middle of a rebalance: `python -m tests.outage_worker PID`.

The moment lies between the assignment and the first question of Faust's consumer: milliseconds, which only the
worker itself can hit. The consumer then waits 1 s for an answer instead of 30, and the watch 5 for a page:
production code has no switch for it.
"""

import os
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from faust.transport.consumer import Consumer

from streams import journal_watch
from tests import counting_worker

ANSWER_S = 1.0
STILL_S = 5.0
PAUSED = "the broker is paused"


def pause_at_first_question(broker: int) -> None:
    """Pause the broker before Faust asks it where to go on; somebody else wakes it up."""
    ask = Consumer.perform_seek

    # Not a coroutine function: Faust reads the time limit after the call, and before anything is awaited.
    def asked(consumer: Consumer) -> Coroutine[Any, Any, None]:
        setattr(Consumer, "perform_seek", ask)  # noqa: B010  # once is enough
        consumer.app.conf.broker_request_timeout = ANSWER_S
        os.kill(broker, signal.SIGSTOP)
        print(PAUSED, file=sys.stderr, flush=True)  # noqa: T201
        return ask(consumer)

    setattr(Consumer, "perform_seek", asked)  # noqa: B010
    journal_watch.STILL_S = STILL_S


if __name__ == "__main__":
    pause_at_first_question(int(sys.argv[1]))
    sys.argv[1:] = []
    sys.exit(counting_worker.main())
