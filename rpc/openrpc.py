"""The OpenRPC document of a registry."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

import msgspec

from rpc.errors import KINDS
from rpc.registry import DeclaredError, Registry

C = TypeVar("C")

OPENRPC_VERSION = "1.3.2"
_REFERENCE = "#/components/schemas/{name}"
_PROTOCOL_ERRORS = {
    "ParseError": "The frame is malformed.",
    "InvalidRequest": "The frame is well-formed, but no request.",
    "MethodNotFound": "There is no such method.",
    "InvalidParams": "A parameter is missing, unknown or of the wrong type; the message names it.",
    "Internal": "An error nobody foresaw; `data.errorId` finds it in the server's log.",
    "Cancelled": "The call was cancelled.",
    "BatchTooLarge": "Not run: the answers before it in its batch are too large already; send it alone.",
}

Json = dict[str, Any]
"""A JSON object: a document has no narrower type."""


def describe(registry: Registry[C], title: str, version: str) -> Json:
    """The OpenRPC document.

    Beyond OpenRPC a method has `x-params`, a reference to the schema of all its parameters together, and the
    document has `x-notifications`: what the server sends unasked, as method objects without a result. `bytes`
    are described as they are in JSON (base64); in MessagePack they are raw.

    Args:
        title: of the API.
        version: of the API.

    Raises:
        TypeError: a type has no JSON Schema.
    """
    methods = sorted(registry.methods.values(), key=lambda method: method.name)
    notifications = sorted(registry.notifications.values(), key=lambda notification: notification.name)
    taken = [method.params_type for method in methods if method.params_type is not None]
    given = [method.result_type for method in methods]
    sent = [notification.params_type for notification in notifications]
    (*references,), schemas = msgspec.json.schema_components(
        [*taken, *given, *sent], schema_hook=_schema_of_object, ref_template=_REFERENCE
    )
    for schema in schemas.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    _require_what_is_always_sent(schemas, references[: len(taken)])
    of_params = iter(references[: len(taken)])
    of_results = iter(references[len(taken) : len(taken) + len(given)])
    of_notifications = references[len(taken) + len(given) :]
    protocol = [DeclaredError(int(code), kind, _PROTOCOL_ERRORS[kind]) for code, kind in KINDS.items()]
    errors = {
        error.kind: {"code": error.code, "message": error.doc, "data": {"kind": error.kind}}
        for error in (*protocol, *registry.errors.values())
    }
    references_to_errors = [{"$ref": f"#/components/errors/{kind}"} for kind in errors]
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {"title": title, "version": version},
        "methods": [
            {
                "name": method.name,
                **_documentation(method.doc),
                "paramStructure": "either",
                **_params(schemas, None if method.params_type is None else next(of_params)),
                "result": {"name": "result", "schema": next(of_results)},
                "errors": references_to_errors,
            }
            for method in methods
        ],
        "components": {"schemas": dict(sorted(schemas.items())), "errors": errors},
        "x-notifications": [
            {
                "name": notification.name,
                **_documentation(notification.doc),
                "paramStructure": "by-name",
                **_params(schemas, reference),
            }
            for notification, reference in zip(notifications, of_notifications, strict=True)
        ],
    }


def _schema_of_object(type: type) -> Json:
    """msgspec takes `object` for a type of our own; it is said so as to be any value."""
    if type is object:
        return {"description": "Any value."}
    raise NotImplementedError


def _documentation(doc: str) -> Json:
    summary, _, rest = doc.partition("\n")
    return {"summary": summary, **({"description": doc} if rest.strip() else {})}


def _params(schemas: dict[str, Json], reference: Json | None) -> Json:
    """A struct of parameters as OpenRPC wants them: one content descriptor each."""
    if reference is None:
        return {"params": []}
    struct = schemas[_name(reference)]
    return {
        "params": [
            {"name": name, "required": name in struct["required"], "schema": schema}
            for name, schema in struct["properties"].items()
        ],
        "x-params": reference,
    }


def _name(reference: Json) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _require_what_is_always_sent(schemas: dict[str, Json], taken: list[Json]) -> None:
    """Marks members with a default as required where only the server sends them, since it sends them always.

    A struct that is (part of) a parameter keeps them optional. Results must not have `omit_defaults`.
    """
    pending = list(taken)
    in_params: set[str] = set()
    while pending:
        value = pending.pop()
        if "$ref" in value and (name := _name(value)) not in in_params:
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
