"""Erasing all data of a user, or of a tenant: for good, and so that nothing of it is left anywhere.

It is made in many small transactions, gone through part by part; a record says how far it is, so a gateway
that ends in the middle of it costs nothing: another one goes on. Each part can be repeated, by several at
once too, since it takes away what it finds.

What nobody can reach any more may still be written to: an upload that was let in before goes on, and contents
that were given up stay for `content.GRACE`. So all is gone through again after that time, and again until
there was nothing to find.

What is others' too stays, without the user's name: agents of the tenant, and the audit. There a random id is
in the user's place, and of entries about them only the action and the time are left.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Transaction
from fdb_provider.errors import DatabaseClosed, StoreError
from fdb_provider.files import content, doomed
from fdb_provider.files.service import FileService
from fdb_provider.keyspace import SYSTEM
from fdb_provider.models import Audit, ErasedSession, Erasure
from fdb_provider.repositories import auth_sessions, messages, presence
from fdb_provider.repositories.accounts import USERS
from fdb_provider.repositories.agents import AGENTS
from fdb_provider.repositories.audit import AUDIT
from fdb_provider.repositories.conversations import CONVERSATIONS
from fdb_provider.repositories.erasures import ERASED_SESSIONS, ERASURES, forget
from fdb_provider.repositories.invitations import INVITATIONS
from fdb_provider.repositories.messages import MESSAGES
from fdb_provider.repositories.pod_allocations import PODS
from fdb_provider.repositories.session_profiles import PROFILES
from fdb_provider.repositories.settings import SETTINGS
from fdb_provider.repositories.token_usage import TOKENS
from fdb_provider.repositories.workspace_sessions import SESSIONS
from fdb_provider.scope import Scope

LINGER = content.GRACE + 600_000
"""Milliseconds after which all is gone through again; with what gateways' clocks may differ by."""
STEP = 50
"""Records that one transaction deals with."""
_KEYS = 100
"""Keys of a tenant that one transaction takes away: their values may be 100 kB each."""
_ENTRIES = 500
"""Entries of the audit that are looked through at a time."""
_ANY_TIME = 1 << 60

_log = logging.getLogger(__name__)

Part = Callable[["Eraser", Erasure], Awaitable[int]]
"""Takes some of what there is of one kind; how much, 0 once there is nothing."""
Take = Callable[[Transaction, Erasure], Awaitable[int]]
"""The same in one transaction."""


class Eraser:
    """What one gateway does about erasures."""

    def __init__(self, db: Database, files: FileService) -> None:
        self.db = db
        self.files = files
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, erasure: Erasure) -> None:
        """Goes on with an erasure in the background."""
        task = asyncio.create_task(self._quietly(erasure.id), name="erasure")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Stops what goes on in the background, for others or the next start to go on with."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def run_all(self) -> None:
        """Goes on with every erasure that is under way."""
        for erasure in await self.db.read(partial(ERASURES.scan, tenant=SYSTEM, limit=0)):
            await self.run(erasure.id)

    async def run(self, erasure: str) -> bool:
        """Goes on with an erasure as far as can be gone now; whether it has come to its end."""
        while True:
            current = await self.db.read(lambda tr: ERASURES.get(tr, SYSTEM, erasure))
            if current is None:
                return True
            if current.resumes_at > content.now():
                return False
            parts = OF_USER if current.user else OF_TENANT
            found = await parts[current.stage](self, current)
            await self.db.run(partial(_advance, of=current, found=found, parts=len(parts)))

    async def _quietly(self, erasure: str) -> None:
        try:
            await self.run(erasure)
        except DatabaseClosed:
            pass
        except StoreError as error:
            _log.warning("an erasure is left for later: %s", error)


async def _advance(tr: Transaction, *, of: Erasure, found: int, parts: int) -> None:
    """Notes what was found; unless somebody else has done so meanwhile."""
    current = await ERASURES.get(tr, SYSTEM, of.id)
    if current is None or (current.round, current.stage) != (of.round, of.stage):
        return
    found += current.found
    if found > current.found:
        now = msgspec.structs.replace(current, found=found)
    elif current.stage + 1 < parts:
        now = msgspec.structs.replace(current, stage=current.stage + 1)
    elif current.round == 0 or found:
        later = content.now() + LINGER
        now = msgspec.structs.replace(current, round=current.round + 1, stage=0, found=0, resumes_at=later)
    else:
        await ERASURES.delete(tr, SYSTEM, of.id)
        for erased in await ERASED_SESSIONS.list(tr, SYSTEM, of.id):
            ERASED_SESSIONS.remove(tr, SYSTEM, erased)
        return
    await ERASURES.put(tr, SYSTEM, now)


