"""Accounts made, invited, listed, taken out and erased by an operator, straight in the store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
from stream_zip import async_stream_zip

from auth import erasing, invitations
from auth.errors import RegistrationClosed
from auth.fields import check_fields
from auth.passwords import Passwords
from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.erasure import Eraser
from fdb_provider.errors import RecordNotFound
from fdb_provider.files.service import FileService
from fdb_provider.models import Account, Audit, Erasure, Limits, Role, Tenant
from fdb_provider.repositories import accounts, audit
from fdb_provider.scope import Actor, Scope
from fdb_provider.store import open_store
from theia_bridge.config import Settings
from theia_bridge.ide import welcome
from theia_bridge.services.export import Export


async def add(
    settings: Settings, email: str, name: str, password: str, into: str | None = None, role: Role = "member"
) -> str:
    """Makes an account with a first session of its own, in every registration mode; returns the user's id.

    Args:
        into: the e-mail address of a member of the tenant to join; None for a tenant of one's own.
        role: in that tenant; in their own they are owner.

    Raises:
        InvalidFields: a field is not acceptable.
        RecordExists: the e-mail address has an account already.
        RecordNotFound: nobody has the address `into`.
        StoreError: the store cannot be opened; StoreInUse while a server has it open.
    """
    check_fields(email=email, password=password, name=name)
    passwords = Passwords()
    try:
        new = accounts.registration(email, name, await passwords.hash(password))
    finally:
        passwords.close()
    database = await open_store(settings.store)
    try:

        async def body(tr: Transaction) -> None:
            if into is None:
                await accounts.register(tr, new, welcome.prepare)
                audit.record(tr, _operator(new.tenant.id), "auth.register", f"user/{new.user.id}")
            else:
                joined = new.into(await _tenant(tr, into), role)
                await accounts.join(tr, joined, welcome.prepare)
                audit.record(tr, _operator(joined.tenant.id), "member.join", f"user/{new.user.id}")

        await database.run(body)
    finally:
        await database.close()
    return new.user.id


async def invite(settings: Settings, email: str, into: str | None, role: Role, days: int) -> str:
    """Invites someone; returns the code, which cannot be had again.

    Args:
        into: as `add`.
        days: after so many it expires.

    Raises:
        RegistrationClosed: the server takes no invitations.
        InvalidFields: the address is not acceptable.
        RecordExists: it has an account, or is invited already.
        RecordNotFound, StoreError: as `add`.
    """
    if settings.registration == "closed":
        raise RegistrationClosed("closed")
    database = await open_store(settings.store)
    try:
        if into is None:
            tenant, role = keyspace.SYSTEM, "owner"
        else:
            tenant = (await database.read(lambda tr: _tenant(tr, into))).id
        _, code = await invitations.invite_as_operator(database, tenant, email, role, days)
        return str(code)
    finally:
        await database.close()


async def every(settings: Settings) -> list[Account]:
    """All accounts. Raises as `add` where the store cannot be opened."""
    database = await open_store(settings.store, make=False)
    try:
        return await database.read(accounts.every)
    finally:
        await database.close()


async def limit(settings: Settings, email: str, changes: dict[str, int | None]) -> Limits | None:
    """Sets limits of the tenant an account belongs to; returns all it has of its own now, None for none.

    Args:
        changes: fields of `Limits` and their new values, None for those that stay. The others are at first
            those the server is set to; without any change the tenant loses its own limits.

    Raises:
        RecordNotFound: there is no such account.
        StoreError: as `add`.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    database = await open_store(settings.store, make=False)
    try:

        async def body(tr: Transaction) -> Limits | None:
            tenant = await _tenant(tr, email)
            own = msgspec.structs.replace(tenant.limits or settings.limits, **given) if given else None
            await accounts.TENANTS.put(tr, tenant.id, msgspec.structs.replace(tenant, limits=own))
            about = {"changed": "limits"}
            audit.record(tr, _operator(tenant.id), "tenant.update", f"tenant/{tenant.id}", detail=about)
            return own

        return await database.run(body)
    finally:
        await database.close()


async def export(settings: Settings, email: str, target: Path, progress: Callable[[int], None]) -> None:
    """Writes an archive with all that is kept of a user.

    Args:
        target: the file, which must not be there yet. Until the archive is whole it has `.part` behind its
            name.
        progress: called with the bytes written since the last call.

    Raises:
        RecordNotFound: there is no such account.
        FileExistsError: the file is there.
        OSError: it cannot be written.
        StoreError: as `add`.
    """
    if await asyncio.to_thread(target.exists):
        raise FileExistsError(f"{target} is there already")
    database = await open_store(settings.store, make=False)
    try:
        found = await database.read(lambda tr: accounts.by_email(tr, email))
        if found is None:
            raise RecordNotFound(f"no account has the address {email}")
        tenant, user = found
        files = FileService(database)
        made = Export(database, files, Actor(Scope(tenant, user.id, "")))
        await made.begin(_operator(tenant))
        part = target.with_name(f"{target.name}.part")
        with await asyncio.to_thread(part.open, "wb") as file:
            async for piece in async_stream_zip(made.members()):
                await asyncio.to_thread(file.write, piece)
                progress(len(piece))
        await asyncio.to_thread(part.replace, target)
        await files.close()
    finally:
        await database.close()


async def erase(settings: Settings, email: str, *, with_tenant: bool = False) -> Erasure:
    """Erases a user with all their data. What has its grace is left to a server, or to the next call.

    Args:
        with_tenant: also if their tenant would be without an owner and has other members, who go as well.

    Raises:
        LastOwner: it would, and they are not to go.
        RecordNotFound: there is no such account.
        StoreError: as `add`.
    """
    database = await open_store(settings.store, make=False)
    files = FileService(database, retention=settings.retention)
    try:

        async def body(tr: Transaction) -> Erasure:
            found = await accounts.by_email(tr, email)
            if found is None:
                raise RecordNotFound(f"no account has the address {email}")
            return await erasing.begin(tr, _operator(found[0]), found[1], with_tenant=with_tenant)

        begun = await database.run(body)
        await Eraser(database, files).run_all()
        return begun
    finally:
        await files.close()
        await database.close()


async def told(settings: Settings, email: str | None, action: str | None, limit: int) -> list[Audit]:
    """What the audit tells, the newest first: of the tenant of whoever has an address, or of callers unknown.

    Raises:
        RecordNotFound: there is no such account.
        StoreError: as `add`.
    """
    database = await open_store(settings.store, make=False)
    try:

        async def body(tr: Reader) -> list[Audit]:
            tenant = keyspace.SYSTEM if email is None else (await _tenant(tr, email)).id
            return (await audit.find(tr, tenant, audit.Query(action=action), limit=limit)).items

        return await database.read(body)
    finally:
        await database.close()


def _operator(tenant: str) -> Actor:
    """The operator, as the audit of a tenant tells of them: by no name."""
    return Actor(Scope(tenant, "", ""))


async def _tenant(tr: Reader, email: str) -> Tenant:
    """The tenant of whoever has an e-mail address. Raises `RecordNotFound`."""
    found = await accounts.by_email(tr, email)
    tenant = None if found is None else await accounts.tenant(tr, found[0])
    if tenant is None:
        raise RecordNotFound(f"no account has the address {email}")
    return tenant
