"""What a method knows of its caller and of the channel it was called on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from auth.context import UserContext
from fdb_provider.engine import Database
from fdb_provider.files import audited
from fdb_provider.files.paths import parse
from fdb_provider.files.service import FileService
from fdb_provider.scope import Actor
from fdb_provider.signals import Signals
from rpc import Notify
from theia_bridge import trace
from theia_bridge.call_traces import CallTraces
from theia_bridge.chat.news import ChatFollower
from theia_bridge.methods.searches import Searches
from theia_bridge.methods.session_changes import SessionChanges
from theia_bridge.methods.watches import Watches
from theia_bridge.observations import Observations

if TYPE_CHECKING:  # it imports the wire types, and with them this package
    from theia_bridge.chat.completions import Completions
    from theia_bridge.presence import Attendance
    from theia_bridge.related.service import RelatedSessions
    from theia_bridge.search.service import SearchService
    from theia_bridge.workspace.runtimes import Runtimes


class Context:
    """One channel's caller and what its methods work with.

    Args:
        of_runtime: the caller is the runtime of the session, in the name of its user.
        attendance: makes what tells others of the caller's window.
        max_frame: bytes of the largest frame the channel takes.
        tell: has the audit tell of what the caller read; None if it is not to.
        user: replaced when the channel is renewed.
        renew: verifies a newer access token of the same sign-in and moves the channel's end; raises
            `auth.errors.TokenRejected` when it does not stand.
        notify: sends a notification on the channel, waiting while the client does not take it.
    """

    def __init__(
        self,
        *,
        user: UserContext,
        of_runtime: bool,
        db: Database,
        files: FileService,
        search: SearchService,
        signals: Signals,
        completions: Completions,
        attendance: Callable[[Notify], Attendance],
        related: RelatedSessions,
        runtimes: Runtimes,
        traces: CallTraces,
        max_frame: int,
        tell: Observations | None,
        renew: Callable[[str], Awaitable[UserContext]],
        notify: Notify,
    ) -> None:
        self.user = user
        self.of_runtime = of_runtime
        self.db = db
        self.files = files
        self.search = search
        self.completions = completions
        self.related = related
        self.runtimes = runtimes
        self.traces = traces
        self.max_frame = max_frame
        self._tell = tell
        self.renew = renew
        self.notify = notify
        self.watches = Watches(notify)
        self.searches = Searches(search, notify)
        self.chats = ChatFollower(db, signals, self.actor, notify)
        self.attendance = attendance(notify)
        self.session_changes = SessionChanges(signals, notify)

    @property
    def actor(self) -> Actor:
        """Who calls and from where, for services and their audit entries."""
        return trace.actor(self.user.scope)

    def tell_of_read(self, method: str, path: str) -> None:
        """Has the audit tell that the caller was given a file's content, if the settings say so."""
        if self._tell is not None:
            at = parse(path)
            resource = audited.resource(self.user.scope, at.root, at.relative)
            self._tell.note(self.actor, "access.read", resource, detail={"request": method})

    async def close(self) -> None:
        """Ends what the channel left running."""
        await self.watches.close()
        await self.searches.close()
        await self.chats.close()
        await self.attendance.close()
        await self.session_changes.close()
