"""`dunning kafka`: a local broker for development. Rule: not for production, and it says so."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click
from click.core import ParameterSource

from streams.broker.background import DEFAULT_PORT, BackgroundKafka, default_state_folder
from streams.errors import Trouble
from streams.settings import refuse_unknown_variables

_state = click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_state_folder,
    show_default="~/.local/state/dunning/kafka",
    help="where the broker keeps data, log and pid",
)


@click.group()
def kafka() -> None:
    """Start, stop or look at a local broker for development. One node, no login: not for production."""


@kafka.command(short_help="Start the broker in the background.")
@_state
@click.option(
    "--port", type=click.IntRange(1, 65_535), default=DEFAULT_PORT, show_default=True, help="on 127.0.0.1"
)
@click.pass_context
def start(ctx: click.Context, state_dir: Path, port: int) -> None:
    """Start the broker in the background and wait until it answers (its jars are downloaded once)."""
    refuse_unknown_variables()  # a mistyped DUNNING_KAFKA_HOME would start another Kafka
    record, is_new = BackgroundKafka(state=state_dir).start(port)
    is_asked = ctx.get_parameter_source("port") is not ParameterSource.DEFAULT
    if not is_new and is_asked and record.bootstrap.rpartition(":")[2] != str(port):
        raise Trouble(
            f"the broker of this folder already runs at {record.bootstrap} (pid {record.pid}), not on port {port}: "
            "`dunning kafka stop` first, or name another --state-dir"
        )
    click.echo(f"{'started' if is_new else 'already runs'} at {record.bootstrap} (pid {record.pid})")
    click.echo(f"  {record.java}; {record.jars}", err=True)
    click.echo("one node, not for production. To use it:", err=True)
    click.echo(f"  export DUNNING_BOOTSTRAP={record.bootstrap} DUNNING_REPLICATION=1", err=True)


@kafka.command(short_help="Stop the background broker; its data stays.")
@_state
@click.option("--delete-data", is_flag=True, help="delete all topics and their events too")
@click.option("--yes", is_flag=True, help="do not ask before deleting")
def stop(state_dir: Path, *, delete_data: bool, yes: bool) -> None:
    """Stop the background broker; its data stays unless --delete-data is given."""
    broker = BackgroundKafka(state=state_dir)
    if delete_data and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"--delete-data deletes all topics under {state_dir}: add --yes")
        click.confirm(f"Delete all topics and events under {state_dir}?", abort=True, err=True)
    record = broker.stop()
    click.echo(f"stopped (pid {record.pid})" if record is not None else "no broker runs")
    if delete_data:
        broker.delete_data()
        click.echo("its data is deleted")


@kafka.command(short_help="Tell whether the background broker runs.")
@_state
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@click.pass_context
def status(ctx: click.Context, state_dir: Path, *, as_json: bool) -> None:
    """Tell whether the background broker runs; exit code 1 when it does not."""
    record = BackgroundKafka(state=state_dir).running()
    if as_json:
        click.echo(json.dumps({"running": record is not None, **(asdict(record) if record else {})}))
    elif record is not None:
        click.echo(f"runs at {record.bootstrap} (pid {record.pid}); {record.java}; {record.jars}")
    else:
        click.echo("no broker runs")
    if record is None:
        ctx.exit(1)
