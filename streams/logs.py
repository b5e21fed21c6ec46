"""Logging: structlog to standard error, one event a line. Rule: card numbers are masked before all else.

The only process-wide configuration of the project. Lines of standard-library loggers (Faust, aiokafka) go
through the same chain. Console rendering on a terminal, JSON otherwise, unless `log_format` says which.
"""

import logging
import sys
from collections.abc import Mapping
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from schemas.cards import masked
from streams.settings import Settings

# Whole numbers from here on may be a card's. An instant in microseconds is such a number too and may be
# masked by chance: better that than a readable card. Log instants as text.
_SHORTEST_CARD = 10**12
_DEEPEST = 8  # our choice: nested values are rare in log lines, endless ones must not hang the process
_PLUMBING = frozenset({"_record", "_from_structlog", "_logger", "_name", "exc_info", "stack_info"})

# These say at "info" what nobody needs to know of a healthy process, a line for each fetch; at "debug" they write
# out what is fetched and sent: records, which are personal data.
_CHATTY = ("aiokafka", "kafka", "faust", "mode", "asyncio")


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Set logging up for this process; a second call replaces the first.

    Args:
        settings: `log_format` and `log_level` are read.
        stream: where lines go; standard error when left out.
    """
    stream = sys.stderr if stream is None else stream
    is_console = settings.log_format == "console" or (settings.log_format == "auto" and stream.isatty())
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[Processor] = [
        mask_card_numbers,
        structlog.contextvars.merge_contextvars,
        mask_card_numbers,  # what the context added
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(stream, is_console=is_console),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def mask_card_numbers(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Mask card numbers in every key and value of a log line; the first processor of the chain."""
    return {
        masked(str(key)): value if key in _PLUMBING else _without_cards(value, _DEEPEST)
        for key, value in line.items()
    }


def _renderers(stream: TextIO, *, is_console: bool) -> list[Processor]:
    if is_console:
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        return [structlog.processors.format_exc_info, _mask_exception, renderer]
    # Never with local variables: they hold events and secrets.
    trace = structlog.processors.ExceptionRenderer(
        structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    )
    return [trace, _mask_exception, structlog.processors.JSONRenderer(default=str)]


def _mask_exception(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    """Mask an exception's text, which may quote what it failed on and is written after the first masking."""
    if "exception" in line:
        line["exception"] = _without_cards(line["exception"], _DEEPEST * 2)
    return line


def _without_cards(value: object, deepest: int) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, bool | float | None):
        return value
    if isinstance(value, int):
        return value if abs(value) < _SHORTEST_CARD else _number_without_card(value)
    if deepest > 0 and isinstance(value, Mapping):
        return {masked(str(key)): _without_cards(item, deepest - 1) for key, item in value.items()}
    if deepest > 0 and isinstance(value, list | tuple | set | frozenset):
        return [_without_cards(item, deepest - 1) for item in value]
    return masked(str(value))


def _number_without_card(value: int) -> int | str:
    text = masked(str(value))
    return value if text == str(value) else text
