"""The key ring: its files, its rotation, its first start."""

from __future__ import annotations

import base64
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auth.keys import LEEWAY_SECONDS, SETTLE_SECONDS, Algorithm, KeyRing, KeysUnusable
from tests.auth.conftest import Clock

LIFE = 900


def ring(folder: Path, algorithm: Algorithm = "EdDSA", clock: Clock | None = None) -> KeyRing:
    return KeyRing.open(folder, algorithm, token_seconds=LIFE, clock=clock or Clock())


def verifies(ring: KeyRing, kid: str) -> bool:
    return kid in [key.kid for key in ring.standing()]


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
    assert verifies(keys, new)
    clock.now += SETTLE_SECONDS
    assert keys.signing.kid == new
    assert verifies(keys, old)
    clock.now += LIFE + LEEWAY_SECONDS
    assert not verifies(keys, old)
    assert verifies(keys, new)
    assert len(key_files(keys.folder)) == 2
    newest = keys.rotate().kid
    assert [path.stem for path in key_files(keys.folder)] == [new, newest]


async def test_a_running_ring_sees_a_rotation_elsewhere_before_the_new_key_signs(tmp_path: Path) -> None:
    clock = Clock()
    running, other = (ring(tmp_path / "keys", clock=clock) for _ in range(2))
    new = other.rotate().kid
    await running.refresh()
    assert not verifies(running, new)
    assert running.reload_seconds < SETTLE_SECONDS
    clock.now += running.reload_seconds
    await running.refresh()
    assert verifies(running, new)


def test_another_algorithm_makes_another_key_and_keeps_the_old_one(tmp_path: Path) -> None:
    clock = Clock()
    old = ring(tmp_path / "keys", "EdDSA", clock).signing
    keys = ring(tmp_path / "keys", "HS256", clock)
    clock.now += SETTLE_SECONDS + 1
    assert keys.signing.algorithm == "HS256"
    assert old in keys.standing()


async def test_a_folder_that_fails_leaves_the_keys_in_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    keys = ring(tmp_path / "keys", clock=clock)
    kid = keys.signing.kid
    key_files(keys.folder)[0].unlink()
    clock.now += keys.reload_seconds
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


async def test_keys_that_somebody_else_may_have_are_gone_at_once(tmp_path: Path) -> None:
    clock = Clock()
    running, other = (ring(tmp_path / "keys", clock=clock) for _ in range(2))
    clock.now += 3600
    stolen = other.rotate().kid
    new = other.rotate(leaked=True).kid
    assert [path.stem for path in key_files(other.folder)] == [new]
    assert other.signing.kid == new
    clock.now += running.reload_seconds
    await running.refresh()
    assert running.signing.kid == new
    assert not verifies(running, stolen)


def test_uses_tell_what_each_key_does(tmp_path: Path) -> None:
    clock = Clock()
    keys = ring(tmp_path / "keys", clock=clock)
    old = keys.signing
    clock.now += 3600
    new = keys.rotate()
    first, second = keys.uses()
    assert (first.key, first.signs) == (old, True)
    assert first.verifies_until == new.made_at + SETTLE_SECONDS + LIFE + LEEWAY_SECONDS
    assert (second.key, second.signs, second.verifies_until) == (new, False, None)
    assert second.signs_from == new.made_at + SETTLE_SECONDS


def test_reading_makes_nothing(tmp_path: Path) -> None:
    assert KeyRing.read(tmp_path / "keys", token_seconds=LIFE).uses() == []
    assert list(tmp_path.iterdir()) == []


def test_only_public_keys_are_published(tmp_path: Path) -> None:
    clock = Clock()
    eddsa = ring(tmp_path / "keys", "EdDSA", clock).signing
    both = ring(tmp_path / "keys", "HS256", clock)
    assert [jwk.kid for jwk in both.published()] == [eddsa.kid]
    assert len(both.standing()) == 2
    assert ring(tmp_path / "secret", "HS256", clock).published() == []


def test_a_key_shows_no_secret(tmp_path: Path) -> None:
    key = ring(tmp_path / "keys", "HS256").signing
    assert isinstance(key.signer, bytes)
    assert repr(key.signer) not in repr(key)


@pytest.mark.parametrize("length", [0, 1, 31])
def test_a_short_secret_is_refused(tmp_path: Path, length: int) -> None:
    ring(tmp_path, "HS256")
    (file,) = key_files(tmp_path)
    file.write_bytes(base64.b64encode(b"s" * length))
    with pytest.raises(KeysUnusable, match=file.name):
        ring(tmp_path, "HS256")


@pytest.mark.parametrize(
    "private", [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())]
)
def test_a_key_of_another_kind_is_refused(
    tmp_path: Path, private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
) -> None:
    ring(tmp_path)
    (file,) = key_files(tmp_path)
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeysUnusable, match="not an Ed25519 key"):
        ring(tmp_path)


def test_every_key_is_another(tmp_path: Path) -> None:
    algorithms: list[Algorithm] = ["EdDSA", "HS256"]
    for algorithm in algorithms:
        rings = [ring(tmp_path / f"{algorithm}{n}", algorithm) for n in range(20)]
        contents = {key_files(one.folder)[0].read_bytes() for one in rings}
        assert len(contents) == 20
