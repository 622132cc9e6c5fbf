"""What is made of the reports on dependencies."""

from __future__ import annotations

import msgspec
import pytest

from tests.advisories import Report, judge

CLEAN = {"name": "aiohttp", "version": "3.14.5", "vulns": []}
UNKNOWN = {"name": "lmdb", "skip_reason": "Dependency not found on PyPI"}
WEAK = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2014-8", "fix_versions": ["2.7.2"], "aliases": [], "description": "…"}],
}


def report(*dependencies: object) -> Report:
    return msgspec.convert({"dependencies": dependencies, "fixes": []}, Report)


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_weak_fails(strict: bool) -> None:
    lines, fine = judge(report(CLEAN, WEAK), strict=strict)
    assert not fine
    assert lines == [
        "jinja2 2.4.1: PYSEC-2014-8 (mended in 2.7.2)",
        "2 dependencies audited, 1 known weaknesses.",
    ]


@pytest.mark.parametrize("strict", [False, True])
def test_what_is_clean_passes(strict: bool) -> None:
    assert judge(report(CLEAN), strict=strict).fine


def test_what_could_not_be_audited_is_told_and_fails_if_it_must_be() -> None:
    for found in (None, report(UNKNOWN, UNKNOWN), report(CLEAN, UNKNOWN)):
        lines, fine = judge(found, strict=False)
        assert lines[-1].startswith("NOT AUDITED")
        assert fine
        assert not judge(found, strict=True).fine
    assert "lmdb" in judge(report(CLEAN, UNKNOWN), strict=False).lines[-1]
