"""Whatever comes in, the door answers with an event or one precise reason; nothing else is ever raised."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.cards import has_card_number
from schemas.events import INPUT_TYPES
from schemas.reading import LARGEST_VALUE, arrival_of, read_event
from schemas.rejections import ErrorCode, Rejected

GOLDEN = Path(__file__).parent / "golden"
VISA = "4111111111111111"
RAW = {kind: (GOLDEN / f"{kind}.1.json").read_bytes() for kind in INPUT_TYPES}
DECLINED = RAW["charge.declined"]
E = ErrorCode

DEEP = b"[" * 10_000 + b"]" * 10_000

# How the bytes of an event are spoiled, whatever its type; the error and the path that answer.
ANY_TYPE: dict[str, tuple[Callable[[bytes], bytes | None], ErrorCode, str]] = {
    "null value": (lambda _: None, E.EMPTY, ""),
    "no bytes": (lambda _: b"", E.EMPTY, ""),
    "blanks": (lambda _: b"  \n", E.NOT_JSON, ""),
    "words": (lambda _: b"charge of card failed", E.NOT_JSON, ""),
    "cut off": (lambda raw: raw[:-20], E.NOT_JSON, ""),
    "something behind": (lambda raw: raw + b"x", E.NOT_JSON, ""),
    "two events": (lambda raw: raw + raw, E.NOT_JSON, ""),
    "byte order mark": (lambda raw: b"\xef\xbb\xbf" + raw, E.NOT_JSON, ""),
    "UTF-16": (lambda raw: raw.decode().encode("utf-16"), E.NOT_JSON, ""),
    "bad UTF-8 in an id": (lambda raw: raw.replace(b"evt-", b"\xff\xfe-"), E.NOT_JSON, ""),
    "bad UTF-8 in an unknown field": (lambda raw: _inserted(raw, b'"\xc3\x28"'), E.NOT_JSON, ""),
    "half a surrogate": (lambda raw: raw.replace(b"evt-", rb"\ud800-"), E.NOT_JSON, ""),
    "bare control character": (lambda raw: raw.replace(b"evt-", b"e\x00t-"), E.NOT_JSON, ""),
    "NaN in an unknown field": (lambda raw: _inserted(raw, b"NaN"), E.NOT_JSON, ""),
    "Infinity in an unknown field": (lambda raw: _inserted(raw, b"-Infinity"), E.NOT_JSON, ""),
    "comment": (lambda raw: b"/* x */" + raw, E.NOT_JSON, ""),
    "single quotes": (lambda raw: raw.replace(b'"', b"'"), E.NOT_JSON, ""),
    "five thousand digits": (lambda raw: _inserted(raw, b"9" * 5000), E.NOT_JSON, ""),
    "nested 10^4 deep": (lambda _: DEEP, E.NOT_AN_EVENT, ""),
    "nested 10^4 deep in an unknown field": (lambda raw: _inserted(raw, DEEP), E.NOT_JSON, ""),
    "nested 500 deep in an unknown field": (
        lambda raw: _inserted(raw, b"[" * 500 + b"]" * 500),
        E.NOT_JSON,
        "",
    ),
    "ten megabytes": (lambda _: b'"' + b"x" * 10_000_000 + b'"', E.TOO_LARGE, ""),
    "one byte too large": (lambda raw: raw + b" " * (LARGEST_VALUE + 1 - len(raw)), E.TOO_LARGE, ""),
    "list": (lambda raw: b"[" + raw + b"]", E.NOT_AN_EVENT, ""),
    "text": (lambda raw: json.dumps(raw.decode()).encode(), E.NOT_AN_EVENT, ""),
    "number": (lambda _: b"17", E.NOT_AN_EVENT, ""),
    "null": (lambda _: b"null", E.NOT_AN_EVENT, ""),
    "empty object": (lambda _: b"{}", E.NOT_AN_EVENT, "specversion"),
    "plain JSON": (lambda raw: json.dumps(json.loads(raw)["data"]).encode(), E.NOT_AN_EVENT, "specversion"),
    "version 0.3": (lambda raw: _set(raw, "specversion", "0.3"), E.UNKNOWN_VALUE, "specversion"),
    "version as number": (lambda raw: _set(raw, "specversion", 1.0), E.UNKNOWN_VALUE, "specversion"),
    "no type": (lambda raw: _without(raw, "type"), E.MISSING_FIELD, "type"),
    "type as number": (lambda raw: _set(raw, "type", 5), E.WRONG_TYPE, "type"),
    "type as list": (lambda raw: _set(raw, "type", ["charge.declined"]), E.WRONG_TYPE, "type"),
    "unknown type": (lambda raw: _set(raw, "type", "charge.refunded"), E.UNKNOWN_TYPE, "type"),
    "card number as type": (lambda raw: _set(raw, "type", VISA), E.UNKNOWN_TYPE, "type"),
    "policies from outside": (lambda raw: _set(raw, "type", "dunning.policies_set"), E.UNKNOWN_TYPE, "type"),
    "one of our own": (lambda raw: _set(raw, "type", "charge.retry_requested"), E.UNKNOWN_TYPE, "type"),
    "no id": (lambda raw: _without(raw, "id"), E.MISSING_FIELD, "id"),
    "empty id": (lambda raw: _set(raw, "id", ""), E.OUT_OF_RANGE, "id"),
    "id of 201 characters": (lambda raw: _set(raw, "id", "x" * 201), E.OUT_OF_RANGE, "id"),
    "id as number": (lambda raw: _set(raw, "id", 5), E.WRONG_TYPE, "id"),
    "NUL in an id": (lambda raw: _set(raw, "id", "a\x00b"), E.INVALID_VALUE, "id"),
    "line feed in an id": (lambda raw: _set(raw, "id", "a\n"), E.INVALID_VALUE, "id"),
    "escape sequence in an id": (lambda raw: _set(raw, "id", "\x1b[31m"), E.INVALID_VALUE, "id"),
    "no source": (lambda raw: _without(raw, "source"), E.MISSING_FIELD, "source"),
    "no time": (lambda raw: _without(raw, "time"), E.MISSING_FIELD, "time"),
    "null time": (lambda raw: _set(raw, "time", None), E.INVALID_VALUE, "time"),
    "time as number": (lambda raw: _set(raw, "time", 1775034000), E.INVALID_VALUE, "time"),
    "time as number in quotes": (lambda raw: _set(raw, "time", "1775034000"), E.INVALID_VALUE, "time"),
    "time as float": (lambda raw: _set(raw, "time", 1775034000.5), E.INVALID_VALUE, "time"),
    "time without offset": (lambda raw: _set(raw, "time", "2026-04-01T09:00:00"), E.INVALID_VALUE, "time"),
    "date only": (lambda raw: _set(raw, "time", "2026-04-01"), E.INVALID_VALUE, "time"),
    "no such day": (lambda raw: _set(raw, "time", "2026-02-30T09:00:00Z"), E.INVALID_VALUE, "time"),
    "year 1": (lambda raw: _set(raw, "time", "0001-01-01T00:00:00+14:00"), E.INVALID_VALUE, "time"),
    "year 9999": (lambda raw: _set(raw, "time", "9999-12-31T23:59:59-14:00"), E.INVALID_VALUE, "time"),
    "bad recordedtime": (lambda raw: _set(raw, "recordedtime", "soon"), E.INVALID_VALUE, "recordedtime"),
    "no data": (lambda raw: _without(raw, "data"), E.MISSING_FIELD, "data"),
    "null data": (lambda raw: _set(raw, "data", None), E.WRONG_TYPE, "data"),
    "data as list": (lambda raw: _set(raw, "data", []), E.WRONG_TYPE, "data"),
    "data as text": (lambda raw: _set(raw, "data", "{}"), E.WRONG_TYPE, "data"),
    "data in base64 only": (
        lambda raw: _set(_without(raw, "data"), "data_base64", "e30="),
        E.MISSING_FIELD,
        "data",
    ),
    "no account": (lambda raw: _without(raw, "data.account_id"), E.MISSING_FIELD, "data.account_id"),
    "null account": (lambda raw: _set(raw, "data.account_id", None), E.WRONG_TYPE, "data.account_id"),
    "empty account": (lambda raw: _set(raw, "data.account_id", ""), E.OUT_OF_RANGE, "data.account_id"),
    "card number as account": (
        lambda raw: _set(raw, "data.account_id", VISA),
        E.CARD_NUMBER,
        "data.account_id",
    ),
    "card number as id, escaped": (
        lambda raw: raw.replace(b"evt-", rb"\u0034111-1111-1111-1111 x"),
        E.CARD_NUMBER,
        "id",
    ),
}

# Fields of one type: kind, path, value, error; the path that answers is the one that was spoiled.
FIELDS: list[tuple[str, str, object, ErrorCode]] = [
    ("charge.declined", "data.amount_minor", "4900", E.WRONG_TYPE),
    ("charge.declined", "data.amount_minor", 49.0, E.WRONG_TYPE),
    ("charge.declined", "data.amount_minor", True, E.WRONG_TYPE),
    ("charge.declined", "data.amount_minor", None, E.WRONG_TYPE),
    ("charge.declined", "data.amount_minor", 0, E.OUT_OF_RANGE),
    ("charge.declined", "data.amount_minor", -5, E.OUT_OF_RANGE),
    ("charge.declined", "data.amount_minor", 10**12, E.OUT_OF_RANGE),
    ("charge.declined", "data.amount_minor", 10**40, E.OUT_OF_RANGE),
    ("charge.declined", "data.currency", "XXQ", E.INVALID_VALUE),
    ("charge.declined", "data.currency", "eur", E.INVALID_VALUE),
    ("charge.declined", "data.currency", "XAU", E.INVALID_VALUE),
    ("charge.declined", "data.currency", 978, E.WRONG_TYPE),
    ("charge.declined", "data.decline", "51", E.WRONG_TYPE),
    ("charge.declined", "data.decline.dialect", "no-such-dialect", E.UNKNOWN_VALUE),
    ("charge.declined", "data.decline.dialect", "Stripe", E.UNKNOWN_VALUE),
    ("charge.declined", "data.decline.advice_dialect", "x", E.UNKNOWN_VALUE),
    ("charge.declined", "data.decline.code", 51, E.WRONG_TYPE),
    ("charge.declined", "data.decline.code", "", E.OUT_OF_RANGE),
    ("charge.declined", "data.decline.message", "x" * 4_001, E.OUT_OF_RANGE),
    ("charge.declined", "data.decline.message", ["x"], E.WRONG_TYPE),
    ("charge.declined", "data.initiated_by", "robot", E.UNKNOWN_VALUE),
    ("charge.declined", "data.psp_will_retry", "true", E.WRONG_TYPE),
    ("charge.declined", "data.psp_will_retry", 1, E.WRONG_TYPE),
    ("charge.declined", "data.psp_next_attempt_at", "2026-04-03T09:00:00", E.INVALID_VALUE),
    ("charge.declined", "data.attempted_at", 5, E.INVALID_VALUE),
    ("charge.declined", "data.instrument", [], E.WRONG_TYPE),
    ("charge.declined", "data.instrument.type", "cash", E.UNKNOWN_VALUE),
    ("charge.declined", "data.instrument.expires", "08/27", E.INVALID_VALUE),
    ("charge.declined", "data.instrument.expires", "2027-13", E.INVALID_VALUE),
    ("charge.declined", "data.instrument.country", "DEU", E.INVALID_VALUE),
    ("charge.declined", "data.charge_id", "", E.OUT_OF_RANGE),
    ("charge.declined", "data.request_id", "x" * 221, E.OUT_OF_RANGE),
    ("charge.succeeded", "data.amount_minor", 1e3, E.WRONG_TYPE),
    ("charge.pending", "data.currency", None, E.WRONG_TYPE),
    ("invoice.issued", "data.time_zone", "Mars/Olympus", E.INVALID_VALUE),
    ("invoice.issued", "data.time_zone", "../../etc/passwd", E.INVALID_VALUE),
    ("invoice.issued", "data.issued_at", "yesterday", E.INVALID_VALUE),
    ("invoice.issued", "data.labels", ["plan"], E.WRONG_TYPE),
    ("invoice.issued", "data.labels", {str(n): "" for n in range(51)}, E.OUT_OF_RANGE),
    ("invoice.issued", "data.policy", "", E.OUT_OF_RANGE),
    ("invoice.adjusted", "data.balance_minor", -1, E.OUT_OF_RANGE),
    ("invoice.adjusted", "data.balance_minor", 0.5, E.WRONG_TYPE),
    ("invoice.closed", "data.reason", "forgotten", E.UNKNOWN_VALUE),
    ("invoice.reopened", "data.reason", "paid_elsewhere", E.UNKNOWN_VALUE),
    ("invoice.reopened", "data.balance_minor", 0, E.OUT_OF_RANGE),
    ("invoice.reopened", "data.window_ends_at", "2026-06-01", E.INVALID_VALUE),
    ("payment_method.updated", "data.change", "attached", E.UNKNOWN_VALUE),
    ("payment_method.updated", "data.account_default", "yes", E.WRONG_TYPE),
    ("payment_method.updated", "data.subscription_ids", "sub-1", E.WRONG_TYPE),
    ("payment_method.updated", "data.subscription_ids", ["x"] * 1_001, E.OUT_OF_RANGE),
    ("payment_method.updated", "data.instrument", None, E.WRONG_TYPE),
    ("subscription.ended", "data.subscription_id", {}, E.WRONG_TYPE),
    ("dunning.command", "data.command", "delete", E.UNKNOWN_VALUE),
    ("dunning.command", "data.reason", None, E.WRONG_TYPE),
    ("dunning.command", "data.issued_by", "", E.OUT_OF_RANGE),
]


def _changed(raw: bytes, path: str, change: Callable[[dict[str, Any], str], None]) -> bytes:
    event = json.loads(raw)
    *steps, last = path.split(".")
    target = event
    for step in steps:
        target = target[step]
    change(target, last)
    return json.dumps(event).encode()


def _set(raw: bytes, path: str, value: object) -> bytes:
    return _changed(raw, path, lambda target, last: target.update({last: value}))


def _without(raw: bytes, path: str) -> bytes:
    return _changed(raw, path, lambda target, last: target.pop(last))


def _inserted(raw: bytes, value: bytes) -> bytes:
    return raw.rstrip()[:-1] + b', "unknown": ' + value + b"}"


def rejected(value: bytes | None, **record: Any) -> Rejected:
    with pytest.raises(Rejected) as caught:
        read_event(value, **record)
    verdict = caught.value
    assert verdict.message
    assert "\n" not in str(verdict)
    assert not has_card_number(f"{verdict.path} {verdict.message} {verdict}")
    return verdict


@pytest.mark.parametrize("kind", INPUT_TYPES)
@pytest.mark.parametrize("name", ANY_TYPE)
def test_poison_of_any_type_has_one_reason(kind: str, name: str) -> None:
    spoil, error, path = ANY_TYPE[name]
    verdict = rejected(spoil(RAW[kind]), topic=kind)
    assert (verdict.error, verdict.path) == (error, path)


@pytest.mark.parametrize(("kind", "path", "value", "error"), FIELDS)
def test_a_bad_field_is_named(kind: str, path: str, value: object, error: ErrorCode) -> None:
    verdict = rejected(_set(RAW[kind], path, value))
    assert (verdict.error, verdict.path) == (error, path)


@pytest.mark.parametrize("amount", [b"NaN", b"Infinity", b"1e400", b"4900.5", b"0x10", b"04900"])
def test_an_amount_that_is_no_integer_is_refused(amount: bytes) -> None:
    verdict = rejected(DECLINED.replace(b"4900", amount))
    assert (verdict.error, verdict.path) in {(E.NOT_JSON, ""), (E.WRONG_TYPE, "data.amount_minor")}


@pytest.mark.parametrize(
    "changes",
    [
        {"change": "bound", "subscription_ids": [], "replaces": None, "account_default": False},
        {"change": "unbound", "subscription_ids": []},
    ],
)
def test_a_binding_without_a_target_is_refused(changes: dict[str, object]) -> None:
    raw = RAW["payment_method.updated"]
    for name, value in changes.items():
        raw = _set(raw, f"data.{name}", value)
    assert (rejected(raw).error, rejected(raw).path) == (E.INVALID_VALUE, "data")


def test_an_event_on_another_types_topic_is_refused() -> None:
    verdict = rejected(DECLINED, topic="charge.succeeded")
    assert (verdict.error, verdict.path) == (E.WRONG_TOPIC, "type")


def test_a_bad_label_is_named_without_what_does_not_print() -> None:
    verdict = rejected(_set(RAW["invoice.issued"], "data.labels", {"plan": 5}))
    assert (verdict.error, verdict.path) == (E.WRONG_TYPE, "data.labels.plan")
    verdict = rejected(_set(RAW["invoice.issued"], "data.labels", {f"a\n{VISA}" + "y" * 1000: 5}))
    assert verdict.path.startswith("data.labels.a?************1111y")
    assert len(verdict.path) <= 200


BATCH = ("content-type", b"application/cloudevents-batch+json")
AVRO = ("content-type", b"application/cloudevents+avro")
CE = [
    ("ce_specversion", b"1.0"),
    ("ce_id", b"1"),
    ("ce_source", b"billing"),
    ("ce_type", b"subscription.ended"),
    ("ce_time", b"2026-04-01T09:00:00Z"),
]
DATA = b'{"subscription_id": "sub-1", "account_id": "acc-1"}'


@pytest.mark.parametrize(
    ("value", "headers", "error", "path"),
    [
        (DATA, [], E.NOT_AN_EVENT, "specversion"),
        (DATA, CE[1:], E.NOT_AN_EVENT, "specversion"),
        (DATA, [*CE[:3], CE[4]], E.MISSING_FIELD, "type"),
        (DATA, CE[:4], E.MISSING_FIELD, "time"),
        (DATA, [("ce_specversion", b"2.0"), *CE[1:]], E.UNKNOWN_VALUE, "specversion"),
        (DATA, [*CE, ("ce_id", b"2")], E.BAD_HEADER, "headers.ce_id"),
        (DATA, [*CE[:1], ("ce_id", b"\xff"), *CE[2:]], E.BAD_HEADER, "headers.ce_id"),
        (DATA, [*CE[:1], ("ce_id", None), *CE[2:]], E.MISSING_FIELD, "id"),
        (DATA, [("content-type", b"application/avro"), *CE], E.UNSUPPORTED_CONTENT, "headers.content-type"),
        (b"[]", [BATCH], E.UNSUPPORTED_CONTENT, "headers.content-type"),
        (DATA, [AVRO, *CE], E.UNSUPPORTED_CONTENT, "headers.content-type"),
        (DATA, [("content-type", b"application/cloudevents+json"), *CE], E.NOT_AN_EVENT, "specversion"),
        (DATA[:-2], CE, E.NOT_JSON, ""),
        (b"5", CE, E.WRONG_TYPE, "data"),
        (b"x", CE, E.WRONG_TYPE, "data"),
        (DEEP, CE, E.WRONG_TYPE, "data"),
        (DATA + DATA, CE, E.NOT_JSON, ""),
        (None, CE, E.EMPTY, ""),
        (DATA, [("a", b"")] * 101, E.TOO_LARGE, "headers"),
        (DATA, [("a", b"x" * 70_000)], E.TOO_LARGE, "headers"),
        (DATA, [*CE, ("x", VISA.encode())], E.CARD_NUMBER, "headers.x"),
        (DATA, [*CE, ("x", b"4111\xc2\xa01111\xc2\xa01111\xc2\xa01111")], E.CARD_NUMBER, "headers.x"),
    ],
)
def test_bad_headers_have_one_reason(
    value: bytes | None, headers: list[tuple[str, bytes | None]], error: ErrorCode, path: str
) -> None:
    verdict = rejected(value, headers=headers)
    assert (verdict.error, verdict.path) == (error, path)


@given(st.data())
@settings(max_examples=300)
def test_flipped_bytes_raise_nothing_else(data: st.DataObject) -> None:
    raw = bytearray(data.draw(st.sampled_from(list(RAW.values()))))
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Rejected):
        read_event(bytes(raw))
    arrival_of(bytes(raw))


json_values = st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5)


@given(json_values, st.data())
@settings(max_examples=200)
def test_any_json_in_any_place_raises_nothing_else(value: object, data: st.DataObject) -> None:
    event = json.loads(data.draw(st.sampled_from(list(RAW.values()))))
    target = data.draw(st.sampled_from([event, event["data"]]))
    target[data.draw(st.sampled_from(sorted(target)))] = value
    with suppress(Rejected):
        read_event(json.dumps(event).encode())
