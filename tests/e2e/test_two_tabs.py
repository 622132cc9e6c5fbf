"""Two pages of one account have the same file open."""

from __future__ import annotations

from playwright.async_api import BrowserContext, expect

from tests.e2e.conftest import SHOTS
from tests.e2e.ide import READY, Ide
from tests.e2e.test_files import channel, content, put
from tests.process import Server

README = "/workspace/README.md"


async def test_a_save_over_somebody_elses_is_asked_about(ide: Ide, server: Server) -> None:
    await ide.register()
    await ide.open("README.md")
    await ide.type("first version\n")
    await ide.save("README.md")
    context: BrowserContext = ide.page.context
    other = Ide(await context.new_page(), server.url, SHOTS)
    await other.page.goto(server.url)
    await other.ready()
    await other.open("README.md")
    await expect(other.editor()).to_contain_text("first version", timeout=READY)

    # Edited in both before either is saved, and of the same size.
    await other.type("their version\n")
    await ide.page.bring_to_front()
    await ide.type("other version\n")
    await ide.save("README.md")
    await other.page.bring_to_front()
    await other.page.keyboard.press("Control+s")
    dialog = other.page.locator(".dialogBlock:visible")
    await expect(dialog).to_contain_text("has been changed", timeout=READY)
    await other.shot("conflict")
    async with channel(server) as client:
        assert await content(client, README) == b"other version\n"

        # Not now: nothing is lost on either side.
        await dialog.locator("button.secondary").click()
        await expect(other.dirty("README.md")).to_be_visible()
        await expect(other.editor()).to_contain_text("their version")
        assert await content(client, README) == b"other version\n"

        # Yes: then the save goes through, and so does the next one.
        await other.page.keyboard.press("Control+s")
        await other.confirm()
        await expect(other.dirty("README.md")).to_have_count(0)
        assert await content(client, README) == b"their version\n"
        await other.type("third version\n")
        await other.save("README.md")
        assert await content(client, README) == b"third version\n"

        # The first page has taken over what was saved, and saves over it without a question.
        await ide.page.bring_to_front()
        await expect(ide.editor()).to_contain_text("third version", timeout=READY)
        await ide.type("fifth version\n")
        await ide.save("README.md")
        assert await content(client, README) == b"fifth version\n"


async def test_a_save_that_comes_late_does_not_win(ide: Ide, server: Server) -> None:
    await ide.register()
    await ide.open("README.md")
    await ide.type("first version\n")
    await ide.save("README.md")
    await server.kill()
    await expect(ide.status()).to_contain_text("Offline", ignore_case=True, timeout=READY)
    await ide.type("stale version\n")
    await ide.page.keyboard.press("Control+s")
    await ide.page.context.set_offline(True)
    await server.start()
    async with channel(server) as client:
        await put(client, README, b"newer version\n")
        await ide.page.context.set_offline(False)
        dialog = ide.page.locator(".dialogBlock:visible")
        await expect(dialog).to_contain_text("has been changed", timeout=READY)
        assert await content(client, README) == b"newer version\n"
