"""Evidence: a Faust table loses state in silence.

Run it by `python -m tests.benchmarks.evidence.faust_refused_changelog`. The broker refuses a changelog record
(here: it has grown too large). Faust has discarded the future that would say so, commits the input offset all
the same, and after a restart the state is gone while its events are not read again. Our answer: every
acknowledgement is awaited before the commit (`streams.ledger`).
"""

import asyncio
from dataclasses import dataclass

from tests.benchmarks.evidence.stage import stage

PAYMENTS = 10
PAYMENT_BYTES = 300
CHANGELOG_BYTES = 2_000  # holds the history of about six payments


@dataclass(frozen=True, slots=True)
class Loss:
    """What was seen."""

    published: int
    committed: int
    known_before: int
    known_after: int  # with one payment more

    @property
    def lost(self) -> int:
        """Payments whose offsets are committed and whose effect is gone."""
        return self.committed + 1 - self.known_after


async def show() -> Loss:
    """Reproduce it."""
    async with stage("refused") as place:
        await place.create(CHANGELOG_BYTES)
        app = place.start()
        await place.publish(1, PAYMENTS, PAYMENT_BYTES)
        before = await place.until_told(PAYMENTS, app)

        async def is_committed() -> bool:
            return (await place.committed() or 0) >= PAYMENTS

        await place.until(is_committed, app, "the commit of all payments")
        committed = await place.committed()
        app.end()  # an orderly stop: not even a crash is needed
        app = place.start()
        await place.publish(PAYMENTS + 1, 1, PAYMENT_BYTES)
        after = await place.until_told(PAYMENTS + 1, app)
    assert committed is not None
    return Loss(PAYMENTS, committed, before[-1], after[-1])


def main() -> None:
    """Reproduce it and tell."""
    loss = asyncio.run(show())
    print(f"published {loss.published} payments of one account; committed offset {loss.committed}")
    print(f"known before the restart: {loss.known_before}; after it, with one more: {loss.known_after}")
    print(f"lost without an error: {loss.lost} payments")


if __name__ == "__main__":
    main()
