"""Policy files: read with their line numbers, holidays looked up, refused if they make no sense.

The one rule: all that is wrong is told at once, a line each: `FILE:LINE: field: what is wrong, what to do`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from dunning.network_rules.limits import NetworkRules
from dunning.policy import PolicySet
from dunning.policy_file import STANDARD, PolicyError, Problem, dotted, read_policies, unfit_texts
from dunning.policy_file import Path as FieldPath
from dunning.policy_findings import findings
from streams.errors import Misuse
from streams.rules import load_rules
from streams.yaml_files import line_of, read_text, read_yaml

# Days off are looked up for these years, whatever the day of the look-up: the same file always has the same
# content. Outside them only weekends count.   # our choice
FIRST_YEAR: Final = 2015
LAST_YEAR: Final = 2050
PRESET: Final = "preset:"
"""What the name of a policy file that comes with the engine begins with."""
_KIND: Final = "policy file"


class PolicyFileError(Misuse):
    """A policy file that is refused; the message has one line for each problem."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFile:
    """A policy file that may be put in force."""

    name: str  # as it is called in messages
    content: dict[str, Any]  # for `dunning.policies_set`; JSON types only, days off included
    policies: PolicySet
    problems: tuple[Problem, ...]  # warnings; errors too where they were to be let through
    lines: Mapping[FieldPath, int]  # of each field, counted from 1

    def located(self) -> tuple[str, ...]:
        """Write each problem as one line."""
        return tuple(_located(self.name, problem, self.lines) for problem in self.problems)


STANDARD_FILE: Final = PolicyFile(
    name="standard", content={"policies": {"standard": {}}}, policies=STANDARD, problems=(), lines={}
)
"""What applies where no file is given (contract section 4)."""


def load_policy_file(path: Path | Traversable, *, refuse_nonsense: bool = True) -> PolicyFile:
    """Read, check and compile a policy file.

    Args:
        path: of the YAML file.
        refuse_nonsense: whether what can be compiled but makes no sense (docs/policies.md) is refused too;
            otherwise it is among the `problems`.

    Raises:
        PolicyFileError: the file is missing, no YAML, no policy file, or nonsense.
    """
    text = read_text(path, _KIND, PolicyFileError)
    return read_policy_text(text, str(path), refuse_nonsense=refuse_nonsense)


def load_named_policies(name: str, *, refuse_nonsense: bool = True) -> PolicyFile:
    """Load a policy file by what a person calls it: a file's path, `preset:NAME`, or `standard`.

    `refuse_nonsense` is that of `load_policy_file`.

    Raises:
        PolicyFileError: the file is refused.
        Misuse: no preset is called so.
    """
    if name == STANDARD_FILE.name:
        return STANDARD_FILE
    if not name.startswith(PRESET):
        return load_policy_file(Path(name), refuse_nonsense=refuse_nonsense)
    preset, known = name.removeprefix(PRESET), presets()
    if preset not in known:
        raise Misuse(f"no preset is called {preset!r}; there are: {', '.join(known)}")
    return read_policy_text(known[preset].read_text(encoding="utf-8"), name)


def read_policy_text(text: str, name: str, *, refuse_nonsense: bool = True) -> PolicyFile:
    """Read the text of a policy file, as `load_policy_file` does. `name` stands for the file in messages.

    Raises:
        PolicyFileError: the text is no YAML, no policy file, or nonsense.
    """
    content, lines = _parse(text, name)
    unfit = list(unfit_texts(content))
    if unfit:
        raise PolicyFileError("\n".join(_located(name, problem, lines) for problem in unfit))
    content, problems = _with_days_off(content)
    compiled = None
    try:
        compiled = read_policies(content)
    except PolicyError as error:
        named = {problem.path for problem in problems}
        problems += [problem for problem in error.problems if problem.path not in named]
    try:
        problems += findings(content, _network_rules())
    except PolicyError:
        assert compiled is None, "what compiles can be read"
    problems.sort(key=lambda problem: line_of(problem.path, lines))
    refused = [problem for problem in problems if not problem.is_warning]
    if compiled is None or (refused and refuse_nonsense):
        raise PolicyFileError("\n".join(_located(name, problem, lines) for problem in refused))
    return PolicyFile(name=name, content=content, policies=compiled, problems=tuple(problems), lines=lines)


