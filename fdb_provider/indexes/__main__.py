"""Writes the table of all indexes into docs/records.md."""

from __future__ import annotations

import sys
from pathlib import Path

from fdb_provider.indexes.documentation import written

TARGET = Path("docs/records.md")


def main() -> int:
    """Returns the exit code."""
    TARGET.write_text(written(TARGET.read_text()))
    print(f"wrote {TARGET}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
