"""Workspace sessions: made, listed, changed, deleted and restored, and copied."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import partial
from typing import Annotated

import msgspec

from auth import roles
from auth.errors import InvalidFields
from auth.fields import NAME_LIMIT
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.files.service import FileService
from fdb_provider.models import WorkspaceSession, new_id, now_ms
from fdb_provider.records import Page
from fdb_provider.repositories import audit, auth_sessions, workspace_sessions
from fdb_provider.repositories.workspace_sessions import SESSIONS, Order
from fdb_provider.scope import Actor, Scope

SessionId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
TAGS = 20
"""Tags a session may have."""
TAG_LIMIT = 50
"""Characters of a tag."""
DESCRIPTION_LIMIT = 2000
"""Characters of a description."""
SEARCH_LIMIT = 200
"""Characters of what is searched for among them."""
_FORK = re.compile(r" \(fork(?: (\d+))?\)$")


class Details(msgspec.Struct, frozen=True):
    """What users say of a session.

    Args:
        tags: surrounding spaces do not count, nor one that is there already in whatever case.
    """

    name: str
    tags: tuple[str, ...] = ()
    description: str = ""

    def checked(self) -> Details:
        """The same as it is kept.

        Raises:
            InvalidFields: with what is wrong with each field that cannot be accepted.
        """
        wrong: dict[str, str] = {}
        name = self.name.strip()
        if not name or len(name) > NAME_LIMIT or not _printable(name):
            wrong["name"] = f"Enter a name of at most {NAME_LIMIT} characters."
        once: dict[str, str] = {}
        for tag in map(str.strip, self.tags):
            once.setdefault(tag.casefold(), tag)
        tags = tuple(once.values())
        if len(tags) > TAGS or not all(tag and len(tag) <= TAG_LIMIT and _printable(tag) for tag in tags):
            wrong["tags"] = f"Give at most {TAGS} tags of at most {TAG_LIMIT} characters each."
        if len(self.description) > DESCRIPTION_LIMIT:
            wrong["description"] = f"Use at most {DESCRIPTION_LIMIT:,} characters."
        if wrong:
            raise InvalidFields(wrong)
        return Details(name, tags, self.description)


class Change(msgspec.Struct, frozen=True):
    """What users change of a session; what is None stays as it is."""

    name: str | None = None
    tags: tuple[str, ...] | None = None
    description: str | None = None

    def of(self, session: WorkspaceSession) -> Details:
        """What is said of the session then."""
        return Details(
            session.name if self.name is None else self.name,
            session.tags if self.tags is None else self.tags,
            session.description if self.description is None else self.description,
        )


async def create(db: Database, files: FileService, actor: Actor, details: Details) -> WorkspaceSession:
    """Makes a session with nothing in it.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: as `Details.checked`.
        QuotaExceeded: the actor has as many sessions as they may.
    """
    details = details.checked()
    scope, now = actor.scope, now_ms()
    most = (await files.limits(scope.tenant)).user_sessions
    made = WorkspaceSession(
        id=new_id(),
        user=scope.user,
        name=details.name,
        created_at=now,
        used_at=now,
        updated_at=now,
        tags=details.tags,
        description=details.description,
    )

    async def body(tr: Transaction) -> WorkspaceSession:
        await roles.acting(tr, actor, "member")
        await workspace_sessions.check_room(tr, scope.tenant, scope.user, most)
        await workspace_sessions.create(tr, scope.tenant, made)
        audit.record(tr, actor, "session.create", resource(made.id))
        return made

    return await db.run(body)


async def page(
    db: Database,
    actor: Actor,
    *,
    order: Order = "used",
    search: str = "",
    tag: str | None = None,
    parent: str | None = None,
    deleted: bool = False,
    limit: int,
    after: str | None = None,
) -> Page[WorkspaceSession]:
    """The actor's sessions.

    Args:
        search: only those that have all its words in name, tags or description, in whatever case. A page may
            then be short, or empty, though more follow.
        tag: only those with that tag; the same of the page.
        parent: only the forks of that session, the newest first whatever the order.
        deleted: those in the trash instead, the last deleted first.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """

    words = search.casefold().split()

    def meant(session: WorkspaceSession) -> bool:
        text = "\n".join((session.name, *session.tags, session.description)).casefold()
        return all(word in text for word in words)

    where = meant if words else None

    async def body(tr: Reader) -> Page[WorkspaceSession]:
        if deleted:
            return await workspace_sessions.page_deleted(
                tr, actor.scope, tag=tag, where=where, limit=limit, after=after
            )
        return await workspace_sessions.page(
            tr, actor.scope, order=order, tag=tag, parent=parent, where=where, limit=limit, after=after
        )

    return await db.read(body)


async def get(db: Database, actor: Actor, session: str) -> WorkspaceSession:
    """One of the actor's sessions. Raises `RecordNotFound`."""
    return await db.read(partial(workspace_sessions.get, scope=within(actor, session)))


