"""Agents of a tenant: all may read them, and admins and whoever made one may change it."""

from __future__ import annotations

import msgspec

from auth import roles
from auth.errors import InvalidFields
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.errors import NoPermissions
from fdb_provider.models import Agent, at_least, name_key, new_id, now_ms
from fdb_provider.records import Page
from fdb_provider.repositories import agents, audit
from fdb_provider.scope import Actor

PROMPT_LIMIT = 64 * 1024
"""Bytes of a prompt in UTF-8: with its other fields an agent stays below the limit of a value."""


class Profile(msgspec.Struct, frozen=True):
    """What may be changed of an agent, as in `models.Agent`."""

    name: str
    description: str = ""
    prompt: str = ""
    model: str = ""
    tools: tuple[str, ...] = ()


async def create(db: Database, actor: Actor, profile: Profile) -> Agent:
    """Makes an agent.

    Raises:
        NoPermissions: the actor may only read.
        InvalidFields: the name is blank, or the prompt too long.
        RecordExists: the name is taken.
    """
    _check(profile)
    now = now_ms()
    bare = Agent(
        id=new_id(), name="", name_key="", created_by=actor.scope.user, created_at=now, updated_at=now
    )
    agent = _with(bare, profile, now)

    async def body(tr: Transaction) -> Agent:
        await roles.acting(tr, actor, "member")
        await agents.create(tr, actor.scope.tenant, agent)
        audit.record(tr, actor, "agent.create", f"agent/{agent.id}")
        return agent

    return await db.run(body)


async def get(db: Database, actor: Actor, agent: str) -> Agent:
    """An agent of the actor's tenant. Raises `RecordNotFound`."""

    async def body(tr: Reader) -> Agent:
        return await agents.get(tr, actor.scope.tenant, agent)

    return await db.read(body)


async def page(
    db: Database, actor: Actor, *, created_by: str | None = None, limit: int, after: str | None = None
) -> Page[Agent]:
    """Agents of the actor's tenant by name, all or those that one user has made.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """

    async def body(tr: Reader) -> Page[Agent]:
        return await agents.page(tr, actor.scope.tenant, created_by=created_by, limit=limit, after=after)

    return await db.read(body)


async def update(
    db: Database, actor: Actor, agent: str, profile: Profile, *, if_match: str | None = None
) -> Agent:
    """Replaces the profile of an agent.

    Raises:
        RecordNotFound: there is no such agent.
        NoPermissions: the actor is no admin and has not made it.
        InvalidFields: the name is blank, or the prompt too long.
        Conflict: it has been changed meanwhile.
        RecordExists: the name is taken.
    """
    _check(profile)
    now = now_ms()

    async def body(tr: Transaction) -> Agent:
        found = await agents.get(tr, actor.scope.tenant, agent)
        await _check_right(tr, actor, found)
        agents.AGENTS.expect(found, if_match)
        changed = _with(found, profile, max(now, found.updated_at))
        await agents.put(tr, actor.scope.tenant, changed)
        audit.record(tr, actor, "agent.update", f"agent/{agent}")
        return changed

    return await db.run(body)


async def delete(db: Database, actor: Actor, agent: str, *, if_match: str | None = None) -> None:
    """Deletes an agent, which can be restored until it is purged; its name is free meanwhile.

    Raises:
        RecordNotFound: there is no such agent.
        NoPermissions: the actor is no admin and has not made it.
        Conflict: it has been changed meanwhile.
    """
    now = now_ms()

    async def body(tr: Transaction) -> None:
        found = await agents.get(tr, actor.scope.tenant, agent)
        await _check_right(tr, actor, found)
        agents.AGENTS.expect(found, if_match)
        await agents.discard(tr, actor.scope.tenant, agent, now)
        audit.record(tr, actor, "agent.delete", f"agent/{agent}")

    await db.run(body)


async def restore(db: Database, actor: Actor, agent: str) -> Agent:
    """Brings a deleted agent back; one that is not deleted stays as it is.

    Raises:
        RecordNotFound: there is no such agent.
        NoPermissions: the actor is no admin and has not made it.
        RecordExists: another one has its name by now.
    """

    async def body(tr: Transaction) -> Agent:
        found = await agents.get(tr, actor.scope.tenant, agent, deleted=True)
        await _check_right(tr, actor, found)
        if found.deleted_at is None:
            return found
        restored = await agents.restore(tr, actor.scope.tenant, found)
        audit.record(tr, actor, "agent.restore", f"agent/{agent}")
        return restored

    return await db.run(body)


async def _check_right(tr: Reader, actor: Actor, agent: Agent) -> None:
    user = await roles.acting(tr, actor, "member")
    if agent.created_by != user.id and not at_least(user.role, "admin"):
        raise NoPermissions("An agent is changed by whoever made it, or by an admin.")


def _check(profile: Profile) -> None:
    if not profile.name.strip():
        raise InvalidFields({"name": "It has to have a name."})
    if len(profile.prompt.encode()) > PROMPT_LIMIT:
        raise InvalidFields({"prompt": f"It may have {PROMPT_LIMIT:,} bytes in UTF-8."})


def _with(agent: Agent, profile: Profile, now: int) -> Agent:
    name = profile.name.strip()
    return msgspec.structs.replace(
        agent,
        name=name,
        name_key=name_key(name),
        description=profile.description,
        prompt=profile.prompt,
        model=profile.model,
        tools=profile.tools,
        updated_at=now,
    )
