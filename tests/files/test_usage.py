"""What is kept is counted exactly, and a limit holds, whoever writes at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import QuotaExceeded
from fdb_provider.files import content, usage
from fdb_provider.files.service import FileService
from fdb_provider.files.usage import Usage
from fdb_provider.models import Limits, Tenant, new_id
from fdb_provider.repositories import accounts
from fdb_provider.scope import Scope


@pytest.fixture
def scope() -> Scope:
    return Scope(new_id(), new_id(), new_id())


async def used(files: FileService, scope: Scope) -> tuple[Usage, Usage, Usage]:
    """Of the session, the user and the tenant."""
    found, _ = await files.usage(scope)
    return found["session"], found["user"], found["tenant"]


async def test_every_operation_is_counted(database: Database, scope: Scope) -> None:
    files = FileService(database)
    await files.create_directory(scope, "/workspace/d")
    await files.write(scope, "/workspace/d/a", b"12345")
    await files.write(scope, "/workspace/d/b", b"12345")
    assert await used(files, scope) == (Usage(10, 3), Usage(0, 0), Usage(10, 3))
    await files.write(scope, "/workspace/d/a", b"123")
    await files.copy(scope, "/workspace/d", "/home/copy")
    assert await used(files, scope) == (Usage(8, 3), Usage(8, 3), Usage(16, 6))
    await files.rename(scope, "/workspace/d/b", "/home/copy/a", overwrite=True)
    assert await used(files, scope) == (Usage(3, 2), Usage(10, 3), Usage(13, 5))
    await files.rename(scope, "/workspace/d", "/workspace/e")
    assert await used(files, scope) == (Usage(3, 2), Usage(10, 3), Usage(13, 5))
    await files.delete(scope, "/home/copy", recursive=True)
    assert await used(files, scope) == (Usage(3, 2), Usage(0, 0), Usage(3, 2))


async def test_a_second_session_of_the_tenant_counts_for_it(database: Database, scope: Scope) -> None:
    files = FileService(database, Limits(tenant_files=3))
    other = Scope(scope.tenant, scope.user, new_id())
    await files.write(scope, "/workspace/a", b"1")
    await files.write(other, "/workspace/a", b"1")
    await files.write(scope, "/home/a", b"1")
    for where in (scope, other):
        with pytest.raises(QuotaExceeded, match="tenant"):
            await files.write(where, "/workspace/b", b"")
    await files.write(Scope(new_id(), scope.user, scope.session), "/workspace/b", b"")


Change = Callable[[FileService, Scope], Awaitable[object]]


@pytest.mark.parametrize(
    ("limits", "change", "named"),
    [
        (Limits(session_bytes=12), lambda f, s: f.write(s, "/workspace/new", b"1234"), "bytes"),
        (Limits(session_bytes=12), lambda f, s: f.write(s, "/workspace/a", bytes(13)), "bytes"),
        (Limits(session_bytes=12), lambda f, s: f.copy(s, "/workspace/a", "/workspace/b"), "bytes"),
        (Limits(session_files=1), lambda f, s: f.create_directory(s, "/workspace/b"), "folders"),
        (Limits(user_bytes=9), lambda f, s: f.rename(s, "/workspace/a", "/home/a"), "user"),
        (Limits(tenant_bytes=19), lambda f, s: f.copy(s, "/workspace/a", "/home/a"), "tenant"),
        (
            Limits(session_bytes=content.PART),
            lambda f, s: f.write(s, "/workspace/b", bytes(content.PART + 1)),
            "session",
        ),
    ],
)
async def test_what_goes_past_a_limit_is_refused_and_changes_nothing(
    database: Database, scope: Scope, limits: Limits, change: Change, named: str
) -> None:
    files = FileService(database, limits)
    await files.write(scope, "/workspace/a", bytes(10))
    before = await used(files, scope)
    with pytest.raises(QuotaExceeded, match=named):
        await change(files, scope)
    assert await used(files, scope) == before
    assert [path for path, _ in await files.walk(scope, "/workspace")] == ["a"]
    assert await content.collect(database, scope.tenant, content.now() + 2 * content.GRACE) == 0


async def test_up_to_the_limit_all_is_allowed(database: Database, scope: Scope) -> None:
    files = FileService(database, Limits(session_bytes=10, session_files=1))
    await files.write(scope, "/workspace/a", bytes(10))
    await files.write(scope, "/workspace/a", bytes(10))
    await files.rename(scope, "/workspace/a", "/workspace/b")
    await files.write(scope, "/workspace/b", bytes(9))
    # Another server with a lower limit: what frees some may go on.
    lower = FileService(database, Limits(session_bytes=5, session_files=1))
    await lower.write(scope, "/workspace/b", bytes(8))
    with pytest.raises(QuotaExceeded):
        await lower.write(scope, "/workspace/b", bytes(9))


@pytest.mark.parametrize("limits", [Limits(session_files=25), Limits(tenant_bytes=2500)])
async def test_of_racing_writers_exactly_those_that_fit_get_in(
    database: Database, scope: Scope, limits: Limits
) -> None:
    files = FileService(database, limits)
    writes = (files.write(scope, f"/workspace/{i}", bytes(100)) for i in range(60))
    results = await asyncio.gather(*writes, return_exceptions=True)
    refused = [result for result in results if isinstance(result, BaseException)]
    assert all(isinstance(error, QuotaExceeded) for error in refused), refused
    assert len(refused) == 35
    assert (await used(files, scope))[0] == Usage(2500, 25)


async def test_far_from_the_limit_writers_do_not_conflict(database: Database, scope: Scope) -> None:
    """Two transactions that overlap both commit at their first try."""
    runs = 0

    async def body(tr: Transaction, name: str) -> None:
        nonlocal runs
        runs += 1
        counted = usage.issue(tr, scope, Limits(tenant_bytes=100 * usage.SPREAD))
        usage.count(tr, scope, "workspace", 1, 1)
        await usage.check(tr, counted)

    await asyncio.gather(*(database.run(lambda tr, i=i: body(tr, str(i))) for i in range(20)))  # type: ignore[misc]
    assert runs == 20
    assert (await used(FileService(database), scope))[2] == Usage(20, 20)


async def test_a_tenants_own_limits_go_before_the_servers(database: Database, scope: Scope) -> None:
    record = Tenant(id=scope.tenant, name="x", created_at=0)
    own = msgspec.structs.replace(record, limits=Limits(session_files=1))
    await database.run(lambda tr: accounts.TENANTS.put(tr, scope.tenant, own))
    files = FileService(database, Limits(session_files=50))
    await files.write(scope, "/workspace/a", b"")
    with pytest.raises(QuotaExceeded):
        await files.write(scope, "/workspace/b", b"")
    assert (await files.usage(scope))[1].session_files == 1
