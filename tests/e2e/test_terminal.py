"""The terminal in the IDE: real shells, their ends, and the state of the workspace they run in."""

from __future__ import annotations

import asyncio
import re

from playwright.async_api import Locator, WebSocket, WebSocketRoute, expect

from tests.e2e.ide import READY, Ide
from tests.e2e.test_files import channel
from tests.process import Server
from theia_bridge.workspace.terminal.protocol import CreateTerminalParams, Terminal

TASKS = """{"version": "2.0.0", "tasks": [{
    "label": "check", "type": "shell", "command": "echo", "args": ["README.md:3: too  long"],
    "problemMatcher": {"owner": "check", "fileLocation": ["relative", "${workspaceFolder}"],
        "pattern": {"regexp": "^(.*):([0-9]+): (too  long)$", "file": 1, "line": 2, "message": 3}}
}]}""".replace("\n", "")
HIDE = """hidden => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
}"""


def titled(ide: Ide, title: str) -> Locator:
    """The tab of a terminal. A shell gives it a title by its output, which the page has to understand."""
    return ide.page.locator("#theia-bottom-content-panel .lm-TabBar-tab", has_text=re.compile(f"^{title}$"))


def screen(ide: Ide) -> Locator:
    """The terminal in front."""
    return ide.page.locator(".terminal-container:visible .xterm-screen")


async def focus(ide: Ide) -> None:
    await expect(ide.page.locator(".quick-input-widget:visible")).to_have_count(0)
    await screen(ide).click()
    await expect(ide.page.locator(".terminal-container:visible textarea")).to_be_focused()


async def run(ide: Ide, command: str) -> None:
    """Types a command into the terminal in front."""
    await focus(ide)
    await ide.page.keyboard.type(command)
    await ide.page.keyboard.press("Enter")


async def copied(ide: Ide, text: str) -> None:
    """Waits until all that the terminal in front shows, selected and copied, has a text."""
    copied = ""
    async with asyncio.timeout(READY / 1000):
        while text not in copied:
            await focus(ide)
            await ide.page.keyboard.press("Control+a")
            await ide.page.keyboard.press("Control+c")
            copied = await ide.page.evaluate("navigator.clipboard.readText()")


async def test_a_shell_answers_and_outlives_the_page(ide: Ide, server: Server) -> None:
    # What the browser runs on is nothing to the workspace, whose paths are Linux's.
    await ide.page.add_init_script("Object.defineProperty(navigator, 'platform', { get: () => 'Win32' })")
    sockets: list[WebSocket] = []
    ide.page.on("websocket", lambda socket: None if "/ws/rpc" in socket.url else sockets.append(socket))
    await ide.register()
    await ide.command("Terminal: Create New Terminal")
    await run(ide, "number=7; clear; echo ./README.md:3 Grüße; printf '\\e]0;answer-%s\\a' $((6*number))")
    await expect(titled(ide, "answer-42")).to_be_visible()
    await ide.shot("terminal")

    box = await screen(ide).bounding_box()
    assert box is not None
    await ide.page.mouse.move(box["x"] + 60, box["y"] + 40)
    await ide.page.mouse.move(box["x"] + 60, box["y"] + 8)
    await expect(ide.page.get_by_text("Follow link")).to_be_visible()
    await ide.page.mouse.click(box["x"] + 60, box["y"] + 8)
    await ide.page.get_by_text("Follow link").click()
    await expect(ide.tab("README.md")).to_be_visible()
    await expect(ide.status()).to_contain_text("Ln 3")

    # A page that nobody sees is slow, and lets go rather than have the program wait.
    await ide.page.evaluate(HIDE, True)
    async with sockets[-1].expect_event("close"):
        await run(ide, "yes | head -c 3M; printf '\\e]0;flooded\\a'")
    await ide.page.evaluate(HIDE, False)
    await expect(titled(ide, "flooded")).to_be_visible()

    # A task is run in the workspace as well, and what it finds is marked.
    await run(ide, f"mkdir .theia; echo '{TASKS}' >.theia/tasks.json")
    await expect(ide.node(".theia")).to_be_visible()
    await ide.command("Run Task...")
    await ide.page.locator(".quick-input-widget .monaco-list-row", has_text="check").first.click()
    await expect(titled(ide, "Task: check")).to_be_visible()
    await expect(ide.node("README.md")).to_contain_text("1")
    await ide.shot("task")
    await titled(ide, "Task: check").locator(".lm-TabBar-tabCloseIcon").click()

    # A terminal that some other page has opened can be had on this one.
    async with channel(server) as client:
        await client.call("terminal.create", CreateTerminalParams(title="elsewhere"), Terminal)
    await ide.command("Terminal: Attach to Session...")
    await ide.page.locator(".quick-input-widget .monaco-list-row", has_text="elsewhere").click()
    await run(ide, "exit")
    await expect(titled(ide, "elsewhere")).to_have_count(0)

    await ide.command("Terminal: Rename...")
    await ide.page.keyboard.insert_text("mine")
    await ide.page.keyboard.press("Enter")
    await expect(titled(ide, "mine")).to_be_visible()
    await ide.page.reload()
    await ide.ready()
    await expect(titled(ide, "mine")).to_be_visible()
    await run(ide, "[ $number = 7 ] && exit")
    await expect(ide.page.locator(".terminal-container")).to_have_count(0)
    assert ide.errors == []


