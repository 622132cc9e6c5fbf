"""`/api/v5/files/...`: files of any size in and out, and folders out as archives.

`GET` takes `Range`, `If-Range`, `If-Match` and `If-None-Match`; `PUT` takes `If-Match`, `If-None-Match`,
`Idempotency-Key` and `Theia-Bridge-Caller`. Of a file only a few parts are in memory at a time, whatever its
size.
"""

from __future__ import annotations

import logging

import msgspec
from aiohttp import ClientPayloadError, HttpVersion11, web
from aiohttp.web_protocol import RequestPayloadError

from fdb_provider.errors import (
    Conflict,
    FileExists,
    FileIsADirectory,
    FileNotFound,
    FileTooLarge,
    NoPermissions,
    StoreError,
)
from fdb_provider.files import content, tree
from fdb_provider.files.entry import DIRECTORY, Entry
from fdb_provider.files.paths import parse
from theia_bridge.methods.fs import to_stat
from theia_bridge.middleware.authentication import USER
from theia_bridge.problems import problem
from theia_bridge.rest import archives
from theia_bridge.rest.conditions import Etags, Range, parse_range
from theia_bridge.rest.streaming import attachment, stream
from theia_bridge.state import FILES, SETTINGS

PATH = "/api/v5/files/{path:(?s:.+)}"
"""With `s`, as a name may have a line break in it."""
PIECE = 256 * 1024
"""Bytes of a request that are taken at a time."""
KEY_LIMIT = 128
"""Characters of an idempotency key, as over RPC."""

routes = web.RouteTableDef()
_log = logging.getLogger(__name__)


@routes.get(PATH, allow_head=False)
@routes.head(PATH)
async def download(request: web.Request) -> web.StreamResponse:
    """A file; with `?archive=FORMAT` a folder, or those of its entries that `name=` gives, as an archive."""
    path = "/" + request.match_info["path"]
    archive = request.query.get("archive")
    if archive is not None:
        return await archives.respond(request, path, archive, request.query.getall("name", []))
    files, scope = request.app[FILES], request[USER].scope
    entry = await files.stat(scope, path)
    if entry.kind == DIRECTORY:
        raise FileIsADirectory(f"{path} is a folder: add ?archive=zip")
    tree.check_no_link(entry, parse(path))
    etag = f'"{entry.etag}"'
    if not Etags.of(request, "If-Match").match(entry.etag, otherwise=True):
        raise Conflict(f"{path} has changed")
    if Etags.of(request, "If-None-Match").match(entry.etag, otherwise=False, weak=True):
        return web.Response(status=304, headers={"ETag": etag, "Cache-Control": "private, no-cache"})
    # Of no type a page could use: a user's script must not pass for one of the server's own.
    response = attachment(parse(path).name, "application/octet-stream")
    response.headers["ETag"] = etag
    response.headers["Accept-Ranges"] = "bytes"
    wanted = Range(0, entry.size)
    if request.method == "GET" and request.headers.get("If-Range", etag) == etag:
        ranged = parse_range(request.headers.get("Range"), entry.size)
        if ranged is not None and ranged.start >= ranged.end:
            return problem(
                416,
                "RangeNotSatisfiable",
                "Range Not Satisfiable",
                f"{path} has {entry.size} bytes: ask for some of those.",
                headers={"Content-Range": f"bytes */{entry.size}"},
            )
        if ranged is not None:
            wanted = ranged
            response.set_status(206)
            response.headers["Content-Range"] = f"bytes {ranged.start}-{ranged.end - 1}/{entry.size}"
    response.content_length = wanted.end - wanted.start
    return await stream(request, response, files.parts(scope, entry, wanted.start, wanted.end))


async def _no_continue(request: web.Request) -> None:
    """Leaves it to the handler to say that the body may come, once it knows that it wants it."""


