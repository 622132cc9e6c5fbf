"""RFC 8725, JSON Web Token Best Current Practices: one or more tests for each of its rules.

docs/security.md has the table of the rules. Most forgeries here are signed with the server's own key, so that
nothing but the rule under test can refuse them.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from auth.errors import Reason, RefreshRejected, TokenRejected
from auth.keys import Algorithm, Key, KeyRing
from auth.tokens import TOKEN_LIMIT, TOKEN_TYPE, Tokens
from fdb_provider.models import new_id
from fdb_provider.scope import Scope
from tests.auth.conftest import AUDIENCE, ISSUER, Identity
from theia_bridge import config

Claims = dict[str, Any]
ORDER = 2**252 + 27742317777372353535851937790883648493
"""Of the group of Ed25519 (RFC 8032, 5.1)."""


def unpadded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def written(value: object) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()


class Forger:
    """Writes any header and payload, and signs them with a real key of the ring."""

    def __init__(self, folder: Path, algorithm: Algorithm) -> None:
        self.ring = KeyRing.open(folder, algorithm, token_seconds=900)
        self.tokens = Tokens(self.ring, issuer=ISSUER, audience=AUDIENCE)
        self.key = self.ring.signing
        now = int(time.time())
        self.claims: Claims = {
            **{"iss": ISSUER, "aud": AUDIENCE, "sub": new_id(), "tid": new_id(), "sid": new_id()},
            **{"fam": new_id(), "jti": new_id(), "role": "owner", "iat": now, "nbf": now, "exp": now + 900},
        }

    @property
    def header(self) -> dict[str, Any]:
        return {"alg": self.key.algorithm, "kid": self.key.kid, "typ": TOKEN_TYPE}

    def forge(self, header: object, payload: object, key: Key | None = None) -> str:
        """JSON, or bytes as they are."""
        signed = f"{unpadded(written(header))}.{unpadded(written(payload))}"
        return f"{signed}.{unpadded(sign(key or self.key, signed.encode()))}"

    async def accepts(self, token: str) -> bool:
        try:
            await self.tokens.verify(token)
        except TokenRejected:
            return False
        return True

    async def refuses_header(self, **changes: object) -> bool:
        """Whether a header changed like this is refused, and the one it was made of is not."""
        assert await self.accepts(self.forge(self.header, self.claims))
        changed = {name: value for name, value in (self.header | changes).items() if value is not ...}
        return not await self.accepts(self.forge(changed, self.claims))


def sign(key: Key, message: bytes) -> bytes:
    if isinstance(key.signer, Ed25519PrivateKey):
        return key.signer.sign(message)
    return hmac.digest(key.signer, message, hashlib.sha256)


@pytest.fixture(params=["EdDSA", "HS256"])
def forger(request: pytest.FixtureRequest, tmp_path: Path) -> Forger:
    return Forger(tmp_path / "keys", request.param)


@pytest.fixture
def eddsa(tmp_path: Path) -> Forger:
    return Forger(tmp_path / "keys", "EdDSA")


# --- 3.1 perform algorithm verification ---------------------------------------------------------------


@pytest.mark.parametrize(
    "alg",
    [
        *sorted(jwt.PyJWS().get_algorithms()),
        *("none", "None", "NONE", "nOnE", "", "hs256", "HS256 ", "eddsa", "Ed25519", "dir"),
        *(None, 1, True, ["EdDSA"], {"HS256": 1}, ...),
    ],
    ids=repr,
)
async def test_no_other_algorithm_is_accepted(forger: Forger, alg: object) -> None:
    if alg != forger.key.algorithm:
        assert await forger.refuses_header(alg=alg)


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
async def test_an_unsigned_token_is_refused(forger: Forger, alg: str) -> None:
    head, body = unpadded(written(forger.header | {"alg": alg})), unpadded(written(forger.claims))
    for token in (f"{head}.{body}.", f"{head}.{body}", f"{head}.{body}.{unpadded(b' ')}"):
        assert not await forger.accepts(token)


async def test_the_public_key_is_no_secret(eddsa: Forger) -> None:
    public = eddsa.key.verifier
    assert isinstance(public, Ed25519PublicKey)
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (jwk,) = eddsa.ring.published()
    secrets = [
        *(raw, raw.hex().encode(), jwk.x.encode(), written({"kty": jwk.kty, "crv": jwk.crv, "x": jwk.x})),
        *(pem, pem.strip(), public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), b""),
    ]
    for secret in secrets:
        key = Key(eddsa.key.kid, "HS256", secret, secret)
        for alg in ("HS256", "EdDSA"):
            assert not await eddsa.accepts(eddsa.forge(eddsa.header | {"alg": alg}, eddsa.claims, key))


async def test_a_key_is_for_one_algorithm(tmp_path: Path) -> None:
    first = Forger(tmp_path / "keys", "EdDSA")
    both = Forger(tmp_path / "keys", "HS256")
    eddsa, hs256 = both.ring.standing()
    assert (eddsa, hs256.algorithm) == (first.key, "HS256")
    for named in (eddsa, hs256):
        for signer in (eddsa, hs256):
            for alg in ("EdDSA", "HS256"):
                header = {"alg": alg, "kid": named.kid, "typ": TOKEN_TYPE}
                fits = named is signer and alg == named.algorithm
                assert await both.accepts(both.forge(header, both.claims, signer)) is fits


# --- 3.2 use appropriate algorithms -------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["none", "RS256", "HS512", "ES256", "HS256 "])
def test_no_other_algorithm_can_be_set(algorithm: str) -> None:
    with pytest.raises(config.ConfigError, match="token_algorithm"):
        config.load(token_algorithm=algorithm)


# --- 3.3 validate all cryptographic operations --------------------------------------------------------


async def test_an_empty_short_or_foreign_signature_is_refused(forger: Forger) -> None:
    token, _ = await forger.tokens.issue(Scope("t", "u", "s"), "owner", "f")
    other, _ = await forger.tokens.issue(Scope("t", "u", "s"), "owner", "f")
    signed, _, signature = token.rpartition(".")
    assert await forger.accepts(token)
    for forged in ("", "A", signature[:-2], signature * 2, "A" * len(signature), other.rpartition(".")[2]):
        assert not await forger.accepts(f"{signed}.{forged}")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_a_changed_token_never_passes(forger: Forger, data: st.DataObject) -> None:
    token = forger.forge(forger.header, forger.claims)
    at = data.draw(st.integers(0, len(token)))
    new = data.draw(st.text(max_size=3) | st.text("AQgw048_-.=", max_size=3))
    changed = token[:at] + new + token[at + data.draw(st.integers(0, 3)) :]
    assume(changed != token)
    assert await forger.accepts(token)
    assert not await forger.accepts(changed)


async def test_a_token_within_a_token_is_refused(forger: Forger) -> None:
    inner = forger.forge(forger.header, forger.claims)
    for cty in ("JWT", "jwt", ...):
        header = {name: value for name, value in (forger.header | {"cty": cty}).items() if value is not ...}
        for payload in (inner.encode(), json.dumps(inner).encode(), written([forger.claims])):
            assert not await forger.accepts(forger.forge(header, payload))


async def test_an_encrypted_token_is_refused_unread(forger: Forger) -> None:
    bomb = zlib.compress(bytes(1 << 20), 9)[2:-4]
    header = forger.header | {"alg": "dir", "enc": "A256GCM", "zip": "DEF"}
    parts = (written(header), b"", b"0" * 12, bomb, b"0" * 16)
    assert not await forger.accepts(".".join(map(unpadded, parts)))
    assert not await forger.accepts(".".join(map(unpadded, parts[:3])))


# --- 3.4 validate cryptographic inputs ----------------------------------------------------------------


async def test_the_other_form_of_a_signature_is_refused(eddsa: Forger) -> None:
    # S and S + ORDER fulfil the same equation; only the first is a signature (RFC 8032, 5.1.7).
    token = eddsa.forge(eddsa.header, eddsa.claims)
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    scalar = int.from_bytes(raw[32:], "little") + ORDER
    assert await eddsa.accepts(token)
    assert not await eddsa.accepts(f"{signed}.{unpadded(raw[:32] + scalar.to_bytes(32, 'little'))}")


# 3.5, keys of sufficient entropy: test_keys.py has its tests.

# --- 3.6 avoid compression ----------------------------------------------------------------------------


async def test_a_compressed_payload_is_refused(forger: Forger) -> None:
    for zip in ("DEF", "GZ", "none"):
        assert await forger.refuses_header(zip=zip)
    packed = zlib.compress(written(forger.claims))[2:-4]
    assert not await forger.accepts(forger.forge(forger.header, packed))


async def test_a_token_too_long_is_refused_unread(forger: Forger) -> None:
    room = TOKEN_LIMIT - len(forger.forge(forger.header, forger.claims)) - 50
    fits = forger.forge(forger.header, forger.claims | {"more": "x" * (room * 3 // 4)})
    assert len(fits) <= TOKEN_LIMIT
    assert await forger.accepts(fits)
    for more in (TOKEN_LIMIT, 10 * TOKEN_LIMIT):
        long = forger.forge(forger.header, forger.claims | {"more": "x" * more})
        with pytest.raises(TokenRejected) as caught:
            await forger.tokens.verify(long)
        assert caught.value.reason is Reason.MALFORMED


# --- 3.7 use UTF-8 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1"])
async def test_nothing_but_utf8_is_read(forger: Forger, encoding: str) -> None:
    claims = json.dumps(forger.claims | {"name": "Ünal"}, ensure_ascii=False)
    assert await forger.accepts(forger.forge(forger.header, claims.encode()))
    assert not await forger.accepts(forger.forge(forger.header, claims.encode(encoding)))
    assert not await forger.accepts(forger.forge(json.dumps(forger.header).encode(encoding), forger.claims))


# --- 3.8 validate issuer and subject ------------------------------------------------------------------


@pytest.mark.parametrize("issuer", ["other", ISSUER + "/", ISSUER.upper(), "", [ISSUER], None, ...], ids=repr)
async def test_another_issuer_is_refused(forger: Forger, issuer: object) -> None:
    assert await forger.accepts(forger.forge(forger.header, forger.claims))
    claims = {name: value for name, value in (forger.claims | {"iss": issuer}).items() if value is not ...}
    assert not await forger.accepts(forger.forge(forger.header, claims))


async def test_a_subject_must_be_the_one_of_the_sign_in(parts: Identity) -> None:
    ada = await parts.accounts.register("ada@example.com", "correct horse", "Ada")
    eve = await parts.accounts.register("eve@example.com", "correct horse", "Eve")
    claims = jwt.decode(ada.access_token, options={"verify_signature": False})
    other = jwt.decode(eve.access_token, options={"verify_signature": False})
    key = parts.ring.signing
    for names in (["sub"], ["tid"], ["fam"], ["sub", "tid"], ["sub", "sid"], ["sid"], ["fam", "sid"]):
        mixed = claims | {name: other[name] for name in names}
        headers = {"kid": key.kid, "typ": TOKEN_TYPE}
        token = jwt.encode(mixed, key.signer, algorithm=key.algorithm, headers=headers)
        with pytest.raises(TokenRejected) as caught:
            await parts.gate.authenticate(token)
        assert caught.value.reason in (Reason.REVOKED, Reason.SESSION_GONE), names


# --- 3.9 use and validate audience --------------------------------------------------------------------


@pytest.mark.parametrize(
    "audience", ["other", AUDIENCE + "2", "", [AUDIENCE], [AUDIENCE, "other"], [], None, ...], ids=repr
)
async def test_another_audience_is_refused(forger: Forger, audience: object) -> None:
    assert await forger.accepts(forger.forge(forger.header, forger.claims))
    claims = {name: value for name, value in (forger.claims | {"aud": audience}).items() if value is not ...}
    assert not await forger.accepts(forger.forge(forger.header, claims))


# --- 3.10 do not trust received claims ----------------------------------------------------------------


@pytest.mark.parametrize(
    "kid",
    [
        *(
            "../keys/key",
            "/dev/null",
            "..\\..\\key",
            "key\x00",
            "' OR '1'='1",
            "a; rm -rf /",
            "${kid}",
            "%00",
        ),
        *("", "x" * 2000, 0, None, True, ["kid"], {"kid": 1}, ...),
    ],
    ids=lambda kid: repr(kid)[:20],
)
async def test_a_key_id_finds_nothing_but_keys(forger: Forger, kid: object) -> None:
    assert await forger.refuses_header(kid=kid)


async def test_a_key_id_with_something_about_it_is_no_key_id(forger: Forger) -> None:
    kid = forger.key.kid
    for wrapped in (
        f"./{kid}",
        f"{kid}.pem",
        f"{kid} ",
        f" {kid}",
        f"{kid}\x00",
        kid.upper() + "A",
        kid[:-1],
    ):
        assert await forger.refuses_header(kid=wrapped)


async def test_no_key_is_taken_from_a_token_or_fetched_for_one(forger: Forger) -> None:
    visits: list[str] = []

    async def visited(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append("someone")
        writer.close()

    async with await asyncio.start_server(visited, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks.json"
        own = Ed25519PrivateKey.generate()
        x = unpadded(own.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": forger.key.kid}
        brought: list[dict[str, object]] = [
            {"jwk": jwk},
            {"jku": url},
            {"x5u": url},
            {"x5c": ["MIIB"]},
            {"x5t": "AA"},
            {"x5t#S256": "AA"},
            {"jwk": jwk, "jku": url},
            {"iss": url},
            {"epk": jwk},
        ]
        for header in brought:
            assert await forger.refuses_header(**header)
            foreign = Key(forger.key.kid, "EdDSA", own, own.public_key())
            assert not await forger.accepts(
                forger.forge(forger.header | {"alg": "EdDSA"} | header, forger.claims, foreign)
            )
    assert visits == []


@pytest.mark.parametrize(
    "header",
    [
        *({"crit": ["exp"], "exp": 1}, {"crit": ["b64"], "b64": True}, {"crit": ["b64"], "b64": False}),
        *(
            {"crit": []},
            {"crit": None},
            {"crit": "exp"},
            {"crit": ["http://x"], "http://x": 1},
            {"b64": False},
        ),
        *({"unknown": 1}, {"p2c": 10**9}),
    ],
    ids=repr,
)
async def test_a_header_with_more_than_ours_is_refused(forger: Forger, header: dict[str, object]) -> None:
    assert await forger.refuses_header(**header)


async def test_what_is_said_twice_is_refused(forger: Forger) -> None:
    for name in forger.claims:
        twice = written(forger.claims)[:-1] + b"," + written({name: forger.claims[name]})[1:]
        assert json.loads(twice) == forger.claims
        assert not await forger.accepts(forger.forge(forger.header, twice))
    for name, other in (("alg", "none"), ("kid", "x"), ("typ", "JWT")):
        twice = written({name: other})[:-1] + b"," + written(forger.header)[1:]
        assert json.loads(twice) == forger.header
        assert not await forger.accepts(forger.forge(twice, forger.claims))


CHANGES: dict[str, Callable[[str], str]] = {
    "padding": lambda part: part + "=" * (-len(part) % 4 or 4),
    "the other alphabet": lambda part: part.replace("-", "+").replace("_", "/") + "+",
    "white space": lambda part: part[:4] + "\n" + part[4:],
    "a space": lambda part: part + " ",
    "what is no letter": lambda part: part[:4] + "!" + part[4:],
    "a letter that is none": lambda part: part[:4] + "\u0410" + part[4:],  # Cyrillic
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("part", [0, 1, 2])
async def test_a_part_is_written_in_one_way_only(
    forger: Forger, part: int, change: Callable[[str], str]
) -> None:
    parts = forger.forge(forger.header, forger.claims).split(".")
    parts[part] = change(parts[part])
    assert not await forger.accepts(".".join(parts))


async def test_the_bits_that_no_byte_takes_are_zero(forger: Forger) -> None:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # An HS256 signature has 32 bytes in 43 letters: two bits are over; one of EdDSA has 64 in 86: four are.
    signed, _, signature = forger.forge(forger.header, forger.claims).rpartition(".")
    last = letters.index(signature[-1])
    decoded = base64.urlsafe_b64decode(signature + "==")
    other = signature[:-1] + letters[last + 1]
    assert base64.urlsafe_b64decode(other + "==") == decoded
    assert not await forger.accepts(f"{signed}.{other}")


async def test_a_token_that_would_live_longer_than_ours_is_refused(forger: Forger) -> None:
    for seconds in (901 + 60, 3600, 10**9):
        claims = forger.claims | {"exp": int(time.time()) + seconds}
        assert not await forger.accepts(forger.forge(forger.header, claims))


# --- 3.11 use explicit typing -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typ",
    [
        "JWT",
        "jwt",
        "at+JWT",
        "AT+JWT",
        "application/at+jwt",
        "id+jwt",
        "rt+jwt",
        "secevent+jwt",
        "",
        None,
        ...,
    ],
    ids=repr,
)
async def test_a_token_of_another_type_is_refused(forger: Forger, typ: object) -> None:
    assert await forger.refuses_header(typ=typ)


# --- 3.12 mutually exclusive rules for different kinds ------------------------------------------------


async def test_kinds_of_tokens_do_not_pass_for_each_other(parts: Identity) -> None:
    done = await parts.accounts.register("ada@example.com", "correct horse", "Ada")
    with pytest.raises(TokenRejected):
        await parts.gate.authenticate(done.refresh_token)
    with pytest.raises(RefreshRejected):
        await parts.accounts.refresh(done.access_token)
    await parts.gate.authenticate(done.access_token)
    await parts.accounts.refresh(done.refresh_token)
