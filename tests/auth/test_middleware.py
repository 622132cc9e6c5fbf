"""The gate as HTTP sees it: where a token may come from, which pages may send it, where it never goes."""

from __future__ import annotations

import logging
from typing import Any

import jwt
import pytest
from aiohttp import ClientResponse, WSServerHandshakeError, web
from aiohttp.test_utils import TestClient
from yarl import URL

from auth.service import SignIn
from tests.auth.conftest import Identity

Site = TestClient[web.Request, web.Application]
COOKIE = "theia_bridge_access"
NAVIGATION = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate"}


@pytest.fixture
async def ada(parts: Identity) -> SignIn:
    return await parts.accounts.register("ada@example.com", "correct horse", "Ada")


def bearer(done: SignIn) -> dict[str, str]:
    return {"Authorization": f"Bearer {done.access_token}"}


def cookie(done: SignIn) -> dict[str, str]:
    return {COOKIE: done.access_token}


def cookie_header(done: SignIn) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={done.access_token}"}


async def unauthorized(response: ClientResponse, reason: str) -> None:
    assert response.status == 401
    assert response.content_type == "application/problem+json"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.headers["Referrer-Policy"] == "no-referrer"
    content: dict[str, Any] = await response.json()
    assert (content["kind"], content["reason"], content["status"]) == ("Unauthorized", reason, 401)


async def refused_upgrade(site: Site, path: str = "/ws/rpc", **options: Any) -> int:
    with pytest.raises(WSServerHandshakeError) as caught:
        await site.ws_connect(path, **options)
    return caught.value.status


# --- where a token may come from ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/api/v5/me", "/theia/", "/theia/main.js", "/console/", "/ws/rpc", "/nothing", "/api/v5/x"]
)
async def test_without_a_token_everything_is_closed_even_what_is_not_there(site: Site, path: str) -> None:
    await unauthorized(await site.get(path), "missing")
    await unauthorized(await site.post(path), "missing")


async def test_header_and_cookie_open_everything(site: Site, ada: SignIn) -> None:
    for path in ("/api/v5/me", "/theia/", "/theia/main.js"):
        for headers in (bearer(ada), cookie_header(ada)):
            response = await site.get(path, headers=headers)
            assert response.status == 200
            assert (await response.json())["user"] == ada.user.id
            assert response.headers["Referrer-Policy"] == "no-referrer"
    assert (await site.get("/nothing", headers=bearer(ada))).status == 404


async def test_a_socket_opens_with_a_token_in_the_query_a_header_or_a_cookie(site: Site, ada: SignIn) -> None:
    for path, headers in (
        (f"/ws/rpc?token={ada.access_token}", {}),
        ("/ws/rpc", bearer(ada)),
        ("/ws/rpc", cookie_header(ada)),
    ):
        async with site.ws_connect(path, headers=headers) as socket:
            assert await socket.receive_str() == ada.user.id


@pytest.mark.parametrize("query", ["", "?token=", "?token=nonsense", "?token=a.b.c"])
async def test_a_socket_without_a_valid_token_is_refused_before_it_opens(site: Site, query: str) -> None:
    assert await refused_upgrade(site, f"/ws/rpc{query}") == 401


async def test_a_token_in_the_query_counts_for_sockets_and_pages_only(site: Site, ada: SignIn) -> None:
    await unauthorized(await site.get(f"/api/v5/me?token={ada.access_token}"), "missing")
    await unauthorized(await site.post(f"/theia/?token={ada.access_token}"), "missing")
    for path in ("/theia/main.js", "/console/"):
        assert (await site.get(f"{path}?token={ada.access_token}")).status == 200


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "bearer x y", "nonsense", ""])
async def test_an_authorization_header_of_another_kind_is_malformed(
    site: Site, ada: SignIn, header: str
) -> None:
    # The cookie would do, but who sends a header means it.
    response = await site.get("/api/v5/me", headers={"Authorization": header}, cookies=cookie(ada))
    await unauthorized(response, "malformed")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"exp": 1}, "expired"),
        ({"nbf": 9_999_999_999}, "not-yet-valid"),
        ({"aud": "x"}, "wrong-audience"),
        ({"iss": "x"}, "wrong-issuer"),
        ({"fam": "x"}, "revoked"),
    ],
)
async def test_the_answer_says_why_a_token_is_rejected(
    site: Site, parts: Identity, ada: SignIn, change: dict[str, object], reason: str
) -> None:
    key = parts.ring.signing
    claims = jwt.decode(ada.access_token, options={"verify_signature": False}) | change
    headers = {"kid": key.kid, "typ": "at+jwt"}
    token = jwt.encode(claims, key.signer, algorithm=key.algorithm, headers=headers)
    response = await site.get("/api/v5/me", headers={"Authorization": f"Bearer {token}"})
    await unauthorized(response, reason)
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert token not in await response.text()
    assert await refused_upgrade(site, f"/ws/rpc?token={token}") == 401