def _in_one(take: Take) -> Part:
    async def part(eraser: Eraser, of: Erasure) -> int:
        return await eraser.db.run(lambda tr: take(tr, of))

    return part


# --- the parts of a user ------------------------------------------------------------------------------


async def _sign_ins(tr: Transaction, of: Erasure) -> int:
    return len(await auth_sessions.revoke_all(tr, of.tenant, of.user, keep=None))


async def _invitations(tr: Transaction, of: Erasure) -> int:
    """The user's own, and their name on those they made. Later ones are to somebody who is new."""
    found = 0
    if of.round == 0:
        found += await _drop_invitations(tr, of.email_key, of.tenant, SYSTEM)
    for made in await INVITATIONS.list(tr, of.tenant):
        if made.created_by == of.user:
            await INVITATIONS.put(tr, of.tenant, msgspec.structs.replace(made, created_by=of.tombstone))
            found += 1
    return found


async def _drop_invitations(tr: Transaction, email_key: str, *tenants: str) -> int:
    found = [
        (tenant, invitation)
        for tenant in tenants
        for invitation in await INVITATIONS.by_index(tr, tenant, "by_email", email_key)
    ]
    for tenant, invitation in found:
        INVITATIONS.remove(tr, tenant, invitation)
    return len(found)


async def _pods(tr: Transaction, of: Erasure) -> int:
    whose = (of.tenant, of.user) if of.user else (of.tenant,)
    found = await PODS.by_index(tr, SYSTEM, "by_user", *whose, limit=STEP)
    for pod in found:
        PODS.remove(tr, SYSTEM, pod)
    return len(found)


async def _sessions(tr: Transaction, of: Erasure) -> int:
    found = await SESSIONS.by_index(tr, of.tenant, "by_user_used", of.user, limit=STEP)
    if not found:
        discarded = await SESSIONS.purgeable(tr, of.tenant, before=_ANY_TIME, limit=0)
        found = [session for session in discarded if session.user == of.user][:STEP]
    for session in found:
        await ERASED_SESSIONS.put(tr, SYSTEM, ErasedSession(of.id, session.id))
        doomed.doom(tr, Scope(of.tenant, of.user, session.id), "workspace")
        await PROFILES.delete(tr, of.tenant, of.user, session.id)
        presence.forget(tr, of.tenant, session.id)
        SESSIONS.remove(tr, of.tenant, session)
    return len(found)


async def _roots(tr: Transaction, of: Erasure) -> int:
    """The home, and what was written late to workspaces that are gone."""
    erased = await ERASED_SESSIONS.list(tr, SYSTEM, of.id)
    whole = [(Scope(of.tenant, of.user, ""), "home")]
    whole += [(Scope(of.tenant, of.user, one.session), "workspace") for one in erased]
    reads = [
        (scope, name, tr.get_range(*keyspace.range_of(keyspace.root(scope, name)), limit=1))
        for scope, name in whole
    ]
    known = {one.root for one in await doomed.listed(tr, of.tenant)}
    left = [
        (scope, name)
        for scope, name, rows in reads
        if keyspace.root(scope, name) not in known
        async for _ in rows
    ]
    for scope, name in left:
        doomed.doom(tr, scope, name)
    return len(left)


async def _collect(eraser: Eraser, of: Erasure) -> int:
    """Entries, contents, versions: all that goes by and by goes now, except for what has its grace."""
    while await eraser.files.sweep(Scope(of.tenant, of.user, "")):
        pass
    return 0


async def _conversations(tr: Transaction, of: Erasure) -> int:
    found = await CONVERSATIONS.scan(tr, of.tenant, of.user, limit=STEP)
    for conversation in found:
        await CONVERSATIONS.purge(tr, of.tenant, *CONVERSATIONS.key_of(conversation))
    return len(found)


async def _messages(tr: Transaction, of: Erasure) -> int:
    """Those that were added to conversations that are gone."""
    found = await MESSAGES.scan(tr, of.tenant, of.user, limit=STEP)
    for message in found:
        messages.clear(tr, of.tenant, of.user, message.conversation)
    return len(found)


async def _profiles(tr: Transaction, of: Erasure) -> int:
    """Those that were made of sessions just when they went."""
    found = await PROFILES.scan(tr, of.tenant, of.user, limit=STEP)
    for profile in found:
        PROFILES.remove(tr, of.tenant, profile)
    return len(found)


async def _settings(tr: Transaction, of: Erasure) -> int:
    found = await SETTINGS.scan(tr, of.tenant, of.user, limit=STEP)
    for setting in found:
        SETTINGS.remove(tr, of.tenant, setting)
    return len(found)


