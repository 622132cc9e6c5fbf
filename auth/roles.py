"""What a role may do to others, as the store has it now: a token's own word may be minutes old."""

from __future__ import annotations

from auth.errors import Reason, TokenRejected
from fdb_provider.engine import Reader
from fdb_provider.errors import NoPermissions
from fdb_provider.models import Role, User, at_least
from fdb_provider.repositories import accounts
from fdb_provider.scope import Actor


async def acting(tr: Reader, actor: Actor, least: Role = "viewer") -> User:
    """The user who acts.

    Raises:
        TokenRejected: they are no member any more.
        NoPermissions: their role is less than `least`.
    """
    user = await accounts.user(tr, actor.scope.tenant, actor.scope.user)
    if user is None:
        raise TokenRejected(Reason.REVOKED)
    if not at_least(user.role, least):
        raise NoPermissions(f"This takes the role {least}; yours is {user.role}.")
    return user


def check_reach(user: User, role: Role) -> None:
    """Raises `NoPermissions` unless a user may give, change or take away a role: nobody above their own."""
    if not at_least(user.role, role):
        raise NoPermissions(f"Only an {role} may do that to an {role}; your role is {user.role}.")
