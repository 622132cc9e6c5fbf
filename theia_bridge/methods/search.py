"""`search.*`: the caller's files by name and by text."""

from __future__ import annotations

from rpc import Registry
from theia_bridge.methods.context import Context
from theia_bridge.methods.protocol import (
    CancelSearchParams,
    DidFind,
    DidFinish,
    FoundFiles,
    Search,
    SearchFilesParams,
    SearchTextParams,
)

registry: Registry[Context] = Registry()
registry.notification("search.didFind", DidFind, "Some of what a text search has found.")
registry.notification("search.didFinish", DidFinish, "A text search has ended by itself.")


@registry.method("search.files")
async def files(context: Context, params: SearchFilesParams) -> FoundFiles:
    """Files whose paths match a pattern, ranked as in Theia's quick open."""
    return await context.search.find_files(context.user.scope, params)


@registry.method("search.text")
async def text(context: Context, params: SearchTextParams) -> Search:
    """Begins a text search; what it finds comes as `search.didFind`, its end as `search.didFinish`."""
    return Search(search_id=await context.searches.start(context.user.scope, params))


@registry.method("search.cancel")
async def cancel(context: Context, params: CancelSearchParams) -> None:
    """Ends a text search, of which nothing more is told."""
    await context.searches.stop(params.search_id)
