"""The policy file: its way to compiled policies and back; `dunning.policy_shape` has its shape.

The one rule: what is read here can be compiled, whatever one may think of it. So the policies of an old
journal always load; whether one makes sense is the question of `dunning.policy_findings`, asked before.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, TypeVar
from unicodedata import category

from pydantic import (
    BaseModel,
    ValidationError,
)
from pydantic_core import ErrorDetails

from dunning.attempt_times import BusinessDays, QuietHours
from dunning.calendar import DAY, Duration
from dunning.policy import (
    Conditions,
    LadderAnchor,
    Policy,
    PolicySet,
    Selection,
    Stage,
)
from dunning.policy_shape import (
    LABEL,
    AmountRange,
    BusinessDaysSection,
    FileSection,
    LadderSection,
    NeverSection,
    PolicySection,
    QuietHoursSection,
    ResolvedDays,
    Section,
    SelectSection,
    StageSection,
    WhenSection,
    WindowSection,
    as_written,
    suggestion,
)
from schemas.cards import is_card_number_id, masked

Path = tuple[str | int, ...]

_DIGEST_BYTES = 6  # 12 hex digits
_BREAKS: Final = frozenset({"Cc", "Zl", "Zp"})  # Unicode: control characters, line and paragraph separators
STANDARD_NAME: Final = "standard"

_S = TypeVar("_S", bound=Section)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a policy file."""

    path: Path  # ("policies", "standard", "ladder", "steps", 2)
    message: str  # what is wrong, and what to do
    is_warning: bool = False  # the policy is kept as it is, but may surprise

    def __str__(self) -> str:
        """Write it as one line: the field, then what is wrong with it."""
        return f"{dotted(self.path)}: {self.message}"


class PolicyError(ValueError):
    """A policy file that cannot be read. `path` and `message` are those of its first problem."""

    def __init__(self, *problems: Problem) -> None:
        """Keep every problem; there is at least one."""
        super().__init__("; ".join(map(str, problems)))
        self.problems = problems
        self.path = problems[0].path
        self.message = problems[0].message


