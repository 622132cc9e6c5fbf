"""How long the audit is kept."""

from __future__ import annotations

import pytest

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.files import collector
from fdb_provider.files.collector import Collector
from fdb_provider.files.retention import DAY
from fdb_provider.files.service import FileService
from fdb_provider.models import Audit, now_ms
from fdb_provider.repositories import accounts
from fdb_provider.repositories.audit import AUDIT


async def test_what_is_older_than_it_is_kept_goes_in_every_tenant_and_that_of_the_operator(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "_AUDIT_STEP", 2)
    now = now_ms()
    new = [accounts.registration(f"{n}@example.com", "Ada", "hash") for n in range(2)]
    tenants = [keyspace.SYSTEM, *(one.tenant.id for one in new)]
    ages = [40, 35, 31, 29, 1, 0]

    async def fill(tr: Transaction) -> None:
        for one in new:
            await accounts.register(tr, one)
        for tenant in tenants:
            for age in ages:
                AUDIT.add(tr, tenant, Audit(f"{age}", now - age * DAY, "ada", "", "file.add", ""))

    await database.run(fill)
    keeping = Collector(database, FileService(database), audit_days=30, pause=0)
    while await keeping.step():
        pass
    for tenant in tenants:
        kept = await database.read(lambda tr, tenant=tenant: AUDIT.by_index(tr, tenant, "by_time"))  # type: ignore[misc]
        assert [entry.id for entry in kept] == ["29", "1", "0"]
