"""Password hashing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from auth import passwords as module
from auth.errors import PasswordsBusy
from auth.passwords import Passwords


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    made = Passwords(memory_kib=64, iterations=1, threads=1)
    yield made
    made.close()


async def test_the_default_is_argon2id_with_owasp_parameters() -> None:
    passwords = Passwords()
    stored = await passwords.hash("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(stored, "correct horse")
    assert not await passwords.verify(stored, "correct house")
    assert not await passwords.verify(None, "correct horse")
    assert not passwords.outdated(stored)
    passwords.close()


async def test_two_hashes_of_one_password_differ(passwords: Passwords) -> None:
    assert await passwords.hash("x") != await passwords.hash("x")


async def test_a_password_is_the_same_however_it_is_composed(passwords: Passwords) -> None:
    assert await passwords.verify(await passwords.hash("caf\u00e9 noir"), "cafe\u0301 noir")


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$v=19$m=1", "$2b$12$abcdefghijklmnopqrstuv"])
async def test_a_damaged_hash_lets_nobody_in(passwords: Passwords, stored: str) -> None:
    assert not await passwords.verify(stored, "plain")


async def test_hashes_of_other_parameters_are_outdated(passwords: Passwords) -> None:
    dearer = Passwords(memory_kib=64, iterations=2)
    assert dearer.outdated(await passwords.hash("x"))
    dearer.close()


async def test_more_passwords_than_may_wait_are_refused(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 1 + module.WAITING
    results = await asyncio.gather(*(passwords.hash("x") for _ in range(most + 5)), return_exceptions=True)
    assert [type(result) for result in results] == [str] * most + [PasswordsBusy] * 5
    assert await passwords.verify(await passwords.hash("y"), "y")
