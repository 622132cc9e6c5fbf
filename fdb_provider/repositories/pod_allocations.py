"""The pods that workspace sessions run in: at most one for a session at any time.

A pod is claimed before it is started, so of two gateways that want one for a session at once a single one
starts it. All allocations are in the tenant `SYSTEM`: those who look after nodes and silent pods do it for
all tenants.
"""

from __future__ import annotations

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Reader, Transaction
from fdb_provider.errors import RecordNotFound
from fdb_provider.models import PodAllocation, PodPhase
from fdb_provider.records import Collection, Index, Page
from fdb_provider.scope import Scope

PODS = Collection(
    "pod-allocation",
    PodAllocation,
    key=("id",),
    indexes=[
        Index(
            "by_session",
            ("tenant", "session"),
            unique=True,
            serves="The pod of a session; that it has one already.",
        ),
        Index("by_user", ("tenant", "user", "created_at"), serves="A user's pods, for their number and end."),
        Index(
            "by_phase_heartbeat",
            ("phase", "heartbeat_at"),
            serves="Pods of one phase that have been silent since a time.",
        ),
        Index("by_node", ("node", "id"), serves="The pods of a node that is drained."),
    ],
)
_TENANT = keyspace.SYSTEM


async def claim(tr: Transaction, wanted: PodAllocation) -> tuple[PodAllocation, bool]:
    """The allocation of a session, and whether it is the one that was wanted, whose caller starts the pod."""
    found = await PODS.by_index(tr, _TENANT, "by_session", wanted.tenant, wanted.session)
    if found:
        return found[0], found[0].id == wanted.id
    await PODS.insert(tr, _TENANT, wanted)
    return wanted, True


async def of_session(tr: Reader, scope: Scope) -> PodAllocation | None:
    """The pod of the session `scope.session`, if it is the scope's user's and has one."""
    found = await PODS.by_index(tr, _TENANT, "by_session", scope.tenant, scope.session)
    return found[0] if found and found[0].user == scope.user else None


async def of_user(tr: Reader, scope: Scope) -> list[PodAllocation]:
    """The pods of the scope's user, the first made first."""
    return await PODS.by_index(tr, _TENANT, "by_user", scope.tenant, scope.user)


async def on_node(tr: Reader, node: str, *, limit: int, after: str | None = None) -> Page[PodAllocation]:
    """The pods on a node, of all tenants. Raises `InvalidCursor`."""
    return await PODS.page(tr, _TENANT, "by_node", node, limit=limit, after=after)


async def silent(tr: Reader, phase: PodPhase, since: int, *, limit: int) -> list[PodAllocation]:
    """At most so many pods of a phase, of all tenants, without a sign of life since a time.

    The first is the one that has been silent for longest.
    """
    found = await PODS.by_index(tr, _TENANT, "by_phase_heartbeat", phase, limit=limit)
    return [pod for pod in found if pod.heartbeat_at < since]


async def update(
    tr: Transaction,
    allocation: str,
    *,
    now: int,
    phase: PodPhase | None = None,
    node: str | None = None,
    address: str | None = None,
) -> PodAllocation:
    """Notes a sign of life of a pod, and what is known of it by now.

    Args:
        phase, node, address: None for what stays.

    Raises:
        RecordNotFound: it is allocated no more, so whoever runs it ends it.
    """
    found = await PODS.get(tr, _TENANT, allocation)
    if found is None:
        raise RecordNotFound(f"There is no pod allocation {allocation}.")
    changed = msgspec.structs.replace(
        found,
        heartbeat_at=max(now, found.heartbeat_at),
        phase=phase or found.phase,
        node=node or found.node,
        address=address or found.address,
    )
    await PODS.put(tr, _TENANT, changed)
    return changed


async def release(tr: Transaction, allocation: str) -> PodAllocation | None:
    """Forgets a pod that is gone, so that its session can have another; None when it was forgotten before."""
    return await PODS.delete(tr, _TENANT, allocation)
