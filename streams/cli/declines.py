"""`dunning declines`: what decline codes mean. Rule: it shows the data files and adds nothing."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click

from dunning.calendar import HOUR
from dunning.declines.handbook import MEANINGS, handbook
from dunning.declines.verdicts import Verdict, verdict_on
from dunning.explanation.wording import counted
from dunning.networks import MASTERCARD, VISA, network_name
from dunning.policy import RuleProfile
from dunning.policy_shape import suggestion
from schemas.charges import Decline, Dialect
from schemas.instants import micros
from streams.cli.inputs import read_moment
from streams.errors import Trouble
from streams.reasons import load_reasons
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


_LISTED = (VISA, MASTERCARD)  # networks with lists of their own; of others codes are read in the ISO list
_DIALECTS = click.Choice([str(dialect) for dialect in Dialect])


@declines.command(short_help="Tell what one decline would mean, and why.")
@click.argument("dialect", type=_DIALECTS, metavar="DIALECT")
@click.argument("code")
@click.option("--network", help="of the card, such as visa")
@click.option("--network-code", help="the network's own code")
@click.option("--advice-code", help="the advice code that came with it")
@click.option("--advice-dialect", type=_DIALECTS, help="whose advice code it is")
@click.option(
    "--rules",
    type=click.Choice([str(profile) for profile in RuleProfile], case_sensitive=False),
    default=str(RuleProfile.CURRENT),
    show_default=True,
    help="profile of rules",
)
@click.option("--at", help="when the attempt was made; default: now")
def show(
    *,
    dialect: str,
    code: str,
    network: str | None,
    network_code: str | None,
    advice_code: str | None,
    advice_dialect: str | None,
    rules: str,
    at: str | None,
) -> None:
    """Tell what a decline with this CODE of this DIALECT would mean for the next attempt.

    For example: dunning declines show stripe generic_decline --network visa --network-code 43
    """
    decline = Decline(
        code=code,
        dialect=Dialect(dialect),
        network=network,
        network_code=network_code,
        advice_code=advice_code,
        advice_dialect=None if advice_dialect is None else Dialect(advice_dialect),
    )
    book = load_rules()
    tried_at = micros(datetime.now(UTC)) if at is None else read_moment(at, "--at")
    verdict = verdict_on(decline, tried_at, book.declines, rules, network)
    if network is not None and network_name(network) not in _LISTED:
        listed = suggestion(network.lower(), _LISTED)
        click.echo(f"dunning: --network {network}: no list of codes is of this network{listed}", err=True)
    reasons = load_reasons(book.declines.tables)
    click.echo(f"{verdict.decline_class}: {MEANINGS[verdict.decline_class]}")
    for rule_id in verdict.why:
        click.echo(f"  {rule_id}: {reasons.because(rule_id).says}")
    for line in _remarks(verdict):
        click.echo(f"  {line}")


def _remarks(verdict: Verdict) -> Iterator[str]:
    if verdict.hold:
        hours = counted(verdict.hold // HOUR, "hour")
        yield f"wait: nothing is sent on this card within {hours} of the attempt"
    if verdict.fraud:
        yield "fraud: the policy's `never.close_after` counts from it"
    if verdict.alert_merchant:
        yield "alert: something is wrong on the merchant's side; tell operations, not the customer"
    if verdict.mask:
        yield "mask: do not tell the customer why"
    if verdict.ask_other_method:
        yield "other method: it may be tried again, but another payment method is likelier to succeed"


def _refuse_stale(path: Path, text: str) -> None:
    try:
        found = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{path}: cannot be read ({error.strerror}); write it with --write") from error
    except UnicodeDecodeError as error:
        raise Trouble(f"{path}: is not UTF-8 text; write it anew with --write") from error
    if found != text:
        raise Trouble(f"{path}: is out of date; run `dunning declines table --write {path}`")
