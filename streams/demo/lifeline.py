"""`python -m streams.demo.lifeline worker …` is `dunning worker …` that stops when its standard input ends.

One rule: nothing else is different. So a demo that is killed leaves no worker behind, although it cannot end it.
"""

import os
import signal
import threading

from streams.cli.main import main


def _stop_at_end_of_input() -> None:
    # Nothing is ever written there. Not `sys.stdin`: its lock, held here, would abort the interpreter's shutdown.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_at_end_of_input, daemon=True).start()
    main()
