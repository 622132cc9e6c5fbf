"""The rules of `auth.members` against a model, and what holds whatever comes at once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auth import members
from auth.errors import LastOwner, TokenRejected
from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import NoPermissions, RecordNotFound
from fdb_provider.models import Role, new_id
from fdb_provider.repositories import accounts
from fdb_provider.repositories.accounts import USERS
from fdb_provider.scope import Actor

RANK: dict[Role, int] = {"viewer": 0, "member": 1, "admin": 2, "owner": 3}
ROLES = st.sampled_from(list(RANK))


@dataclass(frozen=True)
class Step:
    """What one member does to one, who may be the same."""

    by: int
    to: int
    role: Role | None
    """The role given; None for removal."""


steps = st.lists(st.builds(Step, st.integers(0, 3), st.integers(0, 3), st.none() | ROLES), max_size=12)
rules = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # each example has a tenant of its own


async def tenant(database: Database, roles: list[Role]) -> list[Actor]:
    """An owner, and members with roles."""
    new = [accounts.registration(f"{new_id()}@example.com", "Ada", "hash") for _ in range(len(roles) + 1)]
    people = [new[0], *[one.into(new[0].tenant, role) for one, role in zip(new[1:], roles, strict=True)]]

    async def body(tr: Transaction) -> None:
        await accounts.register(tr, people[0])
        for person in people[1:]:
            await accounts.join(tr, person)

    await database.run(body)
    return [Actor(person.scope) for person in people]


async def do(database: Database, people: list[Actor], step: Step) -> type[Exception] | None:
    target = people[step.to].scope.user
    try:
        if step.role is None:
            await members.remove(database, people[step.by], target)
        else:
            await members.set_role(database, people[step.by], target, step.role)
    except (NoPermissions, LastOwner, RecordNotFound, TokenRejected) as error:
        return type(error)
    return None


async def roles_now(database: Database, people: list[Actor]) -> dict[int, Role]:
    found = {
        user.id: user.role for user in await database.read(lambda tr: USERS.list(tr, people[0].scope.tenant))
    }
    return {i: found[one.scope.user] for i, one in enumerate(people) if one.scope.user in found}


def expected(roles: dict[int, Role], step: Step) -> type[Exception] | None:
    """What comes of a step, by the rules as the documentation has them; changes `roles`."""
    if step.by not in roles:
        return TokenRejected
    if RANK[roles[step.by]] < RANK["admin"]:
        return NoPermissions
    if step.to not in roles:
        return RecordNotFound
    mine, theirs = RANK[roles[step.by]], RANK[roles[step.to]]
    if theirs > mine or (step.role is not None and RANK[step.role] > mine):
        return NoPermissions
    last = roles[step.to] == "owner" and list(roles.values()).count("owner") == 1
    if last and step.role != "owner":
        return LastOwner
    if step.role is None:
        del roles[step.to]
    else:
        roles[step.to] = step.role
    return None


@rules
@given(st.lists(ROLES, min_size=3, max_size=3), steps)
async def test_one_after_the_other_the_rules_are_kept(
    database: Database, roles: list[Role], todo: list[Step]
) -> None:
    people = await tenant(database, roles)
    model = dict(enumerate(["owner", *roles]))
    for step in todo:
        assert await do(database, people, step) == expected(model, step)
        assert await roles_now(database, people) == model


@rules
@given(st.lists(ROLES, min_size=3, max_size=3), steps)
async def test_whatever_comes_at_once_an_owner_is_left(
    database: Database, roles: list[Role], todo: list[Step]
) -> None:
    people = await tenant(database, roles)
    await asyncio.gather(*(do(database, people, step) for step in todo))
    left = await roles_now(database, people)
    assert "owner" in left.values()
