"""`/api/v5/files/...`: files of any size in and out, and folders out as archives.

`GET` takes `Range`, `If-Range`, `If-Match` and `If-None-Match`; `PUT` takes `If-Match`, `If-None-Match`,
`Idempotency-Key` and `Theia-Bridge-Caller`. Of a file only a few parts are in memory at a time, whatever its
size.
"""

from __future__ import annotations

import logging
from typing import Annotated

import msgspec
from aiohttp import ClientPayloadError, HttpVersion11, web
from aiohttp.web_protocol import RequestPayloadError

from fdb_provider.errors import (
    Conflict,
    ContentDamaged,
    FileExists,
    FileIsADirectory,
    FileNotADirectory,
    FileNotFound,
    FileTooLarge,
    InvalidPath,
    NoPermissions,
    QuotaExceeded,
    RecordNotFound,
    StoreError,
)
from fdb_provider.files import content, tree
from fdb_provider.files.entry import DIRECTORY, Entry
from fdb_provider.files.paths import parse
from theia_bridge.methods.fs import to_stat
from theia_bridge.methods.protocol import Stat
from theia_bridge.middleware.authentication import SESSION_LIMIT, USER
from theia_bridge.problems import problem
from theia_bridge.rest import archives
from theia_bridge.rest.conditions import Etags, Range, parse_range
from theia_bridge.rest.resource import Call, Resource
from theia_bridge.rest.streaming import attachment, stream
from theia_bridge.state import FILES, SETTINGS

PATH = "/files/{path:(?s:.+)}"
"""With `s`, as a name may have a line break in it."""
PIECE = 256 * 1024
"""Bytes of a request that are taken at a time."""
KEY_LIMIT = 128
"""Characters of an idempotency key, as over RPC."""

api = Resource("files", "Files of any size, in and out; folders out as archives")
_log = logging.getLogger(__name__)


IdempotencyKey = Annotated[str, msgspec.Meta(extra_json_schema={"minLength": 1, "maxLength": KEY_LIMIT})]


