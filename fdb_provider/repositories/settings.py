"""Settings: values that clients keep for a user, by category and key. They are the user's alone."""

from __future__ import annotations

from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import Conflict, QuotaExceeded, RecordNotFound
from fdb_provider.models import Setting
from fdb_provider.records import Collection, Page
from fdb_provider.scope import Scope

SETTINGS = Collection("setting", Setting, key=("user", "category", "key"))
VALUE_LIMIT = 16 * 1024
"""Bytes of a value. Larger things are files."""
COUNT_LIMIT = 500
"""Settings of one user."""


async def get(tr: Reader, scope: Scope, category: str, key: str) -> Setting:
    """A setting of the scope's user.

    Raises:
        RecordNotFound: it is not set.
    """
    found = await SETTINGS.get(tr, scope.tenant, scope.user, category, key)
    if found is None:
        raise RecordNotFound(f"The setting {category}/{key} is not set.")
    return found


async def page(
    tr: Reader, scope: Scope, category: str | None = None, *, limit: int, after: str | None = None
) -> Page[Setting]:
    """Settings of the scope's user by category and key, all or those of one category.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """
    of = (scope.user,) if category is None else (scope.user, category)
    return await SETTINGS.page(tr, scope.tenant, None, *of, limit=limit, after=after)


async def put(tr: Transaction, scope: Scope, setting: Setting, *, if_match: str | None = None) -> None:
    """Sets a setting of the scope's user.

    Raises:
        Conflict: its etag is not `if_match`, or it is not set and there is an `if_match`.
        QuotaExceeded: it is a new one, and the user has `COUNT_LIMIT` of them.
    """
    was = await SETTINGS.get(tr, scope.tenant, scope.user, setting.category, setting.key)
    if was is None:
        if if_match is not None:
            raise Conflict(f"The setting {setting.category}/{setting.key} is not set any more.")
        if len(await SETTINGS.list(tr, scope.tenant, scope.user, limit=COUNT_LIMIT)) == COUNT_LIMIT:
            raise QuotaExceeded(f"You have {COUNT_LIMIT} settings: delete some that you do not need.")
    else:
        SETTINGS.expect(was, if_match)
    await SETTINGS.put(tr, scope.tenant, setting)


async def delete(
    tr: Transaction, scope: Scope, category: str, key: str, *, if_match: str | None = None
) -> None:
    """Unsets a setting. Raises as `get`, and `Conflict` when its etag is not `if_match`."""
    SETTINGS.expect(await get(tr, scope, category, key), if_match)
    await SETTINGS.delete(tr, scope.tenant, scope.user, category, key)
