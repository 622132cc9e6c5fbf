"""What a user may take of language models in a day, counted in the store: so for all gateways together.

A completion is let begin while there is any budget left. What its prompt is estimated to take counts from
then on, and what it really took once it has ended, however that was. So those under way at the same time may
exceed the budget, each by its answer; and a gateway that is killed leaves the estimates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auth import roles
from fdb_provider.engine import Database, Reader, Transaction
from fdb_provider.files.retention import DAY
from fdb_provider.models import TokenUse, now_ms
from fdb_provider.repositories import audit, token_usage
from fdb_provider.scope import Actor
from theia_bridge.chat.errors import BudgetExceeded
from theia_bridge.chat.protocol import TokenBudget, TokenUsage


@dataclass(frozen=True, slots=True)
class Taken:
    """What a completion has counted so far.

    Args:
        day: in which it began, and whose budget it is taken from.
        estimate: tokens of its prompt.
    """

    actor: Actor
    model: str
    day: int
    estimate: int


class Budget:
    """Args: tokens: that each user may take in a day; 0 for no limit."""

    def __init__(self, db: Database, tokens: int) -> None:
        self._db = db
        self._tokens = tokens

    async def state(self, actor: Actor) -> TokenBudget | None:
        """How much of it is used; None if there is no limit."""
        if not self._tokens:
            return None
        day = token_usage.day_of(now_ms())

        async def body(tr: Reader) -> list[TokenUse]:
            return await token_usage.of_day(tr, actor.scope, day)

        used = token_usage.total(await self._db.read(body))
        return TokenBudget(tokens=self._tokens, used=used, renews_at=(day + 1) * DAY)

    async def take(self, actor: Actor, model: str, estimate: int) -> Taken:
        """Lets a completion begin.

        Args:
            estimate: tokens of its prompt.

        Raises:
            NoPermissions: the actor may only read.
            BudgetExceeded: there is nothing left.
        """
        day = token_usage.day_of(now_ms())

        async def body(tr: Transaction) -> None:
            await roles.acting(tr, actor, "member")
            if self._tokens:
                used = token_usage.total(await token_usage.of_day(tr, actor.scope, day))
                if used >= self._tokens:
                    raise _exceeded(self._tokens, day)
            await token_usage.add(tr, actor.scope, day, model, completions=1, input=estimate, output=0)
            token_usage.forget(tr, actor.scope, day)

        await self._db.run(body)
        return Taken(actor, model, day, estimate)

    async def give_back(self, taken: Taken) -> None:
        """Counts nothing for a completion that did not begin after all."""

        async def body(tr: Transaction) -> None:
            await token_usage.add(
                tr,
                taken.actor.scope,
                taken.day,
                taken.model,
                completions=-1,
                input=-taken.estimate,
                output=0,
            )

        await self._db.run(body)

    async def settle(self, taken: Taken, usage: TokenUsage, resource: str, detail: Mapping[str, str]) -> None:
        """Counts what a completion has really taken, and has the audit tell of it.

        Args:
            resource: what it was for, as the audit names it.
            detail: what else the audit is to tell.
        """
        told = {
            "model": taken.model,
            "input": str(usage.input_tokens),
            "output": str(usage.output_tokens),
            **({"estimated": "true"} if usage.estimated else {}),
            **detail,
        }

        async def body(tr: Transaction) -> None:
            await token_usage.add(
                tr,
                taken.actor.scope,
                taken.day,
                taken.model,
                completions=0,
                input=usage.input_tokens - taken.estimate,
                output=usage.output_tokens,
            )
            audit.record(tr, taken.actor, "chat.complete", resource, detail=told)

        await self._db.run(body)


def _exceeded(tokens: int, day: int) -> BudgetExceeded:
    return BudgetExceeded(
        f"You have used your {tokens:,} tokens of today. There are new ones at midnight UTC.", (day + 1) * DAY
    )
