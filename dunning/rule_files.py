"""Data files of rules: read into their shape, and refused with file and row where they are wrong.

The one rule: the files ship with the engine, so whatever is wrong with one is ours to correct.
"""

from typing import NoReturn, TypeVar

import msgspec

File = TypeVar("File")


class RuleDataError(ValueError):
    """A data file of rules that contradicts itself. Names the file and the row."""


def read_file(name: str, content: bytes, shape: type[File], what: str) -> File:
    """Read a data file into its shape; `what` it should be is named in the message.

    Raises:
        RuleDataError: it has another shape.
    """
    try:
        return msgspec.json.decode(content, type=shape)
    except msgspec.DecodeError as error:
        refuse(name, f"not {what}: {error}", "correct the file")


def refuse(where: str, wrong: str, remedy: str) -> NoReturn:
    """Say in one line what is wrong with a data file.

    Raises:
        RuleDataError: always.
    """
    raise RuleDataError(f"{where}: {wrong}; {remedy}")
