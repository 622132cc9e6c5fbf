"""JSON-RPC 2.0 over WebSocket, typed by msgspec, dispatched by jsonrpcserver. No domain in it.

`registry` declares methods, `codec` turns frames into requests and answers into frames, `dispatcher` runs
requests given as plain bytes, `channel` moves frames over an aiohttp WebSocket, `openrpc`, `typescript` and
`reference` describe the methods, `client` calls them, and `console` lets people do so; an `observer` is told
of every call.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rpc.builtin import register_builtin
    from rpc.channel import Channel, Limits, Notify
    from rpc.errors import ChannelClosed, RpcError
    from rpc.observer import Observer
    from rpc.registry import Registry

__all__ = [
    "Channel",
    "ChannelClosed",
    "Limits",
    "Notify",
    "Observer",
    "Registry",
    "RpcError",
    "register_builtin",
]
_MODULES = {
    "Channel": "channel",
    "ChannelClosed": "errors",
    "Limits": "channel",
    "Notify": "channel",
    "Observer": "observer",
    "Registry": "registry",
    "RpcError": "errors",
    "register_builtin": "builtin",
}


def __getattr__(name: str) -> object:
    """Loads what is asked for: a client should not wait for what only servers need."""
    if name not in _MODULES:
        raise AttributeError(f"rpc has no {name}")
    return getattr(import_module(f"rpc.{_MODULES[name]}"), name)
