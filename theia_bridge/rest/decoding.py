"""Requests into structs. What does not fit is `InvalidFields` (422), which points at what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import TypeVar

import msgspec
from aiohttp import web
from msgspec import inspect

from auth.errors import InvalidFields

S = TypeVar("S", bound=msgspec.Struct)

_AT = re.compile(r" - at `(?:key in )?\$?(.*)`$")
_FIELD = re.compile(r"(?:missing required|contains unknown) field `(.*?)`")
_TYPES = {"int": "integer", "str": "string", "bool": "boolean", "float": "number"}
"""What JSON calls the types that msgspec's messages name."""
_TYPE = re.compile(f"`({'|'.join(_TYPES)})`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def path(request: web.Request, form: type[S]) -> S:
    """The parts of the path that vary. Raises `InvalidFields`."""
    return _convert(dict(request.match_info), form)


def query(request: web.Request, form: type[S]) -> S:
    """The query; a member that is a list takes all values of its name. Raises `InvalidFields`."""
    lists = _lists(form)
    given: dict[str, str | list[str]] = {}
    for name in request.query:
        values = request.query.getall(name)
        if name in lists:
            given[name] = values
        elif len(values) > 1:
            raise InvalidFields({name: f"`{name}` is given {len(values)} times; it may be given once."})
        else:
            given[name] = values[0]
    return _convert(given, form)


def no_query(request: web.Request) -> None:
    """Raises `InvalidFields` when there is a query."""
    if request.query:
        raise InvalidFields({name: f"There is no parameter `{name}` here." for name in request.query})


def headers(request: web.Request, form: type[S]) -> S:
    """Those headers that the struct has a member for. Raises `InvalidFields`."""
    given = {
        name: ", ".join(request.headers.getall(name))
        for name in form.__struct_encode_fields__
        if name in request.headers
    }
    return _convert(given, form)


async def body(request: web.Request, form: type[S], limit: int) -> S:
    """The body, which must be JSON.

    Args:
        limit: bytes it may have.

    Raises:
        HTTPUnsupportedMediaType: it is declared to be something else.
        HTTPRequestEntityTooLarge: it is longer than `limit`.
        HTTPBadRequest: it is no JSON, or nested too deeply.
        InvalidFields: it is, but does not fit.
    """
    # Also keeps the forms of other sites out: without a preflight they cannot send this type.
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send the body as application/json.")
    raw = bytearray()
    while piece := await request.content.readany():
        raw += piece
        if len(raw) > limit:
            raise web.HTTPRequestEntityTooLarge(
                limit, len(raw), text=f"The body may have {limit:,} bytes here."
            )
    try:
        raw.decode()  # msgspec does not look into what it leaves as it is (`Raw`)
        try:
            return msgspec.json.decode(raw, type=form)
        except msgspec.ValidationError:
            # JSON has but one kind of number, so a whole one with a fraction or an exponent is an integer.
            whole = _whole(msgspec.json.decode(raw))
            return msgspec.json.decode(msgspec.json.encode(whole), type=form)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    except RecursionError:
        raise web.HTTPBadRequest(text="The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise web.HTTPBadRequest(text=f"The body is not valid JSON: {error}.") from None


def _convert(given: Mapping[str, str | list[str]], form: type[S]) -> S:
    try:
        converted = msgspec.convert(given, form, strict=False)
    except msgspec.ValidationError as error:
        raise _invalid(error) from None
    names = dict(zip(form.__struct_encode_fields__, form.__struct_fields__, strict=True))
    for name, value in given.items():
        # Without `strict` msgspec takes the word "null" for the lack of a value.
        if str(value).lower() == "null" and getattr(converted, names[name]) is None:
            raise InvalidFields({name: f"`{name}` cannot be {value}: leave it out instead."})
    return converted


def _whole(value: object) -> object:
    """A JSON value with its whole numbers as integers."""
    match value:
        case float():
            return int(value) if value.is_integer() else value
        case list():
            return [_whole(item) for item in value]
        case dict():
            return {name: _whole(member) for name, member in value.items()}
    return value


def _invalid(error: msgspec.ValidationError) -> InvalidFields:
    """msgspec says where at the end of its message, `… - at `$.a[0]``, or by `… field `x``."""
    message = str(error)
    at = _AT.search(message)
    steps = [name or index for name, index in _STEP.findall(at[1] if at else "")]
    detail = _TYPE.sub(lambda word: _TYPES[word[1]], message[: at.start()] if at else message)
    if field := _FIELD.search(detail):
        steps.append(field[1].replace("~", "~0").replace("/", "~1"))
    elif steps:
        detail = f"`{'.'.join(steps)}`: {detail[:1].lower()}{detail[1:]}"
    return InvalidFields({"/".join(steps): f"{detail}."})


@cache
def _lists(form: type[msgspec.Struct]) -> frozenset[str]:
    """The names of the members that are lists."""
    described = inspect.type_info(form)
    assert isinstance(described, inspect.StructType)
    return frozenset(field.encode_name for field in described.fields if _is_list(field.type))


def _is_list(described: inspect.Type) -> bool:
    if isinstance(described, inspect.UnionType):
        return any(_is_list(member) for member in described.types)
    return isinstance(described, inspect.ListType | inspect.SetType | inspect.VarTupleType)
