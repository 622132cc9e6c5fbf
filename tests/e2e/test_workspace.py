"""A workspace as somebody works in it: code is written with its language server, run, and found again."""

from __future__ import annotations

from playwright.async_api import expect

from tests.e2e.ide import Ide
from tests.e2e.test_files import channel, content
from tests.e2e.test_languages import choose, go_to_definition, prepare, word
from tests.e2e.test_terminal import run
from tests.process import Server

CODE = """from pathlib import Path

from shapes import Square

square = Square("3")
"""


async def test_code_is_written_understood_run_and_found_again(ide: Ide, server: Server) -> None:
    await prepare(ide, server)
    page = ide.page

    await ide.type(CODE)
    error = page.locator(".monaco-editor .squiggly-error")
    await expect(error).to_have_count(1)
    await page.locator("#status-bar-problem-marker-status").click()
    problem = page.locator("#problems .theia-TreeNode", has_text="not assignable")
    await expect(problem).to_be_visible()
    await ide.shot("workspace-error")
    await ide.type(CODE.replace('"3"', "3"))
    await expect(problem).to_have_count(0)

    await page.keyboard.type('Path( "area.txt" ).write_text(str(square.')
    await choose(ide, "area")
    await page.keyboard.type("(")
    signature = page.locator(".parameter-hints-widget.visible")
    await expect(signature).to_contain_text("def area(self: Square) -> float")
    await page.keyboard.press("Escape")
    await expect(signature).to_have_count(0)
    await word(ide, "area").hover()
    await expect(page.locator(".monaco-hover:visible")).to_contain_text("How large it is.")
    await ide.shot("workspace-hover")

    await go_to_definition(ide, "area", "class Square")
    await expect(ide.status()).to_contain_text("Ln 10, Col 9")
    await ide.tab("main.py").click()
    await ide.save("main.py")
    await expect(ide.editor()).to_contain_text('Path("area.txt").write_text(str(square.area()))')

    await page.locator(".codelens-decoration a", has_text="Run file").click()
    await expect(ide.node("area.txt")).to_be_visible()
    await ide.shot("workspace-run")
    await run(ide, "number=7")
    async with channel(server) as client:
        assert await content(client, "/workspace/area.txt") == b"9"
    await page.reload()
    await ide.ready()
    await expect(ide.editor()).to_contain_text("square.area()")
    await run(ide, "touch same-shell-$number")
    await expect(ide.node("same-shell-7")).to_be_visible()
    await ide.shot("workspace-reloaded")
    assert ide.errors == []
