"""Brings the sentences behind rule ids to the core, which reads no files itself."""

from importlib.resources import files

from dunning.declines.tables import CodeTables
from dunning.explanation.reasons import Reasons, read_reasons


def load_reasons(tables: CodeTables) -> Reasons:
    """Read the sentences of the installed package.

    Args:
        tables: the decline tables, as `streams.rules.load_rules` gives them.

    Raises:
        ReasonsError: the file contradicts itself.
        FileNotFoundError: it is missing; the installation is broken.
    """
    return read_reasons((files("dunning.explanation") / "reasons.json").read_bytes(), tables)
