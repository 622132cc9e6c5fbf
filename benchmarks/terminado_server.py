"""terminado serving programs, in an environment of its own: `terminado_server.py SCRIPT ...` prints its port.

The first script of a shell is at `/0`, the second at `/1`: each socket has a terminal of its own.
"""

from __future__ import annotations

import asyncio
import sys

from terminado import TermSocket, UniqueTermManager  # type: ignore[import-not-found]
from tornado.httpserver import HTTPServer  # type: ignore[import-not-found]
from tornado.netutil import bind_sockets  # type: ignore[import-not-found]
from tornado.web import Application  # type: ignore[import-not-found]


async def main() -> None:
    """Serves until it is killed."""
    programs = [UniqueTermManager(shell_command=["/bin/sh", "-c", script]) for script in sys.argv[1:]]
    handlers = [(f"/{i}", TermSocket, {"term_manager": programs[i]}) for i in range(len(programs))]
    listening = bind_sockets(0, "127.0.0.1")
    HTTPServer(Application(handlers)).add_sockets(listening)
    print(listening[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
