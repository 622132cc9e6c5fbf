"""What was acknowledged is there after a crash, and a repeated save is applied once."""

from __future__ import annotations

import asyncio
from pathlib import Path

from websockets.exceptions import ConnectionClosed

from rpc import ChannelClosed
from rpc.client import Client
from tests.process import Server, environment, run
from theia_bridge.methods.protocol import (
    DeleteParams,
    DidChange,
    Directory,
    Emptied,
    FileContent,
    PathParams,
    ReadFileParams,
    Restored,
    Stat,
    TrashDeleteParams,
    TrashEmptyParams,
    TrashList,
    TrashListParams,
    TrashRestoreParams,
    Watch,
    WatchParams,
    WriteFileParams,
)


async def test_a_killed_server_has_all_it_acknowledged(server: Server) -> None:
    token = (await server.register("ada@example.com")).access_token
    acknowledged: dict[str, bytes] = {}
    enough = asyncio.Event()

    async def keep_writing(client: Client, writer: int) -> None:
        for i in range(10_000):
            path, content = f"/workspace/{writer}-{i % 7}", b"%d:%d" % (writer, i)
            await client.call("fs.writeFile", WriteFileParams(path=path, content=content), Stat)
            acknowledged[path] = content
            if len(acknowledged) >= 40:
                enough.set()

    async with server.connect(token) as client:
        writers = [asyncio.create_task(keep_writing(client, i)) for i in range(8)]
        await enough.wait()
        await server.kill()
        ends = await asyncio.gather(*writers, return_exceptions=True)
    assert all(isinstance(end, ChannelClosed | ConnectionClosed) for end in ends), ends
    await server.start()
    async with server.connect(token) as client:
        for path, content in acknowledged.items():
            found = (await client.call("fs.readFile", ReadFileParams(path=path), FileContent)).content
            writer, number = map(int, found.split(b":"))
            # The write after the last acknowledged one may have been committed too.
            assert found.startswith(b"%d:" % writer)
            assert number >= int(content.split(b":")[1])


async def test_a_save_repeated_after_a_crash_is_applied_once(server: Server) -> None:
    token = (await server.register("ada@example.com")).access_token
    save = WriteFileParams(
        path="/workspace/new.txt", content=b"mine", overwrite=False, idempotency_key="save-1"
    )
    async with server.connect(token) as client:
        first = await client.call("fs.writeFile", save, Stat)
        watch = await client.call("fs.watch", WatchParams(path="/workspace"), Watch)
    await server.kill()
    await server.start()
    async with server.connect(token) as client:
        assert await client.call("fs.writeFile", save, Stat) == first
        stream = client.notifications({"fs.didChange": DidChange})
        resumed = WatchParams(path="/workspace", cursor=watch.cursor)
        await client.call("fs.watch", resumed, Watch)
        end = WriteFileParams(path="/workspace/end", content=b"")
        await client.call("fs.writeFile", end, Stat)
        _, told = await anext(stream)
        assert isinstance(told, DidChange)
        assert [change.path for change in told.changes] == ["/workspace/end"]


async def test_what_was_done_with_the_trash_is_answered_alike_after_a_crash(server: Server) -> None:
    token = (await server.register("ada@example.com")).access_token
    names = ["restored", "deleted", "emptied", "later"]

    async with server.connect(token) as client:
        for name in names:
            await client.call("fs.writeFile", WriteFileParams(path=f"/workspace/{name}", content=b""), Stat)

        async def throw(name: str) -> str:
            params = DeleteParams(path=f"/workspace/{name}", use_trash=True)
            await client.call("fs.delete", params, None)
            return (await client.call("trash.list", TrashListParams(), TrashList)).items[0].id

        restore = TrashRestoreParams(id=await throw("restored"), idempotency_key="restore")
        restored = await client.call("trash.restore", restore, Restored)
        delete = TrashDeleteParams(id=await throw("deleted"), idempotency_key="delete")
        await client.call("trash.delete", delete, None)
        await throw("emptied")
        empty = TrashEmptyParams(idempotency_key="empty")
        assert await client.call("trash.empty", empty, Emptied) == Emptied(items=1)
        await throw("later")
    await server.kill()
    await server.start()
    async with server.connect(token) as client:
        assert await client.call("trash.restore", restore, Restored) == restored
        await client.call("trash.delete", delete, None)
        assert await client.call("trash.empty", empty, Emptied) == Emptied(items=1)
        left = (await client.call("trash.list", TrashListParams(), TrashList)).items
    assert [item.path for item in left] == ["/workspace/later"]


async def test_a_new_account_has_a_readme(server: Server) -> None:
    token = (await server.register("ada@example.com")).access_token
    async with server.connect(token) as client:
        listing = await client.call("fs.readDirectory", PathParams(path="/workspace"), Directory)
    assert [entry.name for entry in listing.entries] == ["README.md"]


async def test_a_second_server_on_the_embedded_store_says_who_has_it(tmp_path: Path) -> None:
    first = Server(tmp_path, f"embedded:{tmp_path / 'store'}")
    await first.start()
    try:
        code, _, err = await run(
            "serve", "--port", "0", "--store", first.store, env=environment(tmp_path), cwd=tmp_path
        )
        assert code == 1
        assert str(first.pid) in err
        assert str(tmp_path / "store") in err
        assert "Traceback" not in err
    finally:
        await first.kill()


async def test_a_port_in_use_is_named(server: Server, tmp_path: Path) -> None:
    code, _, err = await run(
        "serve",
        "--port",
        str(server.port),
        "--store",
        f"embedded:{tmp_path / 'other'}",
        env=environment(tmp_path),
        cwd=tmp_path,
    )
    assert code == 1
    assert str(server.port) in err
    assert "Traceback" not in err


async def test_no_token_reaches_the_log(server: Server) -> None:
    signed_in = await server.register("ada@example.com")
    async with server.connect(signed_in.access_token):
        pass
    log = await server.stop()
    assert "/ws/rpc" in log
    assert signed_in.access_token not in log
    assert signed_in.refresh_token not in log
