"""Searching through the channel of a running server, on both engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fdb_provider.models import new_id
from rpc import RpcError
from rpc.client import Client
from tests.process import Server
from tests.server.searching import TYPES, names, paths, put, search
from theia_bridge.methods.protocol import (
    CancelSearchParams,
    ContextLine,
    DeleteParams,
    DidFind,
    DidFinish,
    FileMatches,
    FoundFiles,
    Match,
    MoveParams,
    Search,
    SearchFilesParams,
    SearchTextParams,
    Stat,
    WriteFileParams,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def server(shared_server: Server) -> Server:
    return shared_server


@pytest_asyncio.fixture(loop_scope="module")
async def client(server: Server) -> AsyncIterator[Client]:
    """A channel of a new account, on its first session."""
    token = (await server.register(f"{new_id()}@example.com")).access_token
    async with server.connect(token) as connected:
        yield connected


async def refused(client: Client, method: str, params: object) -> str:
    """The kind of error a call is refused with."""
    with pytest.raises(RpcError) as caught:
        await client.call(method, params)  # type: ignore[call-overload]
    assert caught.value.message
    return caught.value.kind


async def test_where_and_how_a_match_is_told(client: Client) -> None:
    await put(client, "a.txt", "one\n\t🐍é needle, needle\r\nthree\nfour")
    files, end = await search(client, "needle", context=1)
    line = "\t🐍é needle, needle"
    assert files == [
        FileMatches(
            path="/workspace/a.txt",
            matches=[
                Match(line=2, character=6, length=6, text=line, text_character=6),
                Match(line=2, character=14, length=6, text=line, text_character=14),
            ],
            context=[ContextLine(line=1, text="one"), ContextLine(line=3, text="three")],
        )
    ]
    assert end == DidFinish(search_id=end.search_id, limit_hit=False, skipped=0, error=None)


async def test_case_words_expressions_and_lines(client: Client) -> None:
    await put(client, "a", "Cat\ncatalog\nc.t\n")
    await put(client, "b", "first\nsecond\n")

    async def lines(pattern: str, **options: object) -> list[int]:
        files, _ = await search(client, pattern, **options)
        return [match.line for file in files for match in file.matches]

    assert await lines("cat") == [1, 2]
    assert await lines("cat", match_case=True) == [2]
    assert await lines("cat", whole_word=True) == [1]
    assert await lines("c.t") == [3]
    assert await lines("c.t", regex=True) == [1, 2, 3]
    assert await lines("^c.t$", regex=True, match_case=True) == [3]
    await put(client, "c", "\n-e\n\n--files\n")
    assert await lines("-e", includes=["c"]) == [2]
    assert await lines("--files") == [4]
    across, _ = await search(client, "st\\nse", regex=True, multiline=True)
    assert across[0].matches == [Match(line=1, character=4, length=5, text="first\nsecond", text_character=4)]


async def test_what_is_left_out(client: Client) -> None:
    for path in ["src/a.ts", "src/deep/b.ts", "lib/a.js", "lib/out/gen.js", "out/x.log", ".hidden/c.ts"]:
        await put(client, path, "needle")
    await put(client, ".gitignore", "*.log\n/out/\n")
    await put(client, "lib/.gitignore", "out\n!out/keep\n")
    kept = [".hidden/c.ts", "lib/a.js", "src/a.ts", "src/deep/b.ts"]
    assert await paths(client, "needle") == kept
    assert sorted(await names(client, "", excludes=[".gitignore", "README.md"])) == kept
    everything = sorted([*kept, "lib/out/gen.js", "out/x.log"])
    assert await paths(client, "needle", use_git_ignore=False) == everything
    assert await paths(client, "needle", excludes=["src", "*.js"]) == [".hidden/c.ts"]
    assert await paths(client, "needle", includes=["src"]) == ["src/a.ts", "src/deep/b.ts"]
    assert await paths(client, "needle", includes=["*.{js,log}"]) == ["lib/a.js"]
    assert await paths(client, "needle", includes=["/src/*.ts"]) == ["src/a.ts"]
    assert await paths(client, "needle", includes=["src/"], excludes=["deep"]) == ["src/a.ts"]
    # Below a root, what its folders say holds too.
    assert await paths(client, "needle", roots=["/workspace/out"]) == []
    assert await paths(client, "needle", roots=["/workspace/lib"]) == ["lib/a.js"]
    assert await paths(client, "needle", roots=["/workspace/src/deep", "/workspace/src"]) == [
        "src/a.ts",
        "src/deep/b.ts",
    ]
    await put(client, ".gitignore", "src\n")
    assert await paths(client, "needle") == [".hidden/c.ts", "lib/a.js", "out/x.log"]
    assert await names(client, "x.log") == ["out/x.log"]


async def test_what_is_no_text(client: Client) -> None:
    await put(client, "binary", b"needle\0needle")
    await put(client, "late", b"needle\n" + b"x" * 10_000 + b"\0")
    await put(client, "latin", b"\xe4\xf6 needle \xff")
    await put(client, "utf16", "ä needle\n".encode("utf-16"))
    await put(client, "giant", b"x" * (1 << 20) + b"needle")
    await put(client, "large", b"needle\n" * 200_000)
    files, end = await search(client, "needle", max_file_size=1_000_000)
    assert [file.path for file in files] == ["/workspace/latin", "/workspace/utf16"]
    assert files[1].matches == [Match(line=1, character=3, length=6, text="ä needle", text_character=3)]
    assert (end.skipped, end.limit_hit) == (1, False)
    assert "giant" in await names(client, "giant")


async def test_a_long_line_is_shown_in_part(client: Client) -> None:
    await put(client, "long", "ä" * 500 + "needle" + "z" * 500 + "needle" + "\nnext")
    (file,), _ = await search(client, "needle")
    first, second = file.matches
    assert (first.line, first.character, first.length) == (1, 501, 6)
    assert first.text == "..." + "ä" * 25 + "needle" + "z" * 70
    assert first.text[first.text_character - 1 :].startswith("needle")
    assert second.character == 1007
    assert second.text == "..." + "z" * 25 + "needle"


async def test_limits(client: Client) -> None:
    for i in range(30):
        await put(client, f"f{i}", "needle needle\n" * 100)
    files, end = await search(client, "needle", limit=50)
    assert sum(len(file.matches) for file in files) == 50
    assert end.limit_hit
    assert end.error is None
    files, end = await search(client, "needle", limit=20_000)
    assert sum(len(file.matches) for file in files) == 6000
    assert not end.limit_hit
    found = await client.call("search.files", SearchFilesParams(pattern="f", limit=3), FoundFiles)
    assert (len(found.paths), found.limit_hit) == (3, True)


async def test_what_changes_between_searches_is_seen(client: Client) -> None:
    await put(client, "dir/a", "needle")
    await put(client, "b", "hay")
    assert await paths(client, "needle") == ["dir/a"]
    await put(client, "b", "needle")
    await put(client, "dir/new/c", "needle")
    assert await paths(client, "needle") == ["b", "dir/a", "dir/new/c"]
    moved = MoveParams(source="/workspace/dir", target="/workspace/other")
    await client.call("fs.rename", moved, Stat)
    assert await paths(client, "needle") == ["b", "other/a", "other/new/c"]
    assert await names(client, "c", includes=["other"]) == ["other/new/c"]
    # A folder where a file was, and a file where a folder was.
    await client.call("fs.delete", DeleteParams(path="/workspace/other", recursive=True))
    await client.call("fs.delete", DeleteParams(path="/workspace/b"))
    await put(client, "other", "needle")
    await put(client, "b/b", "needle")
    assert await paths(client, "needle") == ["b/b", "other"]
    await put(client, "other", "hay")
    assert await paths(client, "needle") == ["b/b"]


async def test_odd_names(client: Client) -> None:
    odd = ["-e", "a\nb", "a b ", "[x]{y}*?!", "#c", "\\back", "ünï", "é", "~", "n" * 255, "!", "$(x)"]
    for name in odd:
        await put(client, f"odd/{name}", "needle")
    assert sorted(await paths(client, "needle")) == sorted(f"odd/{name}" for name in odd)
    assert sorted(await names(client, "", includes=["odd"])) == sorted(f"odd/{name}" for name in odd)
    assert await paths(client, "needle", includes=["#c", "!"]) == ["odd/!", "odd/#c"]
    deep = "/".join("d" * 200 for _ in range(19))
    await put(client, f"{deep}/{'f' * 200}", "needle")
    many = "/".join("d" for _ in range(250))
    await put(client, f"{many}/f", "needle")
    files, end = await search(client, "needle", includes=["d*"])
    assert end.error is None
    assert [file.path for file in files] == [f"/workspace/{deep}/{'f' * 200}"]
    assert end.skipped == 1


async def test_what_is_wrong_is_said(client: Client) -> None:
    _, end = await search(client, "a(b", regex=True)
    assert end.error is not None
    assert end.error.kind == "InvalidPattern"
    assert "unclosed group" in end.error.message
    _, end = await search(client, "a", includes=["a[b"])
    assert end.error is not None
    assert "a[b" in end.error.message
    _, end = await search(client, "((a{1000}){1000}){1000}", regex=True)
    assert end.error is not None
    await put(client, "f", "needle")
    for method, params, kind in [
        ("search.text", SearchTextParams(pattern="a\0b"), "InvalidPattern"),
        ("search.text", SearchTextParams(pattern=""), "InvalidParams"),
        ("search.text", SearchTextParams(pattern="a", roots=["/workspace/none"]), "FileNotFound"),
        ("search.text", SearchTextParams(pattern="a", roots=["/workspace/f"]), "FileNotADirectory"),
        ("search.text", SearchTextParams(pattern="a", roots=["/workspace/../x"]), "InvalidPath"),
        ("search.text", SearchTextParams(pattern="a", roots=["/"]), "NoPermissions"),
        ("search.text", SearchTextParams(pattern="a", limit=0), "InvalidParams"),
        ("search.files", SearchFilesParams(pattern="a", includes=["a[b"]), "InvalidPattern"),
        ("search.files", SearchFilesParams(pattern="a", roots=["/tmp"]), "InvalidPath"),
    ]:
        assert await refused(client, method, params) == kind, params
    assert await paths(client, "needle") == ["f"]


async def test_a_cancelled_search_tells_nothing_more(client: Client) -> None:
    for i in range(20):
        await put(client, f"f{i}", "needle\n" * 1000)
    stream = client.notifications(TYPES)
    params = SearchTextParams(pattern="needle", limit=20_000)
    cancelled = (await client.call("search.text", params, Search)).search_id
    await client.call("search.cancel", CancelSearchParams(search_id=cancelled))
    await client.call("search.cancel", CancelSearchParams(search_id="none"))
    told_before = client.notifications(TYPES)
    _, end = await search(client, "nothing")
    async for _, told in told_before:
        assert isinstance(told, DidFind | DidFinish)
        assert told.search_id == end.search_id
        break
    del stream


async def test_more_searches_than_allowed_are_refused(client: Client) -> None:
    await put(client, "f", "needle")
    params = SearchTextParams(pattern="needle")
    stream = client.notifications(TYPES)
    calls = [client.call("search.text", params, Search) for _ in range(60)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    started = {answer.search_id for answer in answers if isinstance(answer, Search)}
    refusals = [answer for answer in answers if isinstance(answer, RpcError)]
    assert len(started) + len(refusals) == 60
    assert all(refusal.kind == "QuotaExceeded" for refusal in refusals)
    async for _, told in stream:
        if isinstance(told, DidFinish):
            assert told.error is None
            started.remove(told.search_id)
        if not started:
            break
    assert await paths(client, "needle") == ["f"]


async def test_nobody_finds_what_is_anothers(client: Client, server: Server) -> None:
    await put(client, "mine", "secret")
    await client.call("fs.writeFile", WriteFileParams(path="/home/mine", content=b"secret"), Stat)
    roots = ["/workspace", "/home"]
    assert await paths(client, "secret", roots=roots) == ["/home/mine", "mine"]
    token = (await server.register(f"{new_id()}@example.com")).access_token
    async with server.connect(token) as other:
        assert await paths(other, "secret", roots=roots) == []
        assert await names(other, "mine", roots=roots) == []
        await put(other, "mine", "theirs")
        assert await paths(other, "theirs") == ["mine"]
    assert await paths(client, "theirs", roots=roots) == []
