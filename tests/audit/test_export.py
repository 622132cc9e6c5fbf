"""All data of a user, as an archive."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from tests.tenants.conftest import PASSWORD, Gateway, Person
from theia_bridge.state import FILES

pytestmark = pytest.mark.asyncio(loop_scope="module")

BIG = b"".join(b"%08d" % n for n in range(700_000))


async def exported(person: Person) -> zipfile.ZipFile:
    response = await person.send("GET", "/users/me/export")
    assert response.status == 200, await response.text()
    assert response.content_type == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(await response.read()))
    assert archive.testzip() is None
    return archive


def lines(archive: zipfile.ZipFile, kind: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in archive.read(f"{kind}.ndjson").splitlines()]


async def test_all_of_a_user_and_nothing_of_others(gateway: Gateway) -> None:
    owner = await gateway.register()
    other = await owner.add()
    assert gateway.client.app is not None
    files = gateway.client.app[FILES]
    for who in (owner, other):
        name = f"of {who.id}"
        await files.write(who.actor.scope, "/workspace/big.bin", BIG)
        await who.put_file("/home/settings ä.json", name.encode())
        await who.ask("PUT", "/settings/editor/theme", {"value": {"name": name}})
        talk = await who.ask("POST", "/conversations", {"title": name}, status=201)
        for n in range(3):
            message = {"role": "user", "content": f"{n} {name}", "data": {"n": n}}
            await who.ask("POST", f"/conversations/{talk['id']}/messages", message, status=201)
    await files.create_symlink(owner.actor.scope, "/workspace/link", "big.bin")
    archive = await exported(owner)
    session = owner.signed_in["session"]["id"]
    workspace = f"sessions/{session}/workspace"
    assert archive.read(f"{workspace}/big.bin") == BIG
    assert archive.read(f"{workspace}/link") == b"big.bin"
    assert archive.read("home/settings ä.json") == f"of {owner.id}".encode()
    (profile,) = lines(archive, "profile")
    assert (profile["id"], profile["email"], profile["role"]) == (owner.id, owner.email, "owner")
    assert profile["tenant"]["id"] == owner.tenant
    assert [one["id"] for one in lines(archive, "sessions")] == [session]
    (setting,) = lines(archive, "settings")
    assert (setting["category"], setting["value"]) == ("editor", {"name": f"of {owner.id}"})
    (talk,) = lines(archive, "conversations")
    said = lines(archive, "messages")
    assert {one["conversation"] for one in said} == {talk["id"]}
    assert [(one["content"], one["data"]) for one in said] == [
        (f"{n} of {owner.id}", {"n": n}) for n in range(3)
    ]
    (sign_in,) = lines(archive, "sign-ins")
    assert set(sign_in) == {"id", "session", "created_at", "used_at", "expires_at", "agent", "address"}
    told = {entry["action"] for entry in lines(archive, "audit")}
    assert {"auth.register", "file.add", "conversation.create", "user.export"} <= told
    whole = b"".join(archive.read(name) for name in archive.namelist() if not name.endswith("big.bin"))
    for secret in (PASSWORD, "argon2", owner.signed_in["refresh_token"], f"of {other.id}", other.email):
        assert secret.encode() not in whole


async def test_sessions_and_conversations_that_were_deleted_are_in_it(gateway: Gateway) -> None:
    owner = await gateway.register()
    talk = await owner.ask("POST", "/conversations", {"title": "gone"}, status=201)
    await owner.ask("DELETE", f"/conversations/{talk['id']}", status=204)
    (found,) = lines(await exported(owner), "conversations")
    assert found["title"] == "gone"
    assert found["deleted_at"] is not None


async def test_pages_are_put_together(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("theia_bridge.services.export._PAGE", 2)
    monkeypatch.setattr("theia_bridge.services.export._PIECE", 10)
    owner = await gateway.register()
    for n in range(5):
        talk = await owner.ask("POST", "/conversations", {"title": f"{n}"}, status=201)
        await owner.ask("PUT", f"/settings/a/{n}", {"value": n})
        said = {"role": "user", "content": f"{n}"}
        await owner.ask("POST", f"/conversations/{talk['id']}/messages", said, status=201)
    archive = await exported(owner)
    assert sorted(one["title"] for one in lines(archive, "conversations")) == list("01234")
    assert sorted(one["content"] for one in lines(archive, "messages")) == list("01234")
    assert [one["value"] for one in lines(archive, "settings")] == list(range(5))
    assert len(lines(archive, "audit")) == len({one["id"] for one in lines(archive, "audit")}) > 15


async def test_head_makes_nothing(gateway: Gateway) -> None:
    owner = await gateway.register()
    headers = {"Authorization": f"Bearer {owner.token}"}
    response = await gateway.client.head("/api/v5/users/me/export", headers=headers)
    assert response.status == 200
    assert await gateway.audit(owner.tenant, "user.export") == []
