"""`theia-bridge keys`: the keys that sign access tokens, in the folder that the gateways share."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from auth.keys import KeyRing, Use
from theia_bridge import config
from theia_bridge.commands.common import fail

app = typer.Typer(no_args_is_help=True, help="The keys that sign access tokens.")


@app.command("rotate")
def rotate(
    leaked: Annotated[
        bool, typer.Option("--leaked", help="Somebody may have the keys: delete them all, now.")
    ] = False,
) -> None:
    """Makes a new signing key. Nobody is signed out: tokens of the old one stay good until they end.

    With `--leaked` they do not: each gateway refuses them as soon as it has seen the change, and clients get
    new ones by their refresh tokens, which no key signs. Whoever has no refresh token signs in again.

    Example: `theia-bridge keys rotate`
    """
    settings = config.load()
    ring = KeyRing.open(
        settings.keys,
        settings.token_algorithm,
        token_seconds=settings.access_token_seconds,
        settle_seconds=settings.key_settle_seconds,
    )
    key = ring.rotate(settings.token_algorithm, leaked=leaked)
    if leaked:
        print(f"{key.kid} is the only key; all gateways know within {ring.reload_seconds:.0f} s")
    else:
        print(f"{key.kid} signs in {settings.key_settle_seconds} s")


@app.command("list")
def show() -> None:
    """Lists the keys, the oldest first: id, algorithm, when it was made (UTC), and what it does.

    Example: `theia-bridge keys list`
    """
    settings = config.load()
    ring = KeyRing.read(
        settings.keys,
        token_seconds=settings.access_token_seconds,
        settle_seconds=settings.key_settle_seconds,
    )
    uses = ring.uses()
    if not uses:
        fail(f"no keys are in {settings.keys} yet: the first start of the server makes one")
    for use in uses:
        made = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(use.key.made_at))
        print(f"{use.key.kid}\t{use.key.algorithm}\t{made}\t{_does(use, time.time())}")


def _does(use: Use, now: float) -> str:
    if use.verifies_until is not None and use.verifies_until <= now:
        return "does nothing more; the next rotation deletes it"
    if use.signs:
        return "signs"
    if use.signs_from > now:
        return f"signs in {use.signs_from - now:.0f} s"
    assert use.verifies_until is not None  # the newest key signs once it has settled
    return f"verifies for {use.verifies_until - now:.0f} s more"
