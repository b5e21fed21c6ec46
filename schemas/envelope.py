"""The CloudEvents 1.0 envelope around everything that is read and written."""

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from schemas.identifiers import Id
from schemas.instants import Instant

Data_co = TypeVar("Data_co", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Generic[Data_co]):
    """One fact. (`source`, `id`) names it: the same pair again is a duplicate and changes nothing."""

    specversion: Literal["1.0"] = "1.0"
    id: Id
    source: Id
    type: Id
    # When it happened, by its source's clock. Decides what is "earlier" when events arrive out of order.
    time: Instant
    data: Data_co
    # When it reached the first of our systems; `dunning simulate` takes it as the time of arrival.
    recordedtime: Instant | None = None
