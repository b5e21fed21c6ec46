"""`dunning simulate`: the same decisions on a virtual clock. Rule: standard output holds written events only.

With `--explain` it holds the stories of the same run instead; their modules are imported only then.
"""

import sys
from contextlib import ExitStack
from pathlib import Path

import click

from dunning.charger import Charger
from dunning.engine import Engine
from dunning.simulation import Simulation
from schemas.commands import PoliciesSet
from schemas.envelope import Event
from schemas.instants import EPOCH
from streams.cli.inputs import BadLines, open_events, read_moment
from streams.lines import load_charger, read_lines
from streams.policies import load_named_policies
from streams.rules import load_rules


@click.command()
@click.argument("events", type=click.Path(path_type=Path), required=False)
@click.option(
    "--policy", "policy_file", metavar="FILE", help="policy file, or `preset:NAME` [default: standard]"
)
@click.option("--charger", "charger_file", type=click.Path(path_type=Path), help="what answers the requests")
@click.option("--until", help="let the clock run on to this instant after the last event")
@click.option(
    "--explain",
    "explained",
    is_flag=False,
    flag_value="",
    metavar="[INVOICE]",
    help="print the story of this invoice, or of every case, instead of events; give it last, or with `=`",
)
def simulate(
    events: Path | None,
    policy_file: str | None,
    charger_file: Path | None,
    until: str | None,
    explained: str | None,
) -> None:
    """Decide on a virtual clock, without Kafka: reads EVENTS (JSONL file or `-`), prints the written events.

    One CloudEvent a line, in order of arrival. A bad line becomes a dead letter and stops nothing.
    """
    if events is None:
        hint = f": --explain took {explained!r} as the invoice; write --explain last" if explained else ""
        raise click.UsageError(f"Missing argument 'EVENTS'{hint}", click.get_current_context())
    charger = Charger() if charger_file is None else load_charger(charger_file)
    engine = new_engine(policy_file)
    ends_at = None if until is None else read_moment(until)
    bad_lines = BadLines(events)
    with ExitStack() as stack:
        lines = list(read_lines(open_events(events, stack), refused=bad_lines))
    written = Simulation(engine, charger).run(lines, ends_at)
    if explained is None:
        write = sys.stdout.buffer.write
        for value in written:
            write(value + b"\n")
        sys.stdout.buffer.flush()
    else:
        from streams.cli.simulated_stories import explain_simulation

        if not explain_simulation(explained, lines, list(written), charger, ends_at):
            click.echo(
                f"dunning: {events}: no case was opened; a case opens with a declined charge", err=True
            )
    bad_lines.sum_up("set aside as dead letters")


def new_engine(policy_file: Path | str | None) -> Engine:
    """Build an empty engine with the policies of a file (or preset) in force; doubts about them go to standard error.

    Raises:
        PolicyFileError: the file is missing, or no policy file.
    """
    engine = Engine(load_rules())
    if policy_file is not None:
        # What makes no sense in production still has one meaning (contract section 3, point 2): it is tried out.
        file = load_named_policies(str(policy_file), refuse_nonsense=False)
        for line in file.located():
            click.echo(f"dunning: {line}", err=True)
        data = PoliciesSet(policies=file.content)
        engine.fold([Event(id="policies", source="dunning", type=PoliciesSet.TYPE, time=EPOCH, data=data)], 0)
    return engine
