"""`dunning worker` and `dunning intake`: the long-running processes.

Rule: they stop with a reason, or on request.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import structlog

from streams.cli.options import with_settings
from streams.errors import Misuse
from streams.logs import configure_logging
from streams.policies import PRESET, PolicyFile, load_named_policies, load_policy_file
from streams.settings import Effective, Settings

_log = structlog.get_logger()

_TOPICS = ("partitions", "replication", "retention_days")  # a worker compares the topics with them
_COMMON = ("instance_id", "session_timeout_ms", "metrics_host", "metrics_port", *_TOPICS)
_INTAKE = (
    "policy_file",
    "card_number_exempt_fields",
    "intake_linger_ms",
    "intake_page_events",
    "intake_page_bytes",
)
_ENGINE = ("engine_batch_bytes", "engine_batch_ms")


@click.command()
@with_settings(*_COMMON, *_INTAKE, *_ENGINE)
@click.option("--no-intake", is_flag=True, help="run the engine alone; another process takes events in")
def worker(effective: Effective, *, no_intake: bool) -> None:
    """Run intake and engine against a broker, until SIGTERM or Ctrl-C.

    Several workers share the partitions. Health and metrics are served on --metrics-port: /livez, /readyz,
    /metrics.
    """
    if no_intake and effective.settings.policy_file is not None:
        raise Misuse(
            "--policy-file is read by the intake, which --no-intake leaves out: give it to `dunning intake`"
        )
    from streams.rules import engine_factory

    _run(effective.settings, with_intake=not no_intake, new_fold=engine_factory())


@click.command()
@with_settings(*_COMMON, *_INTAKE)
def intake(effective: Effective) -> None:
    """Take events in and write them to the journal, until SIGTERM or Ctrl-C; no decisions."""
    _run(effective.settings, with_intake=True, new_fold=None)


def _run(settings: Settings, *, with_intake: bool, new_fold: Callable[[], Any] | None) -> None:
    from streams.worker import Plan, run  # the Kafka client and Faust take half a second to import

    file = None if settings.policy_file is None else _policies(settings.policy_file)
    configure_logging(settings)
    for line in file.located() if file is not None else ():
        _log.warning("policies.doubtful", problem=line)
    policies = file.content if file is not None else None
    run(Plan(settings=settings, with_intake=with_intake, new_fold=new_fold, policies=policies))


def _policies(path: Path) -> PolicyFile:
    # Nothing but a preset goes by its name here: a file that is called `standard` has to be that file.
    return load_named_policies(str(path)) if str(path).startswith(PRESET) else load_policy_file(path)
