"""Trouble that a person is told about: one line that says what is wrong, where, and what to do."""

from collections.abc import Iterable


class Trouble(Exception):
    """Something failed in the world outside; the message is one line for a person. Exit code 1."""

    exit_code = 1


class Misuse(Trouble):
    """A wrong option, setting or input file; the message says which and what is right. Exit code 2."""

    exit_code = 2


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Ask whether the known word that is nearest was meant: `: did you mean …?`; nothing if none is near."""
    import difflib  # seldom needed, and at the start of every command

    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f": did you mean {close[0]}?" if close else ""
