"""What must not be shown: tokens, passwords and the like."""

from __future__ import annotations

import re

MASK = "***"
_NAMES = frozenset({"token", "password", "secret", "apikey", "accesstoken", "refreshtoken"})
"""Names of members, without `_` and in lower case."""
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*", re.ASCII)
_NAME = r"((?i:(?:access_?|refresh_?)?token|password|secret|api_?key))"
_TYPED = re.compile(rf"\b{_NAME}(:?=)(\"[^\"]*\"?|'[^']*'?|\S+)")
_IN_JSON = re.compile(rf'"{_NAME}("\s*:\s*)("[^"]*"?)')


def masked(value: object) -> object:
    """The same value with secrets replaced."""
    match value:
        case str():
            return _JWT.sub(MASK, value)
        case list() | tuple():
            return [masked(item) for item in value]
        case dict():
            return {name: masked_member(name, item) for name, item in value.items()}
    return value


def masked_member(name: object, value: object) -> object:
    """A member's value, or what stands for it."""
    if isinstance(name, str) and name.replace("_", "").lower() in _NAMES and value is not None:
        return MASK
    return masked(value)


def masked_line(line: str) -> str:
    """A line as it was typed, finished or not, with secrets replaced."""
    line = _TYPED.sub(lambda found: f"{found[1]}{found[2]}{MASK}", line)
    line = _IN_JSON.sub(lambda found: f'"{found[1]}{found[2]}"{MASK}"', line)
    return _JWT.sub(MASK, line)
