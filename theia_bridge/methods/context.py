"""What a method knows of its caller and of the channel it was called on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec

from auth.context import UserContext
from fdb_provider.engine import Database
from fdb_provider.files.service import FileService
from theia_bridge.methods.searches import Searches
from theia_bridge.methods.watches import Watches

if TYPE_CHECKING:  # it imports the wire types, and with them this package
    from theia_bridge.search.service import SearchService

Notify = Callable[[str, msgspec.Struct], Awaitable[None]]


class Context:
    """One channel's caller and what its methods work with.

    Args:
        max_frame: bytes of the largest frame the channel takes.
        user: replaced when the channel is renewed.
        renew: verifies a newer access token of the same sign-in and moves the channel's end; raises
            `auth.errors.TokenRejected` when it does not stand.
        notify: sends a notification on the channel, waiting while the client does not take it.
    """

    def __init__(
        self,
        *,
        user: UserContext,
        db: Database,
        files: FileService,
        search: SearchService,
        max_frame: int,
        renew: Callable[[str], Awaitable[UserContext]],
        notify: Notify,
    ) -> None:
        self.user = user
        self.db = db
        self.files = files
        self.search = search
        self.max_frame = max_frame
        self.renew = renew
        self.watches = Watches(notify)
        self.searches = Searches(search, notify)

    async def close(self) -> None:
        """Ends what the channel left running."""
        await self.watches.close()
        await self.searches.close()
