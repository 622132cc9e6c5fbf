"""Which tokens pass the gate, and why the others do not."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from auth.errors import Reason, RefreshRejected, TokenRejected
from auth.keys import KeyRing
from auth.refresh import RefreshToken
from auth.service import SignIn
from auth.tokens import TOKEN_TYPE, Tokens
from fdb_provider.engine import Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import WorkspaceSession, new_id
from fdb_provider.repositories import accounts, audit, auth_sessions, workspace_sessions
from fdb_provider.scope import Scope
from tests.auth.conftest import AUDIENCE, ISSUER, Identity

Claims = dict[str, Any]
REQUIRED = ["iss", "aud", "sub", "tid", "sid", "fam", "jti", "role", "iat", "nbf", "exp"]


async def sign_up(parts: Identity, email: str = "ada@example.com") -> SignIn:
    return await parts.accounts.register(email, "correct horse", "Ada Lovelace")


async def reason(parts: Identity, token: str | None) -> Reason:
    with pytest.raises(TokenRejected) as caught:
        await parts.gate.authenticate(token)
    if token:
        assert token not in str(caught.value)
    return caught.value.reason


def forge(parts: Identity, claims: Claims, **header: object) -> str:
    """A token signed with the real key."""
    key = parts.ring.signing
    return jwt.encode(
        claims, key.signer, algorithm=key.algorithm, headers={"kid": key.kid, "typ": TOKEN_TYPE, **header}
    )


def decoded(token: str) -> Claims:
    return jwt.decode(token, options={"verify_signature": False})


def raw(header: object, payload: object, signature: bytes = b"") -> str:
    parts = (json.dumps(header).encode(), json.dumps(payload).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


async def test_a_fresh_token_names_its_caller(parts: Identity) -> None:
    done = await sign_up(parts)
    context = await parts.gate.authenticate(done.access_token)
    assert context.scope == Scope(done.tenant, done.user.id, done.session.id)
    assert context.role == "owner"
    assert context.family == RefreshToken.parse(done.refresh_token).family
    assert 0 < context.expires_at - time.time() <= 900
    assert set(decoded(done.access_token)) == set(REQUIRED)


Change = Callable[[Claims], Claims]
NOW = int(time.time())
CHANGES: list[tuple[str, Change, Reason]] = [
    ("expired", lambda c: c | {"exp": NOW - 31}, Reason.EXPIRED),
    ("not yet", lambda c: c | {"nbf": NOW + 600}, Reason.NOT_YET_VALID),
    ("issued later", lambda c: c | {"iat": NOW + 600}, Reason.NOT_YET_VALID),
    ("other audience", lambda c: c | {"aud": "elsewhere"}, Reason.WRONG_AUDIENCE),
    ("several audiences", lambda c: c | {"aud": [AUDIENCE, "x"]}, Reason.WRONG_AUDIENCE),
    ("other issuer", lambda c: c | {"iss": "elsewhere"}, Reason.WRONG_ISSUER),
    ("unknown family", lambda c: c | {"fam": "0" * 20}, Reason.REVOKED),
    ("another's family", lambda c: c | {"sub": "0" * 20}, Reason.REVOKED),
    ("another tenant", lambda c: c | {"tid": "0" * 20}, Reason.REVOKED),
    ("unknown role", lambda c: c | {"role": "god"}, Reason.MALFORMED),
    ("wrong type", lambda c: c | {"sid": 7}, Reason.MALFORMED),
    ("text for a time", lambda c: c | {"exp": "tomorrow"}, Reason.MALFORMED),
    ("endless", lambda c: c | {"exp": float("inf")}, Reason.MALFORMED),
]


def without(claim: str) -> Change:
    return lambda claims: {name: value for name, value in claims.items() if name != claim}


CHANGES += [(f"without {claim}", without(claim), Reason.MALFORMED) for claim in REQUIRED]


@pytest.mark.parametrize(("change", "expected"), [c[1:] for c in CHANGES], ids=[c[0] for c in CHANGES])
async def test_a_well_signed_token_with_wrong_claims_is_rejected(
    parts: Identity, change: Change, expected: Reason
) -> None:
    claims = decoded((await sign_up(parts)).access_token)
    assert (await parts.gate.authenticate(forge(parts, claims))).scope.user == claims["sub"]
    assert await reason(parts, forge(parts, change(claims))) == expected


async def test_clocks_may_differ_by_the_leeway(parts: Identity) -> None:
    claims = decoded((await sign_up(parts)).access_token)
    now = int(time.time())
    await parts.gate.authenticate(forge(parts, claims | {"exp": now - 10}))
    await parts.gate.authenticate(forge(parts, claims | {"nbf": now + 10, "iat": now + 10}))


async def test_a_token_not_signed_by_the_ring_is_rejected(parts: Identity, tmp_path: Path) -> None:
    token = (await sign_up(parts)).access_token
    claims = decoded(token)
    stranger = Ed25519PrivateKey.generate()
    for used in (parts.ring.signing.kid, "000000000000001-00000000"):
        forged = jwt.encode(claims, stranger, algorithm="EdDSA", headers={"kid": used, "typ": TOKEN_TYPE})
        assert await reason(parts, forged) is Reason.BAD_SIGNATURE
    other = Tokens(KeyRing.open(tmp_path / "other", token_seconds=900), issuer=ISSUER, audience=AUDIENCE)
    foreign, _ = await other.issue(Scope("t", "u", "s"), "owner", "f")
    assert await reason(parts, foreign) is Reason.BAD_SIGNATURE
    signed, _, _ = token.rpartition(".")
    _, _, signature = foreign.rpartition(".")
    assert await reason(parts, f"{signed}.{signature}") is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("token", [None, ""])
async def test_no_token_is_missing(parts: Identity, token: str | None) -> None:
    assert await reason(parts, token) is Reason.MISSING


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "a.b.c",
        "..",
        "é.é.é",
        "\ud800.a.b",
        raw({"alg": 1}, {}),
        raw([], {}),
        "A" * 5000,
        "\x00",
        "a.b.c.d.e",
    ],
)
async def test_what_is_no_token_is_malformed(parts: Identity, token: str) -> None:
    with pytest.raises(TokenRejected) as caught:
        await parts.gate.authenticate(token)
    assert caught.value.reason in (Reason.MALFORMED, Reason.BAD_SIGNATURE)


async def test_a_revoked_sign_in_ends_at_once(parts: Identity) -> None:
    done, other = await sign_up(parts), await sign_up(parts, "eve@example.com")
    family = RefreshToken.parse(done.refresh_token)

    async def body(tr: Transaction) -> bool:
        return await auth_sessions.revoke(tr, family.tenant, family.family)

    assert await parts.database.run(body)
    assert await reason(parts, done.access_token) is Reason.REVOKED
    await parts.gate.authenticate(other.access_token)


async def change(parts: Identity, body: Callable[[Transaction], Awaitable[object]]) -> None:
    await parts.database.run(body)


async def test_a_removed_users_tokens_end_at_once(parts: Identity) -> None:
    done = await sign_up(parts)
    await change(parts, lambda tr: accounts.USERS.delete(tr, done.tenant, done.user.id))
    assert await reason(parts, done.access_token) is Reason.REVOKED
    with pytest.raises(RefreshRejected):
        await parts.accounts.refresh(done.refresh_token)


async def test_the_role_is_that_of_the_users_record(parts: Identity) -> None:
    done = await sign_up(parts)
    viewer = msgspec.structs.replace(done.user, role="viewer")
    await change(parts, lambda tr: accounts.USERS.put(tr, done.tenant, viewer))
    assert (await parts.gate.authenticate(done.access_token)).role == "viewer"


async def another_session(parts: Identity, done: SignIn, user: str) -> str:
    made = WorkspaceSession(id=new_id(), user=user, name="Other", created_at=1, used_at=1)
    await change(parts, lambda tr: workspace_sessions.create(tr, done.tenant, made))
    return made.id


async def test_a_token_opened_for_a_session_stands_while_the_session_does(parts: Identity) -> None:
    done = await sign_up(parts)
    caller = await parts.gate.authenticate(done.access_token)
    other = await another_session(parts, done, done.user.id)
    opened = await parts.accounts.open(caller, other)
    inside = await parts.gate.authenticate(opened.access_token)
    assert inside.scope == Scope(done.tenant, done.user.id, other)
    assert (inside.family, inside.role, opened.session.id) == (caller.family, "owner", other)
    (told,) = await parts.database.read(
        lambda tr: audit.AUDIT.by_index(tr, done.tenant, "by_action_time", "session.open")
    )
    assert (told.user, told.session, told.resource) == (done.user.id, done.session.id, f"session/{other}")
    await change(parts, lambda tr: workspace_sessions.SESSIONS.delete(tr, done.tenant, other))
    assert await reason(parts, opened.access_token) is Reason.SESSION_GONE
    await parts.gate.authenticate(done.access_token)


async def test_an_opened_token_ends_with_the_sign_in(parts: Identity) -> None:
    done = await sign_up(parts)
    caller = await parts.gate.authenticate(done.access_token)
    opened = await parts.accounts.open(caller, await another_session(parts, done, done.user.id))
    await parts.accounts.logout(done.refresh_token)
    assert await reason(parts, opened.access_token) is Reason.REVOKED


async def test_nobody_opens_anothers_session(parts: Identity) -> None:
    done, eve = await sign_up(parts), await sign_up(parts, "eve@example.com")
    caller = await parts.gate.authenticate(done.access_token)
    for session in (eve.session.id, await another_session(parts, done, "neighbour"), "", "nonsense"):
        with pytest.raises(RecordNotFound):
            await parts.accounts.open(caller, session)
        # Nor would a token for it that we had signed.
        claims = decoded(done.access_token) | {"sid": session}
        assert await reason(parts, forge(parts, claims)) is Reason.SESSION_GONE


async def test_refreshing_goes_on_in_the_session_asked_for(parts: Identity) -> None:
    done = await sign_up(parts)
    other = await another_session(parts, done, done.user.id)
    with pytest.raises(RecordNotFound):
        await parts.accounts.refresh(done.refresh_token, session="nonsense")
    there = await parts.accounts.refresh(done.refresh_token, session=other)
    assert (await parts.gate.authenticate(there.access_token)).scope.session == other
    home = await parts.accounts.refresh(there.refresh_token)
    assert home.session.id == done.session.id


async def test_who_has_deleted_every_session_is_given_a_new_one(parts: Identity) -> None:
    done = await sign_up(parts)
    await change(parts, lambda tr: workspace_sessions.SESSIONS.delete(tr, done.tenant, done.session.id))
    again = await parts.accounts.refresh(done.refresh_token)
    assert again.session.id != done.session.id
    assert (await parts.gate.authenticate(again.access_token)).scope.session == again.session.id
    await change(parts, lambda tr: workspace_sessions.SESSIONS.delete(tr, done.tenant, again.session.id))
    anew = await parts.accounts.login("ada@example.com", "correct horse")
    await parts.gate.authenticate(anew.access_token)


async def test_tokens_of_before_a_rotation_stay_valid(parts: Identity) -> None:
    done = await sign_up(parts)
    parts.ring.rotate()
    await parts.gate.authenticate(done.access_token)
