"""Log lines of the libraries: repeats and noise are dropped, ours never."""

import logging

from aiokafka.errors import ProducerFenced

from streams.library_lines import REPEAT_S, LibraryLines


def line(name: str, message: str, *arguments: object, level: int = logging.ERROR) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, message, arguments, None)


def test_a_repeat_is_told_again_after_a_while() -> None:
    now = [0.0]
    lines = LibraryLines(lambda: now[0])
    lost = [lines.filter(line("aiokafka.client", "cannot connect to %s", f"node {n}")) for n in range(3)]
    assert lost == [True, False, False]
    assert lines.filter(line("aiokafka.client", "something else"))
    now[0] = REPEAT_S
    assert lines.filter(line("aiokafka.client", "cannot connect to %s", "node 1"))


def test_our_own_lines_pass_as_often_as_they_come() -> None:
    lines = LibraryLines(lambda: 0.0)
    assert all(lines.filter(line("streams.partition", "partition.restored")) for _ in range(3))


def test_noise_is_dropped() -> None:
    lines = LibraryLines(lambda: 0.0)
    refused = line(
        "aiokafka.producer.sender", "Got error %s", "NotEnoughReplicasError", level=logging.WARNING
    )
    assert not lines.filter(refused)
    assert not lines.filter(line("aiokafka", 'Unable connect to "%s": %s', "127.0.0.1:9", "refused"))
    assert not lines.filter(line("streams.desk", "[^--Desk]: Crashed reason=%r", "x"))


def test_an_error_of_the_client_that_nobody_has_read_is_dropped_and_any_other_passes() -> None:
    lines = LibraryLines(lambda: 0.0)
    unread = line("asyncio", "Future exception was never retrieved")
    for error, is_told in ((ProducerFenced(), False), (ValueError(), True)):
        unread.exc_info = (type(error), error, None)
        assert lines.filter(unread) is is_told
