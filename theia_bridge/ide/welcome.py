"""The first file of a new session."""

from __future__ import annotations

from fdb_provider.engine import Transaction
from fdb_provider.files.service import write_new
from fdb_provider.scope import Scope

README = """\
# Welcome to your workspace

Everything here is saved on the server the moment you save it, and comes back wherever you sign in.

- **New file**: right-click in the explorer, or `Alt+N` then type a name with its ending, such as `hello.py`.
- **Upload**: drag files or folders from your computer into the explorer.
- **Undo**: what you delete goes to the *Trash* below the explorer, and what a file was is in its *Timeline*.
- **Download**: right-click a file or folder, *Download*.
- **Commands**: `F1`, or `Ctrl+Shift+P`.
- **Settings**: `Ctrl+,`. They follow you to every browser.

If the server cannot be reached, the status bar says *offline*: go on typing, your edits stay in the editor
and are saved as soon as it answers again.

From a terminal, `theia-bridge import FOLDER --email YOU` brings a whole project in, and
`theia-bridge export FOLDER --email YOU` takes it out again.
"""


async def prepare(tr: Transaction, scope: Scope) -> None:
    """Fills a new workspace session."""
    await write_new(tr, scope, "/workspace/README.md", README.encode())
