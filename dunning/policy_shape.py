"""The shape of a policy file: its sections, and the values they may hold (contract section 4).

The one rule: nothing is converted in silence. What YAML makes of an unquoted word is refused with a hint.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from difflib import get_close_matches
from math import isfinite
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    model_validator,
)

from dunning.attempt_times import Move
from dunning.calendar import MINUTE, Duration
from dunning.policy import (
    LadderAnchor,
    RuleProfile,
    WindowAnchor,
)
from schemas.identifiers import ID_LENGTH
from schemas.money import AMOUNT_LIMIT, CURRENCIES
from schemas.payment_methods import InstrumentType

_TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
LABEL: Final = "label."


# --- the values of a file --------------------------------------


def as_written(value: object) -> str:
    """Write a value as a policy file has it, not as Python does: `true`, `{name: a}`; for messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(value) if isfinite(value) else f".{value}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {as_written(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_written, value)) + "]"
    return repr(value) if isinstance(value, str) else str(value)


def _exact(value: object) -> Duration:
    read = Duration.parse(value)
    read.exact_micros()
    return read


def _more_than_nothing(value: object) -> Duration:
    read = Duration.parse(value)
    if read.is_zero:
        raise ValueError("is no time at all; write a duration above 0")
    return read


def _exact_and_more(value: object) -> Duration:
    _more_than_nothing(value)
    return _exact(value)


