"""Signing in to a server from the command line."""

from __future__ import annotations

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout


class SignInFailed(Exception):
    """The server cannot be reached or refuses; the message says which and what to do."""


class _Answer(msgspec.Struct):
    access_token: str


class _Problem(msgspec.Struct):
    detail: str


async def sign_in(url: str, email: str, password: str) -> str:
    """An access token for an account of the server at `url`.

    Raises:
        SignInFailed
    """
    body = {"email": email, "password": password}
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=30)) as http,
            http.post(f"{url}/api/v5/auth/login", json=body) as response,
        ):
            content = await response.read()
            status = response.status
    except (ClientError, TimeoutError) as error:
        raise SignInFailed(
            f"no server answers at {url} ({error}): start it with `theia-bridge serve`"
        ) from None
    try:
        if status == 200:
            return msgspec.json.decode(content, type=_Answer).access_token
        raise SignInFailed(msgspec.json.decode(content, type=_Problem).detail)
    except msgspec.MsgspecError:
        raise SignInFailed(f"{url} answered {status}, but not as Theia Bridge does") from None
