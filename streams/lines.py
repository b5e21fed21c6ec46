"""Recorded events: one CloudEvent (structured) a line, in order of arrival.

The one rule: a line that cannot be read becomes a dead letter with its number, and stops nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from dunning.charger import Charger, ChargerError, Mistake, read_charger
from dunning.simulation import Line
from schemas.cards import rejected_value
from schemas.decisions import DeadLetter
from schemas.instants import micros
from schemas.reading import arrival_of, read_event
from schemas.rejections import Rejected
from streams.errors import Misuse
from streams.yaml_files import line_of, read_text, read_yaml


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
    read = read_yaml(text, str(path), "charger file")
    try:
        if read.wrong:
            raise ChargerError(*(Mistake(field, message) for field, message in read.wrong))
        return read_charger(read.content)
    except ChargerError as error:
        told = [f"{path}:{line_of(tuple(each.path), read.lines)}: {each}" for each in error.mistakes]
        raise Misuse("\n".join(told)) from None
