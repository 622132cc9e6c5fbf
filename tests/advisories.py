"""Whether anything the project depends on has a known weakness: `python -m tests.advisories constraints.txt`.

pip-audit passes over what the database of advisories does not tell of, and ends well even if it told of
nothing. Here that is said, and with `--strict` it is a failure.
"""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

import msgspec


class Advisory(msgspec.Struct):
    """A weakness that is known."""

    id: str
    fix_versions: list[str] = []
    description: str = ""


class Dependency(msgspec.Struct):
    """What is known of one dependency, or why nothing is."""

    name: str
    version: str = ""
    vulns: list[Advisory] = []
    skip_reason: str | None = None


class Report(msgspec.Struct):
    """What pip-audit writes as JSON."""

    dependencies: list[Dependency]


class Verdict(NamedTuple):
    """What to tell, and whether all is well."""

    lines: list[str]
    fine: bool


def judge(report: Report | None, *, strict: bool) -> Verdict:
    """What a report means; None when there is none, as the database could not be reached."""
    if report is None:
        return Verdict(["NOT AUDITED: the database of advisories cannot be reached."], not strict)
    weak = [
        f"{one.name} {one.version}: {found.id} (mended in {', '.join(found.fix_versions) or 'no version'})"
        for one in report.dependencies
        for found in one.vulns
    ]
    unknown = [one.name for one in report.dependencies if one.skip_reason is not None]
    known = len(report.dependencies) - len(unknown)
    lines = [*weak, f"{known} dependencies audited, {len(weak)} known weaknesses."]
    if unknown:
        names = f": {', '.join(unknown)}" if known else ""
        lines.append(f"NOT AUDITED: the database of advisories does not tell of {len(unknown)}{names}.")
    return Verdict(lines, not weak and not (strict and unknown))


def ask(requirements: str) -> Report | None:
    """What pip-audit says of pinned requirements; None where it could not say anything."""
    command = ["pip_audit", "--requirement", requirements, "--no-deps", "--disable-pip", "--format", "json"]
    done = subprocess.run(
        [sys.executable, "-m", *command, "--progress-spinner", "off"],
        check=False,
        capture_output=True,
        text=True,
    )
    try:
        return msgspec.json.decode(done.stdout, type=Report)
    except msgspec.DecodeError:
        print(done.stderr.strip().rpartition("\n")[2], file=sys.stderr)
        return None


def main() -> None:
    """Exit code 1 when something is known, or with `--strict` when something could not be asked."""
    *options, requirements = sys.argv[1:]
    verdict = judge(ask(requirements), strict="--strict" in options)
    print("\n".join(verdict.lines))
    sys.exit(0 if verdict.fine else 1)


if __name__ == "__main__":
    main()