def dotted(path: Path) -> str:
    """Write a path as people read it: `policies.standard.ladder.steps[2]`; card numbers in it are masked."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in path)
    return masked(text.removeprefix(".")) or "the file"


def _shown(part: str) -> str:
    return part if part and part.isprintable() else repr(part)


def read_sections(content: Mapping[str, Any]) -> FileSection:
    """Check the shape of a policy file.

    Args:
        content: as a YAML reader gives it.

    Raises:
        PolicyError: unknown keys, wrong types, durations and times that cannot be read; all of them at once.

    Source:
        Contract section 4.
    """
    return _validated(FileSection, content)


def read_policies(content: Mapping[str, Any]) -> PolicySet:
    """Compile a policy file.

    Args:
        content: of a policy file or of a `dunning.policies_set` event, with the days off of `business_days`
            already looked up (`business_days.resolved`).

    Raises:
        PolicyError: it cannot be compiled; with every problem found and where it is.

    Source:
        Contract section 4.
    """
    read = read_sections(content)
    problems = [
        Problem(("select", index, "use"), _unknown_policy(entry.use, read))
        for index, entry in enumerate(read.select)
        if entry.use not in read.policies
    ]
    problems += [
        Problem(
            ("policies", name, "business_days"), "its days off have not been looked up; load it from a file"
        )
        for name, policy in read.policies.items()
        if policy.business_days and not policy.business_days.resolved
    ]
    fallback = _fallback(read)
    if fallback is None:
        problems.append(Problem(("select",), _no_fallback(read)))
    if problems or fallback is None:
        raise PolicyError(*problems)
    return PolicySet(
        policies={name: _compiled(name, policy) for name, policy in read.policies.items()},
        select=tuple(Selection(when=_conditions(entry.when), use=entry.use) for entry in read.select),
        fallback=fallback,
    )


def unfit_texts(content: object, path: Path = ()) -> Iterator[Problem]:
    """Find what may not stand in written events: card numbers, control characters, `@` in a policy's name.

    Asked where policies are set; those of an old journal are read as they are.

    Args:
        content: of a policy file, or a part of it, as a YAML reader gives it.
        path: of that part.

    Source:
        Contract section 6 (card numbers).
    """
    if isinstance(content, Mapping):
        for key, value in content.items():
            here = (*path, str(key))
            yield from _unfit(str(key), here)
            if path == ("policies",) and "@" in str(key):
                yield Problem(
                    here, "holds an @, which stands between name and digest in events; leave it out"
                )
            yield from unfit_texts(value, here)
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from unfit_texts(value, (*path, index))
    elif isinstance(content, str):
        yield from _unfit(content, path)


def _unfit(text: str, path: Path) -> Iterator[Problem]:
    if is_card_number_id(text):
        yield Problem(path, "holds a card number, which no event may carry; write something else")
    if any(category(character) in _BREAKS for character in text):
        yield Problem(path, "holds a control character, such as a line break; write it without")


def policy_from_content(name: str, content: Mapping[str, Any]) -> Policy:
    """Compile one policy, for example the content that a case has pinned.

    Raises:
        PolicyError: it cannot be compiled.
    """
    return _compiled(name, _validated(PolicySection, content, ("policies", name)))


def _validated(shape: type[_S], content: object, prefix: Path = ()) -> _S:
    try:
        return shape.model_validate(content)
    except ValidationError as error:
        raise PolicyError(*(_problem(detail, prefix) for detail in error.errors())) from None


def _problem(detail: ErrorDetails, prefix: Path) -> Problem:
    path: Path = (*prefix, *detail["loc"])
    if path[-1:] == ("[key]",):  # the key of a mapping is wrong itself, perhaps a number
        path = (*path[:-2], str(path[-2]))
    # `when` holds its labels apart; in the file they stand beside the other conditions.
    for index, part in enumerate(path[:-1]):
        if part == "label.*":
            path = (*path[:index], f"{LABEL}{path[index + 1]}", *path[index + 2 :])
            break
    return Problem(path, _message(detail))


def _message(detail: ErrorDetails) -> str:
    match detail["type"]:
        case "extra_forbidden":
            known = _keys_beside(detail["loc"])
            return f"unknown key{suggestion(str(detail['loc'][-1]), known)}; there are: {', '.join(known)}"
        case "missing":
            return "is missing; write it"
        case "enum":
            return (
                f"{as_written(detail['input'])} is not known; one of {detail.get('ctx', {}).get('expected')}"
            )
        case "value_error":
            return str(detail["ctx"]["error"])
        case "model_type" | "model_attributes_type" | "dict_type":
            hint = _MAPPINGS.get(detail["loc"][-1], "`key: value` lines below it")
            return f"{as_written(detail['input'])} is no mapping; write {hint}"
        case "list_type":
            example = _LISTS.get(detail["loc"][-1], "[3, 7]")
            return f"{as_written(detail['input'])} is no list; write it in brackets: {example}"
        case "too_short":
            return "is empty; name at least one policy"
        case _:
            return f"{detail['msg'][0].lower()}{detail['msg'][1:]}; got {as_written(detail['input'])}"


_LISTS: Final[Mapping[str | int, str]] = {
    "stages": "[{name: warning, after: 10}]",
    "technical": "[PT10M, PT1H]",
    "select": "[{use: standard}]",
}
_MAPPINGS: Final[Mapping[str | int, str]] = {"amount_minor": "{min: 100, max: 100}"}
"""By the key that should have one: what a list, or a mapping, may look like."""


def _keys_beside(path: Path) -> list[str]:
    """Name the keys that may stand where `path` has an unknown one."""
    if len(path) == 3 and path[0] == "policies":
        return _keys(PolicySection)
    section = next((part for part in reversed(path[:-1]) if isinstance(part, str)), "")
    return _keys(_SHAPES.get(section, FileSection))


def _keys(shape: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in shape.model_fields.items() if name != "resolved"]


_SHAPES: Final[Mapping[str, type[BaseModel]]] = {
    "window": WindowSection,
    "ladder": LadderSection,
    "never": NeverSection,
    "stages": StageSection,
    "business_days": BusinessDaysSection,
    "resolved": ResolvedDays,
    "quiet_hours": QuietHoursSection,
    "select": SelectSection,
    "when": WhenSection,
    "amount_minor": AmountRange,
}


def _unknown_policy(use: str, read: FileSection) -> str:
    known = ", ".join(read.policies)
    return f"no policy is called {use!r}; there are: {known}{suggestion(use, read.policies)}"


def _fallback(read: FileSection) -> str | None:
    """Name the policy of an invoice that no entry of `select` matches; null if there is none."""
    if read.select and read.select[-1].when == WhenSection() and read.select[-1].use in read.policies:
        return read.select[-1].use
    if STANDARD_NAME in read.policies:
        return STANDARD_NAME
    return next(iter(read.policies)) if len(read.policies) == 1 else None


def _no_fallback(read: FileSection) -> str:
    some = next(iter(read.policies))
    if read.select:
        return f"what no entry matches has no policy; end with an entry without `when`: {{use: {some}}}"
    return f"several policies and none is called {STANDARD_NAME}; say which applies: [{{use: {some}}}]"


def _conditions(when: WhenSection) -> Conditions:
    amount = when.amount_minor
    return Conditions(
        currency=when.currency,
        instrument_type=when.instrument_type,
        country=when.country,
        labels=tuple(sorted(when.labels.items())),
        amount_min=amount.min if amount else None,
        amount_max=amount.max if amount else None,
    )


def _compiled(name: str, read: PolicySection) -> Policy:
    steps = read.ladder.steps
    if read.ladder.anchor is not LadderAnchor.PREVIOUS_ATTEMPT:
        steps = sorted(steps, key=lambda step: (step.shortest, step.longest))
    content = read.model_dump(mode="json", by_alias=True)
    content["ladder"]["steps"] = [step.plain() for step in steps]
    is_plain = not (read.business_days or read.quiet_hours or read.spread)
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
    digest = blake2b(canonical.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return Policy(
        name=name,
        digest=digest,
        ref=f"{name}@{digest}",
        content=content,
        window_anchor=read.window.anchor,
        window_length=read.window.length,
        ladder_anchor=read.ladder.anchor,
        is_by_invoice=read.ladder.anchor is LadderAnchor.INVOICE_DATE,
        is_by_gap=read.ladder.anchor is LadderAnchor.PREVIOUS_ATTEMPT,
        steps=tuple(steps),
        technical=tuple(read.technical),
        min_gap=read.min_gap.exact_micros(),
        answer_within=read.answer_within.exact_micros(),
        at=read.at,
        closing_notice=read.closing_notice,
        # Clocks move by less than a day.
        closing_ahead=read.closing_notice.longest + DAY if read.closing_notice else 0,
        expiry_notice=read.expiry_notice,
        never_close_after=read.never.close_after,
        stages=tuple(
            Stage(name=stage.name, after=stage.after)
            for stage in sorted(read.stages, key=lambda stage: (stage.after.shortest, stage.after.longest))
        ),
        rules=read.rules,
        business_days=_business_days(read.business_days),
        quiet_hours=QuietHours(read.quiet_hours.from_, read.quiet_hours.to) if read.quiet_hours else None,
        spread=read.spread,
        is_plain=is_plain,
        steady_offsets=_steady_offsets(steps) if is_plain and read.at is None else None,
        ladder_days=sum(step.longest for step in steps) // DAY + 1,
        is_ascending=is_plain and len({step.is_day_based for step in steps}) <= 1,
    )


def _steady_offsets(steps: Sequence[Duration]) -> tuple[int, ...] | None:
    return None if any(step.months for step in steps) else tuple(step.exact_micros() for step in steps)


def _business_days(read: BusinessDaysSection | None) -> BusinessDays | None:
    if read is None or read.resolved is None:
        return None
    return BusinessDays(
        move=read.move,
        weekend=frozenset(read.resolved.weekend),
        holidays=frozenset(read.resolved.dates),
    )


STANDARD: Final = read_policies({"policies": {STANDARD_NAME: {}}})
"""What applies without a file: one policy, with the values of the contract, section 4."""
