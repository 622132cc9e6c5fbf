"""The runtimes of a gateway: at most one for each session, started on demand, stopped when nobody uses it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping

import aiohttp
import msgspec

from auth.context import UserContext
from auth.errors import AuthError
from auth.runtimes import RuntimeSignIn, RuntimeSignIns
from fdb_provider.errors import StoreError
from fdb_provider.models import at_least
from fdb_provider.scope import Actor, Scope
from rpc import ChannelClosed, RpcError
from rpc.client import Client
from theia_bridge.backoff import Backoff
from theia_bridge.config import Settings
from theia_bridge.leases import Lease, Leases
from theia_bridge.workspace.doors import Doors
from theia_bridge.workspace.errors import NoSandbox, WorkspaceUnavailable
from theia_bridge.workspace.launcher import Child, Launcher
from theia_bridge.workspace.protocol import (
    RenewRuntimeParams,
    RuntimeState,
    RuntimeStatus,
    WorkspaceRuntime,
)

RENEW_AT = 0.6
"""Part of its token's life after which a runtime gets a newer one."""
RETRY_SECONDS = 2.0
"""From a renewal that failed, as the store did not answer, to the next attempt."""
BACKOFF = (0.2, 1.0, 5.0, 15.0, 30.0)
"""Seconds from a crash to the next start, by how many there were in succession."""
REAP_SECONDS = 15.0
"""How often, at least, it is looked whether a runtime idles."""
SWEEP_SECONDS = 3600.0
"""How often the folders of sessions that are gone are removed."""
DID_CHANGE = "workspace.didChangeRuntime"
"""The notification that tells browsers how the runtime of their session is."""
_log = logging.getLogger(__name__)

Tell = Callable[[Scope, str, msgspec.Struct], None]
"""Sends a notification to all who have a session open."""


