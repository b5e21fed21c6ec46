"""Trouble that a person is told about: one line that says what is wrong, where, and what to do."""


class Trouble(Exception):
    """Something failed in the world outside; the message is one line for a person. Exit code 1."""

    exit_code = 1


class Misuse(Trouble):
    """A wrong option, setting or input file; the message says which and what is right. Exit code 2."""

    exit_code = 2
