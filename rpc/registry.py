"""Declaring methods: a name, a typed function, its documentation."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar, get_type_hints

import msgspec
from jsonrpcserver.result import SuccessResult
from msgspec import Raw
from oslash.either import Right

from rpc.codec import JSON, MALFORMED, MSGPACK, Codec, Decoder
from rpc.errors import Code, RpcError, protocol_error

if TYPE_CHECKING:
    from rpc.dispatcher import Call

C = TypeVar("C")
P = TypeVar("P", bound=msgspec.Struct)
R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Awaitable[object]])


class Method(Generic[C]):
    """A declared method, callable by jsonrpcserver.

    Attributes:
        name: as called.
        function: what was decorated.
        params_type: the struct its parameters are decoded into, None if it takes none.
        result_type: what it returns.
        doc: its function's docstring.
        shielded: whether it runs to its end although its call is cancelled or its channel closed.
    """

    def __init__(self, name: str, function: Callable[..., Awaitable[object]], *, shielded: bool) -> None:
        self.name = name
        self.function = function
        self.shielded = shielded
        self.doc = inspect.getdoc(function) or ""
        self.params_type, self.result_type = _signature(name, function)
        self._positions: tuple[str, ...] = ()
        self._decoders: dict[Codec, Decoder[msgspec.Struct]] = {}
        if self.params_type is not None:
            self._positions = self.params_type.__struct_encode_fields__
            self._decoders = {codec: codec.decoder(self.params_type) for codec in (JSON, MSGPACK)}

    async def __call__(self, call: Call[C], params: Raw) -> Right:
        """Runs it. It raises `RpcError` only, which jsonrpcserver turns into the error to answer with."""
        try:
            call.admit(call.context, self)
            if self.params_type is None:
                self._refuse_params(call.codec, params)
                result = await self.function(call.context)
            else:
                result = await self.function(call.context, self.decode(call.codec, params))
        except RpcError:
            raise
        except Exception as error:  # whatever a method raises must become an answer, and not str(error)
            raise call.translate(error, self.name) from None
        return Right(SuccessResult(result))

    def decode(self, codec: Codec, params: Raw) -> msgspec.Struct:
        """The typed parameters.

        Raises:
            RpcError: INVALID_PARAMS, naming the field that is wrong.
        """
        decoder = self._decoders[codec]
        given = params if memoryview(params) else codec.empty
        try:
            return decoder.decode(given)
        except MALFORMED as error:
            reason = error
        by_name = codec.by_position(params, self._positions)
        if by_name is not None:
            try:
                return decoder.decode(by_name)
            except MALFORMED as error:
                reason = error
        raise protocol_error(Code.INVALID_PARAMS, f"Invalid params: {reason}")

    def _refuse_params(self, codec: Codec, params: Raw) -> None:
        if len(memoryview(params)) > 1 and bytes(params) not in (b"{}", b"[]"):
            raise protocol_error(Code.INVALID_PARAMS, f"Invalid params: {self.name} takes none")


class Notification(msgspec.Struct, frozen=True):
    """A notification the server sends, declared so that it is documented."""

    name: str
    params_type: type[msgspec.Struct]
    doc: str


class DeclaredError(msgspec.Struct, frozen=True):
    """An error that methods may answer with, declared so that it is documented."""

    code: int
    kind: str
    doc: str


class Registry(Generic[C]):
    """Methods by name, for calls that carry a context of type C."""

    def __init__(self) -> None:
        self.methods: dict[str, Method[C]] = {}
        self.notifications: dict[str, Notification] = {}
        self.errors: dict[tuple[int, str], DeclaredError] = {}
        self.samples: dict[str, object] = {}

    def method(self, name: str, *, shielded: bool = False) -> Callable[[F], F]:
        """Declares an `async def function(context)` or `(context, params)` as the method `name`.

        Params are a `msgspec.Struct` with `forbid_unknown_fields=True`, the result is anything msgspec
        encodes; both are read from the annotations, the documentation from the docstring.

        Args:
            shielded: it writes: neither `$/cancelRequest` nor the end of the channel stops it half-way.

        Raises:
            ValueError: the name is taken.
            TypeError: the function is not of that shape.
        """

        def declare(function: F) -> F:
            if name in self.methods:
                raise ValueError(f"The method {name} is declared twice")
            self.methods[name] = Method(name, function, shielded=shielded)
            return function

        return declare

    def notification(self, name: str, params_type: type[msgspec.Struct], doc: str) -> None:
        """Declares a notification that the server may send.

        Raises:
            ValueError: the name is taken.
        """
        if name in self.notifications:
            raise ValueError(f"The notification {name} is declared twice")
        self.notifications[name] = Notification(name, params_type, doc)

    def error(self, code: int, kind: str, doc: str) -> None:
        """Declares an error that methods may answer with."""
        self.errors[code, kind] = DeclaredError(code, kind, doc)

    def sample(self, parameter: str, value: object) -> None:
        """Declares what to give in the examples of the documentation.

        Args:
            parameter: `name` as on the wire, of whatever method has to have it; or `method.name`, which is
                given although it need not be.
            value: as it is in JSON.
        """
        self.samples[parameter] = value

    def include(self, other: Registry[C]) -> None:
        """Declares here all that `other` declares, so that each namespace may have a registry of its own.

        Raises:
            ValueError: a name is taken.
        """
        for mine, theirs in ((self.methods, other.methods), (self.notifications, other.notifications)):
            if twice := mine.keys() & theirs.keys():
                raise ValueError(f"Declared twice: {', '.join(sorted(twice))}")
        self.methods.update(other.methods)
        self.notifications.update(other.notifications)
        self.errors.update(other.errors)
        self.samples.update(other.samples)


def _signature(
    name: str, function: Callable[..., Awaitable[object]]
) -> tuple[type[msgspec.Struct] | None, object]:
    """The types of a method's parameters and result, from its annotations."""
    parameters = list(inspect.signature(function).parameters)
    hints: Mapping[str, object] = get_type_hints(function, include_extras=True)
    if not inspect.iscoroutinefunction(function) or len(parameters) not in (1, 2):
        raise TypeError(f"{name}: a method is an `async def` of a context and at most one struct of params")
    if "return" not in hints:
        raise TypeError(f"{name}: the type of its result is not annotated")
    if len(parameters) == 1:
        return None, hints["return"]
    params = hints.get(parameters[1])
    if not (isinstance(params, type) and issubclass(params, msgspec.Struct)):
        raise TypeError(f"{name}: its params must be annotated with a msgspec.Struct")
    if not params.__struct_config__.forbid_unknown_fields:
        raise TypeError(f"{name}: {params.__name__} must have forbid_unknown_fields=True")
    return params, hints["return"]
