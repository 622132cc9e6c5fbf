"""Agents of a tenant, which all its users see."""

from __future__ import annotations

import msgspec

from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordExists, RecordNotFound
from fdb_provider.models import Agent, name_key
from fdb_provider.records import Collection, Index, Page

AGENTS = Collection(
    "agent",
    Agent,
    key=("id",),
    soft_delete=True,
    indexes=[
        Index("by_name", ("name_key",), unique=True, serves="All agents by name; that a name is taken."),
        Index("by_creator", ("created_by", "name_key"), serves="Those one user has made, by name."),
    ],
)


async def create(tr: Transaction, tenant: str, agent: Agent) -> None:
    """Stores a new agent.

    Raises:
        RecordExists: its name is taken.
    """
    await _check_name(tr, tenant, agent)
    await AGENTS.insert(tr, tenant, agent)


async def get(tr: Reader, tenant: str, agent: str, *, deleted: bool = False) -> Agent:
    """An agent.

    Args:
        deleted: also when it was deleted.

    Raises:
        RecordNotFound: there is none with that id.
    """
    found = await AGENTS.get(tr, tenant, agent, deleted=deleted)
    if found is None:
        raise RecordNotFound(f"There is no agent {agent}.")
    return found


async def named(tr: Reader, tenant: str, agent: str) -> Agent:
    """An agent by its id, or else by its name in whatever case.

    Raises:
        RecordNotFound: there is none.
    """
    found = await AGENTS.get(tr, tenant, agent)
    if found is not None:
        return found
    by_name = await AGENTS.by_index(tr, tenant, "by_name", name_key(agent))
    if not by_name:
        raise RecordNotFound(f"There is no agent {agent}.")
    return by_name[0]


async def page(
    tr: Reader, tenant: str, *, created_by: str | None = None, limit: int, after: str | None = None
) -> Page[Agent]:
    """Agents by name, all or those that one user has made.

    Raises:
        InvalidCursor: `after` is no cursor of this list.
    """
    if created_by is None:
        return await AGENTS.page(tr, tenant, "by_name", limit=limit, after=after)
    return await AGENTS.page(tr, tenant, "by_creator", created_by, limit=limit, after=after)


async def put(tr: Transaction, tenant: str, changed: Agent) -> None:
    """Stores an agent that was changed. Raises as `create`."""
    await _check_name(tr, tenant, changed)
    await AGENTS.put(tr, tenant, changed)


async def discard(tr: Transaction, tenant: str, agent: str, now: int) -> None:
    """Deletes an agent, so that it can be restored; its name is free meanwhile."""
    await AGENTS.discard(tr, tenant, agent, at=now)


async def restore(tr: Transaction, tenant: str, agent: Agent) -> Agent:
    """Brings a deleted agent back; the agent as it is then.

    Raises:
        RecordExists: another one has its name by now.
    """
    await _check_name(tr, tenant, agent)
    await AGENTS.restore(tr, tenant, agent.id)
    return msgspec.structs.replace(agent, deleted_at=None)


async def _check_name(tr: Reader, tenant: str, agent: Agent) -> None:
    """The unique index would refuse it too, but not tell by which name."""
    taken = await AGENTS.by_index(tr, tenant, "by_name", agent.name_key)
    if taken and taken[0].id != agent.id:
        raise RecordExists(f"There is an agent named {taken[0].name} already: take another name.")
