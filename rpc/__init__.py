"""JSON-RPC 2.0 over WebSocket, typed by msgspec, dispatched by jsonrpcserver. No domain in it.

`registry` declares methods, `codec` turns frames into requests and answers into frames, `dispatcher` runs
requests given as plain bytes, `channel` moves frames over an aiohttp WebSocket, `openrpc` and `typescript`
describe the methods, `client` calls them; an `observer` is told of every call.
"""

from rpc.builtin import register_builtin
from rpc.channel import Channel, Limits
from rpc.errors import ChannelClosed, RpcError
from rpc.observer import Observer
from rpc.registry import Registry

__all__ = ["Channel", "ChannelClosed", "Limits", "Observer", "Registry", "RpcError", "register_builtin"]
