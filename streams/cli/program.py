"""All commands of `dunning`. Rule: a command's module is imported only when it runs or its help is asked for.

Exit codes: 0 done, 1 failed, 2 wrong usage or bad input. Errors are one line on standard error.
"""

import errno
import importlib
import importlib.util
import logging
import sys
from typing import NoReturn

import click

from streams.errors import Trouble

# Command to (place, one line of help). The help stands here so that a list of commands imports none of them.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": (
        "streams.cli.demo:demo",
        "Run the main job on an embedded broker: weeks in seconds, with a verdict.",
    ),
    "simulate": (
        "streams.cli.simulate:simulate",
        "Decide on a virtual clock, without Kafka: events in, events out.",
    ),
    "worker": ("streams.cli.worker:worker", "Run intake and engine against a broker."),
    "intake": ("streams.cli.worker:intake", "Run only the intake."),
    "kafka": ("streams.cli.kafka:kafka", "Start, stop or look at a local broker for development."),
    "topics": ("streams.cli.topics:topics", "Make or check the topics."),
    "publish": ("streams.cli.publish:publish", "Publish the events of a file."),
    "explain": ("streams.cli.explain:explain", "Tell the life of one case and the reasons behind it."),
    "replay": ("streams.cli.replay:replay", "Run history again and compare."),
    "backtest": ("streams.cli.backtest:backtest", "Compare policies on recorded events."),
    "policy": ("streams.cli.policy:policy", "Check a policy file."),
    "declines": ("streams.cli.declines:declines", "Show what decline codes mean for the next attempt."),
    "schemas": ("streams.cli.schemas:schemas", "Write the JSON Schemas and the AsyncAPI document."),
    "config": ("streams.cli.config:config", "Print every setting and where it came from."),
}


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What writing fails with where nothing is wrong with us: the disk, a quota, or a limit of the file's size."""


class LazyCommands(click.Group):
    """A group whose commands live in modules that are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Name the commands whose modules exist, in the order of the table."""
        return [name for name, (place, _) in COMMANDS.items() if _exists(place)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 (click's)
        """Import one command; None when there is no such command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None or not _exists(entry[0]):
            return None
        module, _, name = entry[0].partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry[0]} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _exists(place: str) -> bool:
    return importlib.util.find_spec(place.partition(":")[0]) is not None


@click.group(
    cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(package_name="dunning", prog_name="dunning")
def dunning() -> None:
    """Recover declined subscription charges: retries at the right moments, exactly once, on Kafka."""


def run() -> NoReturn:
    """Run the command that is asked for, and leave with the contract's exit codes."""
    # Without a handler the logging module would print the libraries' warnings beside our one line.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        result = dunning.main(standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()  # what cannot be written is told here, and not by the interpreter as it ends
    except Trouble as error:
        _leave(str(error), error.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        hint = f" (`{error.ctx.command_path} --help`)" if error.ctx is not None else ""
        # click writes the choices of an argument that is missing below each other.
        _leave(f"{' '.join(error.format_message().split())}{hint}", 2)
    except click.ClickException as error:
        _leave(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _leave("interrupted", 1)
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not try to flush what is left.
        sys.stdout = None
        sys.exit(1)
    except OSError as error:
        if error.errno not in _FULL:
            raise
        sys.stdout = None
        _leave(f"{error.filename or 'output'} cannot be written: {error.strerror}", 1)
    # Outside standalone mode click hands back the code of `ctx.exit()`, or what the command returned.
    sys.exit(result if isinstance(result, int) else 0)


def _leave(message: str, exit_code: int) -> NoReturn:
    click.echo(f"dunning: {message}", err=True)
    sys.exit(exit_code)
