"""The OpenAPI document, made from the declared endpoints."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import NamedTuple, cast, get_origin

from aiohttp import web

from auth.errors import InvalidFields, OriginRejected, TokenRejected
from fdb_provider.errors import Conflict, NoPermissions, StoreFull, StoreUnavailable
from rpc.schemas import Json, describe_types, name_of
from theia_bridge.errors import RateLimited, kind_of_class, kind_of_status
from theia_bridge.middleware.authentication import ACCESS_COOKIE
from theia_bridge.problems import Problem
from theia_bridge.rest.resource import PREFIX, Endpoint, Page, Resource

OPENAPI_VERSION = "3.1.1"
_SCHEMAS = "#/components/schemas/"
_JSON = "application/json"
_PROBLEM = "application/problem+json"
_ABOUT = """\
The REST API of a Theia Bridge server.

Sign in with `POST /api/v5/auth/login` and send the answer's `access_token` as `Authorization: Bearer …`; in a
browser, the cookie that comes with the answer does the same. Every error is a problem (RFC 9457) whose `kind`
is a stable name to act on. Every `GET` answers `HEAD` as well. Times are in milliseconds since 1970. Members
and parameters that are not documented are refused.
"""
_PATTERN = re.compile(r"\{(\w+):.*?\}(?=/|$)")
_GENERIC = re.compile(r"Page_(\w+)_")
_ETAG = r'(W/)?"[\x21\x23-\x7e]*"'
_ARGUMENT = re.compile(r"(\w+(?:, \w+)*): (.*)")

_HEADERS: dict[str, tuple[str, Json, bool]] = {
    "ETag": ("The version that is shown, for `If-Match` and `If-None-Match`.", {"type": "string"}, True),
    "Link": ('`<…>; rel="next"`, the next page; not on the last one.', {"type": "string"}, False),
    "Location": ("The path of what was made.", {"type": "string", "format": "uri-reference"}, True),
    "RateLimit": (
        'What is left of the caller\'s budget, and in how many seconds there is more: `"rest";r=57;t=12`.',
        {"type": "string"},
        False,
    ),
    "RateLimit-Policy": (
        'The budget: so many requests in so many seconds, `"rest";q=100;w=60`.',
        {"type": "string"},
        False,
    ),
    "Retry-After": ("Seconds to wait before the next try.", {"type": "integer", "minimum": 0}, False),
    "WWW-Authenticate": (
        "`Bearer`, with what is wrong with the token if there is one.",
        {"type": "string"},
        True,
    ),
    "X-Request-Id": ("By it the server's log tells more.", {"type": "string"}, True),
}
"""Headers of answers: what they mean, their form, and whether they are always sent where documented."""
_ALWAYS = ("X-Request-Id",)
_LIMITED = ("RateLimit", "RateLimit-Policy")
"""Sent with whatever is below `PREFIX`, unless that budget has no limit."""


class _Fault(NamedTuple):
    """One way in which an endpoint may refuse."""

    status: HTTPStatus
    kind: str
    doc: str


class _Types:
    """The schemas of all types that endpoints name, each looked up by the type."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._taken: list[object] = []
        self._given: list[object] = [Problem]
        for endpoint in endpoints:
            for type in (endpoint.path_type, endpoint.query_type, endpoint.headers_type, endpoint.body_type):
                if type is not None and type not in self._taken:
                    self._taken.append(type)
            if endpoint.result_type is not None and endpoint.result_type not in self._given:
                self._given.append(endpoint.result_type)
        self._of_taken, self._of_given, self.schemas = describe_types(self._taken, self._given)
        for schema in self.schemas.values():
            text, _, arguments = str(schema.pop("description", "")).partition("Args:\n")
            if text.strip():
                schema["description"] = text.strip()
            _describe_members(schema, arguments)
        types = zip([*self._taken, *self._given], [*self._of_taken, *self._of_given], strict=True)
        for described, reference in types:
            for base in getattr(described, "__mro__", ())[1:]:
                _, _, arguments = inspect.cleandoc(base.__doc__ or "").partition("Args:\n")
                _describe_members(self.schemas[name_of(reference)], arguments)

    def taken(self, type: object) -> Json:
        return self._of_taken[self._taken.index(type)]

    def given(self, type: object) -> Json:
        return self._of_given[self._given.index(type)]

    def members(self, type: object) -> tuple[dict[str, Json], list[str]]:
        """The members of a struct that is decoded, and the names of those that must be given."""
        schema = self.schemas[name_of(self.taken(type))]
        return cast(dict[str, Json], schema["properties"]), cast(list[str], schema["required"])


