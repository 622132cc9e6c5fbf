"""`theia-bridge`: the command line."""

from __future__ import annotations

import sys

QUICK = frozenset({"rpc", "console"})
"""Commands of `commands.calls`: they start at once, as most of what the others need is not loaded."""


def main() -> None:
    """Runs the command line."""
    if sys.argv[1:2] and sys.argv[1] in QUICK:
        from theia_bridge.commands import calls  # noqa: PLC0415 - and not the rest

        calls.main()
    else:
        from theia_bridge.commands import every  # noqa: PLC0415 - not needed above

        every.main()
