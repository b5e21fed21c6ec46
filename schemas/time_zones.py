"""Time zones by their IANA names, from the `tzdata` package alone.

The one rule: not from the machine. Two machines with other editions would decide otherwise about the same journal.
"""

from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DATA = files("tzdata")
ZONES = frozenset(_DATA.joinpath("zones").read_text().split())


@cache
def time_zone(name: str) -> ZoneInfo:
    """Give a zone.

    Raises:
        ZoneInfoNotFoundError: no such zone; events with one are refused at the door.
    """
    if name not in ZONES:
        raise ZoneInfoNotFoundError(f"no time zone found with key {name}")
    with _DATA.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)