def describe(resources: Iterable[Resource], title: str, version: str) -> Json:
    """The OpenAPI document.

    An operation's `x-role` is the least role that may call it.

    Args:
        title: of the API.
        version: of the API.

    Raises:
        TypeError: a type has no JSON Schema.
    """
    resources = list(resources)
    types = _Types([endpoint for resource in resources for endpoint in resource.endpoints])
    problems: dict[str, Json] = {}
    paths: dict[str, Json] = {}
    for resource in resources:
        for endpoint in resource.endpoints:
            operation = _operation(resource, endpoint, types, problems)
            paths.setdefault(path_of(resource, endpoint), {})[endpoint.method.lower()] = operation
    _link(resources, paths)
    document: Json = {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": title,
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": resource.name, "description": resource.description} for resource in resources],
        "paths": paths,
        "components": {
            "schemas": types.schemas,
            "responses": dict(sorted(problems.items())),
            "headers": {
                name: {"description": text, "required": always, "schema": schema}
                for name, (text, schema, always) in _HEADERS.items()
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": ACCESS_COOKIE},
            },
        },
    }
    _tidy_schemas(document)
    return document


def path_of(resource: Resource, endpoint: Endpoint) -> str:
    """An endpoint's path as OpenAPI writes it, without aiohttp's patterns."""
    return resource.prefix + _PATTERN.sub(r"{\1}", endpoint.path)


def _operation(resource: Resource, endpoint: Endpoint, types: _Types, problems: dict[str, Json]) -> Json:
    summary, _, rest = endpoint.doc.partition("\n")
    operation: Json = {
        "operationId": f"{resource.name}.{endpoint.name}",
        "tags": [resource.name],
        "summary": summary.rstrip("."),
    }
    if rest.strip():
        operation["description"] = rest.strip()
    if endpoint.public:
        operation["security"] = []
    else:
        operation["security"] = [{"bearer": []}, {"cookie": []}]
        operation["x-role"] = endpoint.role
    if parameters := list(_parameters(endpoint, types)):
        operation["parameters"] = parameters
    if endpoint.body_type is not None:
        operation["requestBody"] = {
            "required": not endpoint.body_optional,
            "content": {_JSON: {"schema": types.taken(endpoint.body_type)}},
        }
    elif endpoint.takes is not None:
        operation["requestBody"] = {"required": True, "content": {endpoint.takes: {}}}
    operation["responses"] = _responses(endpoint, resource.prefix == PREFIX, types, problems)
    return operation


def _parameters(endpoint: Endpoint, types: _Types) -> Iterator[Json]:
    places = (
        ("path", endpoint.path_type),
        ("query", endpoint.query_type),
        ("header", endpoint.headers_type),
    )
    for place, type in places:
        if type is None:
            continue
        members, required = types.members(type)
        for name, member in members.items():
            schema = _not_null(member)
            yield {
                "name": name,
                "in": place,
                "required": place == "path" or name in required,
                **({"description": schema.pop("description")} if "description" in schema else {}),
                "schema": schema,
            }
    if endpoint.tagged and endpoint.method == "GET":
        text = "Etags of versions that need not be sent again: then 304."
        yield _condition("If-None-Match", text, f"^(\\*|{_ETAG}( *, *{_ETAG})*)$")
    if Conflict in endpoint.errors and endpoint.method != "GET":
        text = "The etag of the version that is to be changed: if it is another now, 412."
        yield _condition("If-Match", text, f"^(\\*|{_ETAG})$")


