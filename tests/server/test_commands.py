"""The command line, against a running server and without one."""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from rpc import RpcError
from tests.process import PASSWORD, Server, environment, run
from theia_bridge.methods.protocol import (
    DeleteParams,
    FileContent,
    PathParams,
    ReadFileParams,
    Stat,
    WorkspaceUsage,
    WriteFileParams,
)

EMAIL = "ada@example.com"


def plant(folder: Path) -> dict[str, bytes]:
    """A project with all that projects have; returns the files' contents by relative path."""
    files = {
        "README.md": b"# Project\n",
        "empty": b"",
        "src/package/__init__.py": b"",
        "src/package/module.py": b"x = 1\n" * 1000,
        "image.bin": os.urandom(300_000),
        "large.bin": os.urandom(5 * 1024 * 1024 + 3),
        "%41 ü#?\n.bin": b"large too" * 700_000,
        "Ünïcödé/e\u0301 and é/𝄞.txt": b"\xff\xfe",
        "spaces and\nnewline/ 'quotes' \"*?": b"odd",
        "-dash/--option": b"dash",
        "/".join(["deep"] * 40) + "/f": b"deep",
        **{f"many/{i // 100}/{i}.txt": b"%d" % i for i in range(2000)},
    }
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (folder / "empty folder").mkdir()
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "private").write_bytes(b"private")
    (folder / "private").chmod(0o600)
    (folder / "empty folder").chmod(0o700)
    (folder / "sealed").mkdir()
    (folder / "sealed/read-only").write_bytes(b"read-only")
    (folder / "sealed/read-only").chmod(0o444)
    (folder / "sealed").chmod(0o555)
    (folder / "to a file").symlink_to("run.sh")
    (folder / "to a folder").symlink_to("src/package", target_is_directory=True)
    (folder / "to nowhere").symlink_to("../../no/where")
    (folder / "to this machine").symlink_to("/etc/passwd")
    return files | {"run.sh": b"", "private": b"", "sealed/read-only": b""}


def tree(folder: Path) -> dict[str, tuple[int, bytes | str | None]]:
    """The mode of all that is below a folder, with every file's content and every link's target."""
    return {
        str(path.relative_to(folder)): (stat.S_IMODE(path.lstat().st_mode), _content(path))
        for path in folder.rglob("*")
    }


def _content(path: Path) -> bytes | str | None:
    if path.is_symlink():
        return os.readlink(path)
    return path.read_bytes() if path.is_file() else None


