"""Which names the setting `card_number_exempt_fields` may hold. Rule: they come from the types of the events."""

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, get_args, get_type_hints

from schemas.envelope import Event
from schemas.events import INPUT_TYPES
from schemas.screening import FREE_TEXT
from streams.errors import did_you_mean

_KEY = "key"
_HEADER = "headers."


def refuse_unknown(names: Iterable[str]) -> None:
    """Refuse a name that exempts nothing.

    Raises:
        ValueError: with all names that there are, and the one that was probably meant.
    """
    paths = id_paths()
    known = sorted({path.rpartition(".")[2] for path in paths} | {_KEY})
    for name in names:
        is_header = name.startswith(_HEADER) and name != _HEADER
        if is_header or name in known or name in paths:
            continue
        meant = did_you_mean(name, [*known, *paths]) or ":"
        raise ValueError(
            f"no id field is called {name}{meant} there are {', '.join(known)} and {_HEADER}NAME"
        )


@cache
def id_paths() -> frozenset[str]:
    """Name every field of an event in which a card number is refused, from the event down: `data.charge_id`."""
    found = set(_texts(Event, ""))
    for shape in INPUT_TYPES.values():
        found.update(_texts(shape, "data"))
    return frozenset(found - FREE_TEXT)


def _texts(kind: Any, path: str) -> Iterator[str]:
    if kind is str:
        yield path
    elif isinstance(kind, type) and is_dataclass(kind):
        hints = get_type_hints(kind)
        for field in fields(kind):
            yield from _texts(hints[field.name], f"{path}.{field.name}".lstrip("."))
    else:
        for inner in get_args(kind):  # one of several kinds, or a list of one
            yield from _texts(inner, path)