async def test_how_a_program_and_the_workspace_end_is_told(ide: Ide, server: Server) -> None:
    await ide.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sockets: list[WebSocketRoute] = []
    said_before: list[bytes] = []
    keep_back, kept_back = False, asyncio.Event()

    def connect(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        sockets.append(socket)

        def from_server(message: str | bytes) -> None:
            if keep_back and isinstance(message, bytes):
                said_before.append(message)
                kept_back.set()
            else:
                socket.send(message)

        def from_page(message: str | bytes) -> None:
            nonlocal keep_back
            server.send(message)
            if isinstance(message, bytes):
                keep_back = False
                while said_before:
                    socket.send(said_before.pop(0))

        server.on_message(from_server)
        socket.on_message(from_page)

    await ide.page.route_web_socket(re.compile("/ws/terminal/"), connect)
    await ide.register()
    await expect(ide.status().locator(".codicon-vm-outline")).to_be_visible()
    await ide.command("Terminal: Create New Integrated Terminal from a Profile")
    await ide.page.locator(".quick-input-widget .monaco-list-row", has_text="dash").click()
    await run(ide, "exit 3")
    await copied(ide, "exit code 3")
    await ide.page.reload()
    await ide.ready()
    await copied(ide, "exit code 3")
    await focus(ide)
    await ide.page.keyboard.press("Enter")
    await expect(ide.page.locator(".terminal-container")).to_have_count(0)

    await ide.command("Terminal: Create New Terminal")
    await run(ide, "printf '\\e]0;begun\\a'")
    await expect(titled(ide, "begun")).to_be_visible()
    # As when the network is lost: it comes back, and nothing of what is typed is lost, also while the page
    # does not yet have again what was said before.
    keep_back = True
    await sockets[-1].close()
    await kept_back.wait()
    await run(ide, "printf '\\e]0;back\\a'")
    await expect(titled(ide, "back")).to_be_visible()
    await expect(ide.status().locator(".codicon-vm-running")).to_be_visible()
    await ide.status().get_by_text("Workspace", exact=True).click()
    await ide.page.locator(".quick-input-widget .monaco-list-row", has_text="Stop Workspace").click()
    await ide.confirm()
    await copied(ide, "workspace was stopped")
    await ide.shot("workspace-stopped")

    # Changed on both sides before they meet again.
    (on_disk,) = server.folder.glob(".data/workspaces/*/*/workspace/README.md")
    on_disk.write_text("written by a program\n")
    await ide.open("README.md")
    await ide.type("typed in the editor\n")
    await ide.save("README.md")
    await focus(ide)
    await ide.page.keyboard.press("Enter")
    await run(ide, "clear; printf '\\e]0;anew\\a'")
    await expect(titled(ide, "anew")).to_be_visible()
    conflict = ide.notification("README.md was changed in the IDE and by a program at once")
    await ide.shot("conflict")
    await conflict.get_by_role("button", name="Compare").click()
    await expect(ide.tab("README.md.conflict")).to_be_visible()
    await expect(ide.page.locator(".monaco-diff-editor:visible")).to_contain_text("written by a program")
    await ide.shot("conflict-compared")

    await server.kill()
    server.settings["WORKSPACE_LIMIT"] = 0
    await server.start()
    await copied(ide, "Press Enter for a new shell.")
    await focus(ide)
    await ide.page.keyboard.press("Enter")
    await copied(ide, "This server runs no programs. Press Enter to try again.")
    await ide.shot("terminal-refused")
