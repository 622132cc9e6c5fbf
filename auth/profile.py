"""What users change of themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from auth import erasing, roles
from auth.errors import InvalidFields
from auth.fields import check_fields
from auth.passwords import Passwords
from auth.throttle import Attempt, Throttle
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import Conflict, RecordExists
from fdb_provider.models import Erasure, User
from fdb_provider.repositories import accounts, audit, auth_sessions
from fdb_provider.repositories.accounts import USERS
from fdb_provider.scope import Actor


class Profile:
    """The operations behind the resource `users/me`. What needs the password is throttled as login is."""

    def __init__(self, database: Database, passwords: Passwords, throttle: Throttle) -> None:
        self._database = database
        self._passwords = passwords
        self._throttle = throttle

    async def get(self, actor: Actor) -> User:
        """The user who asks."""
        return await self._database.read(lambda tr: roles.acting(tr, actor))

    async def update(
        self,
        actor: Actor,
        email: str,
        name: str,
        *,
        password: str | None = None,
        if_match: str | None = None,
    ) -> User:
        """Changes name and e-mail address.

        Args:
            password: the user's, needed to change the address.

        Raises:
            InvalidFields: a field is not acceptable, or the password is missing or wrong (wrong ones count
                as failures).
            RecordExists: the address belongs to another user (this counts as a failure).
            Conflict: the user has changed since.
            TooManyAttempts, PasswordsBusy
        """
        email, name = email.strip(), name.strip()
        check_fields(email=email, name=name)
        user = await self.get(actor)
        if email == user.email:
            return await self._store(actor, user, email, name, if_match)
        if password is None:
            told = "Enter your password to change your e-mail address."
            raise InvalidFields({"password": told})
        async with self._confirmed(actor, user, "password", password) as attempt:
            try:
                return await self._store(actor, user, email, name, if_match)
            except RecordExists:
                await attempt.failed()
                raise

    async def set_password(self, actor: Actor, family: str, current: str, new: str) -> None:
        """Changes the password, and ends all the user's sign-ins but one.

        Args:
            family: the sign-in that goes on.
            current: the password so far.

        Raises:
            InvalidFields: the new password is not acceptable, or the one so far is wrong (this counts as a
                failure).
            Conflict: the password was changed meanwhile.
            TooManyAttempts, PasswordsBusy
        """
        check_fields(new_password=new)
        user = await self.get(actor)
        async with self._confirmed(actor, user, "current_password", current):
            hashed = await self._passwords.hash(new)

            async def body(tr: Transaction) -> None:
                found = await _same(tr, actor, user)
                await USERS.put(tr, actor.scope.tenant, msgspec.structs.replace(found, password_hash=hashed))
                await auth_sessions.revoke_all(tr, actor.scope.tenant, user.id, keep=family)
                audit.record(tr, actor, "user.password", f"user/{user.id}")

            await self._database.run(body)

    async def erase(self, actor: Actor, password: str, *, with_tenant: bool = False) -> Erasure:
        """Begins to erase the user with all their data, and a tenant that would be without an owner too.

        Args:
            with_tenant: also if that tenant has other members, whose data go as well.

        Raises:
            InvalidFields: the password is wrong (this counts as a failure).
            LastOwner: the tenant has other members, and it is not said that they go too.
            Conflict: the password or address was changed meanwhile.
            TooManyAttempts, PasswordsBusy
        """
        user = await self.get(actor)

        async def body(tr: Transaction) -> Erasure:
            found = await _same(tr, actor, user)
            return await erasing.begin(tr, actor, found, with_tenant=with_tenant)

        async with self._confirmed(actor, user, "password", password):
            return await self._database.run(body)

    async def _store(self, actor: Actor, user: User, email: str, name: str, if_match: str | None) -> User:
        tenant = actor.scope.tenant

        async def body(tr: Transaction) -> User:
            found = await _same(tr, actor, user)
            USERS.expect(found, if_match)
            changed = await accounts.readdress(tr, tenant, msgspec.structs.replace(found, name=name), email)
            if changed != found:
                await USERS.put(tr, tenant, changed)
                fields = [
                    field for field in ("name", "email") if getattr(changed, field) != getattr(found, field)
                ]
                audit.record(
                    tr, actor, "user.update", f"user/{user.id}", detail={"changed": " ".join(fields)}
                )
            return changed

        return await self._database.run(body)

    @asynccontextmanager
    async def _confirmed(self, actor: Actor, user: User, field: str, password: str) -> AsyncIterator[Attempt]:
        """What is done once the user has given their password."""
        account, address = user.email_key, actor.address or None
        async with self._throttle.attempt(account=account, address=address) as attempt:
            if not await self._passwords.verify(user.password_hash, password):
                await attempt.failed()
                raise InvalidFields({field: "This is not your password."})
            await attempt.succeeded()
            yield attempt


async def _same(tr: Reader, actor: Actor, user: User) -> User:
    """The user as they are now. Raises `Conflict` if their password or address is another than it was."""
    found = await roles.acting(tr, actor)
    if (found.password_hash, found.email) != (user.password_hash, user.email):
        raise Conflict("Your password or e-mail address was changed meanwhile: try again.")
    return found
