"""Evidence: Faust's `exactly_once` leaves outputs out of its transaction.

Run it by `python -m tests.benchmarks.evidence.faust_exactly_once`. The transactional id follows the destination
partition, and output topics that the app does not consume have none. Their records are visible before anything
is committed; after a kill they are written again. Our answer: outputs, state and offset in one transaction
(`streams.ledger`).
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

from tests.benchmarks.evidence.stage import kill, stage

PAYMENTS = 10


@dataclass(frozen=True, slots=True)
class Doubling:
    """What a committed reader saw."""

    published: int
    committed: int | None  # the input offset, when the first outputs were visible
    visible_uncommitted: int  # outputs visible at that time
    visible_after: int  # after the kill and a restart

    @property
    def doubled(self) -> int:
        """Outputs for which there was no input."""
        return self.visible_after - self.published


async def show() -> Doubling:
    """Reproduce it."""
    async with stage("exactly-once") as place:
        await place.create(1_000_000)
        settings = {"EVIDENCE_GUARANTEE": "exactly_once", "EVIDENCE_COMMIT_S": "60"}
        app = place.start(**settings)
        await place.publish(1, PAYMENTS, 100)
        first = await place.until_told(PAYMENTS, app)
        committed = await place.committed()
        kill(app)
        app = place.start(**settings)
        second = await place.until_told(2 * PAYMENTS, app)
    assert Counter(second)[1] >= 1
    return Doubling(PAYMENTS, committed, len(first), len(second))


def main() -> None:
    """Reproduce it and tell."""
    seen = asyncio.run(show())
    print(f"published {seen.published} payments; input offset committed: {seen.committed}")
    print(f"outputs a committed reader sees already: {seen.visible_uncommitted}")
    print(f"after kill -9 and a restart it sees {seen.visible_after}: {seen.doubled} doubled")


if __name__ == "__main__":
    main()
