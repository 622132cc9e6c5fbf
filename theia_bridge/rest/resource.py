"""Declaring endpoints of the REST API: a method and a path, a typed function, its documentation.

    api = Resource("sessions", "Workspace sessions")

    @api.get("/sessions/{id}", errors=(RecordNotFound,))
    async def get(call: Call, path: SessionPath) -> Tagged[SessionAnswer]:
        \"\"\"A session.\"\"\"

A function takes a `Call` and, by these names, the structs `path`, `query`, `headers` and `body`; what they
are decoded from, what is answered, and the OpenAPI document all follow from its annotations. Structs from a
request have `forbid_unknown_fields=True`; members of `headers` are renamed to the headers' names. An endpoint
that may also answer with a response of its own making is annotated `-> Answer | web.Response`; one that
always does is annotated `-> web.StreamResponse`, and says by `gives` what that holds.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import (
    Annotated,
    Generic,
    Literal,
    TypedDict,
    TypeVar,
    Union,
    Unpack,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec
from aiohttp import web

from auth.context import UserContext
from fdb_provider.engine import Database
from fdb_provider.errors import Conflict, NoPermissions
from fdb_provider.files.service import FileService
from fdb_provider.models import Role, at_least
from fdb_provider.scope import NOBODY, Actor, Scope
from theia_bridge.config import Settings
from theia_bridge.middleware.authentication import USER, public
from theia_bridge.rest import decoding
from theia_bridge.rest.conditions import Etags
from theia_bridge.state import DATABASE, FILES, SETTINGS
from theia_bridge.trace import request_id

PREFIX = "/api/v5"
BODY_LIMIT = 1024 * 1024
"""Bytes of a request's body, if its endpoint sets no other limit."""

Method = Literal["GET", "POST", "PUT", "DELETE"]
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Awaitable[object]])


