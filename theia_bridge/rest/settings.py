"""`/api/v5/settings`: values that clients keep for a user."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fdb_provider.errors import Conflict, InvalidCursor, QuotaExceeded, RecordNotFound
from fdb_provider.models import Setting
from fdb_provider.repositories.settings import SETTINGS
from theia_bridge.rest.resource import Call, Page, Paging, Resource, Tagged
from theia_bridge.services import settings

api = Resource("settings", "Values kept for the caller, by category and key")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.:@-]*$")]


class SettingPath(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    category: Name
    key: Name


class Filter(Paging, frozen=True, forbid_unknown_fields=True):
    """Args:
    category: only those of that category.
    """

    category: Name | None = None


class SettingBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Args:
    value: any JSON, at most 16 KiB of it.
    """

    value: msgspec.Raw


class SettingAnswer(msgspec.Struct, frozen=True):
    """Args:
    updated_at: when it was set, in milliseconds since 1970.
    etag: of this version, for `If-Match`.
    """

    category: str
    key: str
    value: msgspec.Raw
    updated_at: int
    etag: str


@api.get("/settings", errors=(InvalidCursor,))
async def page(call: Call, query: Filter) -> Page[SettingAnswer]:
    """The caller's settings by category and key."""
    found = await settings.page(call.db, call.actor, query.category, limit=query.limit, after=query.after)
    return Page([_answer(one).value for one in found.items], found.next)


@api.get("/settings/{category}/{key}", errors=(RecordNotFound,))
async def get(call: Call, path: SettingPath) -> Tagged[SettingAnswer]:
    """A setting."""
    return _answer(await settings.get(call.db, call.actor, path.category, path.key))


@api.put("/settings/{category}/{key}", errors=(Conflict, QuotaExceeded))
async def put(call: Call, path: SettingPath, body: SettingBody) -> Tagged[SettingAnswer]:
    """Set a setting. With `If-Match` only if it is still the one that was read."""
    made = await settings.put(
        call.db, call.actor, path.category, path.key, bytes(body.value), if_match=call.if_match
    )
    return _answer(made)


@api.delete("/settings/{category}/{key}", errors=(RecordNotFound, Conflict))
async def delete(call: Call, path: SettingPath) -> None:
    """Unset a setting."""
    await settings.delete(call.db, call.actor, path.category, path.key, if_match=call.if_match)


def _answer(setting: Setting) -> Tagged[SettingAnswer]:
    etag = SETTINGS.etag(setting)
    answer = SettingAnswer(
        setting.category, setting.key, msgspec.Raw(setting.value), setting.updated_at, etag
    )
    return Tagged(answer, etag)