async def test_export_gives_back_what_import_brought(server: Server, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    files = plant(project)
    await server.register(EMAIL)
    env = environment(tmp_path) | {"THEIA_BRIDGE_PASSWORD": PASSWORD, "THEIA_BRIDGE_URL": server.url}
    into = ("--email", EMAIL, "--into", "/workspace/some/project")
    code, out, err = await run("import", str(project), *into, env=env, cwd=tmp_path)
    assert code == 0, err
    assert f"{len(files):,} files and 4 links" in out
    code, out, err = await run("import", str(project), *into, env=env, cwd=tmp_path)
    assert code == 0, err
    copy = tmp_path / "copy"
    source = ("--email", EMAIL, "--from", "/workspace/some/project")
    code, out, err = await run("export", str(copy), *source, env=env, cwd=tmp_path)
    assert code == 0, err
    assert f"{len(files):,} files and 4 links" in out
    assert tree(copy) == tree(project)


async def test_an_import_replaces_links_and_writes_through_none(server: Server, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (project / "target").write_bytes(b"target")
    (project / "one").symlink_to("target")
    (project / "two").write_bytes(b"two")
    (project / "two").chmod(0o444)
    await server.register(EMAIL)
    env = environment(tmp_path) | {"THEIA_BRIDGE_PASSWORD": PASSWORD, "THEIA_BRIDGE_URL": server.url}
    assert (await run("import", str(project), "--email", EMAIL, env=env, cwd=tmp_path))[0] == 0
    for name, other in (("one", "two"), ("two", "one")):
        (project / name).unlink()
        if name == "one":
            (project / name).write_bytes(b"no link any more")
        else:
            (project / name).symlink_to(other)
    code, _, err = await run("import", str(project), "--email", EMAIL, env=env, cwd=tmp_path)
    assert code == 0, err
    assert (await run("export", str(tmp_path / "copy"), "--email", EMAIL, env=env, cwd=tmp_path))[0] == 0
    (tmp_path / "copy/README.md").unlink()
    assert tree(tmp_path / "copy") == tree(project)


@pytest.fixture
async def keeping(store_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A server that keeps every content that was replaced."""
    running = Server(tmp_path, store_url, HISTORY_MERGE_SECONDS=0)
    await running.start()
    yield running
    await running.kill()


async def test_history_and_trash(keeping: Server, tmp_path: Path) -> None:
    account = await keeping.register(EMAIL)
    env = environment(tmp_path) | {"THEIA_BRIDGE_PASSWORD": PASSWORD, "THEIA_BRIDGE_URL": keeping.url}

    async def command(*arguments: str) -> str:
        code, out, err = await run(*arguments, "--email", EMAIL, env=env, cwd=tmp_path)
        assert code == 0, err
        return out

    path = "/workspace/f"
    async with keeping.connect(account.access_token) as client:
        for data in (b"first", b"second"):
            await client.call("fs.writeFile", WriteFileParams(path=path, content=data), Stat)
        [version] = (await command("history", path)).splitlines()
        assert version.split("\t")[2] == "5"
        await command("restore", path, version.split("\t")[0])
        content = await client.call("fs.readFile", ReadFileParams(path=path), FileContent)
        assert content.content == b"first"
        await client.call("fs.delete", DeleteParams(path=path, use_trash=True))
        [item] = (await command("trash", "list")).splitlines()
        assert item.endswith(path)
        await command("trash", "restore", item.split("\t")[0], "--to", "/home/f")
        assert (await client.call("fs.stat", PathParams(path="/home/f"), Stat)).size == 5
        assert await command("trash", "list") == ""
        await client.call("fs.delete", DeleteParams(path="/home/f", use_trash=True))
        assert "1" in await command("trash", "empty")
        assert await command("trash", "list") == ""
        code, _, err = await run("trash", "restore", "nothing", "--email", EMAIL, env=env, cwd=tmp_path)
        assert code == 1
        assert "nothing" in err


async def test_import_again_replaces_and_reports_what_it_leaves_out(server: Server, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "d").mkdir(parents=True)
    (project / "d/f").write_bytes(b"1")
    os.mkfifo(project / "pipe")
    (Path(os.fsencode(project).decode()) / os.fsdecode(b"not-utf8-\xff")).write_bytes(b"")
    await server.register(EMAIL)
    env = environment(tmp_path) | {"THEIA_BRIDGE_PASSWORD": PASSWORD, "THEIA_BRIDGE_URL": server.url}
    await run("import", str(project), "--email", EMAIL, env=env, cwd=tmp_path)
    (project / "d/f").write_bytes(b"22")
    code, out, err = await run("import", str(project), "--email", EMAIL, env=env, cwd=tmp_path)
    assert code == 0
    assert "1 files" in out
    assert "pipe: it is a device, socket or pipe" in err
    assert "its name is not UTF-8" in err
    await run("export", str(tmp_path / "copy"), "--email", EMAIL, env=env, cwd=tmp_path)
    assert (tmp_path / "copy/d/f").read_bytes() == b"22"


async def test_an_import_outlives_its_token(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for i in range(16_000):
        (project / f"{i}").write_bytes(b"%d" % i)
    server = Server(tmp_path, f"embedded:{tmp_path / 'store'}", ACCESS_TOKEN_SECONDS=4)
    await server.start()
    try:
        await server.register(EMAIL)
        env = environment(tmp_path) | {"THEIA_BRIDGE_PASSWORD": PASSWORD, "THEIA_BRIDGE_URL": server.url}
        code, out, err = await run("import", str(project), "--email", EMAIL, env=env, cwd=tmp_path)
        assert code == 0, err
        assert "16,000 files" in out
    finally:
        log = await server.kill()
    assert "/api/v5/auth/refresh" in log
    assert "/api/v5/auth/logout" in log


async def test_export_replaces_nothing(server: Server, tmp_path: Path) -> None:
    await server.register(EMAIL)
    env = environment(tmp_path) | {"THEIA_BRIDGE_PASSWORD": PASSWORD, "THEIA_BRIDGE_URL": server.url}
    target = tmp_path / "target"
    target.mkdir()
    (target / "mine").write_bytes(b"mine")
    code, _, err = await run("export", str(target), "--email", EMAIL, env=env, cwd=tmp_path)
    assert code == 1
    assert "not empty" in err
    assert [path.read_bytes() for path in target.iterdir()] == [b"mine"]


async def sign_ins_of(server: Server, token: str) -> list[dict[str, int]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{server.url}/api/v5/auth/sessions", headers=headers) as response,
    ):
        items: list[dict[str, int]] = (await response.json())["items"]
        return items


async def test_a_token_for_scripts(server: Server, tmp_path: Path) -> None:
    await server.register(EMAIL)
    env = environment(tmp_path) | {"THEIA_BRIDGE_PASSWORD": PASSWORD}
    code, out, _ = await run("token", "--email", EMAIL, "--url", server.url, env=env, cwd=tmp_path)
    assert code == 0
    async with server.connect(out.strip()):
        pass
    sign_ins = await sign_ins_of(server, out.strip())
    ends = {item["current"]: item["expires_at"] - item["used_at"] for item in sign_ins}
    assert ends[True] < 3_600_000 < ends[False], "the sign-in of a script does not stay"
    env["THEIA_BRIDGE_PASSWORD"] = "wrong password"
    code, out, err = await run("token", "--email", EMAIL, "--url", server.url, env=env, cwd=tmp_path)
    assert (code, out) == (1, "")
    assert "Wrong" in err


async def test_an_operator_makes_accounts(store_url: str, tmp_path: Path) -> None:
    env = environment(tmp_path, STORE=store_url) | {"THEIA_BRIDGE_PASSWORD": PASSWORD}
    add = ("user", "add", "--email", EMAIL, "--name", "Ada")
    assert (await run(*add, env=env, cwd=tmp_path))[0] == 0
    code, _, err = await run(*add, env=env, cwd=tmp_path)
    assert code == 1
    assert "already" in err
    code, out, _ = await run("user", "list", env=env, cwd=tmp_path)
    assert (code, out.count(EMAIL)) == (0, 1)
    server = Server(tmp_path, store_url)
    await server.start()
    try:
        await server.login(EMAIL)
    finally:
        await server.kill()


async def test_an_operator_limits_an_account(store_url: str, tmp_path: Path) -> None:
    env = environment(tmp_path, STORE=store_url, QUOTA_TENANT_BYTES=7_000_000)
    server = Server(tmp_path, store_url, QUOTA_TENANT_BYTES=7_000_000)
    await server.start()
    token = (await server.register(EMAIL)).access_token
    await server.stop()
    code, out, err = await run(
        "user", "limit", "--email", EMAIL, "--session-files", "1", env=env, cwd=tmp_path
    )
    assert code == 0, err
    assert "tenant_bytes = 7000000" in out
    assert "session_files = 1" in out
    await server.start()
    try:
        async with server.connect(token) as client:
            write = WriteFileParams(path="/workspace/second", content=b"")
            with pytest.raises(RpcError, match="1 of 1"):
                await client.call("fs.writeFile", write, Stat)
            usage = await client.call("workspace.usage", None, WorkspaceUsage)
            assert (usage.session.files, usage.session.files_limit) == (1, 1)
    finally:
        await server.stop()
    code, out, err = await run("user", "limit", "--email", EMAIL, env=env, cwd=tmp_path)
    assert code == 0, err
    assert "the server is set to" in out
    code, out, err = await run("user", "limit", "--email", "nobody@example.com", env=env, cwd=tmp_path)
    assert code == 1
    assert "nobody@example.com" in err


async def test_an_operator_takes_out_all_data_of_a_user(store_url: str, tmp_path: Path) -> None:
    server = Server(tmp_path, store_url)
    await server.start()
    await server.register(EMAIL)
    await server.stop()
    env = environment(tmp_path, STORE=store_url)
    export = ("user", "export", "--email", EMAIL, "--output")
    code, _, err = await run(*export, "ada.zip", env=env, cwd=tmp_path)
    assert code == 0, err
    with zipfile.ZipFile(tmp_path / "ada.zip") as archive:
        assert json.loads(archive.read("profile.ndjson"))["email"] == EMAIL
        assert any(name.endswith("/workspace/README.md") for name in archive.namelist())
    assert [name for name in os.listdir(tmp_path) if name.startswith("ada.zip")] == ["ada.zip"]
    code, _, err = await run(*export, "ada.zip", env=env, cwd=tmp_path)
    assert (code, "already" in err) == (1, True)
    code, _, err = await run("user", "export", "--email", "x@y.z", "--output", "b.zip", env=env, cwd=tmp_path)
    assert (code, "x@y.z" in err) == (1, True)


async def test_an_operator_reads_the_audit(store_url: str, tmp_path: Path) -> None:
    server = Server(tmp_path, store_url)
    await server.start()
    await server.register(EMAIL)
    async with aiohttp.ClientSession(server.url) as http, http.get("/api/v5/users/me") as response:
        assert response.status == 401
    await server.stop()
    env = environment(tmp_path, STORE=store_url)
    code, out, err = await run("audit", "--email", EMAIL, env=env, cwd=tmp_path)
    assert (code, [json.loads(line)["action"] for line in out.splitlines()]) == (0, ["auth.register"]), err
    code, out, err = await run("audit", "--action", "access.refuse", env=env, cwd=tmp_path)
    assert code == 0, err
    about = [json.loads(line)["detail"] for line in out.splitlines()]
    assert about == [{"request": "GET /api/v5/users/me", "status": "401"}]


async def test_an_operator_erases_a_user(store_url: str, tmp_path: Path) -> None:
    env = environment(tmp_path, STORE=store_url) | {"THEIA_BRIDGE_PASSWORD": PASSWORD}
    for email, into in ((EMAIL, ()), ("bob@example.com", ("--into", EMAIL))):
        add = ("user", "add", "--email", email, "--name", "A", *into)
        assert (await run(*add, env=env, cwd=tmp_path))[0] == 0
    erase = ("user", "erase", "--yes", "--email")
    code, _, err = await run(*erase, EMAIL, env=env, cwd=tmp_path)
    assert (code, "only owner" in err) == (1, True)
    code, out, err = await run(*erase, "bob@example.com", env=env, cwd=tmp_path)
    assert (code, "bob@example.com is erased" in out) == (0, True), err
    code, out, err = await run(*erase, EMAIL, env=env, cwd=tmp_path)
    assert (code, "and the tenant" in out) == (0, True), err
    assert (await run("user", "list", env=env, cwd=tmp_path))[1] == ""
    code, _, err = await run(*erase, EMAIL, env=env, cwd=tmp_path)
    assert (code, EMAIL in err) == (1, True)
    assert (await run("fsck", env=env, cwd=tmp_path))[0] == 0


async def test_fsck_of_a_store_in_use_and_out_of_use(server: Server, tmp_path: Path) -> None:
    """On one engine it says who has the store open; on the other it works all the same."""
    await server.register(EMAIL)
    command = ("fsck", "--store", server.store)
    code, out, err = await run(*command, env=environment(tmp_path), cwd=tmp_path)
    if server.store.startswith("embedded:"):
        assert code == 1
        assert str(server.pid) in err
        await server.stop()
        code, out, err = await run(*command, env=environment(tmp_path), cwd=tmp_path)
    assert code == 0, err
    assert "1 tenants, 1 names, 1 contents" in out


async def test_a_command_on_a_store_that_nobody_has_begun(store_url: str, tmp_path: Path) -> None:
    """A mistyped name is no store in which all is well, and none is made of it."""
    env = environment(tmp_path, STORE=store_url)
    for command in (("fsck",), ("audit",), ("user", "list")):
        code, out, err = await run(*command, env=env, cwd=tmp_path)
        assert (code, out) == (1, "")
        assert "name the one the server uses" in err
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "told"),
    [
        (("import", "nowhere", "--email", EMAIL), {}, 1, "nowhere"),
        (("import", "."), {}, 2, "--email"),
        (("import", ".", "--email", EMAIL, "--url", "ftp://x"), {}, 2, "http://HOST:PORT"),
        (("token", "--email", EMAIL, "--url", "http://127.0.0.1:1"), {}, 1, "no server answers"),
        (("serve", "--store", "mysql:x"), {}, 1, "embedded:DIR"),
        (("serve",), {"THEIA_BRIDGE_PORT": "high"}, 2, "port"),
        (("serve",), {"THEIA_BRIDGE_PROT": "1"}, 2, "THEIA_BRIDGE_PROT"),
        (("serve",), {"THEIA_BRIDGE_CONFIG": "no-such.toml"}, 2, "no-such.toml"),
        (("doctor", "--store", "fdb:no-such.cluster"), {}, 1, "wrong"),
        (("history", "/workspace/f"), {}, 2, "--email"),
        (("fly",), {}, 2, "fly"),
    ],
)
async def test_a_wrong_call_says_what_is_wrong(
    arguments: tuple[str, ...], variables: dict[str, str], code: int, told: str, tmp_path: Path
) -> None:
    env = environment(tmp_path) | {"THEIA_BRIDGE_PASSWORD": PASSWORD} | variables
    got, out, err = await run(*arguments, env=env, cwd=tmp_path)
    assert got == code, err
    assert told in out + err
    assert "Traceback" not in err


async def test_config_prints_settings_that_can_be_used(tmp_path: Path) -> None:
    env = environment(tmp_path, PORT=8499)
    code, out, _ = await run("config", env=env, cwd=tmp_path)
    assert code == 0
    assert "port = 8499" in out
    (tmp_path / "theia-bridge.toml").write_text(out)
    assert (await run("config", env=environment(tmp_path), cwd=tmp_path))[1] == out
    (tmp_path / "theia-bridge.toml").write_text("unknown = 1\n")
    code, _, err = await run("config", env=environment(tmp_path), cwd=tmp_path)
    assert code == 2
    assert "unknown" in err


async def test_doctor_finds_a_fresh_place_usable(tmp_path: Path) -> None:
    env = environment(tmp_path, STORE=f"embedded:{tmp_path / 'store'}", IDE=tmp_path / "ide")
    code, out, _ = await run("doctor", env=env, cwd=tmp_path)
    assert code == 1
    assert "make ide" in out
    (tmp_path / "ide").mkdir()
    (tmp_path / "ide/index.html").write_text("")
    code, out, _ = await run("doctor", env=env, cwd=tmp_path)
    assert code == 0, out


@pytest.mark.parametrize(
    "command",
    [
        "",
        "serve",
        "workspace",
        "import",
        "export",
        "token",
        "config",
        "doctor",
        "fsck",
        "keys rotate",
        "keys list",
        "user add",
        "user list",
        "user limit",
        "history",
        "restore",
        "trash",
        "trash list",
        "trash restore",
        "trash empty",
        "rpc",
        "console",
    ],
)
async def test_every_command_has_help_with_an_example(command: str, tmp_path: Path) -> None:
    code, out, _ = await run(*command.split(), "--help", env=environment(tmp_path), cwd=tmp_path)
    assert code == 0
    assert re.search("Example|Commands", out)
