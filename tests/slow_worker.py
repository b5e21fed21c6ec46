"""A worker with small queues that serves partition 0 once a file is there: `python -m tests.slow_worker FILE`.

It tells the most pages that have waited in one queue, at each new hundred.
"""

import asyncio
import sys
from pathlib import Path

from streams import worker
from streams.ledger import KafkaLedger
from streams.page_queue import PageQueue
from streams.ports import Owner, Page
from tests import counting_worker

QUEUE_BYTES = 20_000  # some dozens of pages with one event


class SmallQueue(PageQueue):
    def __init__(self, _: int) -> None:
        super().__init__(QUEUE_BYTES)
        self._most = 0

    def put(self, page: Page) -> None:
        super().put(page)
        if len(self) >= self._most + 100:
            self._most = len(self)
            print(f"waiting {self._most}", file=sys.stderr, flush=True)  # noqa: T201


def be_slow(until: Path) -> None:
    """Let partition 0 wait for the file."""
    fence = KafkaLedger.fence

    async def fenced(ledger: KafkaLedger) -> Owner:
        while ledger._partition == 0 and not until.exists():  # noqa: ASYNC240  # a test may block for a moment
            await asyncio.sleep(0.05)
        return await fence(ledger)

    for owner, name, replacement in ((KafkaLedger, "fence", fenced), (worker, "PageQueue", SmallQueue)):
        setattr(owner, name, replacement)


if __name__ == "__main__":
    be_slow(Path(sys.argv[1]))
    sys.argv[1:] = []
    sys.exit(counting_worker.main())