async def update(
    db: Database, actor: Actor, session: str, change: Change | Details, *, if_match: str | None = None
) -> WorkspaceSession:
    """Changes name, tags or description of a session, or replaces all three.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: as `Details.checked`.
        RecordNotFound: the actor has no such session.
        Conflict: it has been changed meanwhile.
    """
    now = now_ms()

    async def body(tr: Transaction) -> WorkspaceSession:
        await roles.acting(tr, actor, "member")
        found = await workspace_sessions.get(tr, within(actor, session))
        SESSIONS.expect(found, if_match)
        details = (change.of(found) if isinstance(change, Change) else change).checked()
        changed = msgspec.structs.replace(
            found,
            name=details.name,
            tags=details.tags,
            description=details.description,
            updated_at=max(now, found.updated_at + 1),
        )
        await SESSIONS.put(tr, actor.scope.tenant, changed)
        workspace_sessions.tell(tr, actor.scope)
        audit.record(tr, actor, "session.update", resource(session))
        return changed

    return await db.run(body)


async def delete(db: Database, actor: Actor, session: str, *, if_match: str | None = None) -> None:
    """Deletes a session, which can be restored until it is purged.

    Whoever works in it is told so on every gateway, and their next sign-in goes to another one.

    Raises:
        NoPermissions: the actor may only read.
        RecordNotFound: the actor has no such session.
        Conflict: it has been changed meanwhile.
    """
    now = now_ms()

    async def body(tr: Transaction) -> None:
        await roles.acting(tr, actor, "member")
        scope = within(actor, session)
        SESSIONS.expect(await workspace_sessions.get(tr, scope), if_match)
        await SESSIONS.discard(tr, scope.tenant, session, at=now)
        await auth_sessions.review(tr, scope.tenant, scope.user)
        workspace_sessions.tell(tr, scope)
        audit.record(tr, actor, "session.delete", resource(session))

    await db.run(body)


async def restore(db: Database, files: FileService, actor: Actor, session: str) -> WorkspaceSession:
    """Brings a deleted session back as it was; one that is not deleted stays as it is.

    Raises:
        NoPermissions: the actor may only read.
        RecordNotFound: the actor has no such session, or it was purged.
        QuotaExceeded: the actor has as many sessions as they may.
    """
    scope = within(actor, session)
    most = (await files.limits(scope.tenant)).user_sessions

    async def body(tr: Transaction) -> WorkspaceSession:
        await roles.acting(tr, actor, "member")
        found = await workspace_sessions.find(tr, scope, deleted=True)
        if found is not None and found.deleted_at is None:
            return found
        restored = None if found is None else await SESSIONS.restore(tr, scope.tenant, session)
        if restored is None:
            raise RecordNotFound("You have no such session, or it is gone for good.")
        await workspace_sessions.check_room(tr, scope.tenant, scope.user, most and most + 1)
        workspace_sessions.tell(tr, scope)
        audit.record(tr, actor, "session.restore", resource(session))
        return restored

    return await db.run(body)


async def fork(
    db: Database, files: FileService, actor: Actor, session: str, *, name: str | None = None
) -> WorkspaceSession:
    """Makes a session with the files that another one has at one instant, while it is written to.

    Contents are shared. Tags and description are those of the other; conversations, history and trash stay
    there.

    Args:
        name: of the new one; by default that of the other with "(fork)" behind it.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: as `Details.checked`.
        RecordNotFound: the actor has no such session.
        QuotaExceeded: the actor has as many sessions, or keeps as many files, as they may.
        StoreUnavailable: as `FileService.fork`.
    """
    if name is not None:
        name = Details(name).checked().name
    parent = within(actor, session)
    most = (await files.limits(parent.tenant)).user_sessions
    id = new_id()

    async def check(tr: Reader) -> WorkspaceSession:
        await roles.acting(tr, actor, "member")
        found = await workspace_sessions.get(tr, parent)
        await workspace_sessions.check_room(tr, parent.tenant, parent.user, most)
        return found

    async def finish(tr: Transaction, now: int) -> WorkspaceSession:
        found = await check(tr)
        made = WorkspaceSession(
            id=id,
            user=parent.user,
            name=forked(found.name) if name is None else name,
            created_at=now,
            used_at=now,
            updated_at=now,
            tags=found.tags,
            description=found.description,
            parent=session,
            forked_at=now,
        )
        await workspace_sessions.create(tr, parent.tenant, made)
        audit.record(tr, actor, "session.fork", resource(id), detail={"parent": session})
        return made

    await db.read(check)  # before all is copied for nothing
    return await files.fork(parent, id, finish)


def forked(name: str) -> str:
    """The name of a fork: "A (fork)", of that "A (fork 2)" and so on."""
    match = _FORK.search(name)
    number = int(match[1] or 1) + 1 if match is not None and len(match[1] or "") < 6 else 1
    end = " (fork)" if number == 1 else f" (fork {number})"
    start = name if number == 1 or match is None else name[: match.start()]
    return start[: NAME_LIMIT - len(end)] + end


def within(actor: Actor, session: str) -> Scope:
    """The scope of one of the actor's sessions, if it is one."""
    return Scope(actor.scope.tenant, actor.scope.user, session)


def resource(session: str) -> str:
    """A session, as the audit names it."""
    return f"session/{session}"


def _printable(text: Sequence[str]) -> bool:
    return not any(unicodedata.category(c) in ("Cc", "Cs") for c in text)
