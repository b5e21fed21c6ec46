"""Brings the rule data that ships with the package to the core, which reads no files itself."""

import functools
from collections.abc import Callable
from importlib.resources import files

from dunning.engine import Engine
from dunning.rules import NETWORK_FILES, Rules, read_rules


def load_rules() -> Rules:
    """Read the rule data of the installed package.

    Raises:
        RuleDataError: a data file contradicts itself.
        FileNotFoundError: a data file is missing; the installation is broken.
    """
    tables = files("dunning.declines")
    networks = files("dunning.network_rules")
    return read_rules(
        {entry.name: entry.read_bytes() for entry in tables.iterdir() if entry.name.endswith(".json")},
        {name: (networks / name).read_bytes() for name in NETWORK_FILES},
    )


def engine_factory() -> Callable[[], Engine]:
    """Read the rule data once, for engines of as many partitions as there are. Raises what `load_rules` does."""
    return functools.partial(Engine, load_rules())
