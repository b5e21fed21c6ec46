"""Recorded events: one CloudEvent (structured) a line, in order of arrival.

The one rule: a line that cannot be read becomes a dead letter with its number, and stops nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from dunning.charger import Charger, ChargerError, read_charger
from dunning.simulation import Line
from schemas.cards import rejected_value
from schemas.decisions import DeadLetter
from schemas.instants import micros
from schemas.reading import arrival_of, read_event
from schemas.rejections import Rejected
from streams.errors import Misuse
from streams.yaml_files import key_written_twice, read_text, reading


def read_lines(
    lines: Iterable[bytes],
    exempt: frozenset[str] = frozenset(),
    refused: Callable[[int, Rejected], object] = lambda _, __: None,
) -> Iterator[Line]:
    """Read events line by line; empty lines are passed over.

    Args:
        lines: with or without their line ends.
        exempt: id fields that may look like card numbers.
        refused: told of each bad line: its number, and what is wrong with it.
    """
    for number, line in enumerate(lines, start=1):
        raw = line.strip()
        if not raw:
            continue
        try:
            event = read_event(raw, exempt=exempt)
        except Rejected as rejected:
            refused(number, rejected)
            arrival = arrival_of(raw)
            letter = DeadLetter(
                line=number,
                error=rejected.error,
                error_path=rejected.path,
                value=rejected_value(raw).decode(errors="replace"),
            )
            yield Line(None if arrival is None else micros(arrival), None, letter)
        else:
            yield Line(micros(event.recordedtime or event.time), event)


def load_charger(path: Path) -> Charger:
    """Read a charger file.

    Raises:
        Misuse: it cannot be read, is no YAML, or a rule in it is wrong.
    """
    text = read_text(path, "charger file")
    with reading(text, str(path), "charger file"):
        doubled = key_written_twice(yaml.compose(text, yaml.SafeLoader))
        if doubled is not None:
            key, line = doubled
            raise Misuse(f"{path}:{line}: {key}: is written twice; remove one")
        content: Any = yaml.safe_load(text)
    try:
        return read_charger(content)
    except ChargerError as error:
        told = [f"{path}:{_line_of_rule(text, each.rule)}: {each}" for each in error.mistakes]
        raise Misuse("\n".join(told)) from None


def _line_of_rule(text: str, rule: int | None) -> int:
    """Find the line, counted from 1, on which a rule of a charger file begins; None is the file itself."""
    node = yaml.compose(text, yaml.SafeLoader)
    if rule is None or not isinstance(node, yaml.SequenceNode):
        return 1
    return int(node.value[rule].start_mark.line) + 1
