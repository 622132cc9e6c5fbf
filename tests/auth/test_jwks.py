"""`/.well-known/jwks.json`: what others check our tokens with."""

from __future__ import annotations

import asyncio

import jwt
from aiohttp import web
from aiohttp.test_utils import TestClient

from auth.keys import KeyRing
from tests.auth.conftest import AUDIENCE, ISSUER, Identity

Site = TestClient[web.Request, web.Application]
PATH = "/.well-known/jwks.json"


async def test_a_stranger_checks_our_tokens_with_it(site: Site, parts: Identity) -> None:
    done = await parts.accounts.register("ada@example.com", "correct horse", "Ada")
    client = jwt.PyJWKClient(str(site.make_url(PATH)), cache_keys=False)
    key = await asyncio.to_thread(client.get_signing_key_from_jwt, done.access_token)
    claims = jwt.decode(done.access_token, key, algorithms=["EdDSA"], audience=AUDIENCE, issuer=ISSUER)
    assert claims["sub"] == done.user.id


async def test_it_may_be_kept_for_less_than_a_new_key_takes_to_settle(site: Site, parts: Identity) -> None:
    response = await site.get(PATH)
    assert response.status == 200
    assert response.content_type == "application/jwk-set+json"
    assert response.headers["Cache-Control"] == "public, max-age=20"
    etag = response.headers["ETag"]
    (key,) = (await response.json())["keys"]
    assert {**key, "x": ""} == {
        **{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig"},
        **{"kid": parts.ring.signing.kid, "x": ""},
    }
    again = await site.get(PATH, headers={"If-None-Match": etag})
    assert (again.status, await again.read()) == (304, b"")
    assert again.headers["Cache-Control"] == "public, max-age=20"
    new = parts.ring.rotate()
    fresh = await site.get(PATH, headers={"If-None-Match": etag})
    assert [key["kid"] for key in (await fresh.json())["keys"]] == [parts.ring.signing.kid, new.kid]


async def test_secrets_are_never_in_it(site: Site, parts: Identity) -> None:
    shared = KeyRing.open(parts.ring.folder, "HS256", token_seconds=900).standing()[-1]
    parts.ring.rotate("HS256")
    assert shared.algorithm == "HS256"
    response = await site.get(PATH)
    body = await response.text()
    assert [key["alg"] for key in (await response.json())["keys"]] == ["EdDSA"]
    for file in parts.ring.folder.glob("*.hs256"):
        assert file.read_text().strip() not in body
    assert "d" not in (await response.json())["keys"][0]
