"""The runtime's way to the gateway: RPC channels over the gateway's socket, open past a token's end."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from rpc import ChannelClosed
from rpc.client import Client
from theia_bridge.methods.protocol import Renewed, RenewParams
from theia_bridge.workspace.handover import GATEWAY_SOCKET, Handover


class Gateway:
    """What a runtime sees of its gateway.

    Attributes:
        socket: path of the Unix socket; `/ws/rpc` and `/api/v5/files/...` are answered there.
        token: the access token that stands now.
    """

    def __init__(self, handover: Handover) -> None:
        self.socket = str(handover.sockets / GATEWAY_SOCKET)
        self.token = handover.token
        self._max_frame = handover.max_frame
        self._open: set[Client] = set()

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Client]:
        """An RPC channel with the rights of the session's user on `/workspace` and `/home`.

        Raises:
            Unauthorized: the runtime has no rights any more.
            OSError: the gateway does not answer.
        """
        url = "ws://gateway/ws/rpc"
        async with Client.connect(
            url, unix=self.socket, token=self.token, max_frame=self._max_frame
        ) as client:
            self._open.add(client)
            try:
                yield client
            finally:
                self._open.discard(client)

    async def renew(self, token: str) -> None:
        """Goes on with a newer token, on the channels that are open too."""
        self.token = token
        for client in list(self._open):
            with contextlib.suppress(ChannelClosed):
                await client.call("auth.renew", RenewParams(token=token), Renewed)
