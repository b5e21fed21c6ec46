"""The committed descriptions are those of the types, and samples keep to them."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator, Draft202012Validator, FormatChecker

from schemas.descriptions import VERSION, json_schema
from schemas.events import INPUT_TYPES
from schemas.instants import read_instant
from schemas.writing import OUTPUT_TYPES
from streams.cli.schemas import differences, published, schemas
from streams.errors import Trouble

GOLDEN = Path(__file__).parent / "golden"
DOCS = Path(__file__).parents[3] / "docs"
# The published schema of AsyncAPI documents, version 3.0.0: Apache-2.0, by the AsyncAPI Initiative.
ASYNCAPI = Path(__file__).parent / "asyncapi-3.0.0.schema.json"

formats = FormatChecker(formats=())
formats.checks("date-time", raises=ValueError)(lambda text: bool(read_instant(text)))


def golden(kind: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((GOLDEN / f"{kind}.1.json").read_bytes())
    return event


def validator(kind: str) -> Draft202012Validator:
    schema = json_schema(kind)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=formats)


def test_the_committed_descriptions_are_not_stale() -> None:
    assert differences(DOCS) == [], "run `dunning schemas write`"


def test_they_do_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    before = published()
    monkeypatch.setenv("DUNNING_PARTITIONS", "3")
    monkeypatch.setenv("DUNNING_TOPIC_PREFIX", "other.")
    assert published() == before


@pytest.mark.parametrize("kind", [*INPUT_TYPES, *OUTPUT_TYPES])
def test_samples_keep_to_their_schema(kind: str) -> None:
    validator(kind).validate(golden(kind))


@pytest.mark.parametrize("kind", [*INPUT_TYPES, *OUTPUT_TYPES])
def test_what_lacks_a_required_part_does_not(kind: str) -> None:
    schema = json_schema(kind)
    data = schema["$defs"][(INPUT_TYPES | OUTPUT_TYPES)[kind].__name__]
    assert {"specversion", "id", "source", "type", "time", "data"} == set(schema["required"])
    for name in schema["required"]:
        event = golden(kind)
        del event[name]
        assert not validator(kind).is_valid(event), name
    for name in data["required"]:
        event = golden(kind)
        del event["data"][name]
        assert not validator(kind).is_valid(event), name
    assert not validator(kind).is_valid(golden(kind) | {"type": "another"})
    assert not validator(kind).is_valid(golden(kind) | {"time": "2026-04-01T09:00:00"})


def test_what_is_read_is_open_and_what_is_written_closed() -> None:
    for kind in (*INPUT_TYPES, *OUTPUT_TYPES):
        event = golden(kind)
        event["data"]["unknown"] = 1
        assert validator(kind).is_valid(event) == (kind in INPUT_TYPES)
        assert validator(kind).is_valid(golden(kind) | {"unknown": 1}) == (kind in INPUT_TYPES)


def test_the_asyncapi_document_is_one() -> None:
    document = json.loads((DOCS / "asyncapi.json").read_bytes())
    Draft7Validator(json.loads(ASYNCAPI.read_bytes())).validate(document)
    assert set(document["channels"]) == {*INPUT_TYPES, *OUTPUT_TYPES}
    for operation in document["operations"].values():
        assert operation["channel"]["$ref"].removeprefix("#/channels/") in document["channels"]


def test_its_payloads_are_complete() -> None:
    document = json.loads((DOCS / "asyncapi.json").read_bytes())
    for kind in [*INPUT_TYPES, *OUTPUT_TYPES]:
        if kind == "dunning.dead_letter":
            continue  # on Kafka it is the rejected bytes
        schema = document["components"]["messages"][kind]["payload"] | {"components": document["components"]}
        Draft202012Validator(schema, format_checker=formats).validate(golden(kind))
        assert not Draft202012Validator(schema).is_valid(golden(kind) | {"data": {}})


def test_stale_missing_and_left_over_files_are_named(tmp_path: Path) -> None:
    runner = CliRunner()
    assert runner.invoke(schemas, ["write", str(tmp_path)]).exit_code == 0
    assert runner.invoke(schemas, ["check", str(tmp_path)]).exit_code == 0
    (tmp_path / "asyncapi.json").write_text("{}")
    (tmp_path / f"schemas/invoice.issued.{VERSION}.json").unlink()
    (tmp_path / "schemas/invoice.forgotten.1.json").write_text("{}")
    result = runner.invoke(schemas, ["check", str(tmp_path)])
    assert isinstance(result.exception, Trouble)
    message = str(result.exception)
    assert "asyncapi.json is stale" in message
    assert "invoice.issued.1.json is missing" in message
    assert "invoice.forgotten.1.json is left over" in message
    assert "\n" not in message
