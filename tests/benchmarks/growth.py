"""What a decline costs as the state grows: by open cases, and by the subscriptions of its account.

One rule: the measured declines are alike at every size; only what lies around them grows.
"""

import gc
import random
import time
from collections import deque
from datetime import datetime, timedelta

from dunning.engine import Engine
from schemas.charges import ChargeDeclined
from schemas.envelope import Event
from schemas.instants import micros
from streams.rules import load_rules
from tests.benchmarks.cases import BEGINS_AT, SPREAD, declined, issued, open_cases
from tests.benchmarks.figures import Report
from tests.benchmarks.machine import described, yardstick_ns

PAGE_EVENTS = 200
LARGE_ACCOUNT, SMALL_ACCOUNT = 10_000, 10  # subscriptions
MOST_GROWTH = 1.5  # our choice; design rule: the cost must not grow with open cases or subscriptions
MOST_SHARED = 2.0  # our choice: a number that many share is at its network's limits, looked at each time


def measure(*, quick: bool) -> Report:
    """Measure both kinds of growth."""
    report = Report("growth", "python -m tests.benchmarks growth", quick, described())
    sizes = (1_000, 4_000) if quick else (10_000, 100_000, 1_000_000)
    repetitions = 2 if quick else 5
    report.figure("yardstick, before", "ns", [yardstick_ns()])
    engine = Engine(load_rules())
    opened = 0
    for size in sizes:
        deque(open_cases(engine, opened, size - opened, total=sizes[-1], begins_at=BEGINS_AT), maxlen=0)
        opened = size
        costs = [
            _decline_us(engine, size, events=400 if quick else 5_000, charge=repetition + 2)
            for repetition in range(repetitions)
        ]
        report.figure(f"decline at {size:,} open cases", "µs CPU", costs)
    large = LARGE_ACCOUNT // 10 if quick else LARGE_ACCOUNT
    for subscriptions in (SMALL_ACCOUNT, large):
        costs = _account_us(
            subscriptions,
            accounts=large // subscriptions,
            declines=100 if quick else 2_000,
            repetitions=repetitions,
        )
        report.figure(f"decline in an account of {subscriptions:,} subscriptions", "µs CPU", costs)
    costs = _account_us(
        large, accounts=1, declines=100 if quick else 2_000, repetitions=repetitions, fingerprint="shared"
    )
    shared = report.figure("decline where they all share one card number", "µs CPU", costs)
    report.figure("yardstick, after", "ns", [yardstick_ns()])
    by_cases = [figure.median for figure in report.figures if "open cases" in figure.name]
    by_size = [figure.median for figure in report.figures if "an account of" in figure.name]
    report.target("decline, most open cases / fewest", by_cases[-1] / by_cases[0], "<=", MOST_GROWTH, "x")
    report.target("decline, large account / small account", by_size[1] / by_size[0], "<=", 1.0, "x")
    by_number = shared.median / by_size[1]
    report.target("decline, one number for all / a number for each", by_number, "<=", MOST_SHARED, "x")
    return report


def _decline_us(engine: Engine, cases: int, *, events: int, charge: int) -> float:
    """Decline again in cases drawn at random; pages of 200."""
    dice = random.Random(cases)  # noqa: S311  # reproducible, not secret
    now = BEGINS_AT + SPREAD
    numbers = [dice.randrange(cases) for _ in range(events)]
    made = [declined(number, 1, f"acct_{number:08d}", now, charge) for number in numbers]
    gc.collect()
    started = time.process_time()
    for first in range(0, events, PAGE_EVENTS):
        # No timers: how many are due differs with the size, and they are not what is asked here.
        engine.fold(made[first : first + PAGE_EVENTS], micros(now), with_timers=False)
    return (time.process_time() - started) / events * 1e6


def _account_us(
    subscriptions: int, *, accounts: int, declines: int, repetitions: int, fingerprint: str | None = None
) -> list[float]:
    """Decline in accounts of a size, one event a page: the worst case, for nothing is shared between events.

    `fingerprint`: that of all instruments; without it each has one of its own.
    """

    def card_declined(number: int, account_id: str, moment: datetime, charge: int) -> Event[ChargeDeclined]:
        return declined(number, number, account_id, moment, charge, fingerprint=fingerprint)

    engine = Engine(load_rules())
    now = BEGINS_AT
    account_of = {number: f"acct_{number % accounts:08d}" for number in range(subscriptions * accounts)}
    for number, account_id in account_of.items():
        now += timedelta(milliseconds=10)
        engine.fold(
            [issued(number, number, account_id, now), card_declined(number, account_id, now, 1)], micros(now)
        )
    dice = random.Random(subscriptions)  # noqa: S311  # reproducible, not secret
    costs = []
    for repetition in range(repetitions):
        numbers = [dice.randrange(len(account_of)) for _ in range(declines)]
        made = []
        for count, number in enumerate(numbers):
            now += timedelta(milliseconds=10)
            charge = 2 + repetition * declines + count
            made.append((card_declined(number, account_of[number], now, charge), micros(now)))
        gc.collect()
        started = time.process_time()
        for event, at in made:
            engine.fold([event], at)
        costs.append((time.process_time() - started) / declines * 1e6)
    return costs
