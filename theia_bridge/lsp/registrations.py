"""What engines register with the editor, by ids that are told apart."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from lsprotocol import types
from pygls import uris

from theia_bridge.lsp import messages


class Registration(msgspec.Struct):
    """Something the editor is asked to do from now on."""

    id: str
    method: str
    options: msgspec.Raw | msgspec.UnsetType = msgspec.field(name="registerOptions", default=msgspec.UNSET)


class RegistrationParams(msgspec.Struct):
    """Params of `client/registerCapability`."""

    registrations: list[Registration]


class _Unregistration(msgspec.Struct):
    id: str
    method: str


class _Unregistrations(msgspec.Struct):
    """The name is misspelt in the specification."""

    unregistrations: list[_Unregistration] = msgspec.field(name="unregisterations")


class _Folder(msgspec.Struct):
    uri: str


class _Pattern(msgspec.Struct):
    base_: str | _Folder = msgspec.field(name="baseUri")

    @property
    def base(self) -> str:
        return self.base_ if isinstance(self.base_, str) else self.base_.uri


class _Watcher(msgspec.Struct):
    pattern: str | _Pattern = msgspec.field(name="globPattern")


class _Watchers(msgspec.Struct):
    watchers: list[_Watcher]


class Registrations:
    """Gives registrations ids of their own: two engines may have the same, and Pyrefly has one for several
    that are to stand side by side.

    Args:
        watch: is called with each folder that an engine wants watched.
    """

    def __init__(self, watch: Callable[[str], None]) -> None:
        self._watch = watch
        self._ids: dict[str, list[str]] = {}

    def begin(self, engine: str, params: msgspec.Raw) -> msgspec.Raw:
        """What to ask the editor for what an engine registers. Raises `msgspec.DecodeError`."""
        given = msgspec.json.decode(params, type=RegistrationParams)
        for registration in given.registrations:
            own = f"{engine}/{registration.id}"
            ids = self._ids.setdefault(own, [])
            registration.id = f"{own}/{len(ids)}" if ids else own
            ids.append(registration.id)
            if registration.method == types.WORKSPACE_DID_CHANGE_WATCHED_FILES:
                self._look_after(registration.options)
        return messages.raw(given)

    def end(self, engine: str, params: msgspec.Raw) -> msgspec.Raw:
        """The same for what it unregisters: all that the editor knows of it. Raises `msgspec.DecodeError`."""
        given = msgspec.json.decode(params, type=_Unregistrations)
        return messages.raw(
            _Unregistrations(
                [
                    _Unregistration(id, each.method)
                    for each in given.unregistrations
                    for id in self._ids.pop(f"{engine}/{each.id}", [])
                ]
            )
        )

    def _look_after(self, options: msgspec.Raw | msgspec.UnsetType) -> None:
        if isinstance(options, msgspec.UnsetType):
            return
        for watcher in msgspec.json.decode(options, type=_Watchers).watchers:
            pattern = watcher.pattern
            if isinstance(pattern, _Pattern) and (path := uris.to_fs_path(pattern.base)) is not None:
                self._watch(path.rstrip("/") or "/")
