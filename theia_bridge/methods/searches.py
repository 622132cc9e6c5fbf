"""The text searches of one channel: each a task that searches and notifies."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fdb_provider.errors import QuotaExceeded, StoreError
from fdb_provider.models import new_id
from fdb_provider.scope import Scope
from rpc import ChannelClosed, Notify
from theia_bridge.errors import kind_of
from theia_bridge.methods.protocol import DidFind, DidFinish, FileMatches, SearchError, SearchTextParams
from theia_bridge.methods.tasks import Tasks

if TYPE_CHECKING:  # it imports the wire types, and with them this package
    from theia_bridge.search.service import SearchService

LIMIT = 16
"""Searches one channel may have under way, those that wait for their turn among them."""
BATCH = 500
"""Matches one notification tells of, more only if they are of one file."""

_log = logging.getLogger(__name__)


class Searches:
    """Args:
    service: what searches.
    notify: sends a notification, waiting while the client does not take it, and with it the search.
    """

    def __init__(self, service: SearchService, notify: Notify) -> None:
        self._service = service
        self._notify = notify
        self._tasks = Tasks()

    async def start(self, scope: Scope, asked: SearchTextParams) -> str:
        """Begins a search; returns its id, before anything is told of it.

        Raises:
            QuotaExceeded: the channel has `LIMIT` searches under way.
            and as `SearchService.check`.
        """
        await self._service.check(scope, asked.roots, [asked.pattern, *asked.includes, *asked.excludes])
        if len(self._tasks) >= LIMIT:
            raise QuotaExceeded(f"{LIMIT} searches are under way: cancel one, or wait for its end")
        search_id = new_id()
        self._tasks.start(search_id, self._run(search_id, scope, asked))
        return search_id

    async def stop(self, search_id: str) -> None:
        """Ends a search, of which nothing more is told; one that is not there has ended already."""
        await self._tasks.stop(search_id)

    async def close(self) -> None:
        """Ends all."""
        await self._tasks.close()

    async def _run(self, search_id: str, scope: Scope, asked: SearchTextParams) -> None:
        async def found(files: list[FileMatches]) -> None:
            for batch in _batches(files):
                await self._notify("search.didFind", DidFind(search_id=search_id, files=batch))

        more, skipped = True, 0
        error: SearchError | None = None
        try:
            more, skipped = await self._service.find_text(scope, asked, found)
        except ChannelClosed:
            return
        except StoreError as reason:
            kind = kind_of(reason)
            error = SearchError(kind="Internal" if kind is None else kind.name, message=str(reason))
        except Exception:
            _log.exception("a search failed")
            message = "the search failed on the server; its log says why"
            error = SearchError(kind="Internal", message=message)
        try:
            await self._notify(
                "search.didFinish",
                DidFinish(search_id=search_id, limit_hit=more, skipped=skipped, error=error),
            )
        except ChannelClosed:
            return


def _batches(files: Sequence[FileMatches]) -> list[list[FileMatches]]:
    batches: list[list[FileMatches]] = []
    size = BATCH
    for file in files:
        if size + len(file.matches) > BATCH:
            batches.append([])
            size = 0
        batches[-1].append(file)
        size += len(file.matches)
    return batches
