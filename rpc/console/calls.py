"""Calls, read from lines."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from rpc.client import Params
from rpc.console.secrets import masked_member
from rpc.console.values import ReadFile, Values
from rpc.console.words import SyntaxFault, Word, is_text, quoted, whole_words
from rpc.description import Described, Description, Example, Schema

_ANY = Schema()


@dataclass(frozen=True, slots=True)
class CallLine:
    """A call to be made; `params` are an object or, of a raw request, anything."""

    method: str
    params: Params = None


class _Raw(msgspec.Struct):
    """A request as it goes over the wire; its other members are made anew."""

    method: str
    params: dict[str, object] | list[object] | None = None


class Calls:
    """Reads calls by a server's description.

    Args:
        read_file: reads what `@FILE` names.
    """

    def __init__(self, description: Description, read_file: ReadFile) -> None:
        self.description = description
        self.methods = {method.name: method for method in description.methods}
        self.values = Values(description, read_file)

    def read(self, line: str) -> CallLine:
        """The call that a line is. Raises `SyntaxFault`."""
        found = whole_words(line)
        if not found:
            raise SyntaxFault("There is no call here: give a method, such as rpc.ping")
        if found[0].text.startswith("{"):
            if len(found) > 1:
                raise SyntaxFault(f"Behind the request is {found[1].text!r}: a raw request stands alone")
            return self._raw(found[0].text)
        return self.of(found[0].text, [word.text for word in found[1:]])

    def of(self, name: str, words: Sequence[str]) -> CallLine:
        """A call by a method's name and what is given. Raises `SyntaxFault`."""
        method = self.method(name)
        if words and words[0].startswith("{"):
            if len(words) > 1:
                raise SyntaxFault(
                    f"Behind the params is {words[1]!r}: give all in one object, or by key=value"
                )
            return self.json_params(name, words[0])
        params: dict[str, object] = {}
        for word in words:
            self._add(method, word, params)
        missing = [param.name for param in method.params if param.required and param.name not in params]
        if missing:
            raise SyntaxFault(f"{name} needs {' and '.join(missing)}: {usage(method)}")
        return CallLine(name, params or None)

    def method(self, name: str) -> Described:
        """A method by its name. Raises `SyntaxFault`, with the nearest name there is."""
        if name not in self.methods:
            raise SyntaxFault(f"There is no method {name}{nearest(name, self.methods)}")
        return self.methods[name]

    def json_params(self, name: str, text: str) -> CallLine:
        """A call of a method, known or not, with params in JSON, named or in order. Raises `SyntaxFault`."""
        try:
            params = msgspec.json.decode(text, type=dict[str, object] | list[object] | None)
        except msgspec.MsgspecError as error:
            raise SyntaxFault(f"The params are no JSON object or array: {error}") from None
        return CallLine(name, self._in_bytes(name, params))

    def written(self, name: str, params: Iterable[tuple[str, object]]) -> str:
        """A call as a line, without secrets. Values are bytes, or as in JSON."""
        method = self.methods.get(name)
        schemas = {} if method is None else {param.name: param.schema for param in method.params}
        return " ".join(
            [name, *(self._assignment(key, value, schemas.get(key, _ANY)) for key, value in params)]
        )

    def example(self, example: Example) -> str:
        """An example of the documentation as a line."""
        schemas = {param.name: param.schema for param in self.methods[example.name].params}
        return self.written(
            example.name,
            ((one.name, self.values.from_json(schemas[one.name], one.value)) for one in example.params),
        )

    def _assignment(self, name: str, value: object, schema: Schema) -> str:
        value = masked_member(name, value)
        if isinstance(value, bytes):
            with suppress(UnicodeDecodeError):
                text = value.decode()
                if is_text(text):
                    return f"{name}={quoted('@' + text if text.startswith('@') else text)}"
            return f"{name}:={msgspec.json.encode(value).decode()}"
        json = msgspec.json.encode(value).decode()
        if self.values.is_free(schema):
            return f"{name}:={json}"
        if isinstance(value, str):
            return f"{name}={quoted(value)}" if is_text(value) else f"{name}:={json}"
        types = {choice.type for choice in self.values.choices(schema) if choice.enum is None}
        return f"{name}:={json}" if value is None and "string" in types else f"{name}={json}"

    def _add(self, method: Described, text: str, params: dict[str, object]) -> None:
        pair = Word(text, 0).pair
        if pair is None:
            hint = f"{method.params[0].name}={text}" if method.params else "it takes none"
            raise SyntaxFault(f"{text!r} is no parameter: give key=value, such as {hint}")
        key, operator, given = pair
        param = next((param for param in method.params if param.name == key), None)
        if param is None:
            names = [param.name for param in method.params]
            takes = f"it takes {', '.join(names)}" if names else "it takes none"
            raise SyntaxFault(f"{method.name} has no parameter {key}{nearest(key, names) or f': {takes}'}")
        of = self.values.typed if operator == "=" else self.values.json
        value = of(key, param.schema, given)
        known = params.get(key)
        if key not in params:
            params[key] = value
        elif isinstance(known, list) and isinstance(value, list):
            params[key] = known + value
        else:
            raise SyntaxFault(f"{key} is given twice")

    def _raw(self, text: str) -> CallLine:
        try:
            request = msgspec.json.decode(text, type=_Raw)
        except msgspec.MsgspecError as error:
            raise SyntaxFault(
                f'This is no request: {error}. One is {{"method": "rpc.ping", "params": {{}}}}'
            ) from None
        return CallLine(request.method, self._in_bytes(request.method, request.params))

    def _in_bytes(self, name: str, params: dict[str, object] | list[object] | None) -> Params:
        """Params of JSON with what are bytes decoded."""
        method = self.methods.get(name)
        if method is None:
            return params
        if isinstance(params, list):
            by_position = zip(params, method.params, strict=False)
            given = [self.values.from_json(param.schema, value) for value, param in by_position]
            return [*given, *params[len(given) :]]
        schemas = {param.name: param.schema for param in method.params}
        return params and {
            key: self.values.from_json(schemas.get(key, _ANY), value) for key, value in params.items()
        }


def usage(method: Described) -> str:
    """How a method is called, in one line."""
    params = [f"{one.name}=…" if one.required else f"[{one.name}=…]" for one in method.params]
    return " ".join([method.name, *params])


def nearest(name: str, known: Iterable[str]) -> str:
    """Which name may have been meant, as the end of a sentence; "" if there is none."""
    by_lower = {one.lower(): one for one in known}
    found = difflib.get_close_matches(name.lower(), by_lower, 1)
    return f": did you mean {by_lower[found[0]]}?" if found else ""
