"""`/api/v5/agents`: the agents of the caller's tenant."""

from __future__ import annotations

from typing import Annotated

import msgspec

from fdb_provider.errors import Conflict, InvalidCursor, NoPermissions, RecordExists, RecordNotFound
from fdb_provider.models import Agent
from fdb_provider.repositories.agents import AGENTS
from theia_bridge.rest.resource import Call, Id, Page, Paging, Resource, Tagged
from theia_bridge.services import agents
from theia_bridge.services.agents import Profile

api = Resource("agents", "Agents of the tenant: all read them, admins and whoever made one change it")

Tool = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[!-~]+$")]


class Filter(Paging, frozen=True, forbid_unknown_fields=True):
    """Args:
    created_by: only those that this user has made.
    """

    created_by: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class AgentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An update replaces all of it: what is left out is empty then.

    Args:
        name: unique in the tenant, in whatever case.
        prompt: what the model is told first, at most 64 KiB.
        model: the language model; the server's default without it.
        tools: names of the tools it may call.
    """

    name: Annotated[str, msgspec.Meta(max_length=100, pattern=r"\S")]
    description: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    prompt: Annotated[str, msgspec.Meta(max_length=agents.PROMPT_LIMIT)] = ""
    model: Annotated[str, msgspec.Meta(max_length=200)] = ""
    tools: Annotated[tuple[Tool, ...], msgspec.Meta(max_length=64)] = ()


class AgentAnswer(msgspec.Struct, frozen=True):
    """Args:
    created_by: id of the user who made it.
    created_at, updated_at: in milliseconds since 1970.
    """

    id: str
    name: str
    description: str
    prompt: str
    model: str
    tools: tuple[str, ...]
    created_by: str
    created_at: int
    updated_at: int


@api.get("/agents", errors=(InvalidCursor,))
async def page(call: Call, query: Filter) -> Page[AgentAnswer]:
    """Agents by name."""
    found = await agents.page(
        call.db, call.actor, created_by=query.created_by, limit=query.limit, after=query.after
    )
    return Page([_answer(one).value for one in found.items], found.next)


@api.post("/agents", status=201, location="/agents/{id}", errors=(RecordExists,))
async def create(call: Call, body: AgentBody) -> Tagged[AgentAnswer]:
    """Make an agent."""
    return _answer(await agents.create(call.db, call.actor, _profile(body)))


@api.get("/agents/{id}", errors=(RecordNotFound,))
async def get(call: Call, path: Id) -> Tagged[AgentAnswer]:
    """An agent."""
    return _answer(await agents.get(call.db, call.actor, path.id))


@api.put("/agents/{id}", errors=(RecordNotFound, NoPermissions, Conflict, RecordExists))
async def update(call: Call, path: Id, body: AgentBody) -> Tagged[AgentAnswer]:
    """Replace an agent. Open to admins and to whoever made it."""
    changed = await agents.update(call.db, call.actor, path.id, _profile(body), if_match=call.if_match)
    return _answer(changed)


@api.delete("/agents/{id}", errors=(RecordNotFound, NoPermissions, Conflict))
async def delete(call: Call, path: Id) -> None:
    """Delete an agent. Its name is free then, and it can be restored until it is purged."""
    await agents.delete(call.db, call.actor, path.id, if_match=call.if_match)


@api.post("/agents/{id}/restore", errors=(RecordNotFound, NoPermissions, RecordExists))
async def restore(call: Call, path: Id) -> Tagged[AgentAnswer]:
    """Bring a deleted agent back, unless another one has its name by now."""
    return _answer(await agents.restore(call.db, call.actor, path.id))


def _profile(body: AgentBody) -> Profile:
    return Profile(body.name, body.description, body.prompt, body.model, body.tools)


def _answer(agent: Agent) -> Tagged[AgentAnswer]:
    answer = AgentAnswer(
        id=agent.id,
        name=agent.name,
        description=agent.description,
        prompt=agent.prompt,
        model=agent.model,
        tools=agent.tools,
        created_by=agent.created_by,
        created_at=agent.created_at,
        updated_at=agent.updated_at,
    )
    return Tagged(answer, AGENTS.etag(agent))
