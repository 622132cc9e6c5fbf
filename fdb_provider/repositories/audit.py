"""The audit: what was done and refused, written in the transaction that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fdb_provider.engine import Reader, Transaction
from fdb_provider.models import Audit, new_id, now_ms
from fdb_provider.records import Collection, Index, Page
from fdb_provider.scope import Actor

AUDIT = Collection(
    "audit",
    Audit,
    key=("id",),
    indexes=[
        Index("by_time", ("at",), serves="The audit of a tenant; what is older than it is kept."),
        Index("by_user_time", ("user", "at"), serves="What a user did; what to take names out of."),
        Index("by_action_time", ("action", "at"), serves="Who did a thing, such as giving roles."),
        Index("by_resource_time", ("resource", "at"), serves="What was done to a thing, such as a file."),
    ],
)
ACTIONS = {
    "access.refuse": "A request or call was refused.",
    "access.read": "Something was read.",
    "auth.register": "An account was made.",
    "auth.login": "Someone signed in.",
    "auth.refresh": "A sign-in was prolonged.",
    "auth.logout": "A sign-in was ended by its holder.",
    "auth.reuse": "A refresh token came back after its use: its sign-in was ended.",
    "auth.revoke": "A sign-in was ended from another one.",
    "auth.revoke-others": "All other sign-ins of a user were ended.",
    "user.update": "A user's name or e-mail address was changed.",
    "user.password": "A password was changed.",
    "user.export": "All data of a user was taken out.",
    "user.erase": "All data of a user is erased.",
    "tenant.update": "A tenant's name or limits were changed.",
    "tenant.erase": "All data of a tenant is erased.",
    "member.role": "A member was given another role.",
    "member.remove": "A member was removed.",
    "member.restore": "A removed member was brought back.",
    "member.join": "Someone accepted an invitation.",
    "invitation.create": "Someone was invited.",
    "invitation.revoke": "An invitation was taken back.",
    "session.create": "A workspace session was made.",
    "session.update": "A workspace session was changed.",
    "session.delete": "A workspace session was deleted.",
    "session.restore": "A deleted workspace session was restored.",
    "session.fork": "A workspace session was made as a copy of another.",
    "session.open": "A token for a workspace session was handed out.",
    "trace.start": "The calls of a tenant are measured from then on.",
    "trace.stop": "The calls of a tenant are no longer measured.",
    "workspace.start": "The runtime of a workspace session was started.",
    "workspace.stop": "The runtime of a workspace session was stopped.",
    "conversation.create": "A conversation was made.",
    "conversation.update": "A conversation was changed.",
    "conversation.delete": "A conversation was deleted.",
    "conversation.restore": "A deleted conversation was restored.",
    "message.create": "A message was added to a conversation.",
    "message.update": "What a message says was replaced.",
    "chat.complete": "A language model was asked.",
    "agent.create": "An agent was made.",
    "agent.update": "An agent was changed.",
    "agent.delete": "An agent was deleted.",
    "agent.restore": "A deleted agent was restored.",
    "setting.set": "A setting was set.",
    "setting.delete": "A setting was deleted.",
    "file.add": "A file or folder appeared.",
    "file.update": "A file's content was changed.",
    "file.delete": "A file or folder was deleted, or moved away or into the trash.",
    "trash.delete": "A deleted file or folder was forgotten for good.",
    "trash.empty": "All deleted files and folders were forgotten for good.",
}
"""Every action of an entry, and what it says."""


RESOURCE_LIMIT = 4_500
"""Bytes no resource has more of: the longest is a path (4,096) with the root it is in. A key has room for it,
were every byte one that takes two there."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which entries are asked for; None asks for all.

    Args:
        since, until: milliseconds since 1970; `until` itself is not meant.
    """

    user: str | None = None
    action: str | None = None
    resource: str | None = None
    since: int | None = None
    until: int | None = None

    def meets(self, entry: Audit) -> bool:
        """Whether an entry has what is asked for, but for the time."""
        return (
            self.user in (None, entry.user)
            and self.action in (None, entry.action)
            and self.resource in (None, entry.resource)
        )

    @property
    def index(self) -> tuple[str, tuple[str, ...]]:
        """The index with the fewest entries to look at, and the values to look for."""
        if self.resource is not None:
            return "by_resource_time", (self.resource,)
        if self.user is not None:
            return "by_user_time", (self.user,)
        if self.action is not None:
            return "by_action_time", (self.action,)
        return "by_time", ()


async def find(tr: Reader, tenant: str, query: Query, *, limit: int, after: str | None = None) -> Page[Audit]:
    """Entries, the newest first; perhaps fewer than `limit` although there are more, as `Collection.page`.

    Raises:
        InvalidCursor: `after` is not of that query.
    """
    if query.resource is not None and len(query.resource.encode()) > RESOURCE_LIMIT:
        return Page([], None)
    index, values = query.index
    return await AUDIT.page(
        tr,
        tenant,
        index,
        *values,
        limit=limit,
        after=after,
        reverse=True,
        least=query.since,
        below=query.until,
        where=query.meets,
    )


async def forget(tr: Transaction, tenant: str, before: int, *, limit: int) -> int:
    """Removes at most so many entries from before a time, the oldest first; returns how many."""
    old = await AUDIT.page(tr, tenant, "by_time", limit=limit, below=before)
    for entry in old.items:
        AUDIT.remove(tr, tenant, entry)
    return len(old.items)


def record(
    tr: Transaction,
    actor: Actor,
    action: str,
    resource: str = "",
    *,
    detail: Mapping[str, str] | None = None,
    count: int = 1,
) -> None:
    """Adds an entry to the audit of the actor's tenant, in the transaction of the change itself.

    Reads nothing, so it costs a commit no conflict and no round trip.

    Args:
        action: one of `ACTIONS`.
        resource: as in `models.Audit`.
        detail, count: as in `models.Audit`. No names, addresses or contents: of people, their ids only.
    """
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is no action of the audit: add it to `ACTIONS`")
    scope = actor.scope
    AUDIT.add(
        tr,
        scope.tenant,
        Audit(
            id=new_id(),
            at=now_ms(),
            user=scope.user,
            session=scope.session,
            action=action,
            resource=resource,
            count=count,
            request=actor.request,
            address=actor.address,
            detail=dict(detail or {}),
        ),
    )
