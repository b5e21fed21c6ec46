"""The numbers that say how the engine is doing, for Prometheus.

One rule: few labels, and never a customer or a case.
"""

from collections import Counter as Tally
from collections.abc import Callable, Iterable
from operator import attrgetter

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streams.intake import Journalled
from streams.partition import Committed, PartitionWorker
from streams.ports import Clock

UNKNOWN_CODE = "unknown_code"  # the reason of the note that follows a decline whose code no table lists

_reason = attrgetter("reason")


class Meters:
    """The counters of one process. Each process, and each test, has its own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._journalled = self._counter("events_journalled", "Events that intake wrote to the journal")
        self._pages_written = self._counter("pages_journalled", "Pages that intake wrote to the journal")
        self._dead_letters = self._counter("dead_letters", "Refused records", "topic", "error")
        self._events = self._counter("events_applied", "Events in committed transactions")
        self._pages = self._counter("pages_applied", "Pages in committed transactions, ticks included")
        self._outputs = self._counter("outputs_emitted", "Events written to the output topics", "topic")
        self._commits = self._counter("commits", "Committed transactions")
        self._decisions = self._counter("decisions", "Decisions", "reason")
        self._unknown = self._counter("unknown_decline_codes", "Declines whose code no table lists")

    def journalled(self, told: Journalled) -> None:
        """Count a round of intake."""
        self._journalled.inc(told.events)
        self._pages_written.inc(told.pages)
        for (topic, error), count in Tally(told.rejected).items():
            self._dead_letters.labels(topic, error).inc(count)

    def committed(self, told: Committed) -> None:
        """Count a committed transaction of the engine."""
        self._commits.inc()
        self._pages.inc(told.pages)
        self._events.inc(told.events)
        for topic, count in told.outputs.items():
            self._outputs.labels(topic).inc(count)
        for reason, count in Tally(map(_reason, told.notes)).items():
            self._decisions.labels(reason).inc(count)
            if reason == UNKNOWN_CODE:
                self._unknown.inc(count)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"dunning_{name}", help_, labels, registry=self.registry)


class EngineGauges(Collector):
    """The state of the owned partitions, looked up when somebody asks.

    Args:
        workers: the workers of the owned partitions.
        journal_end: the journal's end offset of a partition as the broker said a moment ago, or `None`.
        clock: the local clocks.
    """

    def __init__(
        self,
        workers: Callable[[], Iterable[PartitionWorker]],
        journal_end: Callable[[int], int | None],
        clock: Clock,
    ) -> None:
        self._workers = workers
        self._journal_end = journal_end
        self._clock = clock

    def collect(self) -> Iterable[Metric]:
        """Give one gauge for each question, with a sample for each partition."""
        lag = _gauge("journal_lag", "Pages of the journal that are not applied yet")
        due = _gauge("oldest_due_seconds", "For how long the oldest due timer has not been handled")
        restore = _gauge(
            "restore_remaining_records", "State records still to be read before pages are applied"
        )
        restored = _gauge("partition_restored", "1 when the partition's state is restored")
        age = _gauge("last_commit_age_seconds", "Seconds since the partition's last commit")
        open_cases = _gauge("cases_open", "Open cases")
        for worker in self._workers():
            labels = [str(worker.partition)]
            end, position = self._journal_end(worker.partition), worker.next_offset
            if end is not None and position is not None:
                lag.add_metric(labels, max(0, end - position))
            if worker.restore_remaining is not None:
                restore.add_metric(labels, worker.restore_remaining)
            if worker.committed_at is not None:
                age.add_metric(labels, self._clock.monotonic() - worker.committed_at)
            restored.add_metric(labels, worker.is_restored)
            due.add_metric(labels, worker.overdue_s)
            open_cases.add_metric(labels, worker.open_cases)
        return lag, due, restore, restored, age, open_cases


class IntakeGauges(Collector):
    """How far intake is behind, looked up when somebody asks."""

    def __init__(self, lag: Callable[[], int]) -> None:
        self._lag = lag

    def collect(self) -> Iterable[Metric]:
        """Give the lag of the assigned input partitions."""
        lag = GaugeMetricFamily("dunning_intake_lag", "Input records that are not journalled yet")
        lag.add_metric([], self._lag())
        return (lag,)


def _gauge(name: str, help_: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"dunning_{name}", help_, labels=["partition"])
