"""What passed the door goes through the journal unchanged, and what is written is read as it was."""

import json
import types
from dataclasses import fields
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.cards import is_card_number_id, masked
from schemas.envelope import Event
from schemas.events import INPUT_TYPES
from schemas.identifiers import FreeText
from schemas.instants import Instant, micros, moment
from schemas.invoices import ZoneOrUtc
from schemas.money import AmountMinor, BalanceMinor, Currency
from schemas.pages import decode_page, encode_event, encode_page
from schemas.payment_methods import InstrumentChange, PaymentMethodUpdated
from schemas.reading import read_event
from schemas.writing import OUTPUT_TYPES, WrittenError, read_written, written_event

GOLDEN = Path(__file__).parent / "golden"

characters = st.characters(codec="utf-8", exclude_categories=["Cc"])
ids = st.text(characters, min_size=1, max_size=30).filter(lambda text: not is_card_number_id(text))
instants = st.integers(0, micros(datetime(2200, 1, 1, tzinfo=UTC)) - 1).map(moment)
ALIASES: dict[Any, st.SearchStrategy[Any]] = {
    FreeText: st.text(st.characters(codec="utf-8"), max_size=40).map(masked),
    Instant: instants,
    ZoneOrUtc: st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]),
    Currency: st.sampled_from(["EUR", "JPY", "KWD"]),
    AmountMinor: st.integers(1, 10**12 - 1),
    BalanceMinor: st.integers(0, 10**12 - 1),
    str: ids,
    int: st.integers(0, 10**6),
    bool: st.booleans(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:  # one line for each kind of type
    """Derive values from a field's type."""
    if hint in ALIASES:
        return ALIASES[hint]
    if get_origin(hint) in {Union, types.UnionType}:
        return st.one_of(*(st.none() if arm is type(None) else values(arm) for arm in get_args(hint)))
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0]), max_size=3).map(tuple)
    if get_origin(hint) is dict:
        return st.dictionaries(values(get_args(hint)[0]), values(get_args(hint)[1]), max_size=3)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    if isinstance(hint, type):
        return shapes(hint)
    base, *constraints = get_args(hint)
    pattern = next((c.pattern for c in constraints if getattr(c, "pattern", None)), None)
    if base is str and pattern and "x00" not in pattern:
        return st.from_regex(pattern.replace(r"\d", "[0-9]").replace("$", r"\Z"))
    return values(base)


def shapes(shape: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(shape, include_extras=True)
    built = st.builds(shape, **{field.name: values(hints[field.name]) for field in fields(shape)})
    return built.filter(_has_its_target) if shape is PaymentMethodUpdated else built


def _has_its_target(data: PaymentMethodUpdated) -> bool:
    if data.change is InstrumentChange.BOUND:
        return bool(data.subscription_ids or data.replaces or data.account_default)
    return data.change is not InstrumentChange.UNBOUND or bool(data.subscription_ids)


@st.composite
def events(draw: st.DrawFn) -> Event[Any]:
    kind = draw(st.sampled_from(list(INPUT_TYPES)))
    return Event(
        id=draw(ids),
        source=draw(ids),
        type=kind,
        time=draw(instants),
        data=draw(shapes(INPUT_TYPES[kind])),
        recordedtime=draw(st.none() | instants),
    )


@given(st.lists(events(), max_size=3))
def test_a_page_gives_back_its_events(page: list[Event[Any]]) -> None:
    decoded = decode_page(encode_page([encode_event(event) for event in page]))
    assert [event.data for event in decoded] == [event.data for event in page]
    assert [encode_event(event) for event in decoded] == [encode_event(event) for event in page]


@given(events())
def test_the_door_lets_through_what_is_right_and_changes_nothing(event: Event[Any]) -> None:
    assert read_event(encode_event(event)) == event
    # Escapes say the same in other bytes.
    assert read_event(json.dumps(json.loads(encode_event(event))).encode()) == event


@given(st.data())
def test_what_is_written_is_read_as_it_was_and_has_the_same_bytes(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(list(OUTPUT_TYPES)))
    content, when = data.draw(shapes(OUTPUT_TYPES[kind])), data.draw(instants)
    written = written_event(kind, "cause/1", when, content)
    read = read_written(written)
    assert (read.type, read.id, read.source, read.time, read.data) == (
        kind,
        "cause/1",
        "dunning",
        when,
        content,
    )
    assert written_event(read.type, read.id, read.time, read.data) == written
    keys = list(json.loads(written))
    assert keys == ["specversion", "id", "source", "type", "time", "data"]
    assert list(json.loads(written)["data"]) == [field.name for field in fields(OUTPUT_TYPES[kind])]


@pytest.mark.parametrize("kind", OUTPUT_TYPES)
def test_version_1_is_written_byte_for_byte(kind: str) -> None:
    golden = (GOLDEN / f"{kind}.1.json").read_bytes()
    event = read_written(golden)
    assert written_event(event.type, event.id, event.time, event.data) + b"\n" == golden


FOREIGN = [b"", b"x", b"{}", b'{"type": "charge.declined"}', b"[" * 10_000, b'{"type": "\xff"}']


@pytest.mark.parametrize("value", FOREIGN)
def test_what_we_did_not_write_is_an_error(value: bytes) -> None:
    with pytest.raises(WrittenError):
        read_written(value)


@given(instants)
def test_microseconds_lose_nothing(when: datetime) -> None:
    assert moment(micros(when)) == when
