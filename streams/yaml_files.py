"""Files that people write in YAML: read as text, with one line for whatever is wrong with the text itself.

The one rule: no YAML, however odd, ends in anything but its content or a `Misuse` that names file and line.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from yaml.reader import ReaderError

from streams.errors import Misuse

LARGEST_FILE = 1_000_000  # characters; our choice: far above any real file, far below what hurts


def read_text(path: Path | Traversable, what: str, refused: type[Misuse] = Misuse) -> str:
    """Read a file; `what` it should be is named in messages ("policy file").

    Raises:
        Misuse: of the class `refused`; the file cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise refused(f"{path}: cannot be read ({reason}); name a {what}") from None
    except UnicodeDecodeError as error:
        raise refused(f"{path}: is not UTF-8 (byte {error.start}); save it as UTF-8") from None


def key_written_twice(node: yaml.Node | None) -> tuple[str, int] | None:
    """Find a key that a mapping has twice, and its line, counted from 1: YAML would keep the last in silence."""
    left, seen = [node], set()
    while left:
        one = left.pop()
        if one is None or id(one) in seen:  # an alias stands for a node that was looked at
            continue
        seen.add(id(one))
        if isinstance(one, yaml.MappingNode):
            keys = set()
            for key, value in one.value:
                if str(key.value) in keys:
                    return str(key.value), int(key.start_mark.line) + 1
                keys.add(str(key.value))
                left.append(value)
        elif isinstance(one, yaml.SequenceNode):
            left += one.value
    return None


@contextmanager
def reading(text: str, name: str, what: str, refused: type[Misuse] = Misuse) -> Iterator[None]:
    """Turn what goes wrong while YAML is read into one line.

    Args:
        text: what is read in the block.
        name: of the file.
        what: it should be ("policy file").
        refused: the class of the error.

    Raises:
        Misuse: of the class `refused`; the text is too long, or no YAML.
    """
    if len(text) > LARGEST_FILE:
        raise refused(f"{name}: has more than {LARGEST_FILE} characters; is it a {what}?")
    try:
        yield
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise refused(f"{name}:{line}: the file: no YAML: {error.problem}; correct the text") from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise refused(f"{name}:{line}: the file: no YAML: {error.reason}; remove the character") from None
    except RecursionError:
        raise refused(f"{name}:1: the file: is nested too deeply; is it a {what}?") from None
    except ValueError as error:  # a date such as 2026-02-31
        raise refused(f"{name}:1: the file: no YAML: {error}; put the value in quotes") from None
