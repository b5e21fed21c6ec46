"""Card numbers in what came in: masked in words, refused in ids, keys and headers (contract section 6).

Words are the fields named here; every other string counts as an id, so that a new field is refused
before it is forgotten.
"""

from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

from schemas.cards import SHORTEST, is_card_number_id, masked, may_hold_card_number
from schemas.envelope import Event
from schemas.events import InputData
from schemas.rejections import ErrorCode, Rejected

FREE_TEXT = frozenset({"data.decline.message", "data.reason", "data.labels"})

Value = TypeVar("Value")


def screened(event: Event[InputData], exempt: frozenset[str]) -> Event[InputData]:
    """Mask the card numbers in an event's words.

    Raises:
        Rejected: one in an id that is not exempt.
    """
    return _screened(event, "", exempt)


def screen_key(key: bytes, exempt: frozenset[str]) -> None:
    """Look at a record's key.

    Raises:
        Rejected: it holds a card number, and neither `key` nor `account_id` is exempt.
    """
    if (
        len(key) >= SHORTEST
        and may_hold_card_number(key)
        and exempt.isdisjoint(("key", "account_id", "data.account_id"))
    ):
        _refuse(key.decode("utf-8", "replace"), "key")


def screen_headers(headers: Iterable[tuple[str, bytes | None]], exempt: frozenset[str]) -> None:
    """Look at the headers of a record, names and values.

    Raises:
        Rejected: one holds a card number, and neither `headers.NAME` nor NAME is exempt; of a `ce_` header
            the attribute's name will do.
    """
    for name, value in headers:
        if len(name) >= SHORTEST:
            _refuse(name, "headers")
        if value is None or len(value) < SHORTEST or not may_hold_card_number(value):
            continue
        if exempt.isdisjoint((f"headers.{name}", name, name.removeprefix("ce_"))):
            _refuse(value.decode("utf-8", "replace"), f"headers.{name}")


def _screened(value: Value, path: str, exempt: frozenset[str]) -> Value:
    new: Any = value
    if isinstance(value, str):
        new = value if isinstance(value, Enum) else _screened_text(value, path, exempt)
    elif is_dataclass(value) and not isinstance(value, type):
        old = {field.name: getattr(value, field.name) for field in fields(value)}
        items = {name: _screened(item, f"{path}.{name}".lstrip("."), exempt) for name, item in old.items()}
        changes = {name: item for name, item in items.items() if item is not old[name]}
        new = replace(value, **changes) if changes else value
    elif isinstance(value, tuple):
        new = tuple(_screened(item, path, exempt) for item in value)
    elif isinstance(value, dict):
        for name in value:
            _refuse(name, path)  # whatever is exempt: names are words of the configuration
        new = {name: _screened(item, path, exempt) for name, item in value.items()}
    return new if new != value else value


def _screened_text(text: str, path: str, exempt: frozenset[str]) -> str:
    if path in FREE_TEXT:
        return masked(text)
    if len(text) >= SHORTEST and exempt.isdisjoint((path, path.rpartition(".")[2])):
        _refuse(text, path)
    return text


def _refuse(text: str, path: str) -> None:
    if is_card_number_id(text):
        raise Rejected(ErrorCode.CARD_NUMBER, path, "holds a card number")
