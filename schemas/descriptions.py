"""JSON Schemas and the AsyncAPI document, made from the wire types. Nothing in them is written by hand twice.

What is read is described open (unknown fields are ignored), what is written closed and complete.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from schemas.decisions import DeadLetter
from schemas.envelope import Event
from schemas.events import INPUT_TYPES
from schemas.rejections import ErrorCode
from schemas.writing import OUTPUT_TYPES, SOURCE

VERSION = 1
"""The version of every type. The contract grows by addition only; a break would be a new type."""

_KAFKA_BINDING = "0.5.0"
_KEY = {"type": "string", "minLength": 1, "maxLength": 200}

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One public topic, as the AsyncAPI document shows it."""

    type: str  # of its events
    topic: str
    partitions: int
    replicas: int
    configuration: Mapping[str, str]  # the topic's settings, spelled as Kafka does


class _Plain(GenerateJsonSchema):
    """Without a title for each field that only repeats its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's signature
        return False


def json_schema(kind: str) -> Schema:
    """Describe the events of one type, read or written, as JSON Schema 2020-12.

    Raises:
        KeyError: there is no such type.
    """
    written = kind in OUTPUT_TYPES
    shape = OUTPUT_TYPES[kind] if written else INPUT_TYPES[kind]
    mode: Literal["serialization", "validation"] = "serialization" if written else "validation"
    adapter = TypeAdapter[Any](Event[shape])  # type: ignore[valid-type]  # a shape from the table
    schema = adapter.json_schema(mode=mode, schema_generator=_Plain)
    envelope = schema["properties"]
    envelope["specversion"] = {"const": "1.0"}
    envelope["type"] = {"const": kind}
    if written:
        del envelope["recordedtime"]
        envelope["source"] = {"const": SOURCE}
        envelope["id"] = {"type": "string", "minLength": 1}  # computed from ids, so it may be longer than one
        _close(schema)
    schema["required"] = [name for name in envelope if name != "recordedtime"]
    identity = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:dunning:schema:{kind}:{VERSION}",
        "title": kind,
        "description": shape.__doc__,
    }
    return identity | {name: part for name, part in schema.items() if name not in identity}


def asyncapi(channels: Iterable[Channel], *, group_id: str) -> Schema:
    """Describe the public topics and their events as an AsyncAPI 3.0 document.

    Args:
        channels: the topics that are read and written; internal ones (journal, state) are left out.
        group_id: the consumer group that reads.
    """
    document: Schema = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "dunning",
            "version": f"{VERSION}.0.0",
            "description": "Recovers declined subscription charges: invoices, charges and payment "
            "methods are read, charge requests and notices are written. Events are CloudEvents 1.0.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {},
        "operations": {},
        "components": {"messages": {}, "schemas": {}},
    }
    for channel in channels:
        kind = channel.type
        written = kind in OUTPUT_TYPES
        document["channels"][kind] = _channel(channel)
        document["operations"][f"{'write' if written else 'read'}.{kind}"] = {
            "action": "send" if written else "receive",
            "channel": {"$ref": f"#/channels/{kind}"},
            "messages": [{"$ref": f"#/channels/{kind}/messages/{kind}"}],
        } | (
            {}
            if written
            else {"bindings": {"kafka": _versioned(groupId={"type": "string", "const": group_id})}}
        )
        if kind == DeadLetter.TYPE:
            document["components"]["messages"][kind] = _dead_letter()
            continue
        document["components"]["messages"][kind] = _message(kind)
        _add(document["components"]["schemas"], kind)
    return document


def rendered(document: Schema) -> bytes:
    """Write a document as it is committed: two blanks an indent, a newline at the end."""
    return json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n"


def descriptions(channels: Iterable[Channel], *, group_id: str) -> dict[str, bytes]:
    """Make all files, by their path below the directory of the documents."""
    kinds = (*INPUT_TYPES, *OUTPUT_TYPES)
    files = {f"schemas/{kind}.{VERSION}.json": rendered(json_schema(kind)) for kind in kinds}
    return files | {"asyncapi.json": rendered(asyncapi(channels, group_id=group_id))}


def _close(schema: Schema) -> None:
    for part in (schema, *schema.get("$defs", {}).values()):
        if part.get("type") == "object":
            part["additionalProperties"] = False


def _versioned(**binding: object) -> Schema:
    return {**binding, "bindingVersion": _KAFKA_BINDING}


def _channel(channel: Channel) -> Schema:
    configuration: Schema = {}
    for name, value in channel.configuration.items():
        if name == "cleanup.policy":
            configuration[name] = value.split(",")
        elif name in {"retention.ms", "max.message.bytes"}:
            configuration[name] = int(value)
    return {
        "address": channel.topic,
        "messages": {channel.type: {"$ref": f"#/components/messages/{channel.type}"}},
        "bindings": {
            "kafka": _versioned(
                topic=channel.topic,
                partitions=channel.partitions,
                replicas=channel.replicas,
                topicConfiguration=configuration,
            )
        },
    }


def _message(kind: str) -> Schema:
    written = kind in OUTPUT_TYPES
    shape = OUTPUT_TYPES[kind] if written else INPUT_TYPES[kind]
    key = {
        **_KEY,
        "description": "The account_id." if written else "Any; events are keyed anew by account_id.",
    }
    return {
        "name": kind,
        "title": kind,
        "summary": shape.__doc__,
        "contentType": "application/cloudevents+json",
        "payload": {"$ref": f"#/components/schemas/{kind}"},
        "bindings": {"kafka": _versioned(key=key)},
    }


def _dead_letter() -> Schema:
    texts = {
        "error_path": "Where in the event, dotted; empty for the whole.",
        "topic": "The topic it was read from.",
        "partition": "Its partition there.",
        "offset": "Its offset there.",
    }
    headers: Schema = {"error": {"type": "string", "enum": [code.value for code in ErrorCode]}}
    headers |= {name: {"type": "string", "description": text} for name, text in texts.items()}
    return {
        "name": DeadLetter.TYPE,
        "title": DeadLetter.TYPE,
        "summary": "The bytes of an event that was not read, what looks like a card number masked.",
        "contentType": "application/octet-stream",
        "headers": {
            "type": "object",
            "properties": headers,
            "required": list(headers),
        },
        "payload": {"type": "string", "format": "binary"},
    }


def _add(components: Schema, kind: str) -> None:
    schema = json.loads(json.dumps(json_schema(kind)).replace('"#/$defs/', '"#/components/schemas/'))
    parts = schema.pop("$defs", {})
    del schema["$schema"], schema["$id"]  # inside the document, references are local to it
    for name, part in {**parts, kind: schema}.items():
        if components.setdefault(name, part) != part:
            raise ValueError(f"two wire types are called {name}")
