"""What a runtime does, one part for each task. `PARTS` has them all; `server` starts and stops them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from theia_bridge.workspace.languages.part import Languages
from theia_bridge.workspace.mirror.part import Mirror
from theia_bridge.workspace.searches import Searches
from theia_bridge.workspace.terminal.part import Terminals

if TYPE_CHECKING:
    from theia_bridge.workspace.server import Site


class Part(Protocol):
    """One task of the runtime. It is made before the runtime listens, and may then add routes and methods."""

    async def run(self) -> None:
        """Works until it is cancelled, and then puts what it has in order within seconds.

        What it raises ends the runtime, which the gateway starts again.
        """
        ...


PARTS: tuple[Callable[[Site], Part], ...] = (Mirror, Searches, Terminals, Languages)
"""All parts. They are started in this order, and stopped one after the other in the opposite one."""
