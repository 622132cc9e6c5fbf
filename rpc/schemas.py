"""JSON Schemas of the types of a wire, for the documents that describe it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Any

import msgspec

Json = dict[str, Any]
"""A JSON object: a document has no narrower type."""
_REFERENCE = "#/components/schemas/{name}"


def describe_types(
    taken: Sequence[object], given: Sequence[object]
) -> tuple[list[Json], list[Json], dict[str, Json]]:
    """A schema, or a reference to one, of each type, and all schemas by name.

    Args:
        taken: types the server decodes.
        given: types it sends. Members with a default are required where only the server sends them, since it
            sends them always; these types must not have `omit_defaults`.

    Raises:
        TypeError: a type has no JSON Schema.
    """
    (*references,), schemas = msgspec.json.schema_components(
        [*taken, *given], schema_hook=_schema_of_object, ref_template=_REFERENCE
    )
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = _named_as_on_the_wire(schema)
    _require_what_is_always_sent(schemas, references[: len(taken)])
    return references[: len(taken)], references[len(taken) :], schemas


def _named_as_on_the_wire(schema: Json) -> str:
    """What is said of a struct, with its members in backquotes as they are renamed."""

    def name(found: re.Match[str]) -> str:
        head, *rest = found[1].split("_")
        renamed = head + "".join(part.title() for part in rest)
        return f"`{renamed}`" if renamed in schema.get("properties", ()) else found[0]

    return re.sub(r"`([a-z_]+)`", name, inspect.cleandoc(schema["description"]))


def name_of(reference: Json) -> str:
    """The name of the schema that is referred to."""
    return str(reference["$ref"]).rpartition("/")[2]


def _schema_of_object(type: type) -> Json:
    """msgspec takes `object` for a type of our own; it is said so as to be any value."""
    if type is object:
        return {"description": "Any value."}
    raise NotImplementedError


def _require_what_is_always_sent(schemas: dict[str, Json], taken: list[Json]) -> None:
    """Marks members with a default as required where only the server sends them, since it sends them always.

    A struct that is (part of) a parameter keeps them optional. Results must not have `omit_defaults`.
    """
    pending = list(taken)
    in_params: set[str] = set()
    while pending:
        value = pending.pop()
        if "$ref" in value and (name := name_of(value)) not in in_params:
            in_params.add(name)
            pending.append(schemas[name])
        for member in value.values():
            items = member if isinstance(member, list) else [member]
            pending.extend(item for item in items if isinstance(item, dict))
    for name, schema in schemas.items():
        if name not in in_params and "properties" in schema:
            properties: dict[str, Json] = schema["properties"]
            schema["required"] = [
                member
                for member, described in properties.items()
                if member in schema["required"] or "default" in described
            ]
