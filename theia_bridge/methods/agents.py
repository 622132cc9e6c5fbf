"""`agents.*`: the agents of the caller's tenant."""

from __future__ import annotations

from fdb_provider.models import Agent
from rpc import Registry
from theia_bridge.methods.chat_protocol import AgentInfo, AgentList, AgentListParams
from theia_bridge.methods.context import Context
from theia_bridge.services import agents

registry: Registry[Context] = Registry()


@registry.method("agents.list")
async def list_(context: Context, params: AgentListParams) -> AgentList:
    """The tenant's agents by name, as they are kept by the REST API."""
    page = await agents.page(context.db, context.actor, limit=params.limit, after=params.after)
    return AgentList(agents=[_info(one) for one in page.items], next=page.next)


def _info(agent: Agent) -> AgentInfo:
    return AgentInfo(
        id=agent.id,
        name=agent.name,
        description=agent.description,
        prompt=agent.prompt,
        model=agent.model,
        tools=list(agent.tools),
        updated_at=agent.updated_at,
    )
