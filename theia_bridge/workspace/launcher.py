"""Starts runtimes as child processes of the gateway."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import logging
import os
import secrets
import shutil
import socket
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from pathlib import Path

from fdb_provider.scope import Scope
from theia_bridge.config import Settings
from theia_bridge.workspace import sandbox
from theia_bridge.workspace.errors import WorkspaceUnavailable
from theia_bridge.workspace.handover import GATEWAY_SOCKET, READY, RUNTIME_SOCKET, Handover, ProcessLimits
from theia_bridge.workspace.languages.settings import servers
from theia_bridge.workspace.peers import peer
from theia_bridge.workspace.python import Python, python
from theia_bridge.workspace.trees import remove_tree

START_SECONDS = 20.0
"""How long a runtime may take until it listens."""
STOP_SECONDS = 15.0
"""How long one may take to end by itself: its parts may put their things in order."""
_LOG_SECONDS = 0.5
"""How long its last lines are waited for; without a sandbox, others may hold on to its standard error."""
_LOCK = "lock"
"""The file that is locked with a session's folders; it tells what store the session is in."""
_LINE = 1000
"""Characters of a line that a runtime says which are logged."""
_log = logging.getLogger(__name__)


class Child:
    """A runtime's process.

    Attributes:
        sockets: the folder of its two sockets.
        secret: lets in at its socket.
        listens: the process that listens there, once it does: the runtime's own.
    """

    def __init__(self, process: Process, sockets: Path, secret: str, name: str) -> None:
        self._process = process
        self._name = name
        self._said = ""
        self._log = asyncio.create_task(self._read_log())
        self.sockets = sockets
        self.secret = secret
        self.listens = 0

    @property
    def socket(self) -> str:
        """Path of the socket it listens at."""
        return str(self.sockets / RUNTIME_SOCKET)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def hand_over(self, handover: Handover) -> None:
        """Tells it what to do, and waits until it listens.

        Raises:
            WorkspaceUnavailable: it ended, or does not in time.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # The pipe stays open: at its end the runtime knows that the gateway has gone.
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(handover.encode())
            await self._process.stdin.drain()
        try:
            async with asyncio.timeout(START_SECONDS):
                said = await self._process.stdout.readline()
        except TimeoutError:
            raise WorkspaceUnavailable(f"The workspace did not start within {START_SECONDS:.0f} s.") from None
        if said != READY:
            await self.ended()
            raise WorkspaceUnavailable(f"The workspace did not start: {self._said or 'no reason given'}")
        with socket.socket(socket.AF_UNIX) as knock:
            knock.connect(self.socket)
            self.listens = peer(knock)

    async def ended(self) -> int:
        """Waits for its end; the exit code."""
        code = await self._process.wait()
        await asyncio.wait([self._log], timeout=_LOG_SECONDS)
        return code

    async def end(self) -> None:
        """Ends it, with all in it: by itself once its input is closed, or after `STOP_SECONDS` by force."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await self._process.wait()
        except TimeoutError:
            _log.warning("The runtime of session %s does not end: it is killed", self._name)
        finally:
            self.kill()
        await self.ended()

    def kill(self) -> None:
        """Ends it by force. In the sandbox all its processes end with it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _read_log(self) -> None:
        assert self._process.stderr is not None
        while True:
            try:
                line = await self._process.stderr.readline()
            except ValueError:  # longer than the reader holds; what it held is dropped
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()[:_LINE]
            self._said = text
            _log.info("Runtime of session %s: %s", self._name, text)


class Launcher:
    """Starts runtimes by the settings."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shut_in = settings.workspace_sandbox == "bubblewrap"
        self._checked = False
        self._lock: int | None = None
        self._limits = ProcessLimits(
            memory=settings.workspace_memory_bytes,
            processes=settings.workspace_processes,
            cpu=settings.workspace_cpu_seconds,
            file=settings.workspace_file_bytes,
        )

    @functools.cached_property
    def _sockets(self) -> Path:
        """The folder of all sockets; not where the files are, as such a path has at most 107 bytes."""
        folder = Path(tempfile.mkdtemp(prefix="theia-bridge-"))
        self._lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(self._lock, fcntl.LOCK_SH)  # or systemd-tmpfiles removes from it what is old
        return folder

    def close(self) -> None:
        """Removes the folder of the sockets."""
        shutil.rmtree(self._sockets, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def check(self) -> None:
        """Looks whether programs may be run here.

        Raises:
            NoSandbox: they may not.
        """
        if self._shut_in and not self._checked:
            await sandbox.check()
            self._checked = True

    def folders(self, scope: Scope) -> sandbox.Folders:
        """Where a session's runtime works, made if need be."""
        root = self._root(scope)
        sockets = self._sockets / scope.session
        folders = sandbox.Folders(
            root / "workspace", root / "home", root / "mirror", sockets, self._sockets / "etc"
        )
        for folder in (folders.workspace, folders.home, folders.mirror, folders.sockets):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._shut_in:
            sandbox.give(folders.workspace, folders.home, folders.mirror)
            folders.sockets.chmod(0o755)  # to be looked up in by the user inside; others do not get there
        if not folders.etc.is_dir():
            sandbox.make_up(folders.etc)
        return folders

    def gateway_socket(self, scope: Scope) -> str:
        """Path of the socket at which the gateway is to listen for the session's runtime."""
        return str(self._sockets / scope.session / GATEWAY_SOCKET)

    async def launch(self, scope: Scope, token: str) -> Child:
        """Starts the runtime of a session; returns when it listens.

        Raises:
            NoSandbox: programs are not run here.
            WorkspaceUnavailable: it does not start.
        """
        await self.check()
        folders = self.folders(scope)
        inside = sandbox.INSIDE if self._shut_in else folders
        own = python() if self._shut_in else python(taken=())
        environment = sandbox.environment(inside.home, own)
        secret = secrets.token_hex(16)
        listener = _bind(folders.sockets / RUNTIME_SOCKET)
        handover = Handover(
            tenant=scope.tenant,
            user=scope.user,
            session=scope.session,
            token=token,
            secret=secret,
            workspace=inside.workspace,
            home=inside.home,
            mirror=inside.mirror,
            sockets=inside.sockets,
            listener=listener.fileno(),
            excludes=self._settings.workspace_excludes,
            languages=servers(self._settings),
            max_frame=self._settings.rpc_max_frame,
            limits=self._limits,
            sandboxed=self._shut_in,
        )
        program = [own.executable, "-m", "theia_bridge.workspace"]
        with listener:  # open in the runtime only, so that nobody waits for an answer once that has ended
            process = await self._start(scope, folders, own, environment, program, listener)
        child = Child(process, folders.sockets, secret, scope.session)
        try:
            await child.hand_over(handover)
        except BaseException:
            child.kill()
            await child.ended()
            raise
        return child

    async def _start(
        self,
        scope: Scope,
        folders: sandbox.Folders,
        own: Python,
        environment: dict[str, str],
        program: list[str],
        listener: socket.socket,
    ) -> Process:
        if self._shut_in:
            options = sandbox.options(folders, own, environment, network=self._settings.workspace_network)
            return await sandbox.start(options, program, [listener.fileno()])
        _log.warning(
            "Session %s runs programs without a sandbox: they may do what the server may", scope.session
        )
        return await asyncio.create_subprocess_exec(
            *program,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            cwd=folders.workspace,
            pass_fds=[listener.fileno()],
        )

    def sessions(self) -> list[tuple[str, str]]:
        """Tenants and sessions of this store that have folders here."""
        locks = self._settings.workspace_folder.absolute().glob(f"*/*/{_LOCK}")
        mine = [lock for lock in locks if lock.read_text() == self._settings.store]
        return [(lock.parent.parent.name, lock.parent.name) for lock in mine]

    def remove(self, tenant: str, session: str) -> None:
        """Removes the folders of a session that is gone, unless they are in use. Raises `OSError`."""
        scope = Scope(tenant, "", session)
        root = self._root(scope)
        with contextlib.suppress(WorkspaceUnavailable), self.own(scope):
            folder = os.open(root.parent, os.O_PATH | os.O_DIRECTORY)
            try:
                remove_tree(folder, root.name)
            finally:
                os.close(folder)

    @contextlib.contextmanager
    def own(self, scope: Scope) -> Iterator[None]:
        """Makes a session's folders this gateway's: two mirrors of one would work against each other.

        Raises:
            WorkspaceUnavailable: another gateway has them.
        """
        self.folders(scope)
        with (self._root(scope) / _LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WorkspaceUnavailable("The workspace of this session runs on another gateway.") from None
            lock.truncate(0)
            lock.write(self._settings.store)
            lock.flush()
            try:
                yield
            finally:
                shutil.rmtree(self._sockets / scope.session, ignore_errors=True)

    def _root(self, scope: Scope) -> Path:
        return self._settings.workspace_folder.absolute() / scope.tenant / scope.session


def _bind(path: Path) -> socket.socket:
    """A socket at a path, which nobody listens at yet. Raises `OSError`."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(str(path))
    except BaseException:
        bound.close()
        raise
    return bound
