"""Theia's chat, with its history and its models on the server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, async_playwright, expect

from rpc.client import Client
from tests.e2e.chat import ChatView
from tests.e2e.conftest import CHROMIUM, FLAGS, SHOTS
from tests.e2e.ide import READY, Ide
from tests.process import Server
from theia_bridge.chat.news import DidChangeChat
from theia_bridge.methods.chat_protocol import (
    ChatIndex,
    ChatIndexParams,
    ChatStored,
    ChatStoreParams,
    StoredMessage,
)
from theia_bridge.methods.sessions_protocol import CreateSessionParams, Session

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROLES = ("user", "assistant")
OpenChat = Callable[..., Awaitable[ChatView]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One for all of these: each has an account of its own."""
    folder = tmp_path_factory.mktemp("chat")
    running = Server(folder, f"embedded:{folder / 'store'}")
    await running.start()
    yield running
    await running.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def open_chat(chromium: Browser, server: Server) -> AsyncIterator[OpenChat]:
    """Opens the chat of an account, which is made if it is new, in a browser profile of its own."""
    contexts: list[BrowserContext] = []

    async def make(email: str, *, new: bool = False, **options: str) -> ChatView:
        context = await chromium.new_context(viewport={"width": 1280, "height": 800}, **options)  # type: ignore[arg-type]
        contexts.append(context)
        chat = ChatView(Ide(await context.new_page(), server.url, SHOTS))
        await (chat.ide.register(email) if new else chat.ide.sign_in(email))
        await chat.open()
        return chat

    yield make
    for context in contexts:
        await context.close()


async def said(server: Server, email: str) -> list[tuple[str, str]]:
    """The messages of an account's last chat, as the REST API has them: roles and texts."""
    token = (await server.login(email)).access_token
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(f"{server.url}/api/v5/", headers=headers) as http:
        async with http.get("conversations") as response:
            found = (await response.json())["items"]
        if not found:
            return []
        async with http.get(f"conversations/{found[0]['id']}/messages") as response:
            return [(one["role"], one["content"]) for one in (await response.json())["items"]]


async def stored(server: Server, email: str, *messages: tuple[str, str]) -> None:
    """Returns once these are the messages of the account's last chat."""
    async with server.connect((await server.login(email)).access_token) as client:
        changes = client.notifications({"chat.didChange": DidChangeChat})
        await client.call("chat.index", ChatIndexParams(), ChatIndex)
        found = await said(server, email)
        try:
            async with asyncio.timeout(READY / 1000):
                while found != list(messages):
                    await anext(changes)
                    found = await said(server, email)
        except TimeoutError:
            assert found == list(messages)


async def test_what_was_said_is_there_again_in_every_browser(server: Server, open_chat: OpenChat) -> None:
    email = "ada@example.com"
    chat = await open_chat(email, new=True)
    assert chat.ide.errors == []
    await chat.say("first question")
    await expect(chat.responses()).to_contain_text("first question")
    await chat.edit("first question", "Say **this** and\n```python\nprint(1)\n```")
    answer = chat.responses()
    await expect(answer.locator("strong")).to_have_text("this")
    await expect(answer.locator(".monaco-editor")).to_contain_text("print(1)")
    code = "```python\nprint(1)\n```"
    await stored(
        server,
        email,
        *((role, "first question") for role in ROLES),
        *(("user", f"Say **this** and\n{code}"), ("assistant", f"Say **this** and\n\n\n{code}")),
    )

    # What was asked instead is beside what was asked.
    await chat.page.reload()
    await chat.ide.ready()
    await chat.open()
    await chat.ide.shot("chat-list")
    await chat.resume("first question")
    await expect(answer.locator(".monaco-editor")).to_contain_text("print(1)")
    await expect(chat.requests()).to_contain_text("2/2")
    await chat.ide.shot("chat-alternatives")
    await chat.requests().get_by_title("Previous").click()
    await expect(answer).to_contain_text("first question")

    elsewhere = await open_chat(email, color_scheme="light")
    await elsewhere.resume("first question")
    await expect(elsewhere.requests()).to_contain_text("/2")
    await elsewhere.ide.shot("chat-light")
    # What was typed is at hand, too.
    await elsewhere.input.click()
    await elsewhere.page.keyboard.press("ArrowUp")
    await expect(elsewhere.input).to_contain_text("first question")
    assert chat.ide.errors == []


