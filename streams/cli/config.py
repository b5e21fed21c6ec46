"""`dunning config`: every setting, its value and where it came from. Rule: secrets are masked."""

import json

import click
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streams.cli.options import CONNECTION, with_settings
from streams.settings import PREFIX, Effective, Settings

_OTHERS = tuple(name for name in Settings.model_fields if name not in CONNECTION and "password" not in name)


@click.command()
@with_settings(*_OTHERS)
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def config(effective: Effective, *, as_json: bool) -> None:
    """Print every setting, its value and where it came from: flag, environment, file or default."""
    rows = [
        (name, _shown(getattr(effective.settings, name)), origin)
        for name, origin in effective.origins.items()
    ]
    if as_json:
        table = {name: {"value": value, "from": origin} for name, value, origin in rows}
        click.echo(json.dumps(table, indent=2))
        return
    console = Console()
    if not console.is_terminal:
        for name, value, origin in rows:
            click.echo(f"{PREFIX}{name.upper()}={_plain(value)}\t# {origin}")
        return
    shown = Table("variable", "value", "from", box=None)
    for name, value, origin in rows:
        shown.add_row(
            PREFIX + name.upper(),
            escape(_plain(value)),
            escape(origin),
            style="dim" if origin == "default" else "",
        )
    console.print(shown)


def _shown(value: object) -> object:
    """Return a value as JSON can hold it, secrets as stars."""
    if isinstance(value, SecretStr):
        return "********"
    if isinstance(value, tuple):
        return list(value)
    return value if value is None or isinstance(value, int | str) else str(value)


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ",".join(value)
    return "" if value is None else str(value)
