"""`dunning replay`: history run again. Rule: nothing is written, and what cannot be told is not called right."""

import asyncio
from typing import Any

import click
import msgspec

from streams.cli.options import with_settings
from streams.cli.replay_view import Bars, as_data, show, show_what_if, what_if_data
from streams.cli.story_view import new_console
from streams.errors import Misuse
from streams.policies import PolicyFile, load_named_policies
from streams.settings import Effective, Settings


@click.command()
@with_settings()
@click.option(
    "--partition", type=click.IntRange(min=0), metavar="N", help="replay this partition only [default: all]"
)
@click.option("--state", "with_state", is_flag=True, help="compare the rows of the state topic too")
@click.option(
    "--policy", "policy_name", metavar="FILE",
    help="instead: what the same history would have asked for under this policy file, `preset:NAME` or `standard`",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
def replay(
    effective: Effective,
    *,
    partition: int | None,
    with_state: bool,
    policy_name: str | None,
    as_json: bool,
) -> None:
    """Run the journal through a fresh engine and compare, byte for byte, with what is on the topics.

    Only reads; a running worker does no harm. Exit code 0 when all is identical, 1 when something differs or
    cannot be told, for example because the journal has lost its beginning. With --policy nothing is compared
    with the topics, and the exit code is 0.
    """
    settings = effective.settings
    if policy_name is not None:
        if with_state:
            raise Misuse("replay: --state compares with the topics, --policy does not; leave one out")
        _what_if(settings, partition, load_named_policies(policy_name), as_json=as_json)
        return
    from streams.case_history import DECISIONS
    from streams.replay import PartitionReplay, Verdict, journal_partitions, replay_partition
    from streams.rules import engine_factory

    new_fold = engine_factory()

    async def run() -> list[PartitionReplay]:
        partitions = await journal_partitions(settings, partition)
        with Bars() as bars:
            return [
                await replay_partition(
                    settings, number, new_fold, DECISIONS, with_state=with_state, progress=bars.of(number)
                )
                for number in partitions
            ]

    found = asyncio.run(run())
    if as_json:
        _print_json(as_data(found))
    else:
        show(found, new_console())
    click.get_current_context().exit(int(any(one.verdict is not Verdict.IDENTICAL for one in found)))


def _what_if(settings: Settings, partition: int | None, file: PolicyFile, *, as_json: bool) -> None:
    from streams.replay import journal_partitions
    from streams.rules import engine_factory
    from streams.what_if import WhatIf, what_if

    for line in file.located():
        click.echo(f"dunning: warning: {line}", err=True)

    async def run() -> WhatIf:
        partitions = await journal_partitions(settings, partition)
        with Bars() as bars:
            return await what_if(settings, partitions, file.content, engine_factory(), bars.of)

    found = asyncio.run(run())
    if as_json:
        _print_json(what_if_data(found, file.name))
    else:
        show_what_if(found, file.name, new_console())


def _print_json(body: dict[str, Any]) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(body), indent=2))
