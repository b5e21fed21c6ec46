"""Options that are settings. Rule: an option's name, help and default come from the setting's field.

`@with_settings()` gives a command the options of the connection and a first argument `effective`; further
settings are named: `@with_settings("partitions", "replication")`.
"""

import functools
from collections.abc import Callable
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import click

from streams.settings import Settings, load_settings

CONNECTION = (
    "bootstrap",
    "security_protocol",
    "sasl_mechanism",
    "sasl_username",
    "ssl_ca_location",
    "ssl_certificate_location",
    "ssl_key_location",
    "app_id",
    "topic_prefix",
    "log_format",
    "log_level",
)
"""Options of every command that talks to a broker. Secrets are none: other users see a command line."""


def with_settings(
    *fields: str, connection: bool = True
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a click command options for settings, and hand it `effective: Effective` as its first argument.

    Args:
        fields: names of settings; their options are `--` and the name with dashes.
        connection: whether the options of the connection are added.
    """
    names = (*(CONNECTION if connection else ()), *fields)

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def run(**given: object) -> object:
            flags = {name: given.pop(name) for name in names}
            return command(load_settings(flags), **given)

        decorated: Callable[..., Any] = run
        own = list(getattr(command, "__click_params__", ()))
        decorated.__click_params__ = []  # type: ignore[attr-defined]  # where click's decorators gather
        for name in reversed(names):
            decorated = _option(name)(decorated)
        # click shows the last one first: a command's own options come before those that all have.
        decorated.__click_params__ += own  # type: ignore[attr-defined]
        return decorated

    return decorate


def _option(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    field = Settings.model_fields[name]
    default = "" if field.default in (None, "", ()) else f" [{field.default}]"
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        metavar=_metavar(field.annotation),
        help=f"{field.description}{default}",
    )


def _metavar(annotation: Any) -> str:
    """Say what an option takes. It is checked with the settings, whatever they came from."""
    kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
    if get_origin(annotation) in (Union, UnionType):
        return _metavar(kinds[0])
    if get_origin(annotation) is Literal:
        return "|".join(map(str, kinds))
    return {int: "NUMBER", Path: "FILE"}.get(annotation, "TEXT")
