"""Which Python a workspace's code runs with."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

ENVIRONMENT = ".venv"
"""The folder of a virtual environment that belongs to a workspace."""
SYSTEM = "python3"


def interpreter(root: Path) -> str:
    """That of the workspace's virtual environment, else the one that the PATH finds."""
    own = root / ENVIRONMENT / "bin" / "python"
    if os.access(own, os.X_OK):
        return str(own)
    return shutil.which(SYSTEM) or SYSTEM


def packages(root: Path) -> list[str]:
    """The folders of what is installed in the workspace's virtual environment, or for its user."""
    places = (root / ENVIRONMENT, Path.home() / ".local")
    return [str(folder) for place in places for folder in place.glob("lib/python*/site-packages")]