async def test_two_windows_go_on_with_one_chat(server: Server, open_chat: OpenChat) -> None:
    email = "dora@example.com"
    chat = await open_chat(email, new=True)
    await chat.say("from the first window")
    await expect(chat.responses()).to_have_count(1)
    other = await open_chat(email)
    await other.resume("from the first window")
    await expect(other.responses()).to_have_count(1)
    await other.say("from the second window")
    await expect(other.responses()).to_have_count(2)
    # It is shown where it was not said, and both go on from there.
    await expect(chat.responses()).to_have_count(2, timeout=READY)
    await chat.say("and back")
    await expect(other.responses()).to_have_count(3, timeout=READY)
    texts = ["from the first window", "from the second window", "and back"]
    await stored(server, email, *((role, text) for text in texts for role in ROLES))
    assert chat.ide.errors == []
    assert other.ide.errors == []


async def test_a_chat_is_found_by_what_was_said_in_whatever_session(
    server: Server, open_chat: OpenChat
) -> None:
    email = "edith@example.com"
    chat = await open_chat(email, new=True)
    await chat.say("about apples")
    await stored(server, email, ("user", "about apples"), ("assistant", "about apples"))
    token = (await server.login(email)).access_token
    async with server.connect(token) as client:
        other = await client.call("sessions.create", CreateSessionParams(name="Orchard"), Session)
    async with Client.connect(
        f"{server.url.replace('http', 'ws')}/ws/rpc?session={other.id}", token=token
    ) as client:
        messages = [
            StoredMessage("q", "user", "What of pears?"),
            StoredMessage("a", "assistant", "They are *ripe*."),
        ]
        await client.call(
            "chat.store", ChatStoreParams("pears", title="Fruit", messages=messages), ChatStored
        )

    found = chat.page.locator(".quick-input-widget .monaco-list-row")
    await chat.ide.command("Chat: Search Conversations...")
    await expect(found).to_have_count(2)
    await chat.page.keyboard.type("are *ripe")
    await expect(found).to_have_count(1)
    await expect(found).to_contain_text("Orchard")
    await chat.ide.shot("chat-search")
    await found.click()
    await expect(chat.responses()).to_have_text("They are ripe.", timeout=READY)
    await expect(chat.page).to_have_title(re.compile("Orchard"))


async def test_an_answer_is_stopped_fails_and_is_stored_later(server: Server, open_chat: OpenChat) -> None:
    email = "fred@example.com"
    chat = await open_chat(email, new=True)
    await chat.say("Begin, and wait.\necho: hold")
    await expect(chat.responses()).to_contain_text("Begin", timeout=READY)
    await chat.stop.click()
    await expect(chat.stop).to_have_count(0)
    await chat.say("echo: fail unavailable")
    await expect(chat.responses().last).to_contain_text("not available", timeout=READY)
    await chat.ide.shot("chat-failed")
    await chat.say("with it")
    await expect(chat.responses().last).to_contain_text("with it")
    before = (
        *(("user", "Begin, and wait.\necho: hold"), ("assistant", "Begin, ")),
        *(("user", "echo: fail unavailable"), ("assistant", "The model is not available, as it was told.")),
        *(("user", "with it"), ("assistant", "with it")),
    )
    await stored(server, email, *before)
    await server.kill()
    await expect(chat.ide.status()).to_contain_text("Offline", ignore_case=True, timeout=READY)
    await chat.say("without it")
    await expect(chat.responses().last).to_contain_text("Not connected", timeout=READY)
    await chat.ide.shot("chat-offline")
    await server.start()
    await stored(
        server, email, *before, ("user", "without it"), ("assistant", "Not connected to the server.")
    )


async def test_an_agent_of_the_tenant_answers_with_its_tools(server: Server, open_chat: OpenChat) -> None:
    email = "grace@example.com"
    token = (await server.register(email)).access_token
    headers = {"Authorization": f"Bearer {token}"}
    agent = {"name": "Code Reviewer", "prompt": "You review.", "model": "echo", "tools": ["readFile"]}
    async with (
        aiohttp.ClientSession(f"{server.url}/api/v5/", headers=headers) as http,
        http.post("agents", json=agent) as response,
    ):
        assert response.status == 201
        record = (await response.json())["id"]
    chat = await open_chat(email)
    await chat.say('@Code-Reviewer Look.\necho: tool readFile {"path": "README.md"}\necho: show')
    answer = chat.responses().first
    await answer.get_by_role("button", name="Allow").first.click()
    await expect(answer).to_contain_text("readFile answered: ", timeout=READY)
    await expect(answer).to_contain_text("You review.")
    await expect(chat.view.locator(".theia-ChatNodeHeader").last).to_contain_text("Code Reviewer")
    await chat.ide.shot("chat-agent")
    async with server.connect(token) as client:
        changes = client.notifications()
        while not (found := (await client.call("chat.index", ChatIndexParams(), ChatIndex)).chats):
            await anext(changes)
        assert [one.agent for one in found] == [record]
