"""A worker process with the counting engine: `python -m tests.counting_worker [--no-intake | --no-engine]`.

Settings come from the environment, as in `dunning worker`.
"""

import sys

from streams.errors import Trouble
from streams.logs import configure_logging
from streams.settings import load_settings
from streams.worker import Plan, run
from tests.counting import CountingFold


def main() -> int:
    settings = load_settings().settings
    for argument in sys.argv[1:]:
        if argument.startswith(
            "--session-timeout-ms="
        ):  # past the check: what the broker refuses is to be seen
            settings = settings.model_copy(update={"session_timeout_ms": int(argument.partition("=")[2])})
    configure_logging(settings)
    plan = Plan(
        settings=settings,
        with_intake="--no-intake" not in sys.argv,
        new_fold=None if "--no-engine" in sys.argv else CountingFold,
        policies=None,
    )
    try:
        run(plan)
    except Trouble as error:
        print(f"dunning: {error}", file=sys.stderr)  # noqa: T201
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
