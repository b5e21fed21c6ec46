"""A rejected record as it goes to the dead-letter topic: its bytes, masked, and where they came from.

One rule: no card number leaves this file, neither in the value, the key nor a header.
"""

from dataclasses import dataclass

from schemas.cards import masked, rejected_value
from schemas.rejections import Rejected
from streams.ports import Headers, Record

# Bytes, what the door reads at most; longer ones are cut, and say so.
LARGEST_VALUE = 256 * 1024
# Masked beyond the cut, so that no number is cut in two before it is seen: 19 digits, each escaped.
_OVERLAP = 1024


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is written to the dead-letter topic."""

    key: bytes | None
    value: bytes
    headers: Headers


def dead_letter(record: Record, verdict: Rejected) -> DeadLetter:
    """Make the dead letter of a record that the door refused.

    Source:
        Contract section 2.2: `error`, `error_path`, `topic`, `partition`, `offset`. `message` says it for
        people; `truncated` is there when the value was cut, and gives its whole length.
    """
    raw = record.value or b""
    value = rejected_value(raw[: LARGEST_VALUE + _OVERLAP])  # masking costs microseconds a byte
    headers = [
        ("error", str(verdict.error).encode()),
        ("error_path", verdict.path.encode()),
        ("message", verdict.message.encode()),
        ("topic", record.topic.encode()),
        ("partition", str(record.partition).encode()),
        ("offset", str(record.offset).encode()),
    ]
    if len(raw) > LARGEST_VALUE:
        headers.append(("truncated", str(len(raw)).encode()))
        value = value[:LARGEST_VALUE]
    return DeadLetter(_kept_key(record.key), value, headers)


def _kept_key(key: bytes | None) -> bytes | None:
    """Keep a key that is a short word without card numbers, so that dead letters can be found by account."""
    if key is None or len(key) > 1000:  # five times the longest id
        return None
    try:
        text = key.decode()
    except UnicodeDecodeError:
        return None
    return key if masked(text) == text else None
