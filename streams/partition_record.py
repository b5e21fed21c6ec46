"""The shell's own changelog row: how far a partition has been applied, and by whom.

One rule: it is written in every transaction, so state, outputs and journal offset can never disagree
unnoticed. Records of one partition form a chain: each begins where the last one ended.
"""

import msgspec

from streams.ports import Broken


class PartitionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction applied."""

    begins_at: int  # offset of its first page
    applied_offset: int  # offset of its last page; the committed journal offset is this plus one
    clock_ms: int  # the partition's clock after that page: the running maximum of all page stamps
    producer_id: int  # who wrote it, as the broker names transactional producers
    epoch: int
    rows: int | None = None  # of the fold after that page; None in records of versions before


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(PartitionRecord).decode


def encode_record(record: PartitionRecord) -> bytes:
    """Write the row's value."""
    return _encode(record)


def decode_record(value: bytes) -> PartitionRecord:
    """Read the row's value.

    Raises:
        Broken: it was not written by this engine.
    """
    try:
        return _decode(value)
    except msgspec.DecodeError as error:
        raise Broken(f"the partition record of the state topic is unreadable: {error}") from error
