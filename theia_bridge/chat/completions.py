"""Asking language models on behalf of users: which, how many at a time, and what is counted."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager

import msgspec

from auth.errors import InvalidFields
from fdb_provider.engine import Database, Reader
from fdb_provider.errors import NoPermissions, StoreError
from fdb_provider.models import Agent
from fdb_provider.repositories import agents
from fdb_provider.scope import Actor
from rpc import ChannelClosed, Notify
from rpc.errors import Code, protocol_error
from theia_bridge.chat import echo
from theia_bridge.chat.budget import Budget, Taken
from theia_bridge.chat.endpoint import Endpoint
from theia_bridge.chat.errors import ModelError, ModelUnavailable, TooManyCompletions, UnknownModel
from theia_bridge.chat.model import LanguageModel, Piece, Prompt, tokens
from theia_bridge.chat.protocol import (
    CompleteParams,
    Completion,
    CompletionMessage,
    DidDelta,
    Finish,
    ModelInfo,
    ModelList,
    TokenUsage,
)
from theia_bridge.config import Settings

PROMPT_LIMIT = 8 * 1024 * 1024
"""Bytes of all that a model is asked at a time, images too."""
_WIDEST_TOKEN = 16
"""Bytes no answer takes for a token, on the average: a model that says more does not keep to its limit."""
DELTA = "chat.didDelta"

_log = logging.getLogger(__name__)


class Completions:
    """The language models of one gateway.

    Attributes:
        counts: completions, by their model.
        tokens: of prompts and answers, by their model.
        failures: completions that gave no whole answer, by the kind of the reason.
    """

    def __init__(self, db: Database, settings: Settings) -> None:
        self.counts: Counter[str] = Counter()
        self.tokens: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._db = db
        self._settings = settings
        self._budget = Budget(db, settings.chat_budget_tokens)
        self._models: dict[str, LanguageModel] = {}
        self._endpoint: Endpoint | None = None
        if settings.chat_models:
            self._endpoint = Endpoint(settings)
            self._models = dict.fromkeys(settings.chat_models, self._endpoint)
        if settings.chat_echo:
            self._models[echo.NAME] = echo.Echo()
        self._default = settings.chat_default_model or next(iter(self._models), "")
        self._running: Counter[tuple[str, str]] = Counter()
        self._settling: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return self._running.total()

    async def models(self, actor: Actor) -> ModelList:
        """The models there are, and how much of them the actor may take."""
        listed = [ModelInfo(id=name, default=name == self._default) for name in self._models]
        return ModelList(models=listed, budget=await self._budget.state(actor))

    async def complete(self, actor: Actor, asked: CompleteParams, notify: Notify) -> Completion:
        """Asks a model, and tells what it says as it comes. Cancelled, it stops the model.

        Args:
            notify: sends a `chat.didDelta`, waiting while the client does not take it, and with it the model.

        Raises:
            NoPermissions: the actor may only read.
            RecordNotFound: there is no such agent.
            InvalidFields: the prompt is too long.
            ModelError: there is no answer, or not all of one; or the actor has no right to one now.
        """
        agent = None if asked.agent is None else await self._agent(actor, asked.agent)
        prompt = self._prompt(asked, agent)
        size = _size(prompt)
        if size > PROMPT_LIMIT:
            raise InvalidFields(
                {"messages": f"They may have {PROMPT_LIMIT // 1024**2} MiB together with images and tools."}
            )
        async with self._place(actor):
            estimate = tokens(size)
            taken = await self._take(actor, prompt.model, estimate)
            self.counts[prompt.model] += 1
            answer = _Answer(prompt, asked.completion_id)
            ended = "failed"
            try:
                async with aclosing(self._answered(prompt, answer)) as deltas:
                    async for delta in deltas:
                        await notify(DELTA, delta)
                ended = answer.finish
            except asyncio.CancelledError:
                ended = "cancelled"
                raise
            except ChannelClosed:
                ended = "cancelled"
                raise protocol_error(Code.REQUEST_CANCELLED, "The channel has ended.") from None
            except ModelError as error:
                ended = type(error).__name__
                raise
            finally:
                usage = answer.usage(estimate)
                if ended != answer.finish:
                    self.failures[ended] += 1
                self.tokens[prompt.model] += usage.input_tokens + usage.output_tokens
                await self._settle(taken, usage, asked, agent, ended)
            return Completion(model=prompt.model, finish=answer.finish, usage=usage)

    async def close(self) -> None:
        """Ends what is under way; returns when all that was taken is counted."""
        if self._settling:
            await asyncio.wait(self._settling)
        if self._endpoint is not None:
            await self._endpoint.close()

    @asynccontextmanager
    async def _place(self, actor: Actor) -> AsyncIterator[None]:
        """One of the places for completions that a user has on this gateway."""
        whose, most = (actor.scope.tenant, actor.scope.user), self._settings.chat_concurrency
        if self._running[whose] >= most:
            raise TooManyCompletions(
                f"You have {most} answers under way, as many as allowed: wait for one, or cancel one."
            )
        self._running[whose] += 1
        try:
            yield
        finally:
            self._running[whose] -= 1
            if not self._running[whose]:
                del self._running[whose]

    async def _agent(self, actor: Actor, agent: str) -> Agent:
        async def body(tr: Reader) -> Agent:
            return await agents.named(tr, actor.scope.tenant, agent)

        return await self._db.read(body)

    def _prompt(self, asked: CompleteParams, agent: Agent | None) -> Prompt:
        messages, offered = asked.messages, asked.tools
        if agent is not None:
            offered = tuple(tool for tool in offered if tool.name in agent.tools)
            if agent.prompt:
                messages = (CompletionMessage(role="system", content=agent.prompt), *messages)
        model = asked.model or (agent.model if agent is not None else "") or self._default
        if not self._models:
            raise UnknownModel("This server has no language model: its operator has to set one.")
        if model not in self._models:
            there = ", ".join(self._models)
            raise UnknownModel(f"There is no language model {model} here. There is: {there}.")
        most = self._settings.chat_output_tokens
        return Prompt(
            model, messages, offered, asked.settings, min(asked.settings.max_output_tokens or most, most)
        )

    async def _answered(self, prompt: Prompt, answer: _Answer) -> AsyncGenerator[DidDelta, None]:
        """The deltas of an answer, up to where it has to end."""
        seconds = self._settings.chat_timeout_seconds
        async with aclosing(self._models[prompt.model].stream(prompt)) as pieces:
            while not answer.full:
                try:
                    async with asyncio.timeout(seconds):
                        piece = await anext(pieces)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise ModelUnavailable(
                        f"{prompt.model} has said nothing for {seconds:g} s. Try again later."
                    ) from None
                delta = answer.add(piece)
                if delta is not None:
                    yield delta

    async def _take(self, actor: Actor, model: str, estimate: int) -> Taken:
        """As `Budget.take`; if it is cancelled meanwhile, nothing stays counted."""
        taking = asyncio.create_task(self._budget.take(actor, model, estimate))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            self._see_to(self._give_back(taking))
            raise

    async def _give_back(self, taking: asyncio.Task[Taken]) -> None:
        try:
            await self._budget.give_back(await taking)
        except (ModelError, NoPermissions):
            pass  # nothing was taken
        except StoreError as error:
            _log.warning("tokens that were not used could not be given back: %s", error)

    def _see_to(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        """Brings something to its end, whatever becomes of the caller meanwhile."""
        task = asyncio.create_task(work)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)
        return task

    async def _settle(
        self, taken: Taken, usage: TokenUsage, asked: CompleteParams, agent: Agent | None, ended: str
    ) -> None:
        """Counts what was taken, whatever becomes of the caller meanwhile."""
        resource = "" if asked.conversation is None else f"conversation/{asked.conversation}"
        detail = {"ended": ended}
        if agent is not None:
            detail["agent"] = agent.id
        if asked.request is not None:
            detail["message"] = asked.request
        await asyncio.shield(self._see_to(self._count(taken, usage, resource, detail)))

    async def _count(self, taken: Taken, usage: TokenUsage, resource: str, detail: dict[str, str]) -> None:
        try:
            await self._budget.settle(taken, usage, resource, detail)
        except StoreError as error:
            # The answer has been given; what its prompt was estimated to take stays counted.
            _log.warning("tokens of a completion could not be counted: %s", error)


class _Answer:
    """What has been said so far."""

    def __init__(self, prompt: Prompt, completion_id: str) -> None:
        self.finish: Finish = "stop"
        self._completion_id = completion_id
        self._room = prompt.output_tokens * _WIDEST_TOKEN
        self._size = 0
        self._called = False
        self._usage: tuple[int, int] | None = None

    @property
    def full(self) -> bool:
        """Whether nothing more may be said."""
        return self._room <= self._size

    def add(self, piece: Piece) -> DidDelta | None:
        """What the client is told of a piece, if anything."""
        self._size += piece.size
        self._usage = piece.usage or self._usage
        self.finish = piece.finish or self.finish
        self._called = self._called or bool(piece.tool_calls)
        if self._called and self.finish == "stop":  # some models say so
            self.finish = "toolCalls"
        if self.full:
            self.finish = "length"
        if not (piece.text or piece.thinking or piece.tool_calls):
            return None
        return DidDelta(
            completion_id=self._completion_id,
            text=piece.text,
            thinking=piece.thinking,
            tool_calls=piece.tool_calls,
        )

    def usage(self, estimate: int) -> TokenUsage:
        """Args: estimate: tokens of the prompt."""
        if self._usage is not None:
            return TokenUsage(input_tokens=self._usage[0], output_tokens=self._usage[1], estimated=False)
        return TokenUsage(input_tokens=estimate, output_tokens=tokens(self._size), estimated=True)


def _size(prompt: Prompt) -> int:
    """Bytes of all that a model is asked."""
    tools = len(msgspec.json.encode(prompt.tools)) if prompt.tools else 0
    return sum(map(_size_of, prompt.messages)) + tools


def _size_of(message: CompletionMessage) -> int:
    calls = sum(len(one.name) + len(one.arguments.encode()) for one in message.tool_calls)
    return len(message.content.encode()) + sum(map(len, message.images)) + calls