async def test_a_store_that_does_not_answer_lets_nobody_in(site: Site, parts: Identity, ada: SignIn) -> None:
    await parts.database.close()
    response = await site.get("/api/v5/me", headers=bearer(ada))
    assert response.status == 503
    assert (await response.json())["kind"] == "Unavailable"


# --- a person's browser -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/theia/", "/login?next=%2Ftheia%2F"),
        ("/theia/?folder=a%26b", "/login?next=%2Ftheia%2F%3Ffolder%3Da%2526b"),
        ("/theia/?token=nonsense&x=1", "/login?next=%2Ftheia%2F%3Fx%3D1"),
    ],
)
@pytest.mark.parametrize("headers", [NAVIGATION, {"Accept": "text/html"}])
async def test_a_navigation_without_a_token_goes_to_the_login_page(
    site: Site, path: str, location: str, headers: dict[str, str]
) -> None:
    response = await site.get(URL(path, encoded=True), headers=headers, allow_redirects=False)
    assert response.status == 302
    assert response.headers["Location"] == location


@pytest.mark.parametrize("path", ["/api/v5/me", "/ws/rpc"])
async def test_a_navigation_to_the_api_is_answered_401(site: Site, path: str) -> None:
    await unauthorized(await site.get(path, headers=NAVIGATION), "missing")


async def test_a_script_that_fetches_is_answered_401(site: Site) -> None:
    headers = {"Accept": "text/html", "Sec-Fetch-Mode": "cors"}
    await unauthorized(await site.get("/theia/", headers=headers), "missing")


@pytest.mark.parametrize("headers", [NAVIGATION, {"Accept": "text/html"}])
async def test_a_token_does_not_stay_in_the_address_bar(
    site: Site, ada: SignIn, headers: dict[str, str]
) -> None:
    path = f"/theia/?token={ada.access_token}&x=1"
    response = await site.get(path, headers=headers, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, "/theia/?x=1")
    assert response.cookies[COOKIE].value == ada.access_token


async def test_a_token_in_the_ides_address_becomes_a_cookie(site: Site, ada: SignIn) -> None:
    response = await site.get(f"/theia/?token={ada.access_token}")
    assert response.status == 200
    given = response.cookies[COOKIE]
    assert (given.value, given["httponly"], given["samesite"]) == (ada.access_token, True, "Lax")
    assert 0 < int(given["max-age"]) <= 900

    response = await site.get("/theia/?token=nonsense")
    assert response.status == 401
    assert COOKIE not in response.cookies


