"""Running the requests of one channel, told apart from how frames come and go."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar, cast
from uuid import uuid4

import msgspec
from jsonrpcserver.async_dispatcher import call as call_method
from jsonrpcserver.dispatcher import get_method
from jsonrpcserver.request import Request as LibraryRequest
from jsonrpcserver.sentinels import NOID
from msgspec import UNSET, Raw, UnsetType
from oslash.either import Right

from rpc.codec import MALFORMED, UNENCODABLE, Codec, Frame, Id, Refused, Request
from rpc.errors import Code, RpcError, protocol_error
from rpc.observer import Observer, Unobserved
from rpc.registry import Method, Registry

logger = logging.getLogger(__name__)

C = TypeVar("C")
MapError = Callable[[Exception], RpcError | None]
Admit = Callable[[C, Method[C]], None]
"""Called with the context before a method is run; what it raises is answered in its stead."""

CANCEL = "$/cancelRequest"
"""As in the Language Server Protocol."""


class Call(Generic[C]):
    """One request being run; what jsonrpcserver passes to `Method` as its context."""

    __slots__ = ("_map_error", "admit", "cancelled", "codec", "context", "id", "shielded", "task")

    def __init__(
        self,
        context: C,
        codec: Codec,
        map_error: MapError,
        id: Id | UnsetType,
        shielded: bool,
        admit: Admit[C],
    ) -> None:
        self.context = context
        self.admit = admit
        self.codec = codec
        self.id = id
        self.shielded = shielded
        self.task = asyncio.current_task()
        self.cancelled = False
        self._map_error = map_error

    def cancel(self) -> None:
        """Cancels the method, unless it is shielded; its answer is then REQUEST_CANCELLED."""
        if not self.shielded and not self.cancelled and self.task is not None:
            self.cancelled = True
            self.task.cancel()

    def translate(self, error: Exception, method: str) -> RpcError:
        """The error to answer with. An unknown one is logged under an id, and only the id is told."""
        try:
            mapped = self._map_error(error)
        except (
            Exception
        ) as failure:  # an error in the application's table must not cost the caller its answer
            failure.__context__ = error
            return internal_error(f"The error of {method} could not be mapped", failure)
        return mapped or internal_error(f"The method {method} failed", error)


class _Batch(msgspec.Struct):
    """What the lanes of one batch share."""

    remaining: Iterator[tuple[int, Raw]]
    answers: list[bytes | None]
    budget: int
    """Bytes of answers that may still come; below 0 once it is exceeded."""


class CancelParams(msgspec.Struct):
    """Params of `$/cancelRequest`: the id of the request to cancel."""

    id: Id


class Dispatcher(Generic[C]):
    """Answers frames. It keeps which calls are running, so one belongs to one channel.

    Args:
        registry: the methods.
        context: passed to each of them.
        map_error: turns an exception of the application into the error to answer with, or gives None.
        admit: see `Admit`.
        batch_limit: requests one batch may have.
        batch_width: requests of one batch that run side by side.
        batch_bytes: largest frame that is taken for a batch.
        batch_answer: bytes of encoded answers that one batch may collect. Once they are reached, its further
            requests are answered with BATCH_TOO_LARGE and not run; its notifications are run, since they
            collect nothing. Those running by then may exceed it, at most `batch_width` of them.
        observer: is told of each call.
    """

    def __init__(
        self,
        registry: Registry[C],
        context: C,
        *,
        map_error: MapError = lambda _: None,
        admit: Admit[C] = lambda _, __: None,
        batch_limit: int = 1000,
        batch_width: int = 8,
        batch_bytes: int = 1 << 20,
        batch_answer: int = 16 << 20,
        observer: Observer | None = None,
    ) -> None:
        self._registry = registry
        self._methods = cast(dict[str, Callable[..., Any]], registry.methods)  # as jsonrpcserver types it
        self._context = context
        self._map_error = map_error
        self._admit = admit
        self._batch_limit = batch_limit
        self._batch_width = batch_width
        self._batch_bytes = batch_bytes
        self._batch_answer = batch_answer
        self._observer: Observer = observer or Unobserved()
        self._ended = False
        self._running: set[Call[C]] = set()

    async def handle(self, codec: Codec, data: Frame) -> bytes | None:
        """Runs what came in one frame; the frame to answer with, in the same encoding, or None.

        Nothing that a client sends, and nothing that a method does, makes it raise.
        """
        received = codec.decode(data, self._batch_limit, self._batch_bytes)
        if isinstance(received, list):
            return await self._batch(codec, received)
        return await self._answer(codec, received)

    def cancel(self, id: Id) -> None:
        """Cancels the calls running under `id`."""
        for call in self._running:
            if call.id == id:
                call.cancel()

    def cancel_all(self) -> None:
        """For the end: cancels every running call that is not shielded; batches start no further ones."""
        self._ended = True
        for call in self._running:
            call.cancel()

    async def _batch(self, codec: Codec, elements: list[Raw]) -> bytes | None:
        if not elements:
            return codec.failure(
                None, protocol_error(Code.INVALID_REQUEST, "Invalid request: an empty batch")
            )
        batch = _Batch(iter(enumerate(elements)), [None] * len(elements), self._batch_answer)
        async with asyncio.TaskGroup() as lanes:
            for _ in range(min(self._batch_width, len(elements))):
                lanes.create_task(self._lane(codec, batch))
        given = [answer for answer in batch.answers if answer is not None]
        return codec.batch(given) if given else None

    async def _lane(self, codec: Codec, batch: _Batch) -> None:
        """Takes one element after the other from those that all lanes share."""
        for index, element in batch.remaining:
            if self._ended:
                return
            request = codec.decode_element(element)
            if batch.budget <= 0 and isinstance(request, Request) and request.id is not UNSET:
                request = Refused(self._over_budget(), request.id)
            answer = await self._answer(codec, request)
            if answer is not None:
                batch.answers[index] = answer
                batch.budget -= len(answer)
            await asyncio.sleep(0)  # a long batch must not hold up the other channels

    def _over_budget(self) -> RpcError:
        return protocol_error(
            Code.BATCH_TOO_LARGE,
            f"Not run: the answers before it in its batch reached {self._batch_answer} bytes; send it alone",
        )

    async def _answer(self, codec: Codec, request: Request | Refused) -> bytes | None:
        if isinstance(request, Refused):
            refusal = codec.failure(request.id, request.error)
            self._observer.end("", 0.0, request.error.kind, Raw(), refusal)
            return refusal
        if request.method == CANCEL:
            return self._cancel_request(codec, request)
        started = time.perf_counter()
        method = self._registry.methods.get(request.method)
        outcome = await self._run(codec, request, method)
        id, answer, kind = request.id, None, ""
        if id is not UNSET and not isinstance(outcome, RpcError):
            try:
                answer = codec.success(id, outcome)
            except UNENCODABLE as error:
                outcome = internal_error(f"{request.method} has a result that cannot be encoded", error)
        if isinstance(outcome, RpcError):
            answer, kind = None if id is UNSET else codec.failure(id, outcome), outcome.kind
        name = "" if method is None else method.name
        self._observer.end(name, time.perf_counter() - started, kind, request.params, answer)
        return answer

    async def _run(self, codec: Codec, request: Request, method: Method[C] | None) -> object:
        """What the method returns, or the RpcError to answer with."""
        shielded = method is not None and method.shielded
        call = Call(self._context, codec, self._map_error, request.id, shielded, self._admit)
        self._running.add(call)
        try:
            waiting = self._observer.begin("" if method is None else method.name)
            if waiting is not None:
                await waiting
            result = get_method(self._methods, request.method)
            if isinstance(result, Right):
                # The library's `dispatch_request` would also bind the arguments to the signature, which took
                # a fifth of a call; msgspec has the params to itself.
                library_request = LibraryRequest(request.method, [request.params], NOID)
                result = await call_method(library_request, call, result._value)
        except RpcError as refusal:
            return refusal
        except asyncio.CancelledError as error:
            if not call.cancelled:
                if call.task is None or call.task.cancelling():
                    raise
                return internal_error(f"The method {request.method} awaited something cancelled", error)
            return protocol_error(Code.REQUEST_CANCELLED, f"{request.method} was cancelled")
        finally:
            self._running.discard(call)
            if call.cancelled and call.task is not None:
                # The cancellation ends here: the task goes on, and is not a cancelled one.
                call.task.uncancel()
        if isinstance(result, Right):
            return result._value.result
        failure = result._error
        if method is None:
            return protocol_error(
                Code.METHOD_NOT_FOUND, f"There is no method {request.method}", method=request.method
            )
        return RpcError(failure.code, failure.message, failure.data["kind"], failure.data)

    def _cancel_request(self, codec: Codec, request: Request) -> bytes | None:
        failure = None
        try:
            self.cancel(codec.decoder(CancelParams).decode(request.params).id)
        except MALFORMED as error:
            failure = protocol_error(Code.INVALID_PARAMS, f"Invalid params: {error}")
        if request.id is UNSET:
            return None
        return codec.success(request.id, None) if failure is None else codec.failure(request.id, failure)


def internal_error(what: str, error: BaseException) -> RpcError:
    """Logs an error nobody foresaw under a new id, and tells only the id to the caller."""
    id = uuid4().hex
    logger.error("%s, error id %s", what, id, exc_info=error)
    return protocol_error(Code.INTERNAL_ERROR, "Internal error", errorId=id)
