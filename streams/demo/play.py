"""One performance: what happens on which day, from the first process to the last case.

One rule: who acts and when is fixed here; what the engine makes of it is only watched.
"""

import asyncio
import hashlib
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dunning.explanation.wording import counted
from schemas.decisions import NoticeKind, RequestReason
from streams.demo import biller
from streams.demo.biller import Fact, Publisher
from streams.demo.crew import Crew, Hand
from streams.demo.pace import (
    ADD_DAY,
    BIND_AFTER_DAYS,
    DAY_S,
    EDIT_AFTER_DAYS,
    GRACE_S,
    KILL_DAY,
    LAST_DAY,
    REPEAT_DAY,
    Calendar,
    policy_text,
)
from streams.demo.screen import Screen
from streams.demo.stories import Kind, Story
from streams.demo.watcher import Watcher
from streams.settings import Settings

SHARE_TOLD_TWICE = 10  # one in so many
_LOOK_S = 0.25
_BETWEEN_CUSTOMERS_S = 0.03
_STOP_S = 5.0  # a task that was cancelled, and tidies up, ends well within it
_QUIET_S = 1.5  # without a new record everything has arrived


class Play:
    """One performance.

    Args:
        settings: of everybody.
        stories: who it is about.
        crew: hires the processes.
        screen: tells what happens.
        folder: for the policy, the provider's plan and the executor's book.
    """

    def __init__(
        self, settings: Settings, stories: Sequence[Story], crew: Crew, screen: Screen, folder: Path
    ) -> None:
        self.book = folder / "executor.jsonl"
        self._stories = stories
        self._crew = crew
        self._partitions = settings.partitions
        self._screen = screen
        self._policy = folder / "policy.yaml"
        self._plan = folder / "provider.json"
        self._publisher = Publisher(settings)
        self._watcher = Watcher(settings)
        self._calendar = Calendar()
        screen.tally = self._watcher.tally

    async def run(self) -> None:
        """Play from the first process to the last case.

        Raises:
            Trouble: a process of the crew failed, or cases are left open when the time is over.
            KafkaError: the broker failed.
        """
        self._policy.write_text(policy_text(), encoding="utf-8")
        plan = {story.invoice_id: dict(story.answers) for story in self._stories}
        self._plan.write_bytes(msgspec.json.encode(plan))
        workers = [self._crew.hire_worker(number, self._policy) for number in (1, 2)]
        executor = self._crew.hire("executor", "streams.demo.executor", str(self._plan), str(self.book))
        self._screen.say("two workers and the charge executor start")
        await self._crew.until_ready(*workers, executor)
        self._screen.say(f"{workers[0]} and {workers[1]} share {self._partitions} partitions")
        await self._publisher.start()
        try:
            await self._publisher.publish(map(biller.signed_up, self._stories))
            self._screen.say(f"{len(self._stories)} customers have signed up, each with a card")
            self._calendar = self._screen.calendar = Calendar()
            await _first_of(self._perform(workers[0], executor), self._watcher.run(), self._look_after())
        finally:
            await self._publisher.stop()

    async def _look_after(self) -> None:
        while True:
            self._crew.check()
            self._screen.refresh()
            await asyncio.sleep(_LOOK_S)

    async def _perform(self, victim: Hand, executor: Hand) -> None:
        await _all_of(self._bill(), self._turn(), self._endanger(victim))
        await self._until_closed()
        executor.dismiss(signal.SIGTERM)
        await self._until_quiet()
        self._screen.say("everything is told: workers stop")
        await self._crew.dismiss_all()

    async def _bill(self) -> None:
        left = list(self._stories)  # in order of their days
        while left:
            await self._calendar.until(left[0].bills_on)
            due = [story for story in left if story.bills_on <= self._calendar.day]
            left = left[len(due) :]
            await self._publisher.publish([told for story in due for told in biller.first_bill(story)])
        declined = sum(story.first_decline is not None for story in self._stories)
        self._screen.say(f"{len(self._stories)} invoices issued, {declined} first charges declined")

    async def _turn(self) -> None:
        """Let customers pay elsewhere, by hand, or leave, each on a day of its own."""
        for story in sorted(self._stories, key=lambda story: story.turns_on):
            if story.kind in {Kind.SETTLED, Kind.ENDED, Kind.BY_HAND}:
                await self._calendar.until(story.turns_on)
                await self._publisher.publish([told for told in [biller.turn(story)] if told])
        self._screen.say("meanwhile some customers paid elsewhere, by a link, or left")

    async def _endanger(self, victim: Hand) -> None:
        """Kill a worker, tell a tenth of everything twice, then let cards change."""
        await self._calendar.until(KILL_DAY)
        victim.dismiss(signal.SIGKILL)
        replacement = self._crew.hire_worker(3, self._policy)
        killed_at_s = self._calendar.elapsed_s
        self._screen.say(f"SIGKILL to {victim}; {replacement.name} starts")
        await self._calendar.until(REPEAT_DAY)
        again = told_again(self._watcher.seen)
        await self._publisher.publish(again)
        self._screen.say(f"{len(again)} of {len(self._watcher.seen)} events so far are told a second time")
        await self._crew.until_ready(replacement)
        taken_s = self._calendar.elapsed_s - killed_at_s
        self._screen.say(f"{replacement} has its partitions, {taken_s:.1f} s after the kill")
        await self._calendar.until(ADD_DAY)
        await self._change_cards()

    async def _change_cards(self) -> None:
        tally = self._watcher.tally
        movers = [story for story in self._stories if story.kind is Kind.NEW_CARD]
        added = await self._publisher.publish(map(biller.card_added, movers))
        self._screen.say(f"{counted(added, 'customer adds', 'customers add')} a new card; nothing is bound")
        await self._calendar.until(self._calendar.day + BIND_AFTER_DAYS)
        self._screen.say(
            f"{tally.notices[NoticeKind.INSTRUMENT_ADDED_NOT_BOUND]} notices say instrument_added_not_bound, "
            f"{tally.requests[RequestReason.INSTRUMENT_BOUND]} requests on them"
        )
        for story in movers:  # one by one, as customers do
            await self._publisher.publish([biller.card_bound(story)])
            await asyncio.sleep(_BETWEEN_CUSTOMERS_S)
        self._screen.say(f"{counted(len(movers), 'new card is', 'new cards are')} bound, one after the other")
        await self._calendar.until(self._calendar.day + EDIT_AFTER_DAYS)
        self._screen.say(f"{tally.requests[RequestReason.INSTRUMENT_BOUND]} immediate requests on them")
        edits = [biller.card_edited(story) for story in self._stories if story.kind is Kind.EDITED_CARD]
        await self._publisher.publish(edits)
        self._screen.say(
            f"{counted(len(edits), 'customer corrects', 'customers correct')} the data of the card they have"
        )

    async def _until_closed(self) -> None:
        """Wait for the last case, or the end of the time; cases left open are the verdict's to tell."""
        tally = self._watcher.tally
        expected = sum(story.first_decline is not None for story in self._stories)
        while tally.open_cases or len(tally.states) < expected:
            if self._calendar.elapsed_s > LAST_DAY * DAY_S + GRACE_S:
                self._screen.say(f"time is over with {tally.open_cases} cases open")
                return
            await asyncio.sleep(_LOOK_S)
        self._screen.say(f"all {len(tally.states)} cases are closed")

    async def _until_quiet(self) -> None:
        tally = self._watcher.tally
        before = -1
        while before != (before := tally.taken_in + tally.written):  # noqa: ASYNC110  # time is the condition
            await asyncio.sleep(_QUIET_S)


def told_again(seen: Sequence[Fact]) -> list[Fact]:
    """Choose every tenth event by a digest of its bytes, so that the choice depends on nothing else."""
    return [
        one
        for one in seen
        if int.from_bytes(hashlib.blake2b(one.value, digest_size=4).digest()) % SHARE_TOLD_TWICE == 0
    ]


async def _first_of(main: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None]) -> None:
    """Run until `main` is done, or the first of the others fails."""
    tasks = [asyncio.ensure_future(one) for one in (main, *others)]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await _cancelled(tasks)


async def _all_of(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all; the first that fails ends the others."""
    tasks = [asyncio.ensure_future(one) for one in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        await _cancelled(tasks)


async def _cancelled(tasks: Sequence["asyncio.Future[None]"]) -> None:
    """Cancel tasks until each has ended: a wait with a limit may swallow a cancellation that comes as it ends."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=_STOP_S)
    await asyncio.gather(*tasks, return_exceptions=True)
