"""The door reads both modes of CloudEvents, normalises, masks, and drops what it does not know."""

import json
from dataclasses import MISSING, Field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from schemas.charges import ChargeDeclined, Initiator
from schemas.commands import Command
from schemas.events import INPUT_TYPES
from schemas.invoices import InvoiceIssued
from schemas.pages import TICK, PageError, decode_page, encode_event
from schemas.reading import arrival_of, read_event
from schemas.rejections import ErrorCode, Rejected

GOLDEN = Path(__file__).parent / "golden"
VISA = "4111111111111111"
Event = dict[str, Any]
Headers = list[tuple[str, bytes | None]]


def golden(kind: str) -> Event:
    event: Event = json.loads((GOLDEN / f"{kind}.1.json").read_bytes())
    return event


def encoded(event: Event) -> bytes:
    return json.dumps(event).encode()


def binary(event: Event) -> tuple[bytes, Headers]:
    attributes: Headers = [(f"ce_{name}", text.encode()) for name, text in event.items() if name != "data"]
    return encoded(event["data"]), [("content-type", b"application/json"), *attributes]


def declined(**data: Any) -> Event:
    event = golden("charge.declined")
    event["data"] |= data
    return event


@pytest.mark.parametrize("kind", INPUT_TYPES)
def test_each_type_is_read_in_both_modes(kind: str) -> None:
    event = golden(kind)
    read = read_event(encoded(event), topic=kind)
    assert isinstance(read.data, INPUT_TYPES[kind])
    value, headers = binary(event)
    assert read_event(value, headers=headers, topic=kind) == read


def test_the_journal_of_version_1_is_still_read() -> None:
    page = decode_page((GOLDEN / "page.1.json").read_bytes())
    events = [read_event((GOLDEN / f"{kind}.1.json").read_bytes()) for kind in INPUT_TYPES]
    assert [event.data for event in page] == [event.data for event in events]
    assert [encode_event(event) for event in page] == [encode_event(event) for event in events]


def test_an_empty_page_is_a_tick_and_anything_else_an_error() -> None:
    assert decode_page(TICK) == []
    with pytest.raises(PageError):
        decode_page(b'{"events":[{"type":"nothing"}]}')


def test_what_was_left_out_has_the_default_of_the_contract() -> None:
    event = declined()
    optional = ("attempted_at", "initiated_by", "request_id", "instrument", "psp_will_retry")
    for name in optional:
        del event["data"][name]
    data = read_event(encoded(event)).data
    assert isinstance(data, ChargeDeclined)
    assert data.initiated_by is Initiator.SCHEDULE
    assert (data.attempted_at, data.request_id, data.psp_will_retry) == (None, None, None)
    issued = golden("invoice.issued")
    for name in ("time_zone", "labels", "policy"):
        del issued["data"][name]
    invoice = read_event(encoded(issued)).data
    assert isinstance(invoice, InvoiceIssued)
    assert (invoice.time_zone, invoice.labels, invoice.policy) == ("UTC", {}, None)


@pytest.mark.parametrize("kind", INPUT_TYPES)
def test_null_says_what_leaving_out_says(kind: str) -> None:
    optional = [field.name for field in fields(INPUT_TYPES[kind]) if not _is_required(field)]
    for name in optional:
        event = golden(kind)
        event["data"][name] = None
        as_null = encoded(event)
        event["data"].pop(name)
        assert _read(as_null) == _read(encoded(event)), name


def _is_required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _read(value: bytes) -> object:
    try:
        return read_event(value)
    except Rejected as rejected:
        return str(rejected)


@pytest.mark.parametrize(
    "written",
    [
        "2026-04-01T09:00:00Z",
        "2026-04-01T11:00:00+02:00",
        "2026-04-01t02:00:00.000-07:00",
        "2026-04-01 09:00:00.0000004z",
    ],
)
def test_any_offset_is_read_and_utc_is_kept(written: str) -> None:
    read = read_event(encoded(golden("subscription.ended") | {"time": written}))
    assert read.time == datetime(2026, 4, 1, 9, tzinfo=UTC)
    assert read.time.tzinfo is UTC


