"""Python environments of their own for what the product is measured against."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import venv
from pathlib import Path

from benchmarks.figures import Skipped
from benchmarks.processes import errors_of, process


async def environment(folder: Path, *packages: str) -> Path:
    """An environment with these packages (`NAME==VERSION`), made if it is not there; its interpreter.

    Raises:
        Skipped: they cannot be installed.
    """
    python = folder / "bin" / "python"
    done = folder / f"installed-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:16]}"
    if not done.exists():
        names = ", ".join(packages)
        print(f"Installing {names} (once) ...", file=sys.stderr)
        await asyncio.to_thread(venv.create, folder, clear=True, with_pip=True)
        arguments = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        async with process([python, *arguments], folder=folder) as installing:
            if await installing.wait() != 0:
                raise Skipped(f"{names} cannot be installed: {errors_of(folder)[-300:]}")
        done.touch()
    return python
