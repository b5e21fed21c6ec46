"""Files that a command writes besides standard output. Rule: what cannot be written is told before the work."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from streams.errors import Misuse


def refuse_unwritable(option: str, path: Path) -> None:
    """Refuse a file that cannot be made or written over, without touching it.

    Raises:
        Misuse: its folder is missing, or this user may not write.
    """
    folder = path.parent
    if not folder.is_dir():
        raise Misuse(f"{option}: {path}: there is no folder {folder}; make it, or choose another place")
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise Misuse(f"{option}: {path}: cannot be written; choose another place")


def refuse_overwriting(outputs: Mapping[str, Path | None], inputs: Iterable[Path]) -> None:
    """Refuse to write over what the same run reads, or writes.

    Args:
        outputs: by option, the file that it names.
        inputs: files that are read.

    Raises:
        Misuse: the file of an option is one of `inputs`, or that of another option.
    """
    read = {path.resolve() for path in inputs}
    written: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None:
            continue
        place = path.resolve()
        if place in read:
            raise Misuse(f"{option}: {path} is read by this run; choose another file")
        if place in written:
            raise Misuse(f"{option}: {path} is written by {written[place]} too; choose another file")
        written[place] = option
