"""Deleting in the IDE, and having it back."""

from __future__ import annotations

from playwright.async_api import Locator, expect

from rpc.client import Client
from tests.e2e.ide import Ide
from tests.e2e.test_files import channel, content, folder, put
from tests.process import Server
from theia_bridge.methods.protocol import TrashList, TrashListParams


async def trashed(client: Client) -> list[str]:
    """What the server has in the trash, the last deleted first."""
    return [item.path for item in (await client.call("trash.list", TrashListParams(), TrashList)).items]


def row(ide: Ide, name: str) -> Locator:
    """A row of the trash."""
    return ide.page.locator(".theia-bridge-trash .theia-TreeNode", has_text=name)


async def delete(ide: Ide, name: str) -> None:
    await ide.context(name, "Delete")
    await ide.confirm()
    await expect(ide.node(name)).to_have_count(0)


async def test_what_was_deleted_comes_back(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        await folder(client, "/workspace/src")
        await put(client, "/workspace/src/main.py", b"print()\n")
        await put(client, "/workspace/notes.md", b"notes\n")
        await expect(ide.node("notes.md")).to_be_visible()

        # Theia's own dialog says where it goes.
        await ide.context("notes.md", "Delete")
        await expect(ide.page.locator(".dialogBlock:visible")).to_contain_text("Trash")
        await ide.confirm()
        undo = ide.notification("was moved to the trash")
        await expect(undo).to_be_visible()
        await ide.shot("trash-undo")
        assert await trashed(client) == ["/workspace/notes.md"]
        await undo.get_by_text("Restore").click()
        await expect(ide.node("notes.md")).to_be_visible()
        assert await content(client, "/workspace/notes.md") == b"notes\n"

        await delete(ide, "notes.md")
        await delete(ide, "src")
        await ide.command("Show Trash")
        await expect(row(ide, "src")).to_be_visible()
        await expect(row(ide, "notes.md")).to_be_visible()
        await row(ide, "src").hover()
        await ide.shot("trash")

        # By the keyboard: the first row is the last deleted.
        await row(ide, "src").click()
        await ide.page.keyboard.press("Enter")
        await expect(ide.node("src")).to_be_visible()
        await expect(row(ide, "src")).to_have_count(0)
        assert await content(client, "/workspace/src/main.py") == b"print()\n"

        # Where something has taken its place, it asks.
        await put(client, "/workspace/notes.md", b"other notes\n")
        deletion = str(await row(ide, "notes.md").get_attribute("title"))
        await row(ide, "notes.md").hover()
        await row(ide, "notes.md").get_by_role("button", name="Restore").click()
        await expect(ide.page.locator(".dialogBlock:visible")).to_contain_text("there again")
        await ide.confirm()
        # Now it holds what was there in between.
        await expect(row(ide, "notes.md")).not_to_have_attribute("title", deletion)
        assert await content(client, "/workspace/notes.md") == b"notes\n"

        await row(ide, "notes.md").click()
        await ide.page.keyboard.press("Delete")
        await ide.confirm()
        await expect(row(ide, "notes.md")).to_have_count(0)
        assert await trashed(client) == []
        await expect(ide.page.locator(".theia-bridge-trash")).to_contain_text("The trash is empty.")
    assert ide.errors == []


async def test_without_the_trash(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        await put(client, "/home/.theia/settings.json", b'{"files.enableTrash": false}')
        await put(client, "/workspace/gone.txt")
        await ide.page.reload()
        await ide.ready()
        await expect(ide.node("gone.txt")).to_be_visible()
        await ide.context("gone.txt", "Delete")
        await expect(ide.page.locator(".dialogBlock:visible")).not_to_contain_text("Trash")
        await ide.confirm()
        await expect(ide.node("gone.txt")).to_have_count(0)
        assert await trashed(client) == []
