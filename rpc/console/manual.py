"""The documentation of methods, notifications, types and errors, as the console shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from msgspec import UNSET
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rpc.console.calls import Calls, nearest, usage
from rpc.console.render import compact
from rpc.console.words import SyntaxFault
from rpc.description import Described, Param, Schema

ERRORS = "errors"
NOTIFICATIONS = "notifications"


class Manual:
    """What there is to know of a server's methods."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known = calls.description
        self._sent = {sent.name: sent for sent in self._known.notifications}

    @property
    def topics(self) -> list[str]:
        """All that `about` tells of."""
        namespaces = dict.fromkeys(method.namespace for method in self._known.methods)
        named = (self._calls.methods, namespaces, self._sent, self._known.components.schemas)
        return [*(name for names in named for name in names), ERRORS, NOTIFICATIONS]

    def overview(self) -> RenderableType:
        """The methods by namespace."""
        table = Table(box=None, show_header=False, pad_edge=False)
        for namespace, methods in groupby(self._known.methods, key=lambda method: method.namespace):
            names = " ".join(method.name.partition(".")[2] for method in methods)
            table.add_row(Text(namespace, style="bold"), names)
        info = self._known.info
        return Group(
            Text(f"{info.title} {info.version}", style="dim"),
            table,
            Text(f"help NAMESPACE, help METHOD, help {NOTIFICATIONS}, help {ERRORS}", style="dim"),
        )

    def about(self, topic: str) -> RenderableType:
        """What there is to know of a topic. Raises `SyntaxFault`, with the nearest topic there is."""
        if topic in self._calls.methods:
            return Group(*self._method(self._calls.methods[topic]))
        if topic in self._sent:
            return Group(*self._notification(self._sent[topic]))
        if topic in self._known.components.schemas:
            return Group(*self._type(topic))
        if topic == ERRORS:
            return self._errors()
        described = (
            self._known.notifications
            if topic == NOTIFICATIONS
            else [method for method in self._known.methods if method.namespace == topic]
        )
        if not described:
            raise SyntaxFault(f"There is no help on {topic}{nearest(topic, self.topics)}")
        return _summaries(described)

    def _method(self, method: Described) -> Iterator[RenderableType]:
        yield Text(usage(method), style="bold")
        yield from self._doc(method)
        if method.writes:
            yield Text(
                "Writes: not for viewers; run to its end though the call be cancelled.", style="yellow"
            )
        if method.params:
            yield self._params(method.params)
        if method.result is not None:
            yield self._result(method.result.schema)
        for example in method.examples:
            yield Text.assemble(("example  ", "dim"), self._calls.example(example))
        yield Text(f"errors   any of `help {ERRORS}`", style="dim")

    def _notification(self, sent: Described) -> Iterator[RenderableType]:
        yield Text(f"{sent.name} (sent by the server)", style="bold")
        yield from self._doc(sent)
        yield self._params(sent.params)

    def _doc(self, described: Described) -> Iterator[RenderableType]:
        yield Text(described.doc)
        struct = None if described.struct is None else self._known.resolve(described.struct)
        if struct is not None and struct.description and struct.description not in described.doc:
            yield Text(f"\n{struct.description}")

    def _type(self, name: str) -> Iterator[RenderableType]:
        schema = self._known.components.schemas[name]
        yield Text(name, style="bold")
        if schema.description:
            yield Text(schema.description)
        yield self._members(schema) if schema.properties else Text(self._calls.values.name(schema))

    def _params(self, params: Iterable[Param]) -> RenderableType:
        table = Table(box=None, show_header=False)
        for param in params:
            if param.required:
                default = Text("required", style="yellow")
            else:
                default = Text("") if param.schema.default is UNSET else compact(param.schema.default, 40)
            table.add_row(Text(param.name, style="json.key"), self._calls.values.name(param.schema), default)
        return table

    def _result(self, schema: Schema) -> RenderableType:
        resolved = self._known.resolve(schema)
        name = self._calls.values.name(schema)
        head = Text.assemble(("result   ", "dim"), "none" if name == "null" else name)
        if not resolved.properties:
            return head
        said = [Text(resolved.description)] if resolved.description else []
        return Group(head, *(Padding(part, (0, 0, 0, 2)) for part in (*said, self._members(resolved))))

    def _members(self, schema: Schema) -> RenderableType:
        table = Table(box=None, show_header=False)
        for name, member in (schema.properties or {}).items():
            table.add_row(Text(name, style="json.key"), self._calls.values.name(member))
        return table

    def _errors(self) -> RenderableType:
        table = Table(box=None, show_header=False)
        for kind, error in sorted(self._known.components.errors.items()):
            table.add_row(Text(kind, style="red"), Text(str(error.code), style="dim"), Text(error.message))
        return table


def _summaries(described: Iterable[Described]) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False)
    for one in described:
        table.add_row(Text(one.name, style="bold"), Text(one.summary))
    return table
