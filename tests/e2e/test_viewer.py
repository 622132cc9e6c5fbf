"""The IDE of somebody who may only read."""

from __future__ import annotations

import aiohttp
from playwright.async_api import expect

from tests.e2e.ide import Ide
from tests.process import PASSWORD, Server


async def invite(server: Server, token: str, email: str, role: str) -> str:
    """The code of an invitation."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
        http.post(
            f"{server.url}/api/v5/tenants/me/invitations", json={"email": email, "role": role}
        ) as response,
    ):
        assert response.status == 201
        return str((await response.json())["code"])


async def test_a_viewer_reads_and_is_told_why_not_more(ide: Ide, server: Server) -> None:
    owner = await server.register("ada@example.com")
    code = await invite(server, owner.access_token, "bob@example.com", "viewer")
    form = {"email": "bob@example.com", "password": PASSWORD, "name": "Bob", "invitation": code}
    await server.post("register", form)
    await ide.sign_in("bob@example.com")
    await expect(ide.status()).to_contain_text("read-only")
    await ide.open("README.md")
    before = await ide.editor().inner_text()
    await ide.editor().click()
    await ide.page.keyboard.type("x")
    await expect(ide.page.get_by_role("paragraph").filter(has_text="You are a viewer here")).to_be_visible()
    assert await ide.editor().inner_text() == before
    await expect(ide.dirty("README.md")).to_have_count(0)
    await ide.shot("viewer")
    # The layout is remembered, though not on the server.
    await ide.page.reload()
    await ide.ready()
    await expect(ide.tab("README.md")).to_be_visible()
    assert ide.errors == []
