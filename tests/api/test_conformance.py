"""The document and the server agree: schemathesis asks for all that can be asked, and checks every answer."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import msgspec

from tests.process import PASSWORD, Server

HERE = Path(__file__).parent
EXAMPLES = 20
"""Requests made for each operation, at least."""


def login(email: str) -> dict[str, object]:
    """How a user signs in, as Web Fuzzing Commons writes it."""
    fields = {"username": email, "usernameField": "email", "password": PASSWORD, "passwordField": "password"}
    return {
        "verb": "POST",
        "endpoint": "/api/v5/auth/login",
        "contentType": "application/json",
        "payloadUserPwd": fields,
        "token": {
            "extractFrom": "body",
            "extractSelector": "/access_token",
            "sendIn": "header",
            "sendName": "Authorization",
            "sendTemplate": "Bearer {token}",
        },
    }


async def test_the_server_does_what_its_document_says(server: Server, tmp_path: Path) -> None:
    users = []
    for name in ("ada", "eve"):
        await server.register(f"{name}@example.com")
        users.append({"name": name, "loginEndpointAuth": login(f"{name}@example.com")})
    (tmp_path / "users.json").write_bytes(msgspec.json.encode({"auth": users}))
    shutil.copy(HERE / "schemathesis.toml", tmp_path)
    shutil.copy(HERE / "schemathesis_hooks.py", tmp_path)
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "schemathesis"),
        *("run", f"{server.url}/api/v5/openapi.json", "--checks", "all", "--max-examples", str(EXAMPLES)),
        "--no-color",
        stdout=PIPE,
        stderr=STDOUT,
        env=os.environ | {"HOOKS": "schemathesis_hooks", "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
    )
    out, _ = await process.communicate()
    log = await server.stop()
    assert process.returncode == 0, f"{out.decode()}\n{log}"
