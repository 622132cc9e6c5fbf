"""Writes the frontend's types from the methods; `--check` fails when they are stale."""

from __future__ import annotations

import sys
from pathlib import Path

from rpc.openrpc import describe
from rpc.typescript import generate
from theia_bridge import __version__
from theia_bridge.methods.registry import build_registry

TARGET = Path("extension-ts/extension/src/common/protocol.generated.ts")


def main() -> int:
    """Returns the exit code."""
    document = describe(build_registry(), "Theia Bridge", __version__)
    text = generate(document, how="make types")
    if "--check" in sys.argv[1:]:
        if not TARGET.is_file() or TARGET.read_text() != text:
            print(f"{TARGET} is stale: run `make types` and commit it", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(text)
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
