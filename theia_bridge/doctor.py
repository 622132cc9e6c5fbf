"""Looks whether all the server needs is there."""

from __future__ import annotations

import asyncio
import ctypes.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from auth.keys import KeyRing, KeysUnusable
from fdb_provider.engine.url import open_database
from fdb_provider.errors import SearchUnavailable, StoreError, StoreInUse
from fdb_provider.formats import version
from fdb_provider.indexes import catalogue
from theia_bridge.chat.endpoint import Endpoint
from theia_bridge.chat.errors import ModelError
from theia_bridge.config import Settings
from theia_bridge.search import ripgrep
from theia_bridge.workspace import sandbox
from theia_bridge.workspace.errors import NoSandbox

LEAST_FREE = 1024**3
"""Bytes of free disk below which an embedded store is called in danger."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, whether it is fine, and what was seen or is to be done."""

    subject: str
    fine: bool
    detail: str


async def examine(settings: Settings) -> list[Finding]:
    """All findings; nothing is changed but that a missing store or key folder is made, as `serve` would."""
    findings = [await _store(settings), await asyncio.to_thread(_keys, settings)]
    if settings.store.startswith("embedded:"):
        findings.append(await asyncio.to_thread(_disk, settings))
    else:
        findings.append(await asyncio.to_thread(_library))
    findings.append(await asyncio.to_thread(_ide, settings.ide))
    findings.append(await asyncio.to_thread(_ripgrep))
    findings.append(await _workspaces(settings))
    findings.append(await _models(settings))
    return findings


async def _store(settings: Settings) -> Finding:
    try:
        database = await open_database(settings.store)
    except StoreInUse as error:
        return Finding("store", True, f"{settings.store} is in use by a running server ({error})")
    except StoreError as error:
        return Finding("store", False, str(error))
    try:
        found = (await database.read(version.read)).version
        clashes = [job for job in await database.read(catalogue.jobs) if job.work.clash]
    except StoreError as error:
        return Finding("store", False, str(error))
    finally:
        await database.close()
    if clashes:
        job = clashes[0]
        detail = f"{job.collection} {job.name}: {job.work.clash}: change or delete one of them"
        return Finding("store", False, detail)
    if found is None:
        return Finding("store", True, f"{settings.store} answers; it is empty")
    if found < version.FORMAT:
        detail = f"{settings.store} has format {found}: the first start brings it to {version.FORMAT}"
        return Finding("store", True, detail)
    return Finding("store", True, f"{settings.store} answers; it has format {found}")


def _keys(settings: Settings) -> Finding:
    try:
        KeyRing.open(settings.keys, settings.token_algorithm, token_seconds=settings.access_token_seconds)
    except (KeysUnusable, OSError) as error:
        return Finding("keys", False, str(error))
    return Finding("keys", True, f"{settings.keys} can be read by nobody else")


def _disk(settings: Settings) -> Finding:
    folder = Path(settings.store.removeprefix("embedded:").partition("?")[0])
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1024**3:.1f} GiB free"
    return Finding("disk", free >= LEAST_FREE, detail if free >= LEAST_FREE else f"only {detail}: make room")


def _library() -> Finding:
    found = ctypes.util.find_library("fdb_c")
    if found is None:
        return Finding("FoundationDB client", False, "libfdb_c is missing: install foundationdb-clients 7.3")
    return Finding("FoundationDB client", True, found)


def _ripgrep() -> Finding:
    try:
        return Finding("ripgrep", True, str(ripgrep.program()))
    except SearchUnavailable as error:
        return Finding("ripgrep", False, str(error))


async def _workspaces(settings: Settings) -> Finding:
    if settings.workspace_sandbox == "none":
        detail = "unsafe: programs of users may do and read whatever the server may (workspace_sandbox)"
        return Finding("workspaces", False, detail)
    if settings.workspace_network and settings.store.startswith("fdb:"):
        detail = "unsafe: programs of users reach the FoundationDB cluster, which asks nobody who they are "
        return Finding("workspaces", False, detail + "(workspace_network)")
    try:
        await sandbox.check()
    except NoSandbox as error:
        return Finding("workspaces", False, str(error))
    return Finding("workspaces", True, f"programs of users are shut in by {sandbox.program()}")


def _ide(folder: Path) -> Finding:
    if (folder / "index.html").is_file():
        return Finding("IDE", True, f"built in {folder}")
    return Finding("IDE", False, f"not built in {folder}: run `make ide`")


async def _models(settings: Settings) -> Finding:
    subject, models = "language models", settings.chat_models
    if not models:
        return Finding(subject, True, "echo alone" if settings.chat_echo else "none")
    endpoint = Endpoint(settings)
    try:
        missing = await endpoint.missing(models)
    except ModelError as error:
        return Finding(subject, False, f"chat_base_url: {error}")
    finally:
        await endpoint.close()
    if missing:
        return Finding(subject, False, f"chat_models: the endpoint has no {', '.join(missing)}")
    how = "takes the key" if missing is None else "has them"
    return Finding(subject, True, f"{', '.join(models)}: the endpoint {how}")