def test_unknown_fields_are_ignored_even_with_a_card_number() -> None:
    event = declined(card=VISA) | {"traceparent": "00-1", "subject": [1]}
    event["data"]["decline"]["raw"] = {"pan": VISA}
    assert read_event(encoded(event)) == read_event(encoded(declined()))


def test_of_a_doubled_key_the_last_counts_for_the_type_too() -> None:
    raw = encoded(golden("subscription.ended"))
    assert read_event(raw[:-1] + b', "id": "last"}').id == "last"
    with pytest.raises(Rejected) as caught:
        read_event(raw[:-1] + b', "type": "charge.declined"}')
    assert caught.value.path == "data.charge_id"


def test_the_content_type_decides_before_other_headers() -> None:
    event = golden("subscription.ended")
    misleading: Headers = [
        ("content-type", b"Application/CloudEvents+json; charset=UTF-8"),
        ("ce_id", b"other"),
        ("ce_type", b"charge.declined"),
        ("ce_specversion", b"1.0"),
    ]
    assert read_event(encoded(event), headers=misleading).id == event["id"]
    # Without a content type of CloudEvents, `specversion` in the value decides.
    assert read_event(encoded(event), headers=misleading[1:]).id == event["id"]


def test_only_one_json_value_is_set_into_a_binary_event() -> None:
    value, headers = binary(golden("subscription.ended"))
    with pytest.raises(Rejected) as caught:
        read_event(value + b', "id": "smuggled"', headers=headers)
    assert (caught.value.error, caught.value.path) == (ErrorCode.NOT_JSON, "")


def test_a_card_number_in_words_is_masked_and_the_event_goes_on() -> None:
    event = declined()
    event["data"]["decline"]["message"] = "card 4111 1111 1111 1111 refused"
    data = read_event(encoded(event)).data
    assert isinstance(data, ChargeDeclined)
    assert data.decline.message == "card **** **** **** 1111 refused"

    issued = golden("invoice.issued")
    issued["data"]["labels"] = {"card": VISA, "plan": "annual"}
    invoice = read_event(encoded(issued)).data
    assert isinstance(invoice, InvoiceIssued)
    assert invoice.labels == {"card": "************1111", "plan": "annual"}

    order = golden("dunning.command")
    order["data"]["reason"] = VISA
    command = read_event(encoded(order)).data
    assert isinstance(command, Command)
    assert command.reason == "************1111"


def test_an_escaped_card_number_in_words_is_masked() -> None:
    order = golden("dunning.command")
    order["data"]["reason"] = "NUMBER"
    raw = encoded(order).replace(b"NUMBER", rb"\u0034111111111111111")
    command = read_event(raw).data
    assert isinstance(command, Command)
    assert command.reason == "************1111"


def _with(kind: str, path: str, value: object) -> Event:
    event = golden(kind)
    *steps, last = path.split(".")
    target = event
    for step in steps:
        target = target[step]
    target[last] = value
    return event


IDS = [
    ("charge.declined", "id"),
    ("charge.declined", "source"),
    ("charge.declined", "data.charge_id"),
    ("charge.declined", "data.invoice_id"),
    ("charge.declined", "data.account_id"),
    ("charge.declined", "data.subscription_id"),
    ("charge.declined", "data.instrument_id"),
    ("charge.declined", "data.request_id"),
    ("charge.declined", "data.decline.code"),
    ("charge.declined", "data.decline.network"),
    ("charge.declined", "data.decline.network_code"),
    ("charge.declined", "data.decline.advice_code"),
    ("charge.declined", "data.instrument.fingerprint"),
    ("charge.declined", "data.instrument.instrument_id"),
    ("payment_method.updated", "data.replaces"),
    ("invoice.issued", "data.policy"),
    ("dunning.command", "data.issued_by"),
]


