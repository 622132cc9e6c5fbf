"""The OpenRPC document of a registry."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from rpc.errors import KINDS
from rpc.registry import DeclaredError, Registry
from rpc.schemas import Json, describe_types, name_of

C = TypeVar("C")

OPENRPC_VERSION = "1.3.2"
_PROTOCOL_ERRORS = {
    "ParseError": "The frame is malformed.",
    "InvalidRequest": "The frame is well-formed, but no request.",
    "MethodNotFound": "There is no such method.",
    "InvalidParams": "A parameter is missing, unknown or of the wrong type; the message names it.",
    "Internal": "An error nobody foresaw; `data.errorId` finds it in the server's log.",
    "Cancelled": "The call was cancelled.",
    "BatchTooLarge": "Not run: the answers before it in its batch are too large already; send it alone.",
}


def describe(registry: Registry[C], title: str, version: str) -> Json:
    """The OpenRPC document.

    Beyond OpenRPC a method has `x-params`, a reference to the schema of all its parameters together, and the
    document has `x-notifications`: what the server sends unasked, as method objects without a result. A
    method with `x-writes` is not for those who only read. `bytes` are described as they are in JSON (base64);
    in MessagePack they are raw.

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
    of_taken, of_sent, schemas = describe_types(taken, [*given, *sent])
    of_params = iter(of_taken)
    of_results = iter(of_sent[: len(given)])
    of_notifications = of_sent[len(given) :]
    protocol = [DeclaredError(int(code), kind, _PROTOCOL_ERRORS[kind]) for code, kind in KINDS.items()]
    errors = {
        error.kind: {"code": error.code, "message": error.doc, "data": {"kind": error.kind}}
        for error in (*protocol, *registry.errors.values())
    }
    references_to_errors = [{"$ref": f"#/components/errors/{kind}"} for kind in errors]
    params = [_params(schemas, None if method.params_type is None else next(of_params)) for method in methods]
    return {
        "openrpc": OPENRPC_VERSION,
        "info": {"title": title, "version": version},
        "methods": [
            {
                "name": method.name,
                **_documentation(method.doc),
                "paramStructure": "either",
                **described,
                "examples": [_example(method.name, described["params"], schemas, registry.samples)],
                "result": {"name": "result", "schema": next(of_results)},
                "errors": references_to_errors,
                **({"x-writes": True} if method.shielded else {}),
            }
            for method, described in zip(methods, params, strict=True)
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


def _documentation(doc: str) -> Json:
    summary, _, rest = doc.partition("\n")
    return {"summary": summary, **({"description": doc} if rest.strip() else {})}


def _params(schemas: dict[str, Json], reference: Json | None) -> Json:
    """A struct of parameters as OpenRPC wants them: one content descriptor each."""
    if reference is None:
        return {"params": []}
    struct = schemas[name_of(reference)]
    return {
        "params": [
            {"name": name, "required": name in struct["required"], "schema": schema}
            for name, schema in struct["properties"].items()
        ],
        "x-params": reference,
    }


def _example(
    method: str, params: list[Json], schemas: Mapping[str, Json], samples: Mapping[str, object]
) -> Json:
    """A call with all that must be given, and what there is a sample for of this very method."""
    given = [
        {"name": param["name"], "value": samples.get(own, samples.get(param["name"], _value(param, schemas)))}
        for param in params
        if (own := f"{method}.{param['name']}") in samples or param["required"]
    ]
    return {"name": method, "params": given}


def _value(param: Json, schemas: Mapping[str, Json]) -> object:
    """Some value of a parameter's type."""
    schema = param["schema"]
    if "$ref" in schema:
        schema = schemas[name_of(schema)]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("contentEncoding") == "base64":
        return "aGVsbG8="
    simple: dict[str, object] = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    return simple.get(schema.get("type", ""), "...")
