"""Settings of a user."""

from __future__ import annotations

from auth import roles
from auth.errors import InvalidFields
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.models import Setting, now_ms
from fdb_provider.records import Page
from fdb_provider.repositories import audit, settings
from fdb_provider.scope import Actor


async def get(db: Database, actor: Actor, category: str, key: str) -> Setting:
    """A setting of the actor's. Raises `RecordNotFound` when it is not set."""

    async def body(tr: Reader) -> Setting:
        return await settings.get(tr, actor.scope, category, key)

    return await db.read(body)


async def page(
    db: Database, actor: Actor, category: str | None = None, *, limit: int, after: str | None = None
) -> Page[Setting]:
    """The actor's settings by category and key, all or those of one category.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """

    async def body(tr: Reader) -> Page[Setting]:
        return await settings.page(tr, actor.scope, category, limit=limit, after=after)

    return await db.read(body)


async def put(
    db: Database, actor: Actor, category: str, key: str, value: bytes, *, if_match: str | None = None
) -> Setting:
    """Sets a setting of the actor's.

    Args:
        value: JSON text.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: the value is too long.
        QuotaExceeded: the actor has too many settings.
        Conflict: it has been changed meanwhile.
    """
    if len(value) > settings.VALUE_LIMIT:
        raise InvalidFields({"value": f"It may have {settings.VALUE_LIMIT:,} bytes; keep it as a file."})
    setting = Setting(user=actor.scope.user, category=category, key=key, value=value, updated_at=now_ms())

    async def body(tr: Transaction) -> Setting:
        await roles.acting(tr, actor, "member")
        await settings.put(tr, actor.scope, setting, if_match=if_match)
        audit.record(tr, actor, "setting.set", f"setting/{category}/{key}")
        return setting

    return await db.run(body)


async def delete(db: Database, actor: Actor, category: str, key: str, *, if_match: str | None = None) -> None:
    """Unsets a setting of the actor's.

    Raises:
        NoPermissions: the actor may only read.
        RecordNotFound: it is not set.
        Conflict: it has been changed meanwhile.
    """

    async def body(tr: Transaction) -> None:
        await roles.acting(tr, actor, "member")
        await settings.delete(tr, actor.scope, category, key, if_match=if_match)
        audit.record(tr, actor, "setting.delete", f"setting/{category}/{key}")

    await db.run(body)