def _condition(name: str, description: str, pattern: str) -> Json:
    schema = {"type": "string", "format": "etag", "pattern": pattern}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _responses(endpoint: Endpoint, limited: bool, types: _Types, problems: dict[str, Json]) -> Json:
    common = (*_ALWAYS, *(_LIMITED if limited else ()))
    names = [*common]
    own = dict(endpoint.sends)
    if endpoint.tagged and endpoint.gives:  # perhaps not with all that it gives
        own["ETag"] = _HEADERS["ETag"][0]
    elif endpoint.tagged:
        names.append("ETag")
    if endpoint.location is not None:
        names.append("Location")
    result = endpoint.result_type
    if get_origin(result) is Page:
        names.append("Link")
    good: Json = {"description": endpoint.status.phrase, "headers": _headers(names, own)}
    if result is not None:
        good["content"] = {_JSON: {"schema": types.given(result)}}
    elif endpoint.gives:
        good["content"] = {content_type: {} for content_type in endpoint.gives}
    responses: dict[str, Json] = {str(endpoint.status.value): good}
    for status, text in endpoint.also.items():
        responses[str(status)] = {**good, "description": text}
    if endpoint.tagged and endpoint.method == "GET":
        text = "It is a version that `If-None-Match` names"
        responses["304"] = {"description": text, "headers": _headers([*common, "ETag"])}
    by_status: dict[HTTPStatus, list[_Fault]] = {}
    for fault in _faults(endpoint, limited):
        known = by_status.setdefault(fault.status, [])
        if fault not in known:
            known.append(fault)
    for status, faults in sorted(by_status.items()):
        kinds = sorted({fault.kind for fault in faults})
        described = _problem(status, kinds, faults, common)
        name = "-".join([str(status.value), *kinds])
        number = 1
        while problems.setdefault(name, described) != described:
            number += 1
            name = "-".join([str(status.value), *kinds, str(number)])
        responses[str(status.value)] = {"$ref": f"#/components/responses/{name}"}
    return responses


def _headers(names: Iterable[str], own: Mapping[str, str] = MappingProxyType({})) -> Json:
    """Headers of an answer: known ones, and those of one endpoint with what they mean."""
    return {
        **{name: {"$ref": f"#/components/headers/{name}"} for name in names},
        **{name: {"description": text, "schema": {"type": "string"}} for name, text in own.items()},
    }


