"""TypeScript types from an OpenRPC document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from rpc.description import Described, Schema, read, referred
from rpc.schemas import Json


def generate(document: Json, *, how: str) -> str:
    """The types of a document's schemas, methods, notifications and error kinds.

    `bytes` become `Uint8Array`: the types are those of the MessagePack encoding.

    Args:
        document: as `rpc.openrpc.describe` makes it.
        how: the command that generates them anew, for the header.
    """
    known = read(document)
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


def _entry(method: Described, type: str) -> list[str]:
    return [*_comment(method.doc, "    "), f"    {_key(method.name)}: {type};"]


def _signature(method: Described) -> str:
    result = "undefined" if method.result is None else _type(method.result.schema)
    return f"{{ params: {_params(method)}; result: {result} }}"


def _params(method: Described) -> str:
    return "undefined" if method.struct is None else _type(method.struct)


def _named(name: str, schema: Schema) -> Iterator[str]:
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


def _member(schema: Schema, name: str, described: Schema) -> str:
    return f"{_key(name)}{'' if name in schema.required else '?'}: {_type(described)};"


def _type(schema: Schema) -> str:
    if schema.reference is not None:
        return _identifier(referred(schema.reference))
    if schema.enum is not None:
        return " | ".join(_literal(value) for value in schema.enum)
    if schema.any_of is not None:
        return " | ".join(dict.fromkeys(_type(choice) for choice in schema.any_of))
    match schema.type:
        case "string":
            return "Uint8Array" if schema.is_bytes else "string"
        case "integer" | "number":
            return "number"
        case "boolean" | "null":
            return schema.type
        case "array":
            if schema.prefix_items is not None:
                return f"[{', '.join(_type(item) for item in schema.prefix_items)}]"
            return f"Array<{_type(schema.items) if isinstance(schema.items, Schema) else 'unknown'}>"
        case "object" if schema.properties is not None:
            return (
                f"{{ {' '.join(_member(schema, name, value) for name, value in schema.properties.items())} }}"
            )
        case "object":
            of = schema.additional_properties
            return f"Record<string, {_type(of) if isinstance(of, Schema) else 'unknown'}>"
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
