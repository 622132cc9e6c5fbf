"""What users take of language models in a day: counted once, for all gateways, and ended by the budget."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from fdb_provider.engine import Database
from fdb_provider.files.retention import DAY
from fdb_provider.repositories import token_usage
from fdb_provider.repositories.token_usage import KEPT_DAYS
from rpc import RpcError
from tests import fdbserver
from tests.chat.asking import ask, asking
from tests.chat.test_news import elsewhere
from tests.conversations.conftest import new_user
from tests.tenants.conftest import Gateway, Person, serve
from theia_bridge.chat import budget as budgets
from theia_bridge.chat.budget import Budget
from theia_bridge.chat.errors import BudgetExceeded
from theia_bridge.chat.protocol import ModelList, TokenUsage

pytestmark = pytest.mark.asyncio(loop_scope="module")
BUDGET = 100
LONG = "x" * 150
"""About 38 tokens, and as many to say it again."""


@pytest_asyncio.fixture(
    scope="module", loop_scope="module", params=["embedded", pytest.param("fdb", marks=pytest.mark.fdb)]
)
async def gateways(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Gateway, Gateway]]:
    """Two gateways of one store with a budget; the same one twice where there can be no more."""
    folder = tmp_path_factory.mktemp("gateways")
    store = f"embedded:{folder / 'store'}"
    if request.param == "fdb":
        cluster: Path = request.getfixturevalue("fdb_cluster")
        fdbserver.empty(cluster)
        store = f"fdb:{cluster}"
    made = [await serve(store, folder, chat_budget_tokens=BUDGET)]
    if request.param == "fdb":
        made.append(await serve(store, folder, chat_budget_tokens=BUDGET))
    yield Gateway(made[0]), Gateway(made[-1])
    for client in made:
        await client.close()


async def exceeded(person: Person) -> RpcError:
    async with person.connect() as client:
        with pytest.raises(RpcError) as caught:
            await ask(client, asking("x"))
    assert caught.value.kind == "BudgetExceeded"
    return caught.value


async def test_a_user_gets_no_more_than_the_budget_from_all_gateways(
    gateways: tuple[Gateway, Gateway],
) -> None:
    person = await gateways[0].register()
    async with person.connect() as one, elsewhere(person, gateways).connect() as other:
        before = await one.call("chat.models", None, ModelList)
        assert before.budget is not None
        assert (before.budget.tokens, before.budget.used) == (BUDGET, 0)
        for client in (one, other):
            await ask(client, asking(LONG))
        told = await other.call("chat.models", None, ModelList)
        assert told.budget is not None
        assert told.budget.used == 2 * 2 * 38
        assert told.budget.renews_at % DAY == 0
    for gateway in gateways:
        error = await exceeded(Person(gateway, person.signed_in))
        assert error.data["renewsAt"] == told.budget.renews_at
    stranger = await person.add()
    async with stranger.connect() as client:
        await ask(client, asking("another's budget is their own"))


async def test_usage_is_told_to_whom_it_concerns(gateways: tuple[Gateway, Gateway]) -> None:
    owner = await gateways[0].register()
    member = await owner.add()
    for person in (owner, member):
        async with person.connect() as client:
            await ask(client, asking("four"))
            await ask(client, asking("four"))
    path = "/tenants/me/usage/tokens"
    everybody = (await owner.ask("GET", path))["items"]
    assert {one["user"] for one in everybody} == {owner.id, member.id}
    own = (await member.ask("GET", path))["items"]
    assert own == [one for one in everybody if one["user"] == member.id]
    assert own[0] | {"day": "", "user": ""} == {
        "user": "",
        "day": "",
        "model": "echo",
        "completions": 2,
        "input_tokens": 2,
        "output_tokens": 2,
    }
    assert (await owner.ask("GET", f"{path}?user={member.id}"))["items"] == own
    await member.refused("NoPermissions", "GET", f"{path}?user={owner.id}")


@pytest.mark.asyncio
async def test_there_is_a_new_budget_at_midnight(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    actor = await new_user(database)
    budget = Budget(database, 10)
    now = 1000 * DAY + DAY - 1
    monkeypatch.setattr(budgets, "now_ms", lambda: now)
    taken = await budget.take(actor, "m", 4)
    usage = TokenUsage(input_tokens=6, output_tokens=5, estimated=False)
    now += 1
    await budget.settle(taken, usage, "", {})  # belongs to the day it began
    monkeypatch.setattr(budgets, "now_ms", lambda: now - 1)
    with pytest.raises(BudgetExceeded) as caught:
        await budget.take(actor, "m", 4)
    assert caught.value.told == {"renewsAt": 1001 * DAY}
    monkeypatch.setattr(budgets, "now_ms", lambda: now)
    await budget.take(actor, "m", 4)
    state = await budget.state(actor)
    assert state is not None
    assert state.used == 4


@pytest.mark.asyncio
async def test_what_is_taken_at_once_is_all_counted_and_forgotten_in_time(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = await new_user(database)
    budget = Budget(database, 0)
    monkeypatch.setattr(budgets, "now_ms", lambda: 1000 * DAY)
    usage = TokenUsage(input_tokens=3, output_tokens=5, estimated=False)

    async def one() -> None:
        await budget.settle(await budget.take(actor, "m", 4), usage, "", {})

    await asyncio.gather(*(one() for _ in range(20)))
    (used,) = await database.read(lambda tr: token_usage.of_day(tr, actor.scope, 1000))
    assert (used.completions, used.input, used.output) == (20, 60, 100)
    monkeypatch.setattr(budgets, "now_ms", lambda: (1001 + KEPT_DAYS) * DAY)
    await one()
    page = await database.read(lambda tr: token_usage.page(tr, actor.scope.tenant, None, limit=10))
    assert [one.day for one in page.items] == [1001 + KEPT_DAYS]