@cache
def _network_rules() -> NetworkRules:
    return load_rules().networks


def presets() -> dict[str, Traversable]:
    """Name the policy files that come with the engine."""
    place = files("dunning") / "presets"
    found = (entry for entry in place.iterdir() if entry.name.endswith(".yaml"))
    return {entry.name.removesuffix(".yaml"): entry for entry in sorted(found, key=lambda entry: entry.name)}


# --- the text of a file ------------------------------------


def _located(name: str, problem: Problem, lines: Mapping[FieldPath, int]) -> str:
    return f"{name}:{line_of(problem.path, lines)}: {dotted(problem.path)}: {problem.message}"


def _parse(text: str, name: str) -> tuple[dict[str, Any], Mapping[FieldPath, int]]:
    read = read_yaml(text, name, _KIND, PolicyFileError)
    if read.wrong:
        problems = [Problem(field, message) for field, message in read.wrong]
        raise PolicyFileError("\n".join(_located(name, problem, read.lines) for problem in problems))
    if not isinstance(read.content, dict):
        raise PolicyFileError(f"{name}:1: the file: holds no `policies:`; write at least one policy")
    return read.content, read.lines


# --- days off --------------------------------------


def _with_days_off(content: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """Write into each `business_days` the days off of its country; the core looks nothing up."""
    policies = content.get("policies")
    if not isinstance(policies, dict):
        return content, []
    problems = []
    filled = dict(policies)
    for name, policy in policies.items():
        section = policy.get("business_days") if isinstance(policy, dict) else None
        if not isinstance(section, dict):
            continue
        path = ("policies", str(name), "business_days")
        country, subdivision = section.get("country"), section.get("subdivision")
        if "resolved" in section:
            problems.append(Problem((*path, "resolved"), "is looked up for you; remove it"))
        if not isinstance(country, str) or not isinstance(subdivision, str | None):
            continue  # refused with the shape of the file
        try:
            resolved = days_off(country, subdivision)
        except NotImplementedError as error:
            field = "subdivision" if "subdivision" in str(error) else "country"
            hint = "a country as DE, a bank calendar as ECB or FED"
            problems.append(Problem((*path, field), f"no holidays are known: {error}; write {hint}"))
            continue
        filled[name] = {**policy, "business_days": {**section, "resolved": resolved}}
    return {**content, "policies": filled}, problems


@cache
def days_off(country: str, subdivision: str | None) -> dict[str, Any]:
    """Look up the days on which banks of a country are closed, from `FIRST_YEAR` to `LAST_YEAR`.

    Args:
        country: ISO 3166 code, or the name of a calendar of banks or exchanges (`ECB`, `FED`).
        subdivision: of the country, as the `holidays` library names it.

    Returns:
        `source` (the library with its version: a new one may move days), `weekend` (0 is Monday) and `dates`.

    Raises:
        NotImplementedError: the library knows no such country or subdivision.
    """
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    import holidays

    if country in holidays.list_supported_financial():
        found = holidays.financial_holidays(country, subdivision, years=years)
    else:
        found = holidays.country_holidays(country, subdivision, years=years)
    weekend = sorted(found.weekend)
    days = (date(FIRST_YEAR, 1, 1) + timedelta(days=number) for number in range(366 * len(years)))
    dates = [
        day.isoformat()
        for day in days
        if day.year <= LAST_YEAR and day.weekday() not in weekend and not found.is_working_day(day)
    ]
    return {"source": f"holidays {version('holidays')}", "weekend": weekend, "dates": dates}
