"""The earlier contents of a file in Theia's Timeline view."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from tests.e2e.ide import Ide
from tests.e2e.test_files import channel, content, put
from tests.process import Server

PATH = "/workspace/poem.txt"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    """One that keeps what was saved in quick succession, too."""
    running = Server(tmp_path, f"embedded:{tmp_path / 'store'}", HISTORY_MERGE_SECONDS=0)
    await running.start()
    yield running
    await running.kill()


def versions(ide: Ide) -> Locator:
    """The rows of the timeline."""
    return ide.page.locator(".theia-timeline .theia-TreeNode:visible")


async def test_a_version_is_compared_and_restored(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        for text in (b"first line\n", b"second line\n", b"third line\n"):
            await put(client, PATH, text)
        await ide.open("poem.txt")
        await ide.page.locator(".theia-header", has_text="Timeline").click()
        await expect(versions(ide)).to_have_count(3)
        await expect(versions(ide).first).to_contain_text("Current")

        # It follows what is saved.
        await ide.type("fourth line\n")
        await ide.save("poem.txt")
        await expect(versions(ide)).to_have_count(4)

        await versions(ide).last.click()
        diff = ide.page.locator(".monaco-diff-editor:visible")
        await expect(diff.locator(".editor.original")).to_contain_text("first line")
        await expect(diff.locator(".editor.modified")).to_contain_text("fourth line")
        await expect(versions(ide)).to_have_count(4)
        await ide.shot("timeline-diff")

        # The button above the comparison.
        await ide.page.locator("#theia-main-content-panel").get_by_title("Restore This Version").click()
        await expect(ide.page.locator(".dialogBlock:visible")).to_contain_text("stays in the timeline")
        await ide.confirm()
        await expect(diff.locator(".editor.modified")).to_contain_text("first line")
        await expect(versions(ide)).to_have_count(5)
        assert await content(client, PATH) == b"first line\n"

        # The menu of a row.
        await ide.tab("poem.txt").first.click()
        await versions(ide).nth(1).click(button="right")
        await ide.shot("timeline-menu")
        await ide.page.locator(".lm-Menu-itemLabel:visible", has_text="Restore This Version").click()
        await ide.confirm()
        await expect(ide.editor()).to_contain_text("fourth line")
        assert await content(client, PATH) == b"fourth line\n"
    assert ide.errors == []


async def test_by_the_palette(ide: Ide, server: Server) -> None:
    await ide.register()
    async with channel(server) as client:
        for text in (b"before\n", b"after\n"):
            await put(client, PATH, text)
        await ide.open("poem.txt")
        await ide.command("Restore an Earlier Version")
        palette = ide.page.locator(".quick-input-widget:visible")
        await expect(palette.locator(".monaco-list-row")).to_have_count(1)
        await ide.page.keyboard.press("Enter")
        await ide.confirm()
        await expect(ide.editor()).to_contain_text("before")
        assert await content(client, PATH) == b"before\n"
