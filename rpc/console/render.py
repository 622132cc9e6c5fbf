"""Values, answers, errors and notifications as they are shown."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich.text import Text

from rpc.console.secrets import masked
from rpc.console.words import is_text
from rpc.errors import RpcError

LINES = 200
"""Lines of an answer that are shown."""
TEXT = 4_000
"""Characters of one text, or of one content, that are shown."""
_INDENT = "  "
_SHORT = 60
"""Cells that a whole answer has at most, to be shown on one line."""


def value(given: object, width: int) -> Text:
    """A value in JSON's form, on as few lines as are easily read; bytes as a text where they are one."""
    text = Text(no_wrap=False)
    lines = list(_value(given, width, 0))
    for number, line in enumerate(lines[:LINES]):
        text.append_text(line)
        if number + 1 < min(len(lines), LINES):
            text.append("\n")
    if len(lines) > LINES:
        text.append(f"\n… {len(lines) - LINES:,} more lines", style="dim")
    return text


def compact(given: object, most: int) -> Text:
    """A value on one line, cut where it is longer."""
    text = _inline(given)
    text.truncate(most, overflow="ellipsis")
    return text


def error(refusal: RpcError) -> Text:
    """What a call was refused with: kind, message, code, and what else is told."""
    text = Text.assemble((refusal.kind, "bold red"), (f" {refusal.code}", "dim"), ": ", refusal.message)
    more = {name: item for name, item in refusal.data.items() if name != "kind"}
    if more:
        text.append("\n")
        text.append_text(_inline(masked(more)))
    return text


def notification(name: str, params: object, width: int) -> Text:
    """What the server tells unasked, on one line."""
    head = Text.assemble(("◂ ", "cyan"), (name, "cyan"), " ")
    return head.append_text(compact(masked(params), max(20, width - head.cell_len - 1)))


def footer(method: str, seconds: float, size: int) -> Text:
    """How long a call took, and how large its answer is."""
    return Text(f"{method} · {milliseconds(seconds)} · {in_bytes(size)}", style="dim")


def milliseconds(seconds: float) -> str:
    """A duration for people."""
    return f"{seconds:,.2f} s" if seconds >= 10 else f"{seconds * 1000:,.{1 if seconds >= 0.1 else 2}f} ms"


def in_bytes(size: int) -> str:
    """A size for people."""
    if size < 10_000:
        return f"{size:,} bytes"
    return f"{size / 1000:,.1f} kB" if size < 10_000_000 else f"{size / 1_000_000:,.1f} MB"


def _value(given: object, width: int, depth: int) -> Iterable[Text]:
    """The lines of a value, the first without its indentation."""
    if not isinstance(given, list | dict) or not given:
        yield _inline(given)
        return
    room = max(20, width - depth * len(_INDENT) - 2) if depth else _SHORT
    if _is_small(given) and (line := _inline(given)).cell_len <= room:
        yield line
        return
    inner = _INDENT * (depth + 1)
    opening, closing = "[]" if isinstance(given, list) else "{}"
    yield Text(opening, style="json.brace")
    items = list(enumerate(given)) if isinstance(given, list) else list(given.items())
    for number, (name, item) in enumerate(items):
        lines = list(_value(item, width, depth + 1))
        head = Text(inner)
        if isinstance(given, dict):
            head.append_text(_key(name)).append(": ")
        lines[0] = head.append_text(lines[0])
        if number + 1 < len(items):
            lines[-1].append(",")
        yield from lines
    yield Text(_INDENT * depth).append(closing, style="json.brace")


def _is_small(given: object) -> bool:
    """Whether it may fit on a line: so that large ones are not written out only to see that they do not."""
    items = list(given.values()) if isinstance(given, dict) else given if isinstance(given, list) else []
    return len(items) <= 12 and all(_is_small(item) for item in items)


def _inline(given: object) -> Text:
    match given:
        case None | bool():
            return Text(_json(given), style="json.null")
        case int() | float():
            return Text(_json(given), style="json.number")
        case str():
            return _cut(_json(given), len(given), "characters")
        case bytes():
            return _bytes(given)
        case list():
            return _joined("[]", (_inline(item) for item in given))
        case dict():
            return _joined(
                "{}", (_key(name).append(": ").append_text(_inline(item)) for name, item in given.items())
            )
    return Text(str(given))


def _joined(braces: str, parts: Iterable[Text]) -> Text:
    inner = Text(", ").join(parts)
    return Text.assemble((braces[0], "json.brace"), inner, (braces[1], "json.brace"))


def _bytes(given: bytes) -> Text:
    size = Text(f" ({in_bytes(len(given))})", style="dim")
    try:
        content = given[:TEXT].decode(errors="strict" if len(given) <= TEXT else "ignore")
    except UnicodeDecodeError:
        content = "\0"
    if all(is_text(char) or char == "\r" for char in content):
        return _cut(_json(content), len(given), "bytes") if len(given) > TEXT else _string(content) + size
    return Text(given[:32].hex(" ") + (" …" if len(given) > 32 else ""), style="json.str").append_text(size)


def _string(content: str) -> Text:
    return Text(_json(content), style="json.str")


def _cut(written: str, size: int, unit: str) -> Text:
    if len(written) <= TEXT:
        return Text(written, style="json.str")
    return Text(written[:TEXT] + '…"', style="json.str").append(f" ({size:,} {unit})", style="dim")


def _key(name: object) -> Text:
    return Text(_json(str(name)), style="json.key")


def _json(given: object) -> str:
    """As JSON has it; what is no UTF-8 (as in names of a file system) is replaced."""
    try:
        return msgspec.json.encode(given).decode()
    except (UnicodeEncodeError, ValueError):
        return msgspec.json.encode(str(given).encode(errors="replace").decode()).decode()
