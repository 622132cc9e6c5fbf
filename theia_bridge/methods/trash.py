"""`trash.*`: what was deleted from the caller's session and home, and can be had again."""

from __future__ import annotations

from rpc import Registry
from theia_bridge.methods.context import Context
from theia_bridge.methods.fs import TYPES, to_stat
from theia_bridge.methods.protocol import (
    Emptied,
    Restored,
    TrashDeleteParams,
    TrashEmptyParams,
    TrashItem,
    TrashList,
    TrashListParams,
    TrashRestoreParams,
)

registry: Registry[Context] = Registry()


@registry.method("trash.list")
async def list_trash(context: Context, params: TrashListParams) -> TrashList:
    """What was deleted, the last deleted first."""
    found = await context.files.trash.list(context.user.scope, params.limit)
    items = [
        TrashItem(
            id=trash_id,
            path=item.path,
            deleted_at=item.deleted,
            type=TYPES[item.kind],
            size=item.size,
            entries=item.entries,
        )
        for trash_id, item in found
    ]
    return TrashList(items=items)


@registry.method("trash.restore", shielded=True)
async def restore(context: Context, params: TrashRestoreParams) -> Restored:
    """Puts it back where it was, or at `target`; folders that are gone are made again."""
    path, entry = await context.files.trash.restore(
        context.user.scope,
        params.id,
        params.target,
        overwrite=params.overwrite,
        idempotency_key=params.idempotency_key,
    )
    return Restored(path=path, stat=to_stat(entry))


@registry.method("trash.delete", shielded=True)
async def delete(context: Context, params: TrashDeleteParams) -> None:
    """Forgets it for good."""
    await context.files.trash.delete(context.user.scope, params.id, idempotency_key=params.idempotency_key)


@registry.method("trash.empty", shielded=True)
async def empty(context: Context, params: TrashEmptyParams) -> Emptied:
    """Forgets all of it for good."""
    items = await context.files.trash.empty(context.user.scope, idempotency_key=params.idempotency_key)
    return Emptied(items=items)
