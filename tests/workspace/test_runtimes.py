"""Runtimes of sessions: started on demand, stopped and started again."""

from __future__ import annotations

from rpc.client import Client
from theia_bridge.workspace.protocol import WorkspaceRuntime


async def state(client: Client, method: str) -> str:
    """The runtime's state after a call."""
    return (await client.call(f"workspace.{method}", None, WorkspaceRuntime)).state


async def test_a_runtime_is_started_and_stopped(client: Client) -> None:
    assert await state(client, "runtime") == "stopped"
    assert await state(client, "start") == "running"
    assert await state(client, "start") == "running"
    assert await state(client, "stop") == "stopped"
    assert await state(client, "runtime") == "stopped"
    assert await state(client, "start") == "running"
