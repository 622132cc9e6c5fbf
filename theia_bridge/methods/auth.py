"""`auth.*`: the caller's own sign-in."""

from __future__ import annotations

from rpc import Registry
from theia_bridge.methods.context import Context
from theia_bridge.methods.protocol import Renewed, RenewParams

registry: Registry[Context] = Registry()


@registry.method("auth.renew")
async def renew(context: Context, params: RenewParams) -> Renewed:
    """Keeps the channel open past its token's end, with a newer token of the same sign-in."""
    context.user = await context.renew(params.token)
    return Renewed(expires_at=context.user.expires_at * 1000)
