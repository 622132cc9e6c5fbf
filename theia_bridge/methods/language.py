"""`language.*`: the language servers of the session. Their messages go over `/ws/lsp/{language}`."""

from __future__ import annotations

from rpc import ChannelClosed, Registry
from theia_bridge.methods.context import Context
from theia_bridge.workspace.errors import WorkspaceUnavailable
from theia_bridge.workspace.languages.protocol import Language, LanguageDidChange, LanguageList
from theia_bridge.workspace.languages.settings import servers

registry: Registry[Context] = Registry()
registry.notification("language.didChange", LanguageDidChange, "A language server has begun or ended.")


@registry.method("language.list")
async def list_(context: Context) -> LanguageList:
    """The languages there are servers for, and how these are; none runs if the session's runtime does not."""
    runtime, settings = context.runtimes.get(context.user.scope), context.runtimes.settings
    if runtime is None:
        there = servers(settings) if settings.workspace_limit else ()
        return LanguageList(languages=[Language(id=id) for id in there])
    try:
        return await runtime.rpc.call("language.list", None, LanguageList)
    except ChannelClosed:
        raise WorkspaceUnavailable("The workspace has ended. Try again in a moment.") from None
