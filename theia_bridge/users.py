"""Accounts made and listed by an operator, straight in the store."""

from __future__ import annotations

from auth.passwords import Passwords
from auth.service import check_fields
from fdb_provider.engine import Transaction
from fdb_provider.engine.url import open_database
from fdb_provider.models import Account
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
