"""`dunning demo`: the main job on a real broker, weeks in seconds. Rule: the exit code is the verdict's."""

from pathlib import Path

import click

from streams.cli.options import with_settings
from streams.cli.outputs import refuse_unwritable
from streams.settings import Effective

DEFAULT_SUBSCRIPTIONS = 300


@click.command()
@with_settings("replication")
@click.option(
    "--subscriptions",
    type=click.IntRange(20, 999),
    default=DEFAULT_SUBSCRIPTIONS,
    show_default=True,
    help="how many stories are told",
)
@click.option("--seed", type=int, default=1, show_default=True, help="another seed, other stories")
@click.option("--keep", is_flag=True, help="keep topics, logs and the executor's book")
@click.option(
    "--svg", type=click.Path(path_type=Path, dir_okay=False), help="save the last screen as a picture"
)
@click.pass_context
def demo(
    ctx: click.Context, effective: Effective, *, subscriptions: int, seed: int, keep: bool, svg: Path | None
) -> None:
    """Run the main job on an embedded broker: weeks in seconds, with a verdict.

    Two workers, a biller and a charge executor play six weeks of a few hundred subscriptions. In the middle
    a worker is killed and a tenth of all events is told twice. Exit code 1 when the topics show a broken
    promise. With the flag --bootstrap (no variable does) it runs on that cluster, on topics of its own that are
    deleted afterwards; only then do the other options of the connection count.
    """
    from rich.console import Console

    from streams.demo.conductor import Order, run_demo
    from streams.demo.screen import WIDTH

    if svg is not None:
        refuse_unwritable("--svg", svg)
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH)
    order = Order(
        settings=effective.settings,
        # Only the flag: a variable that points at production must not put the demo there.
        is_embedded=effective.origins["bootstrap"] != "--bootstrap",
        subscriptions=subscriptions,
        seed=seed,
        keep=keep,
        picture=svg,
    )
    if not run_demo(order, console):
        ctx.exit(1)
