"""TypeScript types from an OpenRPC document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec
from msgspec import field

from rpc.schemas import Json


class _Schema(msgspec.Struct, rename="camel"):
    """What this generator understands of JSON Schema, which is what msgspec writes."""

    reference: str | None = field(name="$ref", default=None)
    type: str | None = None
    description: str = ""
    enum: list[str | int | bool | None] | None = None
    any_of: list[_Schema] | None = None
    items: _Schema | bool | None = None
    prefix_items: list[_Schema] | None = None
    properties: dict[str, _Schema] | None = None
    required: list[str] = []
    additional_properties: _Schema | bool | None = None
    content_encoding: str | None = None


class _Result(msgspec.Struct):
    schema: _Schema


class _Method(msgspec.Struct, rename="camel"):
    name: str
    summary: str = ""
    description: str = ""
    params: _Schema | None = field(name="x-params", default=None)
    result: _Result | None = None


class _Components(msgspec.Struct):
    schemas: dict[str, _Schema]
    errors: dict[str, Json]


class _Document(msgspec.Struct):
    methods: list[_Method]
    components: _Components
    notifications: list[_Method] = field(name="x-notifications", default_factory=list)


def generate(document: Json, *, how: str) -> str:
    """The types of a document's schemas, methods, notifications and error kinds.

    `bytes` become `Uint8Array`: the types are those of the MessagePack encoding.

    Args:
        document: as `rpc.openrpc.describe` makes it.
        how: the command that generates them anew, for the header.
    """
    known = msgspec.convert(document, _Document)
    return "\n".join(
        [
            f"// Generated from the OpenRPC document by `{how}`. Do not edit.",
            "",
            *(
                line
                for name, schema in sorted(known.components.schemas.items())
                for line in _named(name, schema)
            ),
            "/** Parameters and result of every method, by its name. */",
            "export interface Methods {",
            *(line for method in known.methods for line in _entry(method, _signature(method))),
            "}",
            "",
            "/** Parameters of every notification the server sends, by its name. */",
            "export interface Notifications {",
            *(line for sent in known.notifications for line in _entry(sent, _params(sent))),
            "}",
            "",
            "/** `data.kind` of an error. */",
            "export type ErrorKind =",
            *(f"    | {_literal(kind)}" for kind in sorted(known.components.errors)),
            "    ;",
            "",
        ]
    )


def _entry(method: _Method, type: str) -> list[str]:
    return [*_comment(method.description or method.summary, "    "), f"    {_key(method.name)}: {type};"]


def _signature(method: _Method) -> str:
    result = "undefined" if method.result is None else _type(method.result.schema)
    return f"{{ params: {_params(method)}; result: {result} }}"


def _params(method: _Method) -> str:
    return "undefined" if method.params is None else _type(method.params)


def _named(name: str, schema: _Schema) -> Iterator[str]:
    yield from _comment(schema.description, "")
    if schema.properties is None:
        yield f"export type {_identifier(name)} = {_type(schema)};"
    else:
        yield f"export interface {_identifier(name)} {{"
        for member, described in schema.properties.items():
            yield from _comment(described.description, "    ")
            yield f"    {_member(schema, member, described)}"
        yield "}"
    yield ""


def _member(schema: _Schema, name: str, described: _Schema) -> str:
    return f"{_key(name)}{'' if name in schema.required else '?'}: {_type(described)};"


def _type(schema: _Schema) -> str:
    if schema.reference is not None:
        return _identifier(schema.reference.rpartition("/")[2])
    if schema.enum is not None:
        return " | ".join(_literal(value) for value in schema.enum)
    if schema.any_of is not None:
        return " | ".join(dict.fromkeys(_type(choice) for choice in schema.any_of))
    match schema.type:
        case "string":
            return "Uint8Array" if schema.content_encoding == "base64" else "string"
        case "integer" | "number":
            return "number"
        case "boolean" | "null":
            return schema.type
        case "array":
            if schema.prefix_items is not None:
                return f"[{', '.join(_type(item) for item in schema.prefix_items)}]"
            return f"Array<{_type(schema.items) if isinstance(schema.items, _Schema) else 'unknown'}>"
        case "object" if schema.properties is not None:
            return (
                f"{{ {' '.join(_member(schema, name, value) for name, value in schema.properties.items())} }}"
            )
        case "object":
            of = schema.additional_properties
            return f"Record<string, {_type(of) if isinstance(of, _Schema) else 'unknown'}>"
    return "unknown"


def _comment(text: str, indent: str) -> list[str]:
    if not text:
        return []
    lines = text.replace("*/", "*\\/").splitlines()
    if len(lines) == 1:
        return [f"{indent}/** {lines[0]} */"]
    return [f"{indent}/**", *(f"{indent} * {line}".rstrip() for line in lines), f"{indent} */"]


def _identifier(name: str) -> str:
    """A schema's name as TypeScript allows it: msgspec writes `module.Name` where two have the same name."""
    return re.sub(r"\W", "_", name, flags=re.ASCII)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_$][\w$]*", name, re.ASCII) else _literal(name)


def _literal(value: str | int | bool | None) -> str:
    if isinstance(value, str):
        return "'" + json.dumps(value)[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"
    return json.dumps(value)
