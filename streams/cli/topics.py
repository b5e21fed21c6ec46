"""`dunning topics`: make or check the topics. Rule: existing topics are never changed."""

import asyncio
import json
from dataclasses import asdict

import click

from streams.cli.options import with_settings
from streams.errors import Trouble
from streams.settings import Effective, Settings
from streams.topics import Difference, check_topics, create_topics, told, topic_table

TABLE_FIELDS = ("partitions", "replication", "retention_days")


@click.group()
def topics() -> None:
    """Make or check the topics."""


@topics.command(short_help="Make the topics that are missing, and check all.")
@with_settings(*TABLE_FIELDS)
def create(effective: Effective) -> None:
    """Make the topics that are missing, wait for their leaders, and check all.

    Existing topics are left as they are. Exit code 1 when one of them is set wrongly.
    """
    settings = effective.settings
    made = asyncio.run(create_topics(settings))
    for name in made:
        click.echo(f"made {name}")
    _refuse(settings, asyncio.run(check_topics(settings)))
    click.echo(f"{len(topic_table(settings))} topics are right, {len(made)} of them new")


@topics.command(short_help="Compare the topics with what the engine needs.")
@with_settings(*TABLE_FIELDS)
@click.option("--json", "as_json", is_flag=True, help="print the differences as JSON")
def check(effective: Effective, *, as_json: bool) -> None:
    """Compare the topics on the broker with what the engine needs; exit code 1 when one is wrong."""
    settings = effective.settings
    differences = asyncio.run(check_topics(settings))
    if as_json:
        click.echo(json.dumps([asdict(difference) for difference in differences], indent=2))
    _refuse(settings, differences)
    if not as_json:
        click.echo(f"{len(topic_table(settings))} topics are right")


def _refuse(settings: Settings, differences: tuple[Difference, ...]) -> None:
    if differences:
        raise Trouble(told(settings, differences))
