"""What searches leave on the disk."""

from __future__ import annotations

from pathlib import Path

from fdb_provider.engine.url import open_database
from fdb_provider.files.service import FileService
from fdb_provider.models import new_id
from fdb_provider.scope import Scope
from theia_bridge.search.mirrors import Mirrors


def held(folder: Path) -> list[bytes]:
    """The contents of all files of the cache but locks."""
    return [path.read_bytes() for path in folder.rglob("*.txt")]


async def test_what_nobody_uses_goes_from_the_disk_and_comes_back_when_it_is_used(tmp_path: Path) -> None:
    database = await open_database(f"embedded:{tmp_path / 'store'}")
    files = FileService(database)
    scope = Scope(new_id(), new_id(), new_id())
    await files.write(scope, "/workspace/a.txt", b"secret")
    cache = tmp_path / "cache"
    mirrors = Mirrors(files, cache, 1 << 30)
    for _ in range(2):
        async with mirrors.use(scope, "workspace") as mirror:
            await mirror.update(scope, contents=True)
            mirrors.drop_idle(0)
            assert held(cache) == [b"secret"], "it is in use"
        mirrors.drop_idle(60)
        assert held(cache) == [b"secret"], "it was used a moment ago"
        mirrors.drop_idle(0)
        await mirrors.removed()
        assert held(cache) == []
    await mirrors.close()
    await files.close()
    await database.close()
