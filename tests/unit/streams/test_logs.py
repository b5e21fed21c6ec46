"""Log lines: one a line, masked, in both renderings, also those of libraries."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from streams.logs import configure_logging
from streams.settings import Settings

CARD = "4111111111111111"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    configure_logging(Settings(), stream)
    structlog.get_logger("streams.engine").info("case.decided", account_id="a-1", offset=12)
    (line,) = lines(stream)
    assert line["event"] == "case.decided"
    assert (line["account_id"], line["offset"], line["level"]) == ("a-1", 12, "info")
    assert line["logger"] == "streams.engine"
    assert str(line["timestamp"]).endswith("Z")


def test_a_terminal_gets_console_lines_unless_json_is_asked_for() -> None:
    console, machine = Terminal(), Terminal()
    configure_logging(Settings(), console)
    structlog.get_logger().info("case.decided", account_id="a-1")
    configure_logging(Settings(log_format="json"), machine)
    structlog.get_logger().info("case.decided", account_id="a-1")
    assert not console.getvalue().startswith("{")
    assert "case.decided" in console.getvalue()
    assert lines(machine)[0]["account_id"] == "a-1"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_card_number_is_written(log_format: str) -> None:
    stream = io.StringIO()
    configure_logging(Settings.model_validate({"log_format": log_format}), stream)
    log = structlog.get_logger("x")
    spaced = "4111 1111 1111 1111"
    with structlog.contextvars.bound_contextvars(bound=CARD):
        log.info(
            f"event {CARD}", text=spaced, number=int(CARD), nested={"a": [{CARD: (CARD,)}]}, raw=CARD.encode()
        )
    log.info("positional %s", CARD)
    logging.getLogger("aiokafka.x").warning("lost %s", CARD)
    try:
        raise ValueError(CARD)
    except ValueError:
        log.exception("failed")
        logging.getLogger("faust.x").exception("failed")
    text = stream.getvalue()
    assert CARD not in text
    assert spaced not in text
    assert text.count("ValueError") >= 2
    assert text.count("1111") >= 9  # the last four digits stay: the lines are there


def test_levels_hold_for_ours_and_for_libraries() -> None:
    stream = io.StringIO()
    configure_logging(Settings(log_level="info"), stream)
    structlog.get_logger("streams.x").debug("no")
    logging.getLogger("faust.x").info("no")
    logging.getLogger("aiokafka").warning("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


def test_at_debug_our_decisions_are_shown_and_not_what_libraries_fetch_and_send() -> None:
    stream = io.StringIO()
    configure_logging(Settings(log_level="debug"), stream)
    structlog.get_logger("streams.x").debug("case.decided")
    for name in ("aiokafka.conn", "faust.app", "mode.services"):
        logging.getLogger(name).debug("Response 17: b'...'")
        logging.getLogger(name).info("no")
    assert [line["event"] for line in lines(stream)] == ["case.decided"]


def test_a_trace_holds_no_local_variables() -> None:
    stream = io.StringIO()
    configure_logging(Settings(log_format="json"), stream)
    password = "hunter" * 2
    try:
        raise ValueError(str(len(password)))
    except ValueError:
        structlog.get_logger().exception("failed")
    assert password not in stream.getvalue()
    assert "test_logs.py" in stream.getvalue()
