"""`dunning explain`: the life of one case, from the topics. Rule: what is shown was recorded."""

import asyncio

import click
import msgspec

from dunning.explanation.handbook import handbook
from dunning.explanation.history import history_of
from dunning.explanation.story import as_data, tell
from streams.cli.options import with_settings
from streams.cli.story_view import new_console, show
from streams.errors import Misuse, Trouble
from streams.reasons import load_reasons
from streams.rules import load_rules
from streams.settings import Effective


def _print_reasons(ctx: click.Context, _: click.Parameter, *, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        tables = load_rules().declines.tables
        click.echo(handbook(load_reasons(tables), tables), nl=False)
        ctx.exit()


@click.command()
@with_settings()
@click.argument("invoice_id")
@click.option("--account", "account_id", help="the payer, if known: one partition is read, not all")
@click.option("--json", "as_json", is_flag=True, help="print the story as JSON")
@click.option(
    "--reasons",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, parameter, value: _print_reasons(ctx, parameter, wanted=value),
    help="print every reason in words (docs/reasons.md) and leave",
)
def explain(effective: Effective, *, invoice_id: str, account_id: str | None, as_json: bool) -> None:
    """Tell the life of the case of INVOICE_ID: what happened, why, what comes next, what would change it.

    For staff: only the part "To read aloud" is made for customers. Reads the journal and the decisions from
    the topics, committed records only. Exit code 1 if no topic names the invoice.
    """
    for name, given in (("INVOICE_ID", invoice_id), ("--account", account_id)):
        if given == "":
            raise Misuse(f"explain: {name} is empty; an id has at least one character")
    from streams.case_history import read_invoice

    recorded = asyncio.run(read_invoice(effective.settings, invoice_id, account_id))
    history = (
        None
        if recorded is None
        else history_of(invoice_id, recorded.account_id, recorded.told, recorded.decided)
    )
    if history is None:
        where = f" of account {account_id}" if account_id else ""
        raise Trouble(
            f"invoice {invoice_id}{where} is on no topic at {effective.settings.bootstrap}: check the id, "
            "--topic-prefix, and whether it is older than the journal keeps"
        )
    story = tell(history, load_reasons(load_rules().declines.tables))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(as_data(story)), indent=2))
    else:
        show(story, new_console())