class FilePath(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a file is.

    Args:
        path: below `/`: `workspace/...` or `home/...`, its slashes as they are or as `%2F`.
    """

    path: Annotated[
        str, msgspec.Meta(extra_json_schema={"format": "file-path", "examples": ["workspace/README.md"]})
    ]


Session = Annotated[str, msgspec.Meta(min_length=1, max_length=SESSION_LIMIT)]
"""The gate has looked at it: `Call.scope` is of it."""


class SessionQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    session: the caller's session whose `workspace` is meant; the one of the token without it.
    """

    session: Session | None = None


class DownloadQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of a folder is wanted.

    Args:
        session: the caller's session whose `workspace` is meant; the one of the token without it.
        archive: as what kind of archive a folder is sent.
        name: those of its entries that go in; all without.
    """

    session: Session | None = None
    archive: archives.Format | None = None
    name: list[str] = []


class DownloadHeaders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    range: the part that is wanted, as `bytes=FIRST-LAST`; one of several parts, or malformed, is passed over.
    if_range: the etag of the version the part is of; of another one, all is sent.
    """

    range: str | None = msgspec.field(name="Range", default=None)
    if_range: str | None = msgspec.field(name="If-Range", default=None)


class UploadHeaders(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    if_none_match: `*` refuses to replace a file.
    idempotency_key: the same request repeated with one key is applied once.
    caller: whose page this is, as `USER/SESSION`: refused if somebody else has signed in in this browser.
    """

    if_none_match: Annotated[str, msgspec.Meta(extra_json_schema={"format": "etag"})] | None = msgspec.field(
        name="If-None-Match", default=None
    )
    idempotency_key: IdempotencyKey | None = msgspec.field(name="Idempotency-Key", default=None)
    caller: str | None = msgspec.field(name="Theia-Bridge-Caller", default=None)


@api.get(
    PATH,
    gives=("application/octet-stream", *(content_type for content_type, _ in archives.FORMATS.values())),
    also={206: "The part that `Range` asks for"},
    sends={
        "Accept-Ranges": "`bytes`; of a file.",
        "Content-Disposition": "`attachment`, with the name.",
        "Content-Range": "The part that is sent; of status 206.",
    },
    tagged=True,
    errors=(
        FileNotFound,
        RecordNotFound,
        FileIsADirectory,
        FileNotADirectory,
        InvalidPath,
        NoPermissions,
        ContentDamaged,
        web.HTTPRequestRangeNotSatisfiable,
    ),
)
async def download(
    call: Call, path: FilePath, query: DownloadQuery, headers: DownloadHeaders
) -> web.StreamResponse:
    """A file; with `archive` a folder, or some of its entries, as an archive.

    It is sent as it is read: if it cannot be read to its end, the connection is cut. Archives have no etag.
    """
    request, at = call.request, f"/{path.path}"
    if query.archive is not None:
        return await archives.respond(request, at, query.archive, query.name)
    files, scope = call.files, call.scope
    entry = await files.stat(scope, at)
    if entry.kind == DIRECTORY:
        raise FileIsADirectory(f"{at} is a folder: add ?archive=zip")
    tree.check_no_link(entry, parse(at))
    etag = f'"{entry.etag}"'
    if not Etags.of(request, "If-Match").match(entry.etag, otherwise=True):
        raise Conflict(f"{at} has changed")
    if Etags.of(request, "If-None-Match").match(entry.etag, otherwise=False, weak=True):
        return web.Response(status=304, headers={"ETag": etag, "Cache-Control": "private, no-cache"})
    # Of no type a page could use: a user's script must not pass for one of the server's own.
    response = attachment(parse(at).name, "application/octet-stream")
    response.headers["ETag"] = etag
    response.headers["Accept-Ranges"] = "bytes"
    wanted = Range(0, entry.size)
    if request.method == "GET" and headers.if_range in (None, etag):
        ranged = parse_range(headers.range, entry.size)
        if ranged is not None and ranged.start >= ranged.end:
            return problem(
                416,
                "RangeNotSatisfiable",
                "Range Not Satisfiable",
                f"{at} has {entry.size} bytes: ask for some of those.",
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


@api.put(
    PATH,
    takes="application/octet-stream",
    gives=("application/json",),
    also={201: "The file is new"},
    tagged=True,
    expect=_no_continue,
    errors=(
        FileNotFound,
        RecordNotFound,
        FileExists,
        FileIsADirectory,
        FileNotADirectory,
        InvalidPath,
        FileTooLarge,
        NoPermissions,
        Conflict,
        QuotaExceeded,
        web.HTTPLengthRequired,
    ),
)
async def upload(
    call: Call, path: FilePath, query: SessionQuery, headers: UploadHeaders
) -> Stat | web.Response:
    """Puts the body under a name, at once: until all of it is there, the file is as it was."""
    request, at = call.request, f"/{path.path}"
    files, scope = call.files, call.scope
    _check_caller(call, headers.caller)
    key = idempotency_key(headers.idempotency_key)
    _check_body(request, at)
    if key is not None and (earlier := await files.answered(scope, at, key)) is not None:
        return _answer(earlier)
    match, none_match = Etags.of(request, "If-Match"), Etags.of(request, "If-None-Match")
    current = await _checked(request, at, match, none_match)
    size = request.content_length
    await files.check_room(scope, at, size or 0)
    await _ask_for_body(request)
    incoming = files.upload(scope)
    try:
        await _receive(request, at, incoming, size)
        entry = await files.put(
            scope,
            at,
            await incoming.finish(),
            create=not match,
            overwrite=not none_match.any,
            if_match=current.etag
            if current is not None and (match or none_match) and not match.any
            else None,
            idempotency_key=key,
        )
    except FileExists:
        raise Conflict(f"{at} was made by somebody else meanwhile") from None
    except FileNotFound:
        if match:
            raise Conflict(f"{at} is gone") from None
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


def _check_caller(call: Call, caller: str | None) -> None:
    """A page says whose it is, as `USER/SESSION`: the cookie may be of somebody who signed in since."""
    if caller not in (None, f"{call.scope.user}/{call.scope.session}"):
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


def idempotency_key(given: str | None) -> str | None:
    """The key of the header `Idempotency-Key`, which may be in quotes. Raises `HTTPBadRequest`."""
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
