"""Writes what is generated from the methods: the frontend's types and docs/rpc.md.

With `--check` it fails when they are stale.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rpc import reference, typescript
from rpc.openrpc import describe
from theia_bridge import __version__
from theia_bridge.commands import outcomes
from theia_bridge.methods.registry import build_registry

TYPES = Path("extension-ts/extension/src/common/protocol.generated.ts")
REFERENCE = Path("docs/rpc.md")
HOW = "make types"
INTRODUCTION = """
# The RPC channel: methods, notifications, errors

JSON-RPC 2.0 over a WebSocket at `/ws/rpc`, with an access token as `Authorization: Bearer` (or `?token=`).
A text frame is JSON, a binary frame MessagePack, and an answer comes in its request's encoding. Bytes are raw
in MessagePack and base64 in JSON. Params are given by name (or by position, in the order of the tables),
unknown ones are refused. `$/cancelRequest {id}` cancels a call; batches work. The same as OpenRPC, for
programs: `rpc.discover`.

Examples are lines of `theia-bridge console`, and with `theia-bridge rpc` before them, of a shell
(docs/console.md).
"""


def generated() -> dict[Path, str]:
    """Texts by the files they belong in."""
    document = describe(build_registry(), "Theia Bridge", __version__)
    return {
        TYPES: typescript.generate(document, how=HOW),
        REFERENCE: reference.generate(
            document, how=HOW, introduction=INTRODUCTION, outcomes=outcomes.BY_KIND
        ),
    }


def main() -> int:
    """Returns the exit code."""
    texts = generated()
    if "--check" in sys.argv[1:]:
        stale = [path for path, text in texts.items() if not path.is_file() or path.read_text() != text]
        for path in stale:
            print(f"{path} is stale: run `{HOW}` and commit it", file=sys.stderr)
        return 1 if stale else 0
    for path, text in texts.items():
        path.write_text(text)
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
