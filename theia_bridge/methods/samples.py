"""What is given in the examples of the documentation."""

from __future__ import annotations

from typing import TypeVar

from rpc import Registry

C = TypeVar("C")

_SAMPLES: dict[str, object] = {
    "path": "/workspace/notes.md",
    "source": "/workspace/notes.md",
    "target": "/workspace/old/notes.md",
    "content": "SGVsbG8hCg==",
    "version": "1767225600000-0f3a",
    "token": "eyJhbGciOi...",  # nosec B105 # none
    "watchId": "5f0c21d9a7e34b86c012",
    "searchId": "91b7e0c4d2f85a6b3e10",
    "cols": 120,
    "rows": 40,
    "title": "Build",
    "fs.readDirectory.path": "/workspace",
    "fs.readDirectory.limit": 100,
    "fs.readFile.length": 1000,
    "fs.createDirectory.path": "/workspace/old",
    "fs.createSymlink.path": "/workspace/latest.md",
    "fs.createSymlink.target": "notes.md",
    "fs.setAttributes.readonly": True,
    "fs.delete.useTrash": True,
    "fs.watch.path": "/workspace",
    "fs.watch.excludes": ["*.pyc"],
    "search.files.pattern": "notes",
    "search.text.pattern": "TODO",
    "search.text.includes": ["*.py"],
    "trash.delete.id": "1795642459540-91c2e645",
    "trash.restore.id": "1795642459540-91c2e645",
    "rpc.trace.action": "start",
    "rpc.trace.sample": 0.1,
    "terminal.close.id": "1",
    "terminal.rename.id": "1",
    "terminal.resize.id": "1",
}
"""By the name of a parameter, or `method.name`; values as in JSON."""


def add_samples(registry: Registry[C]) -> None:
    """Declares them."""
    for parameter, value in _SAMPLES.items():
        registry.sample(parameter, value)
