"""`dunning declines`: what decline codes mean. Rule: it shows the data files and adds nothing."""

from pathlib import Path

import click

from dunning.declines.handbook import handbook
from streams.errors import Trouble
from streams.rules import load_rules


@click.group()
def declines() -> None:
    """Show what decline codes mean for the next attempt."""


@declines.command(short_help="Print every code of every list, as Markdown.")
@click.option(
    "--write", type=click.Path(path_type=Path, dir_okay=False), help="write to this file, not to stdout"
)
@click.option(
    "--check", type=click.Path(path_type=Path, dir_okay=False), help="exit 1 if this file is out of date"
)
def table(write: Path | None, check: Path | None) -> None:
    """Print every code of every list: class, flags, waits, dates and source, as Markdown."""
    if write and check:
        raise click.UsageError("--write and --check exclude each other")
    text = handbook(load_rules().declines.tables)
    if check:
        _refuse_stale(check, text)
    elif write:
        try:
            write.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Trouble(f"{write}: cannot be written ({error.strerror}); choose another place") from error
    else:
        click.echo(text, nl=False)


def _refuse_stale(path: Path, text: str) -> None:
    try:
        found = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{path}: cannot be read ({error.strerror}); write it with --write") from error
    except UnicodeDecodeError as error:
        raise Trouble(f"{path}: is not UTF-8 text; write it anew with --write") from error
    if found != text:
        raise Trouble(f"{path}: is out of date; run `dunning declines table --write {path}`")