def _time_of_day(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        hours, minutes = divmod(value, 60)
        shown = f'"{hours:02}:{minutes:02}"' if hours < 24 else '"09:00"'
        hint = f"YAML 1.1 reads an unquoted time so; write {shown}, in quotes"
        raise ValueError(f"{value} is a number; {hint}")  # noqa: TRY004 - pydantic reports only ValueError
    found = _TIME_OF_DAY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(
            f'{as_written(value)} is no time of day; write it with two digits each and in quotes: "09:00"'
        )
    return (int(found[1]) * 60 + int(found[2])) * MINUTE


def _clock(time_of_day: int) -> str:
    hours, minutes = divmod(time_of_day // MINUTE, 60)
    return f"{hours:02}:{minutes:02}"


def _text(value: object) -> str:
    if isinstance(value, str):
        if not value:
            raise ValueError(f"is an empty text; write 1 to {ID_LENGTH} characters")
        if len(value) > ID_LENGTH:
            raise ValueError(f"is a text of {len(value)} characters; write {ID_LENGTH} at most")
        return value
    trap = '; YAML 1.1 reads NO, ON and YES so; write it in quotes, like "NO"'
    raise ValueError(
        f"{as_written(value)} is no text{trap if isinstance(value, bool) else '; write it in quotes'}"
    )


def _country(value: object) -> str:
    read = _text(value)
    if not _COUNTRY.fullmatch(read):
        raise ValueError(
            f'{read!r} is no country; write the two capital letters of ISO 3166, in quotes: "NO"'
        )
    return read


def _currency(value: object) -> str:
    read = _text(value)
    if read not in CURRENCIES:
        raise ValueError(f"{read!r} is no ISO 4217 currency; write it like EUR{suggestion(read, CURRENCIES)}")
    return read


def _instrument_type(value: object) -> str:
    read = _text(value)
    if read not in set(InstrumentType):
        known = ", ".join(InstrumentType)
        raise ValueError(
            f"{read!r} is no instrument type; one of {known}{suggestion(read, list(InstrumentType))}"
        )
    return read


def suggestion(word: str, known: Iterable[str]) -> str:
    """Say which of the known words may have been meant; nothing if none is near."""
    near = get_close_matches(word, sorted(known), n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def _one_or_more(read: Any) -> Any:
    def values(value: object) -> tuple[str, ...]:
        if isinstance(value, list) and not value:
            raise ValueError(
                "an empty list matches nothing; name at least one value, or leave the condition out"
            )
        return tuple(map(read, value if isinstance(value, list | tuple) else [value]))

    return values


def _written(values: tuple[str, ...] | None) -> str | list[str] | None:
    if values is None:
        return None
    return values[0] if len(values) == 1 else list(values)


def _days_off(value: object) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError("a list of dates is expected")  # noqa: TRY004 - pydantic reports only ValueError
    return tuple(sorted({date.fromisoformat(_text(day)).toordinal() for day in value}))


def _dates(ordinals: tuple[int, ...]) -> list[str]:
    return [date.fromordinal(ordinal).isoformat() for ordinal in ordinals]


_write_duration = PlainSerializer(lambda value: None if value is None else value.plain())
_Length = Annotated[Duration, PlainValidator(Duration.parse), _write_duration]
_Positive = Annotated[Duration, PlainValidator(_more_than_nothing), _write_duration]
_Exact = Annotated[Duration, PlainValidator(_exact), _write_duration]
_ExactPositive = Annotated[Duration, PlainValidator(_exact_and_more), _write_duration]
_TimeOfDay = Annotated[int, PlainValidator(_time_of_day), PlainSerializer(_clock)]
_Text = Annotated[str, PlainValidator(_text)]
_Currencies = Annotated[tuple[str, ...], PlainValidator(_one_or_more(_currency)), PlainSerializer(_written)]
_Countries = Annotated[tuple[str, ...], PlainValidator(_one_or_more(_country)), PlainSerializer(_written)]
_Types = Annotated[tuple[str, ...], PlainValidator(_one_or_more(_instrument_type)), PlainSerializer(_written)]
_Values = Annotated[tuple[str, ...], PlainValidator(_one_or_more(_text)), PlainSerializer(_written)]
_DaysOff = Annotated[tuple[int, ...], PlainValidator(_days_off), PlainSerializer(_dates)]
_Amount = Annotated[int, Field(strict=True, gt=0, lt=AMOUNT_LIMIT)]


# --- the shape of a file --------------------------------------


class Section(BaseModel):
    """A mapping of a policy file: unknown keys are errors, nothing is converted in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class WindowSection(Section):
    """From when and how long automatic charging goes on."""

    anchor: WindowAnchor = WindowAnchor.INVOICE_DATE
    length: _Positive = Duration(days=28)


class LadderSection(Section):
    """The planned attempts."""

    anchor: LadderAnchor = LadderAnchor.INVOICE_DATE
    steps: list[_Length] = [Duration(days=days) for days in (3, 7, 12, 17, 21, 26)]


class NeverSection(Section):
    """What a decline of class `never`, or one flagged as fraud, does to the window."""

    close_after: _Length | None = None


class StageSection(Section):
    """A named consequence of age."""

    name: _Text
    after: _Length


class ResolvedDays(Section):
    """The days off of a country, as the shell found them. A file does not write this."""

    source: _Text  # the library and its version
    weekend: list[Annotated[int, Field(strict=True, ge=0, le=6)]]
    dates: _DaysOff

    @model_validator(mode="after")
    def _some_day_is_open(self) -> "ResolvedDays":
        if len(set(self.weekend)) == 7:
            raise ValueError("a week without any open day")
        return self


class BusinessDaysSection(Section):
    """On which days attempts are made, and where those of other days go."""

    country: _Text  # ISO 3166, or a calendar of banks such as ECB
    subdivision: _Text | None = None
    move: Move = Move.NEXT
    resolved: ResolvedDays | None = None


class QuietHoursSection(Section):
    """Local hours without attempts."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: Annotated[_TimeOfDay, Field(alias="from")]
    to: _TimeOfDay

    @model_validator(mode="after")
    def _some_hour_is_free(self) -> "QuietHoursSection":
        if self.from_ == self.to:
            raise ValueError("from and to are the same; leave quiet_hours out, or name the hours to spare")
        return self


class PolicySection(Section):
    """One policy. A key left out has the value of the contract, section 4."""

    window: WindowSection = WindowSection()
    ladder: LadderSection = LadderSection()
    technical: list[_Positive] = [Duration(micros=minutes * MINUTE) for minutes in (10, 60, 360)]
    min_gap: _Exact = Duration(micros=720 * MINUTE)
    answer_within: _ExactPositive = Duration(micros=60 * MINUTE)
    at: _TimeOfDay | None = None
    closing_notice: _Length | None = Duration(days=3)
    expiry_notice: _Length | None = None
    never: NeverSection = NeverSection()
    stages: list[StageSection] = []
    rules: RuleProfile = RuleProfile.CURRENT
    business_days: BusinessDaysSection | None = None
    quiet_hours: QuietHoursSection | None = None
    spread: _ExactPositive | None = None


class AmountRange(Section):
    """Both ends inclusive, in minor units of the invoice's currency."""

    min: _Amount | None = None
    max: _Amount | None = None

    @model_validator(mode="after")
    def _has_a_size(self) -> "AmountRange":
        if self.min is None and self.max is None:
            raise ValueError("write min, max, or both, in minor units")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is above max {self.max}; no amount is between them")
        return self


class WhenSection(Section):
    """The conditions of an entry; all must hold. A list of values asks for any of them."""

    currency: _Currencies | None = None
    instrument_type: _Types | None = None
    country: _Countries | None = None
    amount_minor: AmountRange | None = None
    labels: Annotated[dict[str, _Values], Field(alias="label.*")] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather_labels(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        labels = {key[len(LABEL) :]: entry for key, entry in value.items() if str(key).startswith(LABEL)}
        if not all(labels):
            raise ValueError("a label condition needs the label's name: label.plan")
        return {key: entry for key, entry in value.items() if not str(key).startswith(LABEL)} | {
            "label.*": labels
        }


class SelectSection(Section):
    """Which invoices follow which policy."""

    when: WhenSection = WhenSection()
    use: _Text


class FileSection(Section):
    """A policy file."""

    policies: Annotated[dict[_Text, PolicySection], Field(min_length=1)]
    select: list[SelectSection] = []

    @model_validator(mode="before")
    @classmethod
    def _read_empty_policies(cls, value: object) -> object:
        """`standard:` with nothing below is YAML for null, and means all defaults."""
        if isinstance(value, Mapping) and isinstance(policies := value.get("policies"), Mapping):
            return {
                **value,
                "policies": {name: {} if body is None else body for name, body in policies.items()},
            }
        return value
