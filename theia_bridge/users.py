"""Accounts made and listed by an operator, straight in the store."""

from __future__ import annotations

import msgspec

from auth.passwords import Passwords
from auth.service import check_fields
from fdb_provider.engine import Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import Account, Limits
from fdb_provider.repositories import accounts
from theia_bridge.config import Settings
from theia_bridge.ide import welcome


async def add(settings: Settings, email: str, name: str, password: str) -> str:
    """Makes an account with a tenant and a first session of its own; returns the user's id.

    Raises:
        InvalidFields: a field is not acceptable.
        RecordExists: the e-mail address has an account already.
        StoreError: the store cannot be opened; StoreInUse while a server has it open.
    """
    check_fields(email=email, password=password, name=name)
    passwords = Passwords()
    try:
        new = accounts.registration(email, name, await passwords.hash(password))
    finally:
        passwords.close()
    database = await open_database(settings.store)
    try:

        async def body(tr: Transaction) -> None:
            await accounts.register(tr, new, welcome.prepare)

        await database.run(body)
    finally:
        await database.close()
    return new.user.id


async def every(settings: Settings) -> list[Account]:
    """All accounts. Raises as `add` where the store cannot be opened."""
    database = await open_database(settings.store)
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
    database = await open_database(settings.store)
    try:

        async def body(tr: Transaction) -> Limits | None:
            found = await accounts.by_email(tr, email)
            tenant = None if found is None else await accounts.tenant(tr, found[0])
            if tenant is None:
                raise RecordNotFound(f"no account has the address {email}")
            own = msgspec.structs.replace(tenant.limits or settings.limits, **given) if given else None
            await accounts.TENANTS.put(tr, tenant.id, msgspec.structs.replace(tenant, limits=own))
            return own

        return await database.run(body)
    finally:
        await database.close()
