"""`/.well-known/jwks.json`: the public keys, for those who check our tokens themselves."""

from __future__ import annotations

import hashlib
from http import HTTPStatus

import msgspec
from aiohttp import web

from auth.keys import Jwk
from theia_bridge.rest.conditions import Etags
from theia_bridge.rest.resource import Call, Resource
from theia_bridge.state import KEYS

MEDIA_TYPE = "application/jwk-set+json"
api = Resource("keys", "The public keys that tokens are checked with", prefix="")


class JwkSet(msgspec.Struct, frozen=True):
    """A JWK Set (RFC 7517, 5)."""

    keys: list[Jwk]


@api.get(
    "/.well-known/jwks.json",
    public=True,
    gives=(MEDIA_TYPE,),
    also={HTTPStatus.NOT_MODIFIED: "They are those of `If-None-Match`."},
    sends={"ETag": "Of these keys.", "Cache-Control": "For how long they may be kept."},
)
async def jwks(call: Call) -> web.StreamResponse:
    """The public keys that tokens may be signed with now or soon, as a JWK Set. HS256 has none.

    A new key is read by this gateway within a part of its settling time, and may be kept for as long a part:
    who honours that has it before it signs.
    """
    ring = call.request.app[KEYS]
    await ring.refresh()
    body = msgspec.json.encode(JwkSet(ring.published()))
    etag = hashlib.sha256(body).hexdigest()[:32]
    headers = {"Cache-Control": f"public, max-age={int(ring.reload_seconds)}", "ETag": f'"{etag}"'}
    if Etags.of(call.request, "If-None-Match").match(etag, otherwise=False, weak=True):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=body, content_type=MEDIA_TYPE, headers=headers)
