"""The registry of all RPC methods."""

from __future__ import annotations

import inspect

from fdb_provider.errors import NoPermissions
from rpc import Registry, register_builtin
from rpc.registry import Method
from theia_bridge import __version__
from theia_bridge.errors import KINDS
from theia_bridge.methods import (
    agents,
    auth,
    chat,
    fs,
    language,
    models,
    presence,
    search,
    sessions,
    terminal,
    tracing,
    trash,
    workspace,
)
from theia_bridge.methods.context import Context
from theia_bridge.methods.samples import add_samples

_FOR_RUNTIMES = ("auth.", "fs.", "rpc.discover", "rpc.ping")
"""What the runtime of a workspace may call: it works on files. Programs of one session are not to come by
their user's chats and other sessions through it."""
_SAYS = {
    "FileTooLarge": "The file is larger than may be, or than one request may bring.",
    "Unauthorized": "The caller is not signed in (any more): the token or the password is not taken.",
    "Unavailable": "The store, or a part that is needed, does not answer or is full; it may succeed later.",
}
"""What kinds say that several errors are told as."""


def build_registry() -> Registry[Context]:
    """Every method, notification and error of the channel."""
    registry: Registry[Context] = Registry()
    for namespace in (
        agents,
        auth,
        chat,
        fs,
        language,
        models,
        presence,
        search,
        sessions,
        terminal,
        tracing,
        trash,
        workspace,
    ):
        registry.include(namespace.registry)
    for error, kind in KINDS.items():
        doc = _SAYS.get(kind.name) or inspect.cleandoc(error.__doc__ or "").partition("Args:")[0].strip()
        registry.error(kind.code, kind.name, doc)
    add_samples(registry)
    register_builtin(registry, "Theia Bridge", __version__)
    return registry


def admit(context: Context, method: Method[Context]) -> None:
    """Keeps those who only read from what writes, and runtimes to files. Raises `NoPermissions`."""
    if context.of_runtime and not method.name.startswith(_FOR_RUNTIMES):
        raise NoPermissions(f"The runtime of a workspace may not call {method.name}.")
    if method.shielded and context.user.role == "viewer":
        raise NoPermissions(f"You are a viewer in this tenant: you may read, but not call {method.name}.")
