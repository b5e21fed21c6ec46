"""A model of what charges do, so that closed loops can be told in one file (contract section 5, simulate).

The first rule that matches a request answers it. No rule matching is no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from dunning.calendar import Duration
from dunning.policy_shape import suggestion
from schemas.charges import ChargeDeclined, ChargePending, ChargeSucceeded, Decline, Initiator
from schemas.decisions import RetryRequested
from schemas.envelope import Event
from schemas.identifiers import Id
from schemas.instants import micros, moment

SOURCE = "charger"

Answer = TypeVar("Answer", ChargeDeclined, ChargeSucceeded, ChargePending)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a charger file."""

    path: Sequence[int | str]  # index of the rule (counted from 0), then its fields; empty: the whole file
    message: str  # what is wrong, and what to do

    @property
    def rule(self) -> int | None:
        """The rule that is meant, counted from 0; None is the whole file."""
        return self.path[0] if self.path and isinstance(self.path[0], int) else None

    def __str__(self) -> str:
        """Write it as one line: the rule (counted from 1) and the field, then what is wrong with it."""
        fields = ".".join(map(str, self.path if self.rule is None else self.path[1:]))
        places = ("" if self.rule is None else f"rule {self.rule + 1}", fields)
        return f"{', '.join(filter(None, places)) or 'the file'}: {self.message}"


class ChargerError(ValueError):
    """A charger file that cannot be read."""

    def __init__(self, *mistakes: Mistake) -> None:
        """Keep every mistake; there is at least one."""
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes


class Outcome(StrEnum):
    """What a charge comes to."""

    NONE = "none"
    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    PENDING = "pending"


def _instant(value: Any) -> int:
    try:
        read = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        read = None
    if not isinstance(read, datetime) or read.tzinfo is None:
        shown = value if isinstance(value, str) else str(value)
        raise ValueError(f"{shown!r} is no instant with an offset; write it like 2026-12-01T00:00:00Z")
    return micros(read)


def _duration(value: Any) -> int:
    return Duration.parse(value).exact_micros()


_Instant = Annotated[int, BeforeValidator(_instant)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a request must be; a field left out asks nothing."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    instrument_id: Id | None = None
    invoice_id: Id | None = None
    subscription_id: Id | None = None
    attempt: Annotated[int, Field(strict=True, ge=1)] | None = None
    before: _Instant | None = None  # the request was made before this instant
    after: _Instant | None = None  # at or after this one

    def fits(self, request: RetryRequested, requested_at: int) -> bool:
        """Tell whether a request, made at an instant, is meant."""
        return (
            self.instrument_id in (None, request.instrument_id)
            and self.invoice_id in (None, request.invoice_id)
            and self.subscription_id in (None, request.subscription_id)
            and self.attempt in (None, request.attempt)
            and (self.before is None or requested_at < self.before)
            and (self.after is None or requested_at >= self.after)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of a charger file."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    match: Match = field(default_factory=Match)
    outcome: Outcome
    decline: Decline | None = None
    after: Annotated[int, BeforeValidator(_duration)] = 0  # microseconds until the answer


_rules = TypeAdapter(list[Rule])


@dataclass(frozen=True, slots=True)
class Charger:
    """Rules in order; the first that matches a request answers it."""

    rules: Sequence[Rule] = ()

    def answer(self, request: RetryRequested, requested_at: int) -> tuple[int, Event[Any]] | None:
        """Give the instant and the event that answers a request made at `requested_at`; None is no answer."""
        rule = next((rule for rule in self.rules if rule.match.fits(request, requested_at)), None)
        if rule is None or rule.outcome is Outcome.NONE:
            return None
        at = requested_at + rule.after
        return at, _event(request, rule, at)


def read_charger(content: Any) -> Charger:
    """Check the content of a charger file.

    Raises:
        ChargerError: it cannot be read; with every mistake.
    """
    if content is None:
        raise ChargerError(Mistake((), "holds no rules; write at least one: - {outcome: none}"))
    try:
        rules = _rules.validate_python(content)
    except ValidationError as error:
        raise ChargerError(*(Mistake(each["loc"], _message(each)) for each in error.errors())) from error
    wrong = [
        Mistake((index, "decline"), "`declined` needs a decline, and no other outcome has one")
        for index, rule in enumerate(rules)
        if (rule.outcome is Outcome.DECLINED) != (rule.decline is not None)
    ]
    if wrong:
        raise ChargerError(*wrong)
    return Charger(tuple(rules))


def _message(detail: ErrorDetails) -> str:
    """Say what is wrong in the words of a policy file's reader."""
    match detail["type"]:
        case "unexpected_keyword_argument":
            section = detail["loc"][-2]
            known = [one.name for one in fields(_SHAPES[section] if isinstance(section, str) else Rule)]
            return f"unknown key{suggestion(str(detail['loc'][-1]), known)}; there are: {', '.join(known)}"
        case "missing":
            return "is missing; write it"
        case "enum":
            return f"{detail['input']!r} is not known; one of {detail.get('ctx', {}).get('expected')}"
        case "value_error":
            return str(detail["ctx"]["error"])
        case "dataclass_type":
            return "is no mapping; write {key: value}"
        case "list_type":
            return "is no list of rules; begin each rule with a hyphen: - {outcome: none}"
        case _:
            return f"{detail['msg'][0].lower()}{detail['msg'][1:]}; got {detail['input']!r}"


_SHAPES: Final = {"match": Match, "decline": Decline}


def answer_to(request: RetryRequested, shape: type[Answer], **more: Any) -> Answer:
    """Build the data of an outcome that answers a request; `more` adds to what the request says, or overrides it."""
    told: dict[str, Any] = {
        "charge_id": request.request_id,
        "invoice_id": request.invoice_id,
        "account_id": request.account_id,
        "subscription_id": request.subscription_id,
        "instrument_id": request.instrument_id,
        "amount_minor": request.amount_minor,
        "currency": request.currency,
        "request_id": request.request_id,
        "initiated_by": Initiator.RETRY,
    }
    return shape(**(told | more))


def _event(request: RetryRequested, rule: Rule, at: int) -> Event[Any]:
    if rule.outcome is Outcome.DECLINED:
        data: Any = answer_to(request, ChargeDeclined, decline=rule.decline)
    elif rule.outcome is Outcome.SUCCEEDED:
        data = answer_to(request, ChargeSucceeded)
    else:
        data = answer_to(request, ChargePending)
    return Event(
        id=f"{request.request_id}/{rule.outcome}", source=SOURCE, type=data.TYPE, time=moment(at), data=data
    )