def _faults(endpoint: Endpoint, limited: bool) -> Iterator[_Fault]:
    """All ways in which an endpoint may refuse: those it declares, and those common to its like."""
    changes = endpoint.method != "GET"
    yield _fault(web.HTTPBadRequest, "The request is malformed.")
    yield _fault(InvalidFields, "Members of the request cannot be accepted; `errors` says which, and why.")
    if not endpoint.public:
        yield _fault(TokenRejected)
        yield _fault(NoPermissions, f"The caller's role is below {endpoint.role}.")
    if changes:
        yield _fault(OriginRejected)
        yield _fault(StoreFull)
    if endpoint.body_type is not None or endpoint.takes is not None:
        yield _fault(web.HTTPRequestEntityTooLarge, "The body is too large.")
        yield _fault(web.HTTPUnsupportedMediaType, "The body is not of the documented type.")
    if endpoint.tagged:
        yield _fault(Conflict)
    if limited:
        yield _fault(RateLimited)
    for error in endpoint.errors:
        yield _fault(error)
    yield _Fault(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalError", "Something went wrong on the server.")
    yield _fault(StoreUnavailable)


def _fault(cls: type[Exception], doc: str | None = None) -> _Fault:
    doc = doc or inspect.cleandoc(cls.__doc__ or "").partition("\n")[0]
    if issubclass(cls, web.HTTPException):
        status = HTTPStatus(cls.status_code)
        return _Fault(status, kind_of_status(status), doc)
    kind = kind_of_class(cls)
    if kind is None:
        raise TypeError(f"{cls.__name__} has no kind in theia_bridge.errors")
    return _Fault(kind.status, kind.name, doc)


def _problem(status: HTTPStatus, kinds: list[str], faults: list[_Fault], headers: Iterable[str]) -> Json:
    lines = [f"- `{kind}`: {' '.join(fault.doc for fault in faults if fault.kind == kind)}" for kind in kinds]
    names = [*headers]
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        names.append("Retry-After")
    described: Json = {"description": "\n".join([status.phrase, "", *lines]), "headers": _headers(names)}
    members: Json = {"status": {"const": status.value}, "kind": {"enum": kinds}}
    schema = {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": members}]}
    example = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": faults[0].doc,
        "kind": faults[0].kind,
    }
    described["content"] = {_PROBLEM: {"schema": schema, "example": example}}
    return described


def _link(resources: Sequence[Resource], paths: dict[str, Json]) -> None:
    """Tells where what an endpoint made can be used: at all paths that begin with its location."""
    for resource in resources:
        for endpoint in resource.endpoints:
            if endpoint.location is None:
                continue
            location = resource.prefix + endpoint.location
            made = paths[path_of(resource, endpoint)][endpoint.method.lower()]["responses"]
            links: dict[str, Json] = {}
            names = re.findall(r"\{(\w+)\}", location)
            for path, item in paths.items():
                if path != location and not path.startswith(location + "/"):
                    continue
                for operation in item.values():
                    links[operation["operationId"]] = {
                        "operationId": operation["operationId"],
                        "parameters": {name: f"$response.body#/{name}" for name in names},
                    }
            made[str(endpoint.status.value)]["links"] = links


def _not_null(schema: Json) -> Json:
    """A parameter's schema: one that may be left out is never null."""
    schema = dict(schema)
    if "anyOf" in schema:
        choices = [choice for choice in schema.pop("anyOf") if choice != {"type": "null"}]
        schema.update(choices[0] if len(choices) == 1 else {"anyOf": choices})
    if schema.get("default", 0) is None:
        del schema["default"]
    return schema


def _describe_members(schema: Json, arguments: str) -> None:
    """Puts what a docstring says below `Args:` to the members it is about, if nothing is there yet."""
    lines: list[str] = []
    for line in inspect.cleandoc(arguments).splitlines():
        if line.startswith(" ") and lines:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    for line in lines:
        if argument := _ARGUMENT.fullmatch(line):
            text = argument[2][:1].upper() + argument[2][1:]
            for name in argument[1].split(", "):
                if name in schema["properties"]:
                    schema["properties"][name].setdefault("description", text)


def _tidy_schemas(document: Json) -> None:
    """Drops the structs of parameters, which are shown member by member; gives pages plain names."""
    schemas: dict[str, Json] = document["components"]["schemas"]
    used: dict[str, Json] = {}
    pending: list[Json] = [document["paths"], document["components"]["responses"]]
    while pending:
        for part in _parts(pending.pop()):
            if str(part.get("$ref", "")).startswith(_SCHEMAS):
                name = name_of(part)
                plain = _GENERIC.sub(r"\1Page", name)
                part["$ref"] = _SCHEMAS + plain
                if plain not in used:
                    used[plain] = schemas[name]
                    pending.append(schemas[name])
    document["components"]["schemas"] = dict(sorted(used.items()))


def _parts(value: object) -> Iterator[Json]:
    """All objects in a JSON value."""
    if isinstance(value, dict):
        yield value
        for member in value.values():
            yield from _parts(member)
    elif isinstance(value, list):
        for item in value:
            yield from _parts(item)
