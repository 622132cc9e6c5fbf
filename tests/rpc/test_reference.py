"""The reference in Markdown that is made from an OpenRPC document."""

from __future__ import annotations

import re

from rpc import reference
from rpc.openrpc import describe
from tests.rpc.support import registry

TEXT = reference.generate(
    describe(registry, "Test", "1.0"), how="make types", introduction="# Test", outcomes={"Domain": 6}
)


def section(heading: str) -> str:
    return TEXT.partition(f"### {heading}\n")[2].partition("\n### ")[0]


def test_a_method_is_told_with_all_there_is_to_know() -> None:
    echo = section("test.echo")
    assert echo.startswith("\nSays it again.\n")
    assert "| `text` | string | required |  |" in echo
    assert '| `data` | bytes | `""` |  |' in echo
    assert "| `maxCount` | integer | `1` |  |" in echo
    assert "Result: [Echo](#echo)" in echo
    assert "\n    test.echo text=..." in echo
    assert "not for viewers" not in echo
    assert "not for viewers" in section("test.write")
    assert "What was said." in section("Echo")
    assert "| `eventName` | string | required |" in section("test.happened")
    assert "| `Domain` | -32001 | 6 | The domain refuses. |" in TEXT


def test_every_link_leads_to_a_heading() -> None:
    anchors = {
        "".join(char for char in heading.lower() if char.isalnum() or char in "-_")
        for heading in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    }
    links = re.findall(r"\]\(#([^)]+)\)", TEXT)
    assert len(links) > 10
    assert set(links) <= anchors
