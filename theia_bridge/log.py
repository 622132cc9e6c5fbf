"""How the server's log looks: lines for people, or an object a line for programs.

Nothing is logged that gives access or that users keep: no query of a request, no header, no body, no params
of a call. What a line is about, it tells by ids and paths.
"""

from __future__ import annotations

import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal

import msgspec
from aiohttp.http_exceptions import HttpProcessingError

from theia_bridge.trace import METHOD, TRACE

Format = Literal["text", "json"]
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def setup_log(format: Format, level: str) -> None:
    """Sends all that is logged from `level` on to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    handler.addFilter(_not_http)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


class TextFormatter(logging.Formatter):
    """`TIME LEVEL LOGGER [REQUEST METHOD] MESSAGE`; a message keeps to its line, whatever is in it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        trace, method = TRACE.get(), METHOD.get()
        about = " ".join(part for part in (trace.id if trace else "", method) if part)
        message = _CONTROLS.sub(lambda found: repr(found[0])[1:-1], record.message)
        return f"{_time(record)} {record.levelname:7} {record.name} [{about or '-'}] {message}"


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `time`, `level`, `logger`, `message`; of a request `request`, `tenant`, `user`;
    of an RPC call `rpc`, its method; of a fault `error`, its traceback; and the parts of an access line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        trace, method = TRACE.get(), METHOD.get()
        if trace is not None:
            about = {"request": trace.id, "tenant": trace.scope.tenant, "user": trace.scope.user}
            line |= {name: value for name, value in about.items() if value}
        if method:
            line["rpc"] = method
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        # Python's strings may hold halves of surrogate pairs, which UTF-8 cannot.
        return msgspec.json.encode(_encodable(line)).decode()


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _encodable(line: dict[str, object]) -> dict[str, object]:
    return {
        name: value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value
        for name, value in line.items()
    }


def _not_http(record: logging.LogRecord) -> bool:
    """Tells in short of what is no request: aiohttp shows what came, and a token may be in it."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.msg, record.args = f"what came was no request: {type(record.exc_info[1]).__name__}", ()
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return logging.getLogger(record.name).isEnabledFor(record.levelno)
