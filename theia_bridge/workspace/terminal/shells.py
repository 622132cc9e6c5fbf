"""The shells there are."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from theia_bridge.workspace.terminal.protocol import TerminalProfile, TerminalProfiles

SHELLS = ("bash", "zsh", "fish", "pwsh", "nu", "dash", "sh")
"""Names that are looked for on the PATH; the first there is the default unless SHELL names another."""


def find(environment: Mapping[str, str]) -> TerminalProfiles:
    """The shells that programs with this environment can start."""
    path = environment.get("PATH")
    found = {name: program for name in SHELLS if (program := shutil.which(name, path=path)) is not None}
    default = Path(environment.get("SHELL", "/bin/sh"))
    found.setdefault(default.name, str(default))
    return TerminalProfiles(
        profiles=[TerminalProfile(name=name, path=program) for name, program in found.items()],
        default=default.name,
    )
