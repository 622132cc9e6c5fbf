"""What the sandbox keeps out of sight, and what its limits are good for: tried from inside."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from pathlib import Path

import msgspec
import pytest

from tests.workspace.inside import begin, ended, folders, of_namespace, run
from theia_bridge.workspace import sandbox
from theia_bridge.workspace.errors import NoSandbox
from theia_bridge.workspace.handover import ProcessLimits
from theia_bridge.workspace.python import python

MIB = 1024**2


@pytest.fixture
def at(tmp_path: Path) -> sandbox.Folders:
    """The folders of a session."""
    return folders(tmp_path / "workspaces" / "tenant" / "session")


async def test_the_sessions_own_files_are_at_their_paths(at: sandbox.Folders) -> None:
    (at.workspace / "a.txt").write_text("from outside")
    seen = await run(
        at,
        """
        print(os.getcwd(), os.environ["HOME"], open("a.txt").read())
        open("/workspace/b.txt", "w").write("from inside")
        os.makedirs("/home/x")
        """,
    )
    assert seen == "/workspace /home from outside\n"
    assert (at.workspace / "b.txt").read_text() == "from inside"
    assert (at.home / "x").is_dir()


async def test_nothing_else_of_the_machine_is_in_sight(
    at: sandbox.Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THEIA_BRIDGE_METRICS_TOKEN", "not for users to see")
    secrets = [tmp_path / "store" / "data.mdb", tmp_path / "keys" / "1.pem"]
    secrets += [tmp_path / "workspaces" / "tenant" / "other" / "workspace" / "a.txt"]
    for secret in secrets:
        secret.parent.mkdir(parents=True)
        secret.write_text("secret")
    paths = [
        *map(str, secrets),
        str(tmp_path),
        "/etc/shadow",
        "/root/.ssh",
        "/var/lib",
        "/sys/kernel",
        __file__,
    ]
    seen = msgspec.json.decode(
        await run(
            at,
            f"""
            inside = [path for path in {paths!r} if os.path.exists(path)]
            hidden = []
            for folder, _, names in os.walk("/", onerror=lambda _: None):
                if folder.startswith(("/proc", "/usr", sys.prefix, sys.base_prefix)):
                    continue
                hidden += [os.path.join(folder, name) for name in names if name in ("data.mdb", "1.pem")]
            processes = [int(name) for name in os.listdir("/proc") if name.isdigit()]
            first = open("/proc/1/cmdline").read()
            names, temporary = sorted(os.environ), os.listdir("/tmp")
            print(json.dumps([inside, hidden, processes, first, names, temporary, os.getuid()]))
            """,
        )
    )
    inside, hidden, processes, first, names, temporary, user = seen
    assert inside == []
    assert hidden == []
    assert processes == [1, 2]  # the sandbox's first process and this program
    assert str(tmp_path) not in first
    assert set(names) - {"PWD", "LC_CTYPE"} == {
        *("HOME", "LANG", "LOGNAME", "PATH", "PYTHONPATH", "SHELL", "USER")
    }
    # The tests' own Python may lie below /tmp: then the way to it is there, and nothing beside it.
    python = Path(sys.prefix)
    assert temporary == ([python.parts[2]] if python.is_relative_to("/tmp") else [])
    assert user == sandbox.UID


async def test_the_system_is_there_to_read_only(at: sandbox.Folders) -> None:
    written = await run(
        at,
        """
        for folder in ("/", "/usr", "/etc", "/dev", "/run", os.path.dirname(os.__file__), sys.prefix):
            try:
                open(f"{folder}/written", "w")
            except OSError:
                continue
            print(folder)
        for target in (0, 1):
            try:
                os.setuid(target)
            except OSError:
                continue
            print("became", target)
        """,
    )
    assert written == ""


@pytest.mark.parametrize("network", [False, True])
async def test_the_network_is_reached_only_where_it_is_allowed(at: sandbox.Folders, network: bool) -> None:
    def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        reached = await run(
            at,
            f"""
            import socket
            try:
                socket.create_connection(("127.0.0.1", {port}), 10).close()
            except OSError:
                print("refused")
            else:
                print("reached")
            """,
            network=network,
        )
    assert reached == ("reached\n" if network else "refused\n")


async def test_a_python_environment_at_the_paths_of_files_is_elsewhere(at: sandbox.Folders) -> None:
    said = await run(
        at,
        """
        import msgspec, ssl, uvloop
        found = [path for path in sys.path if os.path.isdir(path)]
        print(all(path.startswith(("/opt/theia-bridge/", "/usr/", "/workspace")) for path in found))
        print(sandbox.__file__, os.path.exists(os.environ["PATH"].rpartition(":")[2] + "/rg"))
        """,
        own=python(taken=["/"]),
    )
    assert said == "True\n/opt/theia-bridge/packages/theia_bridge/workspace/sandbox.py True\n"


async def test_a_terminal_has_job_control(at: sandbox.Folders) -> None:
    said = await run(
        at,
        """
        import pty
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv("/bin/sh", ["sh", "-mc", "sleep 60 & kill %1; wait; echo done"])
        said = b""
        try:
            while more := os.read(terminal, 1000):
                said += more
        except OSError:
            pass
        print(said.decode())
        """,
    )
    assert "done" in said
    assert "no job control" not in said


async def test_a_fork_bomb_is_stopped_by_the_limit(at: sandbox.Folders) -> None:
    made = await run(
        at,
        """
        children, failed = [], 0
        for _ in range(500):
            try:
                child = os.fork()
            except BlockingIOError:
                failed += 1
                continue
            if child == 0:
                while True:
                    try:
                        os.fork()
                    except OSError:
                        os.pause() if hasattr(os, "pause") else __import__("signal").pause()
            children.append(child)
        running = sum(name.isdigit() for name in os.listdir("/proc"))
        print(running <= 65, failed > 0)
        os._exit(0) if sys.stdout.flush() is None else None
        """,
        limits=ProcessLimits(processes=64),
    )
    assert made == "True True\n"


async def test_limits_of_two_sandboxes_do_not_add_up(tmp_path: Path) -> None:
    code = """
        import signal
        for _ in range(40):
            if os.fork() == 0:
                signal.pause()
        print("all", flush=True)
        sys.stdin.read()
        os.kill(-1, signal.SIGKILL)
    """
    limits = ProcessLimits(processes=50)
    first, second = [await begin(folders(tmp_path / name), code, limits=limits) for name in "ab"]
    try:
        for process in (first, second):
            assert process.stdout is not None
            assert await process.stdout.readline() == b"all\n"
    finally:
        for process in (first, second):
            process.kill()
            await process.communicate()


async def test_memory_and_files_end_at_their_limits(at: sandbox.Folders) -> None:
    said = await run(
        at,
        """
        import mmap, signal
        try:
            bytearray(400 << 20)
        except MemoryError:
            print("memory")
        mmap.mmap(-1, 2 << 30, flags=mmap.MAP_PRIVATE, prot=0).close()
        print("reserving is free")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for path, size in (("/workspace/big", 20), ("/tmp/big", 20)):
            try:
                with open(path, "wb") as file:
                    for _ in range(size):
                        file.write(bytes(1 << 20))
                        file.flush()
            except OSError as error:
                print(path, error.errno, os.path.getsize(path))
        """,
        limits=ProcessLimits(memory=256 * MIB, file=10 * MIB),
    )
    assert said.splitlines() == [
        "memory",
        "reserving is free",
        f"/workspace/big 27 {10 * MIB}",
        f"/tmp/big 27 {10 * MIB}",
    ]


async def test_what_is_in_memory_is_limited_too(at: sandbox.Folders) -> None:
    said = await run(
        at,
        """
        for folder in ("/tmp", "/dev/shm"):
            with open(f"{folder}/big", "wb") as file:
                try:
                    os.posix_fallocate(file.fileno(), 0, 600 << 20)
                except OSError as error:
                    print(folder, error.errno)
        """,
    )
    assert said == "/tmp 28\n/dev/shm 28\n"


async def test_all_ends_with_the_sandbox(at: sandbox.Folders) -> None:
    process = await begin(
        at,
        """
        import signal
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                print(os.stat("/proc/self/ns/pid").st_ino, flush=True)
                signal.pause()
        signal.pause()
        """,
    )
    assert process.stdout is not None
    namespace = int(await process.stdout.readline())
    inside = list(of_namespace(namespace))
    assert len(inside) >= 3
    process.kill()
    await process.communicate()
    async with asyncio.timeout(10):
        for pid in inside:
            await ended(pid)


async def test_where_no_sandbox_can_be_had_it_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert shutil.which("bwrap") == str(broken)
    with pytest.raises(NoSandbox, match="No permissions to create new namespace"):
        await sandbox.check()


async def test_this_machine_has_one() -> None:
    await sandbox.check()
