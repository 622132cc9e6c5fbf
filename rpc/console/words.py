"""Lines of the console and of its scripts, as words: how they are told apart, quoted and written.

Words are separated by white space. `'...'` is literal, in `"..."` a backslash makes `\\"`, `\\\\`, `\\n` and
`\\t`, elsewhere it makes the next character literal. A word, or the value behind `key=`, that begins with `{`
or `[` is JSON, and goes to where that closes, spaces and quotes and all; so does any text behind `key:=`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

KEY = re.compile(r"([A-Za-z_$][\w$]*)(:?=)", re.ASCII)
_ESCAPES = {'"': '"', "\\": "\\", "n": "\n", "t": "\t"}
_PLAIN = re.compile(r"[^\s'\"\\{\[][^\s'\"\\]*")


class SyntaxFault(ValueError):
    """A line cannot be read; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a line.

    Args:
        text: without its quotes.
        start: where it begins in the line.
        missing: what would close it; "" if it is whole.
    """

    text: str
    start: int
    missing: str = ""

    @property
    def pair(self) -> tuple[str, str, str] | None:
        """Its key, `=` or `:=`, and the value; None if it has no key."""
        found = KEY.match(self.text)
        return None if found is None else (found[1], found[2], self.text[found.end() :])


def words(line: str) -> list[Word]:
    """The words of a line; the last may be unfinished."""
    return list(_words(line))


def whole_words(line: str) -> list[Word]:
    """The words of a line that is to be run. Raises `SyntaxFault`."""
    found = words(line)
    if found and found[-1].missing:
        what = "" if found[-1].missing in "'\"" else "of JSON "
        raise SyntaxFault(f"{found[-1].missing} {what}is missing at the end of: {found[-1].text}")
    return found


def _words(line: str) -> Iterator[Word]:
    at = 0
    while True:
        while at < len(line) and line[at].isspace():
            at += 1
        if at == len(line):
            return
        start = at
        at, text, missing = _word(line, at)
        yield Word(text, start, missing)


def _word(line: str, at: int) -> tuple[int, str, str]:
    """Where a word ends, its text, and what would close it."""
    text = ""
    while at < len(line) and not line[at].isspace():
        char = line[at]
        if _begins_json(text, char):
            end, missing = _json_end(line, at)
            text += line[at:end]
            at = end
            if missing:
                return at, text, missing
        elif char == "'":
            end = line.find("'", at + 1)
            if end < 0:
                return len(line), text + line[at + 1 :], "'"
            text, at = text + line[at + 1 : end], end + 1
        elif char == '"':
            at, quoted, closed = _quoted(line, at + 1)
            text += quoted
            if not closed:
                return at, text, '"'
        elif char == "\\" and at + 1 < len(line):
            text, at = text + line[at + 1], at + 2
        else:
            text, at = text + char, at + 1
    return at, text, ""


def _begins_json(text: str, char: str) -> bool:
    """Whether JSON begins with this character, behind that text of a word."""
    if char in "{[":
        return not text or KEY.fullmatch(text) is not None
    return char == '"' and text.endswith(":=") and KEY.fullmatch(text) is not None


def _quoted(line: str, at: int) -> tuple[int, str, bool]:
    """What is in double quotes: where it ends, its text, and whether it is closed."""
    text = ""
    while at < len(line):
        char = line[at]
        if char == '"':
            return at + 1, text, True
        if char == "\\" and at + 1 < len(line):
            text, at = text + _ESCAPES.get(line[at + 1], "\\" + line[at + 1]), at + 2
        else:
            text, at = text + char, at + 1
    return at, text, False


def _json_end(line: str, at: int) -> tuple[int, str]:
    """Where JSON that begins here, with a bracket or a quote, ends, and what is missing of it."""
    closing: list[str] = []
    while at < len(line):
        char = line[at]
        at += 1
        if char == '"':
            at, _, closed = _quoted(line, at)
            if not closed:
                return at, '"'
            if not closing:
                return at, ""
        elif char in "{[":
            closing.append("}" if char == "{" else "]")
        elif char in "}]":
            if closing.pop() != char:
                return at, ""  # no JSON: whoever decodes it says what is wrong
            if not closing:
                return at, ""
    return at, closing[-1]


def quoted(text: str) -> str:
    """A text as a word, or the end of one."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def is_text(text: str) -> bool:
    """Whether it can be written as a word that is read with the eyes."""
    return all(char in "\n\t" or char.isprintable() for char in text)


def script_lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines of a script that say something, with their numbers; `\\` at an end joins two."""
    pending, first = "", 0
    for number, line in enumerate(re.split(r"\r?\n", text), 1):
        if not pending and (not line.strip() or line.lstrip().startswith("#")):
            continue
        first = first if pending else number
        if line.endswith("\\") and not line.endswith("\\\\"):
            pending += line[:-1]
            continue
        yield first, (pending + line).strip()
        pending = ""
    if pending.strip():
        yield first, pending.strip()
