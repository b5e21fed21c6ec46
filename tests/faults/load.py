"""A steady stream of events for processes that are being hurt."""

import asyncio
from dataclasses import dataclass

from tests.world import World, declined, issued


@dataclass(frozen=True, slots=True)
class Load:
    """Ten bursts a second; every so many events an invoice with a timer, the others are declines."""

    burst: int
    accounts: int
    timed_every: int
    due_ms: int

    async def publish(self, world: World, sent: set[str], stop: asyncio.Event) -> int:
        """Publish until told to stop; the ids go into `sent`. Returns how many there were."""
        number = 0
        async with world.producer() as producer:
            while not stop.is_set():
                acks = []
                for _ in range(self.burst):
                    account = f"acct-{number % self.accounts}"
                    is_timed = number % self.timed_every == 0
                    kind, value = (
                        issued(number, account, labels={"due_ms": str(self.due_ms)})
                        if is_timed
                        else declined(number, account)
                    )
                    sent.add(f"{'i' if is_timed else 'd'}-{number}")
                    acks.append(await producer.send(world.name(kind), value))
                    number += 1
                await asyncio.gather(*acks)
                await asyncio.sleep(0.1)
        return number
