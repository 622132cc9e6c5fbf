"""How long sockets may stay open: while their caller's token and sign-in stand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from auth.context import UserContext
from auth.errors import AuthError, Reason, TokenRejected
from auth.gate import Gate
from auth.revocations import RevocationFollower
from fdb_provider.errors import RecordNotFound, StoreError
from fdb_provider.models import Revocation, new_id
from fdb_provider.scope import Scope
from theia_bridge.methods.tasks import Tasks

UNAUTHORIZED = 4401
"""Close code: the token has expired, or what it stands for has ended: the sign-in, or the workspace session.
4000 to 4999 are free for applications."""

Close = Callable[[int, str], Awaitable[None]]
"""Closes a socket with a code and a reason."""


class Leases:
    """The leases of all sockets of this gateway.

    A socket that cannot be renewed by itself, as its frames are not ours, follows the RPC channels of its
    sign-in in its session: when one of them is renewed, so is that socket.
    """

    def __init__(self, revocations: RevocationFollower) -> None:
        self._revocations = revocations
        self._followers: dict[tuple[str, Scope], set[Lease]] = {}

    def grant(
        self,
        user: UserContext,
        gate: Gate,
        close: Close,
        changed: Callable[[UserContext], None],
        *,
        follows: bool = False,
    ) -> Lease:
        """A lease for a socket that was let in; to be released when it has closed.

        Args:
            gate: has let it in, and will look again.
            close: ends the socket.
            changed: is told of the caller as they are now, such as in another role.
            follows: it is renewed with the RPC channels.
        """
        lease = Lease(user, gate, close, changed, self)
        if follows:
            self._followers.setdefault((user.family, user.scope), set()).add(lease)
        lease.follow(self._revocations)
        return lease

    def prolong(self, user: UserContext) -> None:
        """Has the followers of a sign-in in a session last as long as its newest token."""
        for lease in self._followers.get((user.family, user.scope), ()):
            lease.until(user.expires_at)

    def forget(self, lease: Lease) -> None:
        """The socket has closed."""
        key = lease.user.family, lease.user.scope
        mine = self._followers.get(key, set())
        mine.discard(lease)
        if not mine:
            self._followers.pop(key, None)


class Lease:
    """How long one socket may stay open.

    Attributes:
        user: the caller, as last known.
    """

    def __init__(
        self,
        user: UserContext,
        gate: Gate,
        close: Close,
        changed: Callable[[UserContext], None],
        leases: Leases,
    ) -> None:
        self.user = user
        self._gate = gate
        self._close = close
        self._changed = changed
        self._leases = leases
        self._timer: asyncio.TimerHandle | None = None
        self._ends = 0
        self._closing: asyncio.Task[None] | None = None
        self._reviews = Tasks()
        self._unsubscribe: Callable[[], None] = lambda: None
        self.until(user.expires_at)

    def follow(self, revocations: RevocationFollower) -> None:
        """Ends it when the sign-in does."""
        self._unsubscribe = revocations.subscribe(self.user.family, self._on_entry)

    async def renew(self, token: str) -> UserContext:
        """Lasts longer, by a newer token of its sign-in, for whichever session that is; its own stays.

        Raises:
            TokenRejected: the token does not stand, or is another's, or the session is gone.
            StoreError: the store does not answer.
        """
        try:
            renewed = await self._gate.authenticate(token, self.user.scope.session)
        except RecordNotFound:
            raise TokenRejected(Reason.SESSION_GONE) from None
        if renewed.scope != self.user.scope or renewed.family != self.user.family:
            raise TokenRejected(Reason.REVOKED)
        self.user = renewed
        self.until(renewed.expires_at)
        self._leases.prolong(renewed)
        return renewed

    def until(self, expires_at: int) -> None:
        """Ends it no earlier than at that time (seconds since 1970)."""
        if expires_at <= self._ends:
            return
        self._ends = expires_at
        self._cancel()
        delay = max(0.0, expires_at - time.time())
        self._timer = asyncio.get_running_loop().call_later(delay, self.end, "token expired")

    def end(self, reason: str) -> None:
        """Ends it now."""
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close(UNAUTHORIZED, reason))

    async def release(self) -> None:
        """The socket has closed, or does so while the client is told why."""
        self._unsubscribe()
        self._leases.forget(self)
        self._cancel()
        if self._closing is not None:
            await asyncio.wait([self._closing])
        await self._reviews.close()

    def _on_entry(self, entry: Revocation) -> None:
        if entry.ended:
            self.end("signed out")
        else:
            self._reviews.start(new_id(), self._review())

    async def _review(self) -> None:
        try:
            self.user = await self._gate.review(self.user)
        except AuthError as error:
            self.end(str(error))
        except StoreError:  # the client comes back, and through the gate
            self.end("not known to stand any more")
        else:
            self._changed(self.user)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