@pytest.mark.parametrize("path", ["/theia/", "/theia/main.js"])
@pytest.mark.parametrize("site_header", [{"Sec-Fetch-Site": "cross-site"}, {}])
async def test_a_link_of_another_site_does_not_change_who_is_signed_in(
    site: Site, parts: Identity, ada: SignIn, path: str, site_header: dict[str, str]
) -> None:
    eve = await parts.accounts.register("eve@example.com", "correct horse", "Eve")
    url = f"{path}?token={eve.access_token}&x=1"
    headers = cookie_header(ada) | site_header
    response = await site.get(url, headers=headers | NAVIGATION, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (302, f"{path}?x=1")
    assert COOKIE not in response.cookies
    response = await site.get(url, headers=headers)
    assert (await response.json())["user"] == ada.user.id
    assert COOKIE not in response.cookies


async def test_who_is_signed_in_changes_by_an_own_link_or_when_nobody_is(
    site: Site, parts: Identity, ada: SignIn
) -> None:
    eve = await parts.accounts.register("eve@example.com", "correct horse", "Eve")
    again = await parts.accounts.login("eve@example.com", "correct horse")
    cross = {"Sec-Fetch-Site": "cross-site"}
    for headers in (
        cookie_header(ada) | {"Sec-Fetch-Site": "none"},
        cookie_header(ada) | {"Sec-Fetch-Site": "same-origin"},
        cookie_header(again) | cross,
        {"Cookie": f"{COOKIE}=nonsense"} | cross,
        cross,
    ):
        url = f"/theia/?token={eve.access_token}"
        response = await site.get(url, headers=headers | NAVIGATION, allow_redirects=False)
        assert response.status == 302
        assert response.cookies[COOKIE].value == eve.access_token


# --- pages of other sites -----------------------------------------------------------------------------

FOREIGN = [
    "https://evil.example",
    "null",
    "http://127.0.0.1:1",
    "http://127.0.0.1.evil.example",
    "http://[",
    "",
]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_socket_from_a_foreign_page_is_refused(site: Site, ada: SignIn, origin: str) -> None:
    for headers in ({"Origin": origin}, {"Origin": origin} | bearer(ada)):
        assert await refused_upgrade(site, f"/ws/rpc?token={ada.access_token}", headers=headers) == 403


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_foreign_page_changes_nothing_with_the_visitors_cookie(
    site: Site, ada: SignIn, origin: str
) -> None:
    headers = {"Origin": origin}
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        response = await site.request(method, "/api/v5/me", headers=headers, cookies=cookie(ada))
        assert response.status == 403
        assert (await response.json())["kind"] == "OriginRejected"
    for operation in ("login", "register", "refresh", "logout"):
        response = await site.post(f"/api/v5/auth/{operation}", json={}, headers=headers)
        assert response.status == 403


async def test_the_servers_own_pages_and_allowed_ones_may(site: Site, ada: SignIn) -> None:
    own = f"http://{site.host}:{site.port}"
    for origin in (own, "https://friend.example", "HTTPS://FRIEND.EXAMPLE"):
        headers = {"Origin": origin}
        assert (await site.post("/api/v5/me", headers=headers, cookies=cookie(ada))).status == 200
        async with site.ws_connect(f"/ws/rpc?token={ada.access_token}", headers=headers) as socket:
            assert await socket.receive_str() == ada.user.id


async def test_a_bearer_token_counts_from_anywhere(site: Site, ada: SignIn) -> None:
    headers = {"Origin": "https://evil.example"} | bearer(ada)
    assert (await site.post("/api/v5/me", headers=headers)).status == 200


@pytest.mark.parametrize("header", ["Basic YTpi", "Digest x", "", "Bearerx y"])
async def test_no_other_authorization_counts_from_a_foreign_page(
    site: Site, ada: SignIn, header: str
) -> None:
    headers = {"Origin": "https://evil.example", "Authorization": header}
    for path in ("/api/v5/me", "/api/v5/auth/refresh", "/api/v5/auth/logout"):
        assert (await site.post(path, headers=headers, cookies=cookie(ada))).status == 403


async def test_behind_https_on_the_usual_port_the_own_origin_is_known(site: Site, ada: SignIn) -> None:
    headers = {"Host": "ide.example", "Origin": "https://ide.example"}
    assert (await site.post("/api/v5/me", headers=headers, cookies=cookie(ada))).status == 200
    headers["Origin"] = "https://ide.example:8443"
    assert (await site.post("/api/v5/me", headers=headers, cookies=cookie(ada))).status == 403


# --- where a token never goes -------------------------------------------------------------------------


async def test_tokens_never_reach_a_log(site: Site, ada: SignIn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await site.get(f"/theia/?token={ada.access_token}", headers={"Referer": f"/x?token={ada.access_token}"})
    await site.get("/api/v5/me", headers=bearer(ada))
    await site.get("/%0d%0aforged?x=secretquery")
    async with site.ws_connect(f"/ws/rpc?token={ada.access_token}") as socket:
        await socket.receive_str()
    await site.post("/api/v5/auth/refresh", json={"refresh_token": ada.refresh_token})
    await refused_upgrade(site, f"/ws/rpc?token={ada.access_token[:-3]}")
    lines = [record.getMessage() for record in caplog.records if record.name.startswith(("aiohttp", "auth"))]
    assert any("GET /theia/ 200" in line for line in lines)
    assert any("GET /%0D%0Aforged 401" in line for line in lines)
    for line in lines:
        assert "\n" not in line
        assert "secretquery" not in line
        assert ada.access_token[:40] not in line
        assert ada.refresh_token.rpartition(".")[2] not in line


async def test_a_fault_of_ours_is_told_without_its_details(
    site: Site, ada: SignIn, caplog: pytest.LogCaptureFixture
) -> None:
    response = await site.put("/api/v5/broken", headers=bearer(ada))
    assert response.status == 500
    content = await response.json()
    assert content["kind"] == "InternalError"
    assert "private" not in content["detail"]
    assert "private detail" in caplog.text


# --- in a frame of another page -------------------------------------------------------------------------

FRAME = {**NAVIGATION, "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "cross-site"}
FRAME_COOKIE = "theia_bridge_frame"


def set_cookies(response: ClientResponse) -> dict[str, str]:
    """The attributes of each cookie of an answer."""
    given = response.headers.getall("Set-Cookie", [])
    return {one.partition("=")[0]: one.partition(";")[2].strip() for one in given}


async def test_a_frame_gets_a_cookie_of_its_own_and_the_visitors_stays(
    site: Site, parts: Identity, ada: SignIn
) -> None:
    bob = await parts.accounts.register("bob@example.com", "correct horse", "Bob")
    response = await site.get(
        f"/theia/?token={bob.access_token}", headers={**FRAME, **cookie_header(ada)}, allow_redirects=False
    )
    assert (response.status, response.headers["Location"]) == (302, "/theia/")
    attributes = set_cookies(response)
    assert list(attributes) == [FRAME_COOKIE]
    for part in ("Path=/theia;", "HttpOnly", "SameSite=None", "Secure", "Partitioned"):
        assert part in attributes[FRAME_COOKIE]
    # Elsewhere than on this machine, http has to do without.
    headers = {**FRAME, "Host": "ide.example.com"}
    response = await site.get(f"/theia/?token={bob.access_token}", headers=headers, allow_redirects=False)
    assert "SameSite=Lax" in set_cookies(response)[FRAME_COOKIE]
    assert "Secure" not in set_cookies(response)[FRAME_COOKIE]


async def test_a_frames_cookie_opens_the_ides_files_in_frames_and_nothing_else(
    site: Site, ada: SignIn
) -> None:
    framed = {"Cookie": f"{FRAME_COOKIE}={ada.access_token}"}
    for headers in (FRAME, {"Sec-Fetch-Dest": "script"}, {"Sec-Fetch-Dest": "empty"}):
        assert (await site.get("/theia/main.js", headers={**framed, **headers})).status == 200
    await unauthorized(await site.get("/api/v5/me", headers=framed), "missing")
    assert await refused_upgrade(site, headers=framed) == 401
    window = {**NAVIGATION, "Sec-Fetch-Dest": "document", **framed}
    response = await site.get("/theia/", headers=window, allow_redirects=False)
    assert response.headers["Location"].startswith("/login")


async def test_a_frame_without_a_token_that_stands_says_so_instead_of_the_login_page(site: Site) -> None:
    for path, headers in (
        ("/theia/", FRAME),
        ("/theia/?token=x.y.z", FRAME),
        ("/theia/", {**FRAME, "Cookie": f"{FRAME_COOKIE}=x.y.z"}),
    ):
        response = await site.get(path, headers=headers, allow_redirects=False)
        assert response.status == 401
        assert "not signed in" in await response.text()
        assert not set_cookies(response)
