"""The wire types of the methods and notifications `language.*`."""

from __future__ import annotations

from typing import Literal

from theia_bridge.methods.protocol import Wire

LanguageState = Literal["stopped", "running", "failed"]


class Language(Wire, frozen=True):
    """A language that the session has a server for; its messages are on the socket `/ws/lsp/{id}`.

    `servers` is how many run, one for each socket. `failed`: the last one has ended by itself, and `error`
    tells why; `crashes` is how many did so in succession.
    """

    id: str
    state: LanguageState = "stopped"
    servers: int = 0
    crashes: int = 0
    error: str | None = None


class LanguageList(Wire, frozen=True):
    """All of them."""

    languages: list[Language]


class LanguageDidChange(Wire, frozen=True):
    """A server has begun or ended."""

    language: Language
