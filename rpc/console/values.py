"""Values of parameters: from what was typed, as the schema has them, and back from what a server sent."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

import msgspec

from rpc.console.words import SyntaxFault
from rpc.description import Description, Schema, referred

ReadFile = Callable[[str], bytes]
"""Reads a local file that was named with `@`; raises OSError."""


class Values:
    """Args: read_file: reads what `@FILE` names."""

    def __init__(self, description: Description, read_file: ReadFile) -> None:
        self._description = description
        self._read_file = read_file

    def typed(self, name: str, schema: Schema, text: str) -> object:
        """What `name=text` means. Raises `SyntaxFault`."""
        choices = self.choices(schema)
        if any(choice.is_bytes for choice in choices):
            return self._bytes(name, text)
        types = {choice.type for choice in choices if choice.enum is None}
        if any(text in (choice.enum or ()) for choice in choices) or (
            "string" in types and not self.is_free(schema)
        ):
            return text
        try:
            value: object = msgspec.json.decode(text)
        except msgspec.DecodeError:
            value = text
        if any(_fits(choice, value) for choice in choices):
            return self.from_json(schema, value)
        for choice in choices:
            if choice.type == "array" and not text.startswith("["):
                return [self.typed(name, choice.items, text) if isinstance(choice.items, Schema) else value]
        in_json = ", as JSON" if types & {"array", "object"} else ""
        raise SyntaxFault(f"{name} is {self.name(schema)}{in_json}, which {text!r} is not")

    def is_free(self, schema: Schema) -> bool:
        """Whether a text may be more than one thing, as it is not of one type."""
        types = {choice.type for choice in self.choices(schema) if choice.enum is None} - {"null"}
        return None in types or ("string" in types and len(types) > 1)

    def json(self, name: str, schema: Schema, text: str) -> object:
        """What `name:=text` means. Raises `SyntaxFault`."""
        data = self._file(name, text[1:]) if text.startswith("@") else text.encode()
        try:
            return self.from_json(schema, msgspec.json.decode(data))
        except msgspec.DecodeError as error:
            raise SyntaxFault(f"{name} is no JSON: {error}") from None

    def from_json(self, schema: Schema, value: object) -> object:
        """A value that came as JSON, with the bytes in it decoded."""
        match value:
            case str():
                if not any(choice.is_bytes for choice in self.choices(schema)):
                    return value
                try:
                    return base64.b64decode(value, validate=True)
                except (binascii.Error, ValueError):
                    return value  # whoever takes it says that it is wrong
            case list():
                items = next((one.items for one in self.choices(schema) if one.type == "array"), None)
                return [self.from_json(items, item) for item in value] if isinstance(items, Schema) else value
            case dict():
                return {name: self._member(schema, name, item) for name, item in value.items()}
        return value

    def _member(self, schema: Schema, name: str, value: object) -> object:
        for choice in self.choices(schema):
            if choice.properties and name in choice.properties:
                return self.from_json(choice.properties[name], value)
            if isinstance(choice.additional_properties, Schema):
                return self.from_json(choice.additional_properties, value)
        return value

    def choices(self, schema: Schema) -> list[Schema]:
        """The schemas of which a value has to fit one."""
        schema = self._description.resolve(schema)
        if schema.any_of is None:
            return [schema]
        return [inner for choice in schema.any_of for inner in self.choices(choice)]

    def name(self, schema: Schema) -> str:
        """The type in words, such as `integer or null`; of objects with members, the name it has."""
        if schema.reference is not None:
            resolved = self._description.resolve(schema)
            return referred(schema.reference) if resolved.properties else self.name(resolved)
        if schema.any_of is not None:
            return " or ".join(dict.fromkeys(self.name(choice) for choice in schema.any_of))
        return self._name(schema)

    def _name(self, schema: Schema) -> str:
        if schema.is_bytes:
            return "bytes"
        if schema.enum is not None:
            return " | ".join(msgspec.json.encode(value).decode() for value in schema.enum)
        if schema.type == "array":
            return f"array of {self.name(schema.items)}" if isinstance(schema.items, Schema) else "array"
        return schema.type or "any value"

    def _bytes(self, name: str, text: str) -> bytes | None:
        if text.startswith("@@"):
            return text[1:].encode()
        return self._file(name, text[1:]) if text.startswith("@") else text.encode()

    def _file(self, name: str, path: str) -> bytes:
        try:
            return self._read_file(path)
        except OSError as error:
            raise SyntaxFault(f"{name} cannot be read from {path}: {error.strerror or error}") from None


def _fits(schema: Schema, value: object) -> bool:
    """Whether a value that came as JSON is of a type."""
    if schema.enum is not None:
        return any(value == one and type(value) is type(one) for one in schema.enum)
    match schema.type:
        case "string":
            return isinstance(value, str)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
        case "array":
            return isinstance(value, list)
        case "object":
            return isinstance(value, dict)
    return True
