"""`python -m theia_bridge.lsp [--engines JSON] [--patience SECONDS]`."""

from __future__ import annotations

import argparse
import logging
import sys

import msgspec
import uvloop

from theia_bridge.lsp.server import ENGINES, PATIENCE, run


def main() -> None:
    """Serves one editor."""
    parser = argparse.ArgumentParser(prog="python -m theia_bridge.lsp")
    parser.add_argument(
        "--engines", default=msgspec.json.encode(ENGINES).decode(), help="their command lines"
    )
    parser.add_argument(
        "--patience", type=float, default=PATIENCE, help="seconds an engine may take to answer"
    )
    given = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    uvloop.run(run(msgspec.json.decode(given.engines, type=list[list[str]]), given.patience))


main()