class Runtime:
    """The runtime of one session, through crashes and new starts, until it is stopped.

    Attributes:
        scope: the session.
        state, error: how it is, and why if it has failed.
    """

    def __init__(self, scope: Scope, actor: Actor, host: Runtimes) -> None:
        self.scope = scope
        self.state: RuntimeState = "starting"
        self.error: str | None = None
        self._actor = actor
        self._host = host
        self._held = 0
        self._used_at = time.monotonic()
        self._client: Client | None = None
        self._child: Child | None = None
        self._http: aiohttp.ClientSession | None = None
        self._stopping = asyncio.Event()
        self._backoff = Backoff(*BACKOFF)
        self._up: asyncio.Future[None] = _future()
        self._work: asyncio.Task[None] | None = None
        self._task = asyncio.create_task(self._supervise(), name=f"runtime {scope.session}")

    @property
    def rpc(self) -> Client:
        """A channel to its methods.

        Raises:
            WorkspaceUnavailable: it does not run at the moment.
        """
        if self._client is None:
            raise WorkspaceUnavailable("The workspace is starting again. Try again in a moment.")
        return self._client

    @property
    def pid(self) -> int | None:
        """The process that was started for it: the sandbox's, or its own where there is none."""
        return None if self._child is None else self._child.pid

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    async def connect(self, path: str) -> aiohttp.ClientWebSocketResponse:
        """A WebSocket to one of its own, such as `/terminal/ID`.

        Raises:
            WorkspaceUnavailable: it does not run at the moment.
            aiohttp.WSServerHandshakeError: it refuses; with a status.
            aiohttp.ClientError: it does not answer.
        """
        if self._http is None or self._child is None:
            raise WorkspaceUnavailable("The workspace is starting again. Try again in a moment.")
        return await self._http.ws_connect(
            f"http://runtime{path}",
            headers={"Authorization": f"Bearer {self._child.secret}"},
            max_msg_size=self._host.settings.rpc_max_frame,
        )

    async def ready(self) -> Runtime:
        """Waits until it runs.

        Raises:
            WorkspaceUnavailable: it cannot be started, or not soon.
        """
        if self.state == "failed" and self._backoff.is_long:
            raise WorkspaceUnavailable(f"{self.error} It is started again in {self._backoff.wait:.0f} s.")
        await asyncio.shield(self._up)
        return self

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """It does not idle meanwhile."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
            self._used_at = time.monotonic()

    @property
    def held(self) -> int:
        """How many sockets and searches use it now."""
        return self._held

    @property
    def idle(self) -> float:
        """Seconds for which nobody has used it; 0 while somebody does."""
        if self._held or self._host.watched(self.scope):
            self._used_at = time.monotonic()
            return 0.0
        return time.monotonic() - self._used_at

    async def stop(self) -> None:
        """Stops it: what runs in it ends, after what was written is stored."""
        self._stopping.set()
        if self._work is not None and self.state != "running":
            self._work.cancel()
        await asyncio.wait([self._task])

    async def describe(self) -> WorkspaceRuntime:
        """How it is."""
        status = None
        if self._client is not None:
            with contextlib.suppress(ChannelClosed):
                status = await self._client.call("runtime.status", None, RuntimeStatus)
        return self._described(status)

    def _described(self, status: RuntimeStatus | None = None) -> WorkspaceRuntime:
        return WorkspaceRuntime(
            state=self.state,
            sandbox=self._host.settings.workspace_sandbox,
            error=self.error,
            status=status,
        )

    async def _supervise(self) -> None:
        """Runs it again and again until it is stopped, or has failed while nobody uses it."""
        stop = asyncio.create_task(self._stopping.wait())
        try:
            while not self.stopping:
                began = time.monotonic()
                self._work = asyncio.create_task(self._run())
                await asyncio.wait([self._work])
                if self._work.cancelled() or (error := self._work.exception()) is None:
                    break
                delay = self._backoff.failed(time.monotonic() - began)
                self._failed(error)
                if (
                    not isinstance(error, WorkspaceUnavailable)
                    or isinstance(error, NoSandbox)
                    or self.idle > 0
                ):
                    return
                await asyncio.wait([stop], timeout=delay)
            self._change("stopped")
        finally:
            stop.cancel()
            self._host.forget(self)
            if not self._up.done():
                self._up.set_exception(WorkspaceUnavailable("The workspace was stopped."))

    async def _run(self) -> None:
        """Runs it once, to its end.

        Raises:
            WorkspaceUnavailable: it has failed, and may be started again.
        """
        self._change("starting")
        host = self._host
        try:
            async with contextlib.AsyncExitStack() as stack:
                stack.enter_context(host.launcher.own(self.scope))
                sign_in = await host.sign_ins.open(self._actor)
                stack.push_async_callback(self._sign_out, sign_in)
                door = host.launcher.gateway_socket(self.scope)
                await host.doors.open(door, self.scope)
                stack.callback(host.doors.close, door)
                child = await host.launcher.launch(self.scope, sign_in.token)
                stack.push_async_callback(child.end)
                host.doors.keep_to(door, child.listens)
                client = await stack.enter_async_context(
                    Client.connect("ws://runtime/rpc", unix=child.socket, token=child.secret)
                )
                http = aiohttp.ClientSession(connector=aiohttp.UnixConnector(child.socket, limit=0))
                await stack.enter_async_context(http)
                stack.callback(self._down)
                self._client, self._child, self._http = client, child, http
                await self._while_running(sign_in, client, child)
        except OSError as error:
            raise WorkspaceUnavailable(f"The workspace does not start: {error}") from error

    async def _while_running(self, sign_in: RuntimeSignIn, client: Client, child: Child) -> None:
        """Looks after it until it is to be stopped. Raises `WorkspaceUnavailable` if it ends by itself."""
        host = self._host

        async def end(_: int, reason: str) -> None:
            _log.info("The runtime of session %s may not go on: %s", self.scope.session, reason)
            self._stopping.set()

        def changed(user: UserContext) -> None:
            if not at_least(user.role, "member"):
                self._stopping.set()

        user = await host.doors.gate.authenticate(sign_in.token)
        lease = host.leases.grant(user, host.doors.gate, end, changed)
        tasks = [
            asyncio.create_task(child.ended()),
            asyncio.create_task(self._stopping.wait()),
            asyncio.create_task(self._keep(sign_in, client, lease)),
            asyncio.create_task(self._forward(client)),
        ]
        self.error = None
        self._change("running")
        self._up.set_result(None)
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self.stopping:
                return
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await lease.release()
        with contextlib.suppress(TimeoutError):  # its channel may be closed a moment earlier
            async with asyncio.timeout(1.0):
                await child.ended()
        child.kill()
        code = await child.ended()
        raise WorkspaceUnavailable(f"The workspace has ended by itself (exit code {code}).")

    async def _keep(self, sign_in: RuntimeSignIn, client: Client, lease: Lease) -> None:
        """Gives it a newer token whenever it is time."""
        retry = False
        while True:
            left = sign_in.expires_at - time.time()
            await asyncio.sleep(RETRY_SECONDS if retry else max(0.0, left * RENEW_AT))
            try:
                sign_in = await self._host.sign_ins.renew(self.scope, sign_in.family)
                await lease.renew(sign_in.token)
                await client.call("runtime.renew", RenewRuntimeParams(token=sign_in.token))
                retry = False
            except AuthError as error:
                lease.end(str(error))
                return
            except (StoreError, RpcError) as error:
                _log.warning(
                    "The token of session %s's runtime is not renewed: %s", self.scope.session, error
                )
                retry = True

    async def _forward(self, client: Client) -> None:
        """Brings what it tells to the browsers that have the session open."""
        types: dict[str, type[msgspec.Struct]] = {
            **self._host.types,
            "runtime.didChangeStatus": RuntimeStatus,
        }
        async for name, params in client.notifications(types):
            if isinstance(params, RuntimeStatus):
                self._host.tell(self.scope, DID_CHANGE, self._described(params))
            elif isinstance(params, msgspec.Struct):
                self._host.tell(self.scope, name, params)

    async def _sign_out(self, sign_in: RuntimeSignIn) -> None:
        try:
            await self._host.sign_ins.end(self._actor, sign_in.family)
        except StoreError as error:  # it ends by itself with its token
            _log.warning("The sign-in of session %s's runtime is not ended: %s", self.scope.session, error)

    def _down(self) -> None:
        self._client = self._child = self._http = None
        self._up = _future()

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, WorkspaceUnavailable | AuthError | StoreError):
            self.error = str(error)
            _log.warning("The runtime of session %s: %s", self.scope.session, error)
        else:
            self.error = "The workspace could not be started; the server's log tells why."
            _log.error("The runtime of session %s has failed", self.scope.session, exc_info=error)
        self._change("failed")
        if not self._up.done():
            self._up.set_exception(error)
            self._up = _future()

    def _change(self, state: RuntimeState) -> None:
        self.state = state
        self._host.tell(self.scope, DID_CHANGE, self._described())


class Runtimes:
    """All runtimes of this gateway.

    Args:
        types: of the notifications that runtimes send and browsers are told, by name.
        watched: whether a browser has a session open.
        tell: tells those that have.
    """

    def __init__(
        self,
        settings: Settings,
        sign_ins: RuntimeSignIns,
        doors: Doors,
        leases: Leases,
        *,
        types: Mapping[str, type[msgspec.Struct]],
        watched: Callable[[Scope], bool],
        tell: Tell,
    ) -> None:
        self.settings = settings
        self.sign_ins = sign_ins
        self.doors = doors
        self.leases = leases
        self.types = types
        self.watched = watched
        self.tell = tell
        self.launcher = Launcher(settings)
        self._runtimes: dict[Scope, Runtime] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._runtimes)

    def __iter__(self) -> Iterator[Runtime]:
        return iter(list(self._runtimes.values()))

    def get(self, scope: Scope) -> Runtime | None:
        """The runtime of a session, if it has one."""
        return self._runtimes.get(scope)

    async def describe(self, scope: Scope) -> WorkspaceRuntime:
        """How the runtime of a session is, if it has one or not."""
        runtime = self._runtimes.get(scope)
        if runtime is None:
            return WorkspaceRuntime(state="stopped", sandbox=self.settings.workspace_sandbox)
        return await runtime.describe()

    async def of(self, scope: Scope, actor: Actor | None = None) -> Runtime:
        """The runtime of a session, started if there is none; returns when it runs.

        Args:
            actor: who asks for it, if it is more than the scope.

        Raises:
            NoSandbox: programs are not run on this machine.
            WorkspaceUnavailable: there are as many as allowed, or it does not start.
            NoPermissions: the session's user only reads.
            StoreError
        """
        await self.launcher.check()
        while (runtime := self._runtimes.get(scope)) is None or runtime.stopping:
            if self._closed:
                raise WorkspaceUnavailable("The server is being stopped.")
            if runtime is not None:
                await runtime.stop()
            elif len(self._runtimes) >= self.settings.workspace_limit:
                await self._make_room()
            else:
                self._runtimes[scope] = Runtime(scope, actor or Actor(scope), self)
        return await runtime.ready()

    async def stop(self, scope: Scope) -> None:
        """Stops the runtime of a session, if it has one."""
        if (runtime := self._runtimes.get(scope)) is not None:
            await runtime.stop()

    def forget(self, runtime: Runtime) -> None:
        """It has ended."""
        if self._runtimes.get(runtime.scope) is runtime:
            del self._runtimes[runtime.scope]

    async def run(self) -> None:
        """Stops runtimes that idle and removes folders of sessions that are gone, until it is cancelled."""
        seconds = self.settings.workspace_idle_minutes * 60
        sweep = 0.0
        while True:
            if time.monotonic() >= sweep:
                sweep = time.monotonic() + SWEEP_SECONDS
                await self._sweep()
            await asyncio.sleep(min(REAP_SECONDS, seconds / 4))
            idle = [runtime for runtime in self if runtime.idle >= seconds]
            await asyncio.gather(*(runtime.stop() for runtime in idle))

    async def close(self) -> None:
        """Stops all, and starts no more."""
        self._closed = True
        await asyncio.gather(*(runtime.stop() for runtime in self))
        self.launcher.close()

    async def _sweep(self) -> None:
        """Removes the folders of sessions that are gone for good; those in the trash keep theirs."""
        try:
            for tenant, session in await asyncio.to_thread(self.launcher.sessions):
                if not await self.sign_ins.known(tenant, session):
                    await self._remove(tenant, session)
        except (StoreError, OSError) as error:
            _log.warning("The folders of sessions that are gone are not removed now: %s", error)

    async def _remove(self, tenant: str, session: str) -> None:
        try:
            await asyncio.to_thread(self.launcher.remove, tenant, session)
        except OSError as error:  # the others can be
            _log.warning("The folder of session %s, which is gone, is not removed now: %s", session, error)

    async def _make_room(self) -> None:
        """Stops the runtime that has idled longest. Raises `WorkspaceUnavailable` when all are in use."""
        idle = max(self, key=lambda runtime: runtime.idle, default=None)
        if not self.settings.workspace_limit:
            raise WorkspaceUnavailable("This server runs no programs.")
        if idle is None or idle.idle <= 0:
            raise WorkspaceUnavailable(
                f"The server runs {len(self)} workspaces, as many as it may. Try again later."
            )
        await idle.stop()


def _future() -> asyncio.Future[None]:
    """One whose error may go unseen."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
