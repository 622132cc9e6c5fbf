"""Reading ripgrep's messages however they are cut, against a plain search of the same text."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from theia_bridge.methods.protocol import Match
from theia_bridge.search.ripgrep import program
from theia_bridge.search.text import Reader, units

TEXTS = st.lists(st.text("ab é🐍\t", max_size=40), max_size=8).map("\n".join)


def ripgrep(text: str, *options: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "f").write_text(text, newline="")
        command = [str(program()), "--json", "--no-config", *options, "./"]
        ran = subprocess.run(command, check=False, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL)
        return ran.stdout


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.sampled_from(["a", "ab", "é", "🐍", "b é"]), st.integers(1, 50))
def test_matches_are_where_they_are(text: str, needle: str, size: int) -> None:
    output = ripgrep(text, "--fixed-strings", "--", needle)
    reader = Reader("/workspace", 1000)
    files = [file for i in range(0, len(output), size) for file in reader.feed(output[i : i + size])]
    expected = [
        Match(
            line=number,
            character=units(line[: found.start()]) + 1,
            length=units(needle),
            text=line.rstrip(),
            text_character=units(line[: found.start()]) + 1,
        )
        for number, line in enumerate(text.split("\n"), 1)
        for found in re.finditer(re.escape(needle), line)
    ]
    assert [match for file in files for match in file.matches] == expected
    assert reader.complete
    assert not reader.incomplete


@settings(max_examples=40, deadline=None)
@given(TEXTS)
def test_matches_over_lines(text: str) -> None:
    reader = Reader("/workspace", 1000)
    files = reader.feed(ripgrep(text, "--multiline", "--", r"a\n+b"))
    starts = [found.start() for found in re.finditer(r"a\n+b", text)]
    expected = [
        (text[:at].count("\n") + 1, units(text[text.rfind("\n", 0, at) + 1 : at]) + 1) for at in starts
    ]
    assert [(match.line, match.character) for file in files for match in file.matches] == expected


def test_a_message_too_long_is_passed_over() -> None:
    before, after = ripgrep("needle\n", "needle"), ripgrep("a\nneedle\n", "needle")
    reader = Reader("/workspace", 1000)
    files = reader.feed(before)
    for _ in range(100):
        files += reader.feed(b"x" * 100_000)
        assert reader.waiting <= 4 << 20
    files += reader.feed(b"\n" + after)
    assert [file.matches[0].line for file in files] == [1, 2]
    assert reader.incomplete
