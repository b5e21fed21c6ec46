"""Taking a partition over: fence, read the offset, restore the state, agree, go.

One rule: this order and no other. Read before the fence, an offset or a state may still change under us.
"""

from collections.abc import Callable
from dataclasses import dataclass

from streams.collector import spare_what_stays
from streams.partition_record import PartitionRecord, decode_record
from streams.ports import PARTITION_KEY, Broken, Clock, Fold, Ledger, Owner


@dataclass(slots=True, kw_only=True)
class Memory:
    """What the owner of a partition holds. Thrown away whole after any failure, never repaired."""

    fold: Fold
    owner: Owner
    next_offset: int  # the first page not folded; may run ahead of what is committed
    clock_ms: int  # running maximum of the page stamps
    more_due: bool = False  # the last page left timers over


async def take_over(
    ledger: Ledger, new_fold: Callable[[], Fold], clock: Clock, remaining: Callable[[int], None]
) -> Memory:
    """Become the owner of a partition and restore its state.

    Args:
        ledger: a fresh one; it is fenced here.
        new_fold: makes an empty engine.
        clock: lets other tasks run between portions of rows.
        remaining: told how many changelog records are still to be read.

    Raises:
        Fenced, Unsettled: try again with a fresh ledger.
        Broken: state, offset and journal contradict each other.
    """
    owner = await ledger.fence()
    committed = await ledger.committed()
    journal = await ledger.journal_range()
    fold = new_fold()
    record: PartitionRecord | None = None
    async for portion in ledger.changelog():
        for key, value in portion.rows:
            if key != PARTITION_KEY:
                _load(fold, key, value)
            elif value is not None:
                record = decode_record(value)
        remaining(portion.remaining)
        await clock.sleep(0)
    try:
        fold.restored()
    except Exception as error:
        raise Broken(f"the rows of the state topic are no state of this version: {error!r}") from error
    remaining(0)
    if record is not None:
        _check_rows(fold.row_count, record)
        _check_stamps(await ledger.first_after(record.clock_ms), record)
    spare_what_stays()
    return Memory(
        fold=fold,
        owner=owner,
        next_offset=_agreed_offset(committed, record, journal),
        clock_ms=record.clock_ms if record else 0,
    )


def _load(fold: Fold, key: bytes, value: bytes | None) -> None:
    try:
        fold.load(key, value)
    except Exception as error:
        raise Broken(f"row {key!r} of the state topic is none of this version: {error!r}") from error


def _check_rows(found: int, record: PartitionRecord) -> None:
    if record.rows is not None and found != record.rows:
        raise Broken(
            f"the state topic holds {found} rows, but {record.rows} were written: rows are missing, "
            "restore it, or empty it to fold the journal anew"
        )


def _check_stamps(later: int | None, record: PartitionRecord) -> None:
    """No page that was applied can be `later` than the partition's clock."""
    if later is not None and later <= record.applied_offset:
        raise Broken(
            f"page {later} of the journal is stamped later than page {record.applied_offset}, the last one "
            "applied: the journal was made anew, restore it, or empty the state topic as well"
        )


def _agreed_offset(committed: int | None, record: PartitionRecord | None, journal: tuple[int, int]) -> int:
    begin, end = journal
    applied = record.applied_offset + 1 if record else 0
    # The broker forgets the offsets of a group that was empty for 7 days; the record knows them too.
    if committed is not None and committed != applied:
        raise Broken(
            f"the group's journal offset is {committed}, but the state topic was written up to {applied}: "
            "restore both from one backup, or empty both to fold the journal anew"
        )
    if not begin <= applied <= end:
        raise Broken(
            f"the next page to apply is {applied}, but the journal holds {begin} to {end}: pages are "
            "missing, restore the journal or the state topic"
        )
    return applied