@pytest.mark.parametrize(("kind", "path"), IDS)
@pytest.mark.parametrize(
    "number", [VISA, "ref 4111-1111-1111-1111", "k\u00f6ln 4111\u00a01111\u00a01111\u00a01111"]
)
def test_a_card_number_in_an_id_is_refused_unless_exempt(kind: str, path: str, number: str) -> None:
    event = _with(kind, path, number)
    for raw in (encoded(event), json.dumps(event, ensure_ascii=False).encode()):
        with pytest.raises(Rejected) as caught:
            read_event(raw)
        assert (caught.value.error, caught.value.path) == (ErrorCode.CARD_NUMBER, path)
        assert "1111" not in str(caught.value)
        assert read_event(raw, exempt=frozenset({path}))
        assert read_event(raw, exempt=frozenset({path.rpartition(".")[2]}))


def test_card_numbers_in_lists_and_names_of_labels_are_refused() -> None:
    with pytest.raises(Rejected) as caught:
        read_event(encoded(_with("payment_method.updated", "data.subscription_ids", ["sub-1", VISA])))
    assert (caught.value.error, caught.value.path) == (ErrorCode.CARD_NUMBER, "data.subscription_ids")
    with pytest.raises(Rejected) as caught:
        read_event(encoded(_with("invoice.issued", "data.labels", {VISA: "x"})))
    assert (caught.value.error, caught.value.path) == (ErrorCode.CARD_NUMBER, "data.labels")


def test_card_numbers_in_key_and_headers_are_refused_unless_exempt() -> None:
    raw = encoded(golden("subscription.ended"))
    with pytest.raises(Rejected) as caught:
        read_event(raw, key=VISA.encode())
    assert (caught.value.error, caught.value.path) == (ErrorCode.CARD_NUMBER, "key")
    assert read_event(raw, key=VISA.encode(), exempt=frozenset({"key"}))
    with pytest.raises(Rejected) as caught:
        read_event(raw, headers=[("x-card", b"4111 1111 1111 1111")])
    assert (caught.value.error, caught.value.path) == (ErrorCode.CARD_NUMBER, "headers.x-card")
    assert read_event(raw, headers=[("x-card", VISA.encode())], exempt=frozenset({"headers.x-card"}))
    with pytest.raises(Rejected) as caught:
        read_event(raw, headers=[(VISA, b"")])
    assert (caught.value.error, caught.value.path) == (ErrorCode.CARD_NUMBER, "headers")
    value, headers = binary(golden("subscription.ended") | {"id": VISA})
    with pytest.raises(Rejected) as caught:
        read_event(value, headers=headers)
    assert (caught.value.error, caught.value.path) == (ErrorCode.CARD_NUMBER, "headers.ce_id")
    assert read_event(value, headers=headers, exempt=frozenset({"id"})).id == VISA


def test_a_request_id_may_be_longer_than_an_id_by_its_number() -> None:
    invoice_id = "i" * 200
    assert read_event(encoded(declined(invoice_id=invoice_id, request_id=f"{invoice_id}/12")))


def test_the_arrival_is_read_from_events_that_are_otherwise_bad() -> None:
    nine = datetime(2026, 4, 1, 9, tzinfo=UTC)
    assert arrival_of(b'{"time": "2026-04-01T09:00:00Z", "data": 5}') == nine
    both = b'{"time": "2026-03-01T09:00:00Z", "recordedtime": "2026-04-01T11:00:00+02:00"}'
    assert arrival_of(both) == nine
    assert arrival_of(b'{"time": "2026-04-01T09:00:00Z", "recordedtime": 5}') == nine
    naive, not_utf8 = b'{"time": "2026-04-01T09:00:00"}', b'{"time": "\xff"}'
    for unreadable in (b"", b"card", b"[]", b"{}", naive, not_utf8, b"[" * 100_000):
        assert arrival_of(unreadable) is None
