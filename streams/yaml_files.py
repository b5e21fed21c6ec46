"""Files that people write in YAML: read as text, with one line for whatever is wrong with the text itself.

The one rule: no YAML, however odd, ends in anything but its content or a `Misuse` that names file and line.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import yaml
from yaml.reader import ReaderError

from dunning.policy_file import Path as FieldPath
from streams.errors import Misuse

LARGEST_FILE = 1_000_000  # characters; our choice: far above any real file, far below what hurts
_MOST_NODES: Final = 100_000  # of a file with its aliases written out; our choice


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


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and on which line."""

    content: Any  # None where the file is empty, or something is wrong
    lines: Mapping[FieldPath, int]  # of each field, counted from 1
    wrong: Sequence[tuple[FieldPath, str]]  # of keys written twice, and of aliases: where, and what to do


def read_yaml(text: str, name: str, what: str, refused: type[Misuse] = Misuse) -> Document:
    """Read the text of a file.

    Args:
        text: of the file.
        name: of the file.
        what: it should be ("policy file").
        refused: the class of the error.

    Raises:
        Misuse: of the class `refused`; the text is too long, or no YAML.
    """
    lines: dict[FieldPath, int] = {}
    with _reading(text, name, what, refused):
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        wrong = [] if node is None else list(_walked(node, (), lines, ()))
        content = None if wrong or node is None else loader.construct_document(node)
    return Document(content, lines, wrong)


def line_of(field: FieldPath, lines: Mapping[FieldPath, int]) -> int:
    """Find the line of a field; of one that is not there, that of the section it is missed in."""
    while field and field not in lines:
        field = field[:-1]
    return lines.get(field, 1)


def _walked(
    node: yaml.Node, path: FieldPath, lines: dict[FieldPath, int], above: tuple[yaml.Node, ...]
) -> Iterator[tuple[FieldPath, str]]:
    """Note the line of each field, and find keys written twice: YAML would keep the last in silence."""
    if any(node is other for other in above) or len(lines) > _MOST_NODES:
        yield path, "an alias that holds itself, or too many of them; write the values out"
        return
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walked(item, (*path, index), lines, (*above, node))
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            field = (*path, str(key.value))
            if key.tag != "tag:yaml.org,2002:merge":
                if str(key.value) in seen:
                    lines[field] = key.start_mark.line + 1
                    yield field, "is written twice; remove one"
                    continue
                seen.add(str(key.value))
            lines[field] = key.start_mark.line + 1
            yield from _walked(value, field, lines, (*above, node))


@contextmanager
def _reading(text: str, name: str, what: str, refused: type[Misuse]) -> Iterator[None]:
    """Turn what goes wrong while YAML is read into one line."""
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
