"""An OpenRPC document as those read it who make something of it: types, a reference, a console."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import UNSET, UnsetType, field

from rpc.schemas import Json

if TYPE_CHECKING:
    from rpc.client import Client


class Schema(msgspec.Struct, rename="camel"):
    """What is understood of JSON Schema, which is what msgspec writes."""

    reference: str | None = field(name="$ref", default=None)
    type: str | None = None
    description: str = ""
    enum: list[str | int | bool | None] | None = None
    any_of: list[Schema] | None = None
    items: Schema | bool | None = None
    prefix_items: list[Schema] | None = None
    properties: dict[str, Schema] | None = None
    required: list[str] = []
    additional_properties: Schema | bool | None = None
    content_encoding: str | None = None
    default: object | UnsetType = UNSET
    minimum: int | float | None = None
    maximum: int | float | None = None
    exclusive_minimum: int | float | None = None
    exclusive_maximum: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None

    @property
    def is_bytes(self) -> bool:
        """Whether it is of bytes: base64 in JSON, raw in MessagePack."""
        return self.content_encoding == "base64"


class Param(msgspec.Struct):
    """A parameter of a method."""

    name: str
    schema: Schema
    required: bool = False


class Example(msgspec.Struct):
    """How a method may be called: values by the names of parameters."""

    name: str
    params: list[ExampleParam]


class ExampleParam(msgspec.Struct):
    """A value of an example, as it is in JSON."""

    name: str
    value: object


class Result(msgspec.Struct):
    """What a method gives."""

    schema: Schema


class Described(msgspec.Struct, rename="camel"):
    """A method, or a notification, which has no result.

    `struct` refers to the schema of all parameters together; `writes`: those who only read may not call it.
    """

    name: str
    summary: str = ""
    description: str = ""
    params: list[Param] = []
    struct: Schema | None = field(name="x-params", default=None)
    result: Result | None = None
    examples: list[Example] = []
    writes: bool = field(name="x-writes", default=False)

    @property
    def namespace(self) -> str:
        """What its name has before the dot."""
        return self.name.partition(".")[0]

    @property
    def doc(self) -> str:
        """All that is said of it."""
        return self.description or self.summary


class Kind(msgspec.Struct):
    """A kind of errors."""

    code: int
    message: str


class Components(msgspec.Struct):
    """What is referred to."""

    schemas: dict[str, Schema]
    errors: dict[str, Kind]


class Info(msgspec.Struct):
    """Of the API."""

    title: str
    version: str


class Description(msgspec.Struct):
    """The document."""

    info: Info
    methods: list[Described]
    components: Components
    notifications: list[Described] = field(name="x-notifications", default_factory=list)

    def resolve(self, schema: Schema) -> Schema:
        """The schema itself, or the one it refers to."""
        return schema if schema.reference is None else self.components.schemas[referred(schema.reference)]


def read(document: Json) -> Description:
    """The document that `rpc.openrpc.describe` makes, or a server sends.

    Raises:
        msgspec.ValidationError: it is none.
    """
    return msgspec.convert(document, Description)


async def discover(client: Client) -> Description:
    """What a server says of its methods. Raises as `Client.call`."""
    document: Json = await client.call("rpc.discover", None, dict)
    return read(document)


def referred(reference: str) -> str:
    """The name of the schema that a reference leads to."""
    return reference.rpartition("/")[2]
