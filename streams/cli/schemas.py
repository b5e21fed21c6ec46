"""`dunning schemas`: write the JSON Schemas and the AsyncAPI document, or tell which are stale.

Rule: they describe the defaults, whatever the environment says, so that they come out alike everywhere.
"""

from pathlib import Path

import click

from schemas.descriptions import Channel, descriptions
from schemas.events import INPUT_TYPES
from schemas.writing import OUTPUT_TYPES
from streams.errors import Trouble
from streams.settings import Settings
from streams.topics import topic_table

_TOLD = 3  # files, in one line; our choice
_DIRECTORY = click.argument(
    "directory", type=click.Path(file_okay=False, path_type=Path), default=Path("docs"), required=False
)


@click.group()
def schemas() -> None:
    """Write the JSON Schemas and the AsyncAPI document, or check them."""


@schemas.command()
@_DIRECTORY
def write(directory: Path) -> None:
    """Write all files into DIRECTORY (docs)."""
    for name, content in published().items():
        file = directory / name
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        except OSError as error:
            raise Trouble(f"{file}: cannot be written: {error.strerror}") from error
        click.echo(file)


@schemas.command(short_help="Compare the files in DIRECTORY (docs) with the types.")
@_DIRECTORY
def check(directory: Path) -> None:
    """Compare the files in DIRECTORY (docs) with the types; exit code 1 when one is not as it should be."""
    if wrong := differences(directory):
        remedy = f"run `dunning schemas write {directory}`, and delete what is left over"
        others = f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        raise Trouble(f"{'; '.join(wrong[:_TOLD])}{others}: {remedy}")
    click.echo(f"{len(published())} files are right")


def published() -> dict[str, bytes]:
    """Make all files from the types and the table of topics, by their path below the documents' directory."""
    defaults = Settings.model_construct()
    channels = [
        Channel(
            type=topic.name,
            topic=topic.name,
            partitions=topic.partitions,
            replicas=topic.replication,
            configuration=topic.configs,
        )
        for topic in topic_table(defaults)
        if topic.name in INPUT_TYPES or topic.name in OUTPUT_TYPES
    ]
    return descriptions(channels, group_id=f"{defaults.app_id}-intake")


def differences(directory: Path) -> list[str]:
    """List what is missing, stale or left over in a directory, one phrase a file."""
    files = published()
    wrong = []
    for name, content in files.items():
        file = directory / name
        if not file.is_file():
            wrong.append(f"{file} is missing")
        elif file.read_bytes() != content:
            wrong.append(f"{file} is stale")
    left_over = sorted(set(directory.glob("schemas/*.json")) - {directory / name for name in files})
    return wrong + [f"{file} is left over" for file in left_over]
