"""`rpc.trace`: an admin has the calls of the tenant measured."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
import pytest

from rpc import RpcError
from rpc.client import Client
from tests.tenants.conftest import Gateway, Person
from theia_bridge.methods.protocol import FileContent, PathParams, ReadFileParams, Stat, WriteFileParams
from theia_bridge.methods.tracing_protocol import CallsTrace, MethodTrace, TraceParams

pytestmark = pytest.mark.asyncio(loop_scope="module")
STAT = PathParams(path="/workspace/README.md")


async def trace(client: Client, **params: object) -> CallsTrace:
    return await client.call("rpc.trace", msgspec.convert(params, TraceParams), CallsTrace)


def of(told: CallsTrace, method: str) -> MethodTrace:
    (found,) = [one for one in told.methods if one.method == method]
    return found


async def test_calls_of_all_channels_of_the_tenant_are_counted_and_timed(gateway: Gateway) -> None:
    owner = await gateway.register()
    member = await owner.add()
    async with owner.connect() as client, member.connect() as other:
        nothing = await trace(client)
        assert (nothing.running, nothing.methods, nothing.slowest) == (False, [], [])
        await client.call("fs.stat", STAT, Stat)
        begun = await trace(client, action="start")
        assert begun.running
        for _ in range(20):
            await other.call("fs.stat", STAT, Stat)
        with pytest.raises(RpcError):
            await other.call("fs.stat", PathParams(path="/workspace/nothing"), Stat)
        with pytest.raises(RpcError):
            await client.call("of.nobody", None)
        content = bytes(1000)
        await client.call("fs.writeFile", WriteFileParams(path="/workspace/f", content=content), Stat)
        await client.call("fs.readFile", ReadFileParams(path="/workspace/f"), FileContent)
        told = await trace(client, slowest=50)
        assert (told.gateway, told.started_at) == (nothing.gateway, begun.started_at)
        stats = of(told, "fs.stat")
        assert (stats.calls, stats.errors, stats.sampled, stats.in_flight) == (21, 1, 21, 0)
        assert stats.p50 is not None
        assert stats.p99 is not None
        assert 0 < stats.p50 <= stats.p99
        assert of(told, "fs.writeFile").bytes_in > 1000 > of(told, "fs.writeFile").bytes_out > 0
        assert of(told, "fs.readFile").bytes_out > 1000 > of(told, "fs.readFile").bytes_in > 0
        assert (of(told, "").calls, of(told, "").errors) == (1, 1)
        assert of(told, "rpc.trace").in_flight == 1, "the one that asks"
        times = [slow.milliseconds for slow in told.slowest]
        assert times == sorted(times, reverse=True)
        assert {(slow.method, slow.user, slow.error) for slow in told.slowest} >= {
            ("fs.stat", member.id, "FileNotFound"),
            ("fs.writeFile", owner.id, ""),
        }
        assert "README" not in str(told)
        assert len((await trace(client, slowest=3)).slowest) == 3
        ended = await trace(client, action="stop")
        assert (ended.running, of(ended, "fs.stat").calls) == (False, 21)
        assert not (await trace(client)).running
    assert [entry.detail for entry in await gateway.audit(owner.tenant, "trace.start")] == [{"sample": "1"}]
    assert [entry.user for entry in await gateway.audit(owner.tenant, "trace.stop")] == [owner.id]


async def test_what_had_begun_before_is_not_in_flight_after(gateway: Gateway) -> None:
    person = await gateway.register()
    async with person.connect() as client, person.connect() as other:
        await trace(client, action="start")
        async with asyncio.TaskGroup() as group:
            for n in range(30):
                write = WriteFileParams(path=f"/workspace/{n}", content=b"")
                group.create_task(other.call("fs.writeFile", write, Stat))
                if n % 10 == 9:
                    await trace(client, action="start")
        told = of(await trace(client), "fs.writeFile")
        assert told.in_flight == 0
        await trace(client, action="stop")


async def test_calls_of_methods_that_are_not_there_are_counted_as_one(gateway: Gateway) -> None:
    person = await gateway.register()
    async with person.connect() as client:
        await trace(client, action="start")
        for n in range(3):
            with pytest.raises(RpcError):
                await client.call(f"no.such{n}", None)
        told = of(await trace(client, action="stop"), "")
    assert (told.calls, told.errors, told.in_flight) == (3, 3, 0)


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_it_is_for_admins(gateway: Gateway, role: str) -> None:
    owner = await gateway.register()
    person = await owner.add(role)  # type: ignore[arg-type]
    async with person.connect() as client, owner.connect() as mine:
        for action in ("start", "read", "stop"):
            with pytest.raises(RpcError) as refusal:
                await trace(client, action=action)
            assert refusal.value.kind == "NoPermissions"
        assert not (await trace(mine)).running


async def test_a_tenant_sees_its_own_calls_only(gateway: Gateway) -> None:
    owner, stranger = await gateway.register(), await gateway.register()
    async with owner.connect() as client, stranger.connect() as other:
        await trace(client, action="start")
        await trace(other, action="start")
        await calls(other, 5)
        assert "fs.stat" not in {one.method for one in (await trace(client)).methods}
        told = await trace(other)
        assert of(told, "fs.stat").calls == 5
        assert owner.id not in str(told)
        await trace(client, action="stop")
        assert (await trace(other)).running
        await trace(other, action="stop")


async def test_a_sample_is_timed_and_all_are_counted(gateway: Gateway) -> None:
    person = await gateway.register()
    async with person.connect() as client:
        await trace(client, action="start", sample=0.2)
        await calls(client, 300)
        told = of(await trace(client, action="stop"), "fs.stat")
        assert told.calls == 300
        assert 10 <= told.sampled <= 150


async def calls(client: Client, count: int) -> None:
    for _ in range(count):
        await client.call("fs.stat", STAT, Stat)


async def test_the_audit_tells_of_refusals(gateway: Gateway) -> None:
    owner = await gateway.register()
    member: Person = await owner.add()
    async with member.connect() as client:
        with suppress(RpcError):
            await trace(client, action="start")
    assert await gateway.audit(owner.tenant, "trace.start") == []