@routes.put(PATH, expect_handler=_no_continue)
async def upload(request: web.Request) -> web.StreamResponse:
    """Puts the body under a name, at once: until all of it is there, the file is as it was.

    Answers 201 or 200 with what `fs.stat` tells. The same request repeated with one `Idempotency-Key` is
    applied once.
    """
    path = "/" + request.match_info["path"]
    files, scope = request.app[FILES], request[USER].scope
    _check_caller(request)
    key = _idempotency_key(request)
    _check_body(request, path)
    if key is not None and (earlier := await files.answered(scope, path, key)) is not None:
        return _answer(earlier)
    match, none_match = Etags.of(request, "If-Match"), Etags.of(request, "If-None-Match")
    current = await _checked(request, path, match, none_match)
    size = request.content_length
    await files.check_room(scope, path, size or 0)
    await _ask_for_body(request)
    incoming = files.upload(scope)
    try:
        await _receive(request, path, incoming, size)
        entry = await files.put(
            scope,
            path,
            await incoming.finish(),
            create=not match,
            overwrite=not none_match.any,
            if_match=current.etag
            if current is not None and (match or none_match) and not match.any
            else None,
            idempotency_key=key,
        )
    except FileExists:
        raise Conflict(f"{path} was made by somebody else meanwhile") from None
    except FileNotFound:
        if match:
            raise Conflict(f"{path} is gone") from None
        raise
    finally:
        try:
            await incoming.close()
        except StoreError as error:
            _log.warning("parts of an upload stay until they are collected: %s", error)
    return _answer(entry)


async def _checked(request: web.Request, path: str, match: Etags, none_match: Etags) -> Entry | None:
    """The file as it is.

    Raises:
        Conflict: it does not meet the request's conditions.
        NoPermissions: it is read-only, or a symbolic link.
    """
    try:
        current: Entry | None = await request.app[FILES].stat(request[USER].scope, path)
    except FileNotFound:
        current = None
    if not match.match(None if current is None else current.etag, otherwise=True):
        raise Conflict(f"{path} has changed since it was read" if current else f"{path} is gone")
    if none_match.match(None if current is None else current.etag, otherwise=False):
        raise Conflict(f"{path} is there already")
    if current is not None:
        tree.check_changeable(current, parse(path))
    return current


async def _receive(request: web.Request, path: str, incoming: content.Upload, size: int | None) -> None:
    most = request.app[SETTINGS].file_max_bytes
    checked = 0
    try:
        async for piece in request.content.iter_chunked(PIECE):
            await incoming.write(piece)
            if most and incoming.size > most:
                raise _too_large(path, most)
            if size is None and incoming.size - checked >= content.PART:
                # How much is to come was not said, so there is room only for what has come.
                checked = incoming.size
                await request.app[FILES].check_room(request[USER].scope, path, checked)
    except (RequestPayloadError, ClientPayloadError, ConnectionError) as error:
        raise web.HTTPBadRequest(text=f"The body of {path} ended early: send it again.") from error
    if size is not None and incoming.size != size:
        raise web.HTTPBadRequest(text=f"{path}: {incoming.size} bytes came instead of {size}: send it again.")


def _check_caller(request: web.Request) -> None:
    """Whether the caller may write, and is whom they think they are.

    A page says whose it is, as `USER/SESSION`: the cookie may be of somebody who signed in since.
    """
    scope = request[USER].scope
    if request[USER].role == "viewer":
        raise NoPermissions("You are a viewer in this tenant: you may read files, but not write them.")
    if request.headers.get("Theia-Bridge-Caller") not in (None, f"{scope.user}/{scope.session}"):
        raise NoPermissions("somebody else, or for another session, has signed in in this browser")


def _check_body(request: web.Request, path: str) -> None:
    if request.content_length is None and "Transfer-Encoding" not in request.headers:
        raise web.HTTPLengthRequired(text="Send Content-Length (0 for an empty file) or a chunked body.")
    if "Content-Range" in request.headers:
        raise web.HTTPBadRequest(text="Content-Range is not taken: send the whole file.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(text="Send the file as it is, without Content-Encoding.")
    most = request.app[SETTINGS].file_max_bytes
    if most and (request.content_length or 0) > most:
        raise _too_large(path, most)


def _too_large(path: str, most: int) -> FileTooLarge:
    return FileTooLarge(f"{path} is larger than the {most:,} bytes a file may have here")


async def _ask_for_body(request: web.Request) -> None:
    if request.version == HttpVersion11 and request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun


def _idempotency_key(request: web.Request) -> str | None:
    given = request.headers.get("Idempotency-Key")
    if given is None:
        return None
    key = given[1:-1] if len(given) > 1 and given[0] == given[-1] == '"' else given
    if not 0 < len(key) <= KEY_LIMIT:
        raise web.HTTPBadRequest(text=f"Idempotency-Key may have 1 to {KEY_LIMIT} characters.")
    return key


def _answer(entry: Entry) -> web.Response:
    # A new file's times are equal, and a write makes the second one rise.
    return web.Response(
        status=201 if entry.ctime == entry.mtime else 200,
        body=msgspec.json.encode(to_stat(entry)),
        content_type="application/json",
        headers={"ETag": f'"{entry.etag}"', "Cache-Control": "no-store"},
    )