async def _tokens(tr: Transaction, of: Erasure) -> int:
    found = await TOKENS.scan(tr, of.tenant, of.user, limit=STEP)
    for used in found:
        TOKENS.remove(tr, of.tenant, used)
    return len(found)


async def _agents(tr: Transaction, of: Erasure) -> int:
    """The user's name on them; they are the tenant's."""
    found = await AGENTS.by_index(tr, of.tenant, "by_creator", of.user, limit=STEP)
    if not found:
        discarded = await AGENTS.purgeable(tr, of.tenant, before=_ANY_TIME, limit=0)
        found = [agent for agent in discarded if agent.created_by == of.user][:STEP]
    for agent in found:
        await AGENTS.put(tr, of.tenant, msgspec.structs.replace(agent, created_by=of.tombstone))
    return len(found)


async def _audit(tr: Transaction, of: Erasure) -> int:
    found = await AUDIT.by_index(tr, of.tenant, "by_user_time", of.user, limit=STEP)
    for entry in found:
        AUDIT.remove(tr, of.tenant, entry)
        AUDIT.add(tr, of.tenant, _without_name(entry, of))
    return len(found)


def _without_name(entry: Audit, of: Erasure) -> Audit:
    """An entry of what the user did, as it stays."""
    noun, _, rest = entry.resource.partition("/")
    # What they did to what is not theirs alone is still to be answered for; of their own only the kind stays.
    shared = noun in _SHARED and "/" not in rest and entry.outcome == "done"
    return msgspec.structs.replace(
        _unmentioned(entry, of),
        user=of.tombstone,
        session="",
        request="",
        address="",
        **({} if shared else {"resource": noun, "detail": {}}),
    )


async def _mentions(eraser: Eraser, of: Erasure) -> int:
    """What others did to them, or with them; all entries are looked through: they may be named anywhere."""
    found = 0
    last: Audit | None = None
    while page := await eraser.db.read(partial(AUDIT.scan, tenant=of.tenant, behind=last, limit=_ENTRIES)):
        named = [entry.id for entry in page if _unmentioned(entry, of) != entry]
        for start in range(0, len(named), STEP):
            some = named[start : start + STEP]
            found += await eraser.db.run(partial(_unmention, of=of, entries=some))
        last = page[-1]
    return found


async def _unmention(tr: Transaction, *, of: Erasure, entries: list[str]) -> int:
    reads = [AUDIT.get(tr, of.tenant, entry) for entry in entries]
    found = [entry for read in reads if (entry := await read) is not None]
    for entry in found:
        AUDIT.remove(tr, of.tenant, entry)
        AUDIT.add(tr, of.tenant, _unmentioned(entry, of))
    return len(found)


def _unmentioned(entry: Audit, of: Erasure) -> Audit:
    """An entry with another id wherever it is about the user."""
    return msgspec.structs.replace(
        entry,
        resource=entry.resource.replace(of.user, of.tombstone),
        detail={name: value.replace(of.user, of.tombstone) for name, value in entry.detail.items()},
    )


_SHARED = frozenset({"user", "agent", "invitation", "tenant"})
"""Kinds of resources that are not one user's alone."""
OF_USER: tuple[Part, ...] = (
    _in_one(_sign_ins),
    _in_one(_invitations),
    _in_one(_pods),
    _in_one(_sessions),
    _in_one(_roots),
    _collect,
    _in_one(_conversations),
    _in_one(_messages),
    _in_one(_settings),
    _in_one(_tokens),
    _in_one(_profiles),
    _in_one(_agents),
    _in_one(_audit),
    _mentions,
)
"""The order is that in which gateways are kept from making more of it; what files leave in the audit comes
before it."""


# --- the parts of a tenant ----------------------------------------------------------------------------


async def _members(tr: Transaction, of: Erasure) -> int:
    found = await USERS.scan(tr, of.tenant, limit=STEP)
    for user in found:
        await forget(tr, of.tenant, user)
        await _drop_invitations(tr, user.email_key, SYSTEM)
    return len(found)


async def _keys(tr: Transaction, of: Erasure) -> int:
    begin, end = keyspace.range_of(keyspace.tenant(of.tenant))
    keys = [key async for key, _ in tr.get_range(begin, end, limit=_KEYS)]
    if keys:
        tr.clear_range(begin, keys[-1] + b"\x00")
    return len(keys)


OF_TENANT: tuple[Part, ...] = (_in_one(_members), _in_one(_pods), _in_one(_keys))
