"""What may be typed next: methods, parameters, values of lists, remote paths, local files, commands."""

from __future__ import annotations

import glob
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rpc.console.calls import Calls
from rpc.console.words import Word, quoted, words
from rpc.description import Param

MOST = 200
"""Proposals at most."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Something that may stand in the place of the last word.

    Args:
        text: what is put there.
        start: where in the line the word begins.
        shown: how it is listed.
        meta: what it is.
    """

    text: str
    start: int
    shown: str
    meta: str = ""


Ways = Callable[[str, str, str], Awaitable[Sequence[tuple[str, str]]]]
"""Proposes values of a parameter, or of a command's argument (which is then named ""), by the method or
command, the name, and what is typed so far. Gives pairs of a value and what it is."""


class Completion:
    """Proposes.

    Args:
        commands: what they are for, by name.
        arguments: of commands, what may be given: words to choose from, or one of `"call"`, `"number call"`,
            `"file"`, `"topic"` and `"value"`, which `ways` knows.
        topics: that there is help on.
        ways: proposes values of what has a meaning that the schema does not tell, such as paths.
    """

    def __init__(
        self,
        calls: Calls,
        commands: Mapping[str, str],
        arguments: Mapping[str, str | Sequence[str]],
        topics: Sequence[str],
        ways: Ways,
    ) -> None:
        self._calls = calls
        self._commands = commands
        self._arguments = arguments
        self._topics = topics
        self._ways = ways

    async def proposals(self, line: str) -> list[Proposal]:
        """For a line up to where the cursor is."""
        found = words(line)
        if not found or (line[-1].isspace() and not found[-1].missing and not _escaped(line)):
            found.append(Word("", len(line)))
        return (await self._of(found))[:MOST]

    async def _of(self, found: Sequence[Word]) -> list[Proposal]:
        first, last = found[0], found[-1]
        if len(found) == 1:
            return list(self._beginnings(first))
        name = first.text.removeprefix("-")
        if name in self._calls.methods:
            return await self._params(name, found)
        match self._arguments.get(name):
            case "call":
                return await self._of(found[1:])
            case "number call":
                behind = 2 if len(found) > 3 and _is_number(found[2].text) else 1
                return await self._of(found[behind + 1 :]) if len(found) > 2 else []
            case "topic":
                return list(_matching(((topic, "") for topic in self._topics), last))
            case "file":
                return list(_files(last.text, last))
            case "value":
                return await self._values(name, "", last.text, last, "")
            case str() | None:
                return []
            case choices:
                return list(_matching(((choice, "") for choice in choices), last))

    def _beginnings(self, word: Word) -> Iterator[Proposal]:
        dash = "-" if word.text.startswith("-") else ""
        typed = Word(word.text.removeprefix("-"), word.start + len(dash))
        methods = ((name, method.summary) for name, method in self._calls.methods.items())
        yield from _matching(methods, typed)
        yield from _matching(self._commands.items(), typed)

    async def _params(self, name: str, found: Sequence[Word]) -> list[Proposal]:
        method, last = self._calls.methods[name], found[-1]
        pair = last.pair
        if pair is None:
            given = {word.pair[0] for word in found[1:-1] if word.pair is not None}
            free = [param for param in method.params if param.name not in given]
            named = ((f"{param.name}=", self._said_of(param)) for param in free)
            return list(_matching(named, last))
        key, operator, typed = pair
        param = next((param for param in method.params if param.name == key), None)
        if param is None or operator == ":=":
            return []
        choices = self._calls.values.choices(param.schema)
        values = [str(value) for choice in choices for value in choice.enum or () if value is not None]
        if any(choice.type == "boolean" for choice in choices):
            values += ["true", "false"]
        if values:
            return list(_matching(((value, "") for value in values), last, f"{key}=", typed))
        if any(choice.is_bytes for choice in choices):
            return list(_files(typed[1:], last, f"{key}=@")) if typed.startswith("@") else []
        return await self._values(name, key, typed, last, f"{key}=")

    async def _values(self, name: str, key: str, typed: str, word: Word, before: str) -> list[Proposal]:
        found = await self._ways(name, key, typed)
        return [Proposal(before + quoted(value), word.start, value, meta) for value, meta in found]

    def _said_of(self, param: Param) -> str:
        kind = self._calls.values.name(param.schema)
        return f"{kind}, required" if param.required else kind


def _matching(
    known: Iterable[tuple[str, str]], word: Word, before: str = "", typed: str | None = None
) -> Iterator[Proposal]:
    """Those that begin with what is typed, then those that have it in them."""
    wanted = (word.text if typed is None else typed).lower()
    later = []
    for name, meta in known:
        proposal = Proposal(before + (name if name.endswith("=") else quoted(name)), word.start, name, meta)
        if name.lower().startswith(wanted):
            yield proposal
        elif wanted in name.lower():
            later.append(proposal)
    yield from later


def _files(typed: str, word: Word, before: str = "") -> Iterator[Proposal]:
    """Files of this machine."""
    for path in sorted(glob.glob(glob.escape(os.path.expanduser(typed)) + "*"))[:MOST]:
        name = path + "/" if os.path.isdir(path) else path
        yield Proposal(before + quoted(name), word.start, os.path.basename(path))


def _escaped(line: str) -> bool:
    return line.endswith("\\ ")


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdecimal()
