"""`python -m theia_bridge.workspace`: the runtime, without waiting for the whole command line."""

from theia_bridge.workspace.server import main

main()
