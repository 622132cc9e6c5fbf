"""What the server's parts share, as typed keys of the aiohttp application."""

from __future__ import annotations

from aiohttp import web

from fdb_provider.engine import Database
from fdb_provider.files.service import FileService

DATABASE: web.AppKey[Database] = web.AppKey("database", Database)
FILES: web.AppKey[FileService] = web.AppKey("files", FileService)
