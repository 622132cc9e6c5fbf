"""Reading what ripgrep prints of the text it found (`--json`) as what goes over the wire."""

from __future__ import annotations

import msgspec

from theia_bridge.methods.protocol import ContextLine, FileMatches, Match

MESSAGE_LIMIT = 4 << 20
"""Bytes of the longest message that is read: a line of the file and all matches in it."""
PREVIEW = 300
"""Characters of the longest line that is shown whole, as in Theia."""
BEFORE = 25
AFTER = 70
"""Characters shown around a match in a longer one."""


class _Text(msgspec.Struct):
    """A text that is valid UTF-8, or any bytes."""

    text: str | None = None
    encoded: bytes = msgspec.field(default=b"", name="bytes")

    def read(self) -> str:
        return self.text if self.text is not None else _text(self.encoded)

    def raw(self) -> bytes:
        return self.encoded if self.text is None else self.text.encode()


class _Span(msgspec.Struct):
    """A match, in bytes from the beginning of its line."""

    start: int
    end: int


class _Data(msgspec.Struct):
    path: _Text | None = None
    lines: _Text | None = None
    line_number: int | None = None
    submatches: list[_Span] = []
    binary_offset: int | None = None


class _Message(msgspec.Struct):
    type: str
    data: _Data


_decode = msgspec.json.Decoder(_Message).decode


class Reader:
    """Takes ripgrep's output in chunks, and gives the matches of each file once the file was searched.

    Args:
        base: the absolute path of the folder it searches.
        limit: matches after which it stops.

    Attributes:
        left: how many more matches it may give.
        incomplete: whether there is something that was not given, other than because of the limit.
        complete: whether ripgrep has told that it was through.
    """

    def __init__(self, base: str, limit: int) -> None:
        self._base = base
        self.left = limit
        self._rest = b""
        self._skipping = False
        self._matches: list[Match] = []
        self._context: list[ContextLine] = []
        self.incomplete = False
        self.complete = False

    @property
    def waiting(self) -> int:
        """Bytes of a message that is not complete."""
        return len(self._rest)

    def feed(self, chunk: bytes) -> list[FileMatches]:
        """The files whose matches are complete with this chunk, or that the limit ends."""
        files: list[FileMatches] = []
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if self._skipping:
                self._skipping = False
                continue
            ended = self._take(_decode(line))
            if ended is not None:
                files.append(ended)
            if self.left <= 0:
                return files
        if len(self._rest) > MESSAGE_LIMIT:
            self._rest = b""
            self._skipping = self.incomplete = True
        return files

    def _take(self, message: _Message) -> FileMatches | None:
        data = message.data
        if message.type == "match":
            self._add(data)
            return self._end(data) if self.left <= 0 else None
        if message.type == "context" and data.lines is not None:
            text = data.lines.read().rstrip("\r\n")
            self._context.append(ContextLine(line=data.line_number or 1, text=text[:PREVIEW]))
        elif message.type == "begin":
            self._matches, self._context = [], []
        elif message.type == "end":
            if data.binary_offset is not None:
                # No text after all: the matches before its first NUL tell nothing.
                self.left += len(self._matches)
                return None
            return self._end(data)
        elif message.type == "summary":
            self.complete = True
        return None

    def _end(self, data: _Data) -> FileMatches | None:
        if not self._matches or data.path is None:
            return None
        path = data.path.read().removeprefix("./")
        return FileMatches(path=f"{self._base}/{path}", matches=self._matches, context=self._context)

    def _add(self, data: _Data) -> None:
        if data.lines is None or data.line_number is None:
            return
        line = _Line(data.lines.raw(), data.line_number)
        for span in data.submatches:
            if self.left <= 0:
                return
            self._matches.append(line.match(span))
            self.left -= 1


class _Line:
    """A line with matches, or several where a match goes over more than one.

    The matches come in order, so that the way to each is counted from the one before it: a long line may have
    thousands.
    """

    def __init__(self, raw: bytes, number: int) -> None:
        self._raw = raw
        self._number = number
        self._single = raw.find(b"\n") in (-1, len(raw) - 1)
        self._begin = 0
        self._at = 0
        self._column = 0
        """Code units from `_begin`, where the line of the last match begins, to `_at`, where that begins."""

    def match(self, span: _Span) -> Match:
        """The next one, as Theia shows it: of a long line only what is around it."""
        step = self._raw[self._at : span.start]
        if (newline := step.rfind(b"\n")) >= 0:
            self._number += step.count(b"\n")
            self._begin = self._at + newline + 1
            self._column = 0
            step = step[newline + 1 :]
        self._at = span.start
        self._column += units(_text(step))
        found = _text(self._raw[span.start : span.end])
        end = len(self._raw) if self._single else self._raw.find(b"\n", max(span.start, span.end - 1))
        if end < 0:
            end = len(self._raw)
        if end - self._begin <= PREVIEW:
            text = _text(self._raw[self._begin : end]).rstrip()
            shown = self._column + 1
        else:
            # Four bytes are the most a character has; what is cut in the middle of one is not shown.
            start = max(self._begin, span.start - 4 * BEFORE)
            before = self._raw[start : span.start].decode(errors="ignore")[-BEFORE:]
            after = self._raw[span.end : min(end, span.end + 4 * AFTER)].decode(errors="ignore")[:AFTER]
            dots = "" if start == self._begin and units(before) == self._column else "..."
            text = f"{dots}{before}{found[:PREVIEW]}{after}".rstrip()
            shown = len(dots) + units(before) + 1
        return Match(
            line=self._number,
            character=self._column + 1,
            length=units(found),
            text=text,
            text_character=shown,
        )


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def units(text: str) -> int:
    """Its length in UTF-16 code units, in which JavaScript and the Language Server Protocol count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