class Id(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The path of what has one id."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which page of a list.

    Args:
        limit: items at most.
        after: `next` of the page before; the first page without it, or when it is empty.
    """

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    after: Annotated[str, msgspec.Meta(extra_json_schema={"format": "cursor"})] | None = None

    def __post_init__(self) -> None:
        if not self.after:
            msgspec.structs.force_setattr(self, "after", None)


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list.

    Args:
        items: in the order of the list.
        next: the cursor of the next page, to be given as `after`; None on the last one.
    """

    items: list[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class Tagged(Generic[T]):
    """An answer with the etag of the version it shows, without quotes."""

    value: T
    etag: str


class Call:
    """One request, as its endpoint sees it.

    Args:
        if_match: the etag the caller wants to change; None for any version.

    Attributes:
        response: what will be sent; an endpoint may add headers and cookies.
    """

    def __init__(self, request: web.Request, if_match: str | None = None) -> None:
        self.request = request
        self.if_match = if_match
        self.response = web.Response(headers={"Cache-Control": "no-store"})

    @property
    def user(self) -> UserContext:
        """Who calls. Public endpoints have none."""
        return self.request[USER]

    @property
    def scope(self) -> Scope:
        return self.user.scope

    @property
    def actor(self) -> Actor:
        """Who calls and from where, for services and their audit entries; at public endpoints, nobody."""
        user = self.request.get(USER)
        return Actor(NOBODY if user is None else user.scope, request_id(), self.request.remote or "")

    @property
    def db(self) -> Database:
        return self.request.app[DATABASE]

    @property
    def files(self) -> FileService:
        return self.request.app[FILES]

    @property
    def settings(self) -> Settings:
        return self.request.app[SETTINGS]


class Options(TypedDict, total=False):
    """What may be said of an endpoint besides its function.

    Keys:
        status: of the answer when all goes well; 200, or 204 where there is nothing to answer.
        role: the least role that may call it; viewer to read, member for all else.
        public: whether it answers without a token.
        errors: what it may raise besides the errors common to all.
        body_limit: bytes of the body.
        location: the path of what was made, such as `/sessions/{id}`: members of the answer fill it.
        takes: the content type of a body that the endpoint reads itself.
        gives: the content types of a response that the endpoint always makes itself.
        also: further good statuses of such a response, with what they mean.
        tagged: whether such a response has an etag.
        sends: further headers of the response, with what they mean.
        expect: answers `Expect: 100-continue`, see aiohttp's `expect_handler`.
    """

    status: int
    role: Role
    public: bool
    errors: Sequence[type[Exception]]
    body_limit: int
    location: str
    takes: str
    gives: Sequence[str]
    also: Mapping[int, str]
    sends: Mapping[str, str]
    tagged: bool
    expect: Callable[[web.Request], Awaitable[web.StreamResponse | None]]


class Endpoint:
    """A declared endpoint.

    Attributes:
        method, path: where it is; aiohttp's pattern, without a prefix.
        function: what was decorated.
        name: the function's, for the document.
        doc: the function's docstring.
        path_type, query_type, headers_type, body_type: what its parts are decoded into, None if it takes
            none.
        body_optional: whether the body may be missing.
        result_type: what the answer shows, None for no content or one that the endpoint makes itself.
        tagged: whether the answer has an etag.

    The others are as in `Options`.
    """

    def __init__(
        self, method: Method, path: str, function: Callable[..., Awaitable[object]], options: Options
    ) -> None:
        where = f"{method} {path}"
        self.method = method
        self.path = path
        self.function = function
        self.name = function.__name__
        self.doc = inspect.getdoc(function) or ""
        self.role: Role = options.get("role", "viewer" if method == "GET" else "member")
        self.public = options.get("public", False)
        self.errors = tuple(options.get("errors", ()))
        self.body_limit = options.get("body_limit", BODY_LIMIT)
        self.location = options.get("location")
        self.takes = options.get("takes")
        self.gives = tuple(options.get("gives", ()))
        self.also = dict(options.get("also", {}))
        self.sends = dict(options.get("sends", {}))
        self.expect = options.get("expect")
        hints: dict[str, object] = get_type_hints(function, include_extras=True)
        parameters = list(inspect.signature(function).parameters)
        if not inspect.iscoroutinefunction(function) or parameters[:1] != ["call"]:
            raise TypeError(f"{where}: an endpoint is an `async def` whose first parameter is `call`")
        if unknown := set(parameters) - {"call", "path", "query", "headers", "body"}:
            raise TypeError(f"{where}: its parameters may be call, path, query, headers, body, not {unknown}")
        if "return" not in hints:
            raise TypeError(f"{where}: the type of its answer is not annotated")
        self.path_type = _struct(where, hints.get("path"))
        self.query_type = _struct(where, hints.get("query"))
        self.headers_type = _struct(where, hints.get("headers"))
        body = hints.get("body")
        self.body_optional = type(None) in get_args(body)
        self.body_type = _struct(where, _without_none(body))
        self.result_type, tagged = _result(hints["return"])
        self.tagged = tagged or options.get("tagged", False)
        nothing = self.result_type is None and not self.gives
        self.status = HTTPStatus(options.get("status", HTTPStatus.NO_CONTENT if nothing else HTTPStatus.OK))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers a request."""
        if not self.public and not at_least(request[USER].role, self.role):
            raise NoPermissions(f"This takes the role {self.role}; yours is {request[USER].role}.")
        arguments: dict[str, msgspec.Struct | None] = {}
        if self.path_type is not None:
            arguments["path"] = decoding.path(request, self.path_type)
        if self.query_type is not None:
            arguments["query"] = decoding.query(request, self.query_type)
        else:
            decoding.no_query(request)
        if self.headers_type is not None:
            arguments["headers"] = decoding.headers(request, self.headers_type)
        if self.body_type is not None:
            needed = not self.body_optional or request.body_exists
            arguments["body"] = (
                await decoding.body(request, self.body_type, self.body_limit) if needed else None
            )
        if self.tagged and self.method == "GET":
            for header in ("If-Match", "If-None-Match"):
                Etags.of(request, header)  # a malformed one is refused, whatever the answer is
        # What makes its response itself looks at its conditions itself, too.
        given = None if self.method == "GET" or self.gives else _if_match(request)
        call = Call(request, given)
        result = await self.function(call, **arguments)
        if isinstance(result, web.StreamResponse):
            return result
        self._fill(call, result)
        return call.response

    def _fill(self, call: Call, result: object) -> None:
        """Puts an answer into the response."""
        response = call.response
        response.set_status(self.status)
        if isinstance(result, Tagged):
            response.headers["ETag"] = f'"{result.etag}"'
            if self.method == "GET":
                response.headers["Cache-Control"] = "private, no-cache"
                if not Etags.of(call.request, "If-Match").match(result.etag, otherwise=True):
                    raise Conflict("It has changed since it was read: read it again.")
                if Etags.of(call.request, "If-None-Match").match(result.etag, otherwise=False, weak=True):
                    response.set_status(HTTPStatus.NOT_MODIFIED)
                    return
            result = cast(object, result.value)
        if isinstance(result, Page) and result.next is not None:
            following = call.request.rel_url.update_query(after=result.next)
            response.headers["Link"] = f'<{following}>; rel="next"'
        if self.location is not None:
            made = msgspec.structs.asdict(_record(result))
            response.headers["Location"] = PREFIX + self.location.format_map(made)
        if result is not None:
            response.body = msgspec.json.encode(result)
            response.content_type = "application/json"


class Resource:
    """Endpoints that belong together.

    Args:
        name: their tag in the document.
        description: of the tag.
        prefix: of their paths.
    """

    def __init__(self, name: str, description: str, *, prefix: str = PREFIX) -> None:
        self.name = name
        self.description = description
        self.prefix = prefix
        self.endpoints: list[Endpoint] = []

    def get(self, path: str, **options: Unpack[Options]) -> Callable[[F], F]:
        """Declares an endpoint that reads; it answers HEAD too."""
        return self._declare("GET", path, options)

    def post(self, path: str, **options: Unpack[Options]) -> Callable[[F], F]:
        """Declares an endpoint that makes something (status 201, with a location) or does something."""
        return self._declare("POST", path, options)

    def put(self, path: str, **options: Unpack[Options]) -> Callable[[F], F]:
        """Declares an endpoint that replaces or changes something."""
        return self._declare("PUT", path, options)

    def delete(self, path: str, **options: Unpack[Options]) -> Callable[[F], F]:
        """Declares an endpoint that removes something."""
        return self._declare("DELETE", path, options)

    def add_to(self, app: web.Application) -> None:
        """Adds the routes."""
        for endpoint in self.endpoints:
            path, handler, expect = self.prefix + endpoint.path, _handler(endpoint), endpoint.expect
            if endpoint.method == "GET":
                app.router.add_get(path, handler, expect_handler=expect)
            else:
                app.router.add_route(endpoint.method, path, handler, expect_handler=expect)

    def _declare(self, method: Method, path: str, options: Options) -> Callable[[F], F]:
        def declare(function: F) -> F:
            self.endpoints.append(Endpoint(method, path, function, options))
            return function

        return declare


def _handler(endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await endpoint.handle(request)

    return public(handle) if endpoint.public else handle


def _if_match(request: web.Request) -> str | None:
    """The one etag of `If-Match`, None without it and for `*`.

    Raises:
        HTTPBadRequest: it is malformed, or lists several.
        Conflict: it is a weak one, which never matches (RFC 9110, 13.1.1).
    """
    etags = Etags.of(request, "If-Match")
    if not etags or etags.any:
        return None
    if len(etags.strong) > 1:
        raise web.HTTPBadRequest(text="If-Match may name one etag here.")
    if not etags.strong:
        raise Conflict("If-Match names no strong etag, and a weak one never matches: give it as it was sent.")
    (etag,) = etags.strong
    return etag


def _struct(where: str, given: object) -> type[msgspec.Struct] | None:
    if given is None:
        return None
    if not (isinstance(given, type) and issubclass(given, msgspec.Struct)):
        raise TypeError(f"{where}: path, query and body must be annotated with a msgspec.Struct")
    if not given.__struct_config__.forbid_unknown_fields:
        raise TypeError(f"{where}: {given.__name__} must have forbid_unknown_fields=True")
    return given


def _without_none(given: object) -> object:
    if get_origin(given) in (Union, types.UnionType):
        (some,) = (arg for arg in get_args(given) if arg is not type(None))
        return cast(object, some)
    return given


def _result(given: object) -> tuple[object | None, bool]:
    """What an answer shows, and whether it has an etag."""
    if get_origin(given) in (Union, types.UnionType):
        (given,) = (arg for arg in get_args(given) if arg is not web.Response)
    if get_origin(given) is Tagged:
        (value,) = get_args(given)
        return value, True
    nothing = given is type(None) or (isinstance(given, type) and issubclass(given, web.StreamResponse))
    return None if nothing else given, False


def _record(result: object) -> msgspec.Struct:
    if not isinstance(result, msgspec.Struct):
        raise TypeError(f"a location is made of a struct, not of {type(result).__name__}")
    return result
