"""The key ring: its files, its rotation, its first start."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from auth.keys import LEEWAY_SECONDS, RELOAD_SECONDS, SETTLE_SECONDS, Algorithm, KeyRing, KeysUnusable
from tests.auth.conftest import Clock

LIFE = 900


def ring(folder: Path, algorithm: Algorithm = "EdDSA", clock: Clock | None = None) -> KeyRing:
    return KeyRing.open(folder, algorithm, token_seconds=LIFE, clock=clock or Clock())


def key_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("algorithm", ["EdDSA", "HS256"])
def test_first_start_makes_a_private_key_file_and_the_next_reads_it(
    tmp_path: Path, algorithm: Algorithm
) -> None:
    folder = tmp_path / "deep" / "keys"
    first = ring(folder, algorithm)
    (file,) = key_files(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.signing.algorithm == algorithm
    assert ring(folder, algorithm).signing.kid == first.signing.kid
    assert len(key_files(folder)) == 1


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    program = (
        "import sys; from pathlib import Path; from auth.keys import KeyRing; sys.stdin.read();"
        "print(KeyRing.open(Path(sys.argv[1]), token_seconds=900).signing.kid)"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.close()
        starter.stdin = None
    kids = {starter.communicate(timeout=30)[0].strip() for starter in starters}
    assert [starter.returncode for starter in starters] == [0] * 4
    assert len(kids) == 1
    assert kids != {""}


def test_a_new_key_signs_once_settled_and_the_old_one_verifies_until_its_tokens_are_over(
    tmp_path: Path,
) -> None:
    clock = Clock()
    keys = ring(tmp_path / "keys", clock=clock)
    old = keys.signing.kid
    clock.now += 3600
    new = keys.rotate().kid
    assert keys.signing.kid == old
    assert keys.verifying(new) is not None
    clock.now += SETTLE_SECONDS
    assert keys.signing.kid == new
    assert keys.verifying(old) is not None
    clock.now += LIFE + LEEWAY_SECONDS
    assert keys.verifying(old) is None
    assert keys.verifying(new) is not None
    assert len(key_files(keys.folder)) == 2
    newest = keys.rotate().kid
    assert [path.stem for path in key_files(keys.folder)] == [new, newest]


async def test_a_running_ring_sees_a_rotation_elsewhere_before_the_new_key_signs(tmp_path: Path) -> None:
    clock = Clock()
    running, other = (ring(tmp_path / "keys", clock=clock) for _ in range(2))
    new = other.rotate().kid
    await running.refresh()
    assert running.verifying(new) is None
    assert RELOAD_SECONDS < SETTLE_SECONDS
    clock.now += RELOAD_SECONDS
    await running.refresh()
    assert running.verifying(new) is not None


def test_another_algorithm_makes_another_key_and_keeps_the_old_one(tmp_path: Path) -> None:
    clock = Clock()
    old = ring(tmp_path / "keys", "EdDSA", clock).signing
    keys = ring(tmp_path / "keys", "HS256", clock)
    clock.now += SETTLE_SECONDS + 1
    assert keys.signing.algorithm == "HS256"
    kept = keys.verifying(old.kid)
    assert kept is not None
    assert kept.algorithm == "EdDSA"


async def test_a_folder_that_fails_leaves_the_keys_in_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    keys = ring(tmp_path / "keys", clock=clock)
    kid = keys.signing.kid
    key_files(keys.folder)[0].unlink()
    clock.now += RELOAD_SECONDS
    await keys.refresh()
    assert keys.signing.kid == kid
    assert "empty" in caplog.text


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_damaged_key_file_is_named(tmp_path: Path, content: bytes) -> None:
    ring(tmp_path)
    (file,) = key_files(tmp_path)
    file.write_bytes(content)
    with pytest.raises(KeysUnusable, match=file.name):
        ring(tmp_path)


def test_a_key_file_open_to_everybody_is_refused(tmp_path: Path) -> None:
    ring(tmp_path)
    (file,) = key_files(tmp_path)
    file.chmod(0o644)
    with pytest.raises(KeysUnusable, match="chmod 600"):
        ring(tmp_path)
