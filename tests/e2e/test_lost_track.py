"""The IDE was away for longer than the server remembers what changed."""

from __future__ import annotations

import jwt
from playwright.async_api import expect

from fdb_provider import keyspace
from fdb_provider.engine.url import open_database
from fdb_provider.files import content, feed
from fdb_provider.files.retention import RETENTION
from fdb_provider.files.service import FileService
from fdb_provider.scope import Scope
from tests.e2e.ide import READY, Ide
from tests.process import Server


async def test_what_is_shown_is_loaded_anew(ide: Ide, server: Server) -> None:
    await ide.register()
    await ide.open("README.md")
    token = (await server.login("ada@example.com")).access_token
    claims = jwt.decode(token, options={"verify_signature": False})
    scope = Scope(claims["tid"], claims["sub"], claims["sid"])
    await server.kill()
    await expect(ide.status()).to_contain_text("Offline", ignore_case=True, timeout=READY)

    # Changes that no feed tells of any more by the time the page is back.
    database = await open_database(server.store)
    files = FileService(database)
    await files.write(scope, "/workspace/README.md", b"written by somebody else\n")
    await files.write(scope, "/workspace/made meanwhile.txt", b"new\n")
    await files.tell_audit(scope)
    later = content.now() + 2 * RETENTION.feed
    assert await feed.trim(database, keyspace.root(scope, "workspace"), later, RETENTION) > 0
    await database.close()

    await server.start()
    await expect(ide.node("made meanwhile.txt")).to_be_visible(timeout=READY)
    await expect(ide.editor()).to_contain_text("written by somebody else", timeout=READY)
