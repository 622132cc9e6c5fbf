"""Finds the sessions that belong to one, among all of its user's.

What they are compared by is read once and kept; two short ranges of keys then tell what of it has changed.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import msgspec

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader
from fdb_provider.errors import RecordNotFound
from fdb_provider.files.service import FileService
from fdb_provider.models import SessionProfile, WorkspaceSession
from fdb_provider.records import Collection
from fdb_provider.repositories import workspace_sessions
from fdb_provider.repositories.session_profiles import PROFILES
from fdb_provider.repositories.workspace_sessions import SESSIONS
from fdb_provider.scope import Scope
from theia_bridge.related import profiles, sketch, words
from theia_bridge.related.ranking import Features, Ranking, Related
from theia_bridge.related.sketch import Sketch

USERS = 32
"""Users whose sessions are kept ready to be compared: about 15 MB each, if they have 1,000."""
_PART = 100
"""Records that are read in one transaction."""

R = TypeVar("R", bound=msgspec.Struct)
_Places = tuple[list[bytes], list[bytes]]
"""Of a user's sessions, and of their profiles."""


@dataclass
class _Known:
    """A user's sessions and their profiles, each by its place in an index, and what was made of them."""

    sessions: dict[bytes, WorkspaceSession] = field(default_factory=dict)
    profiles: dict[bytes, SessionProfile] = field(default_factory=dict)
    features: dict[str, Features] = field(default_factory=dict)
    ranking: Ranking = field(default_factory=lambda: Ranking(()))


class RelatedSessions:
    """The sessions of all users of a store, compared with each other."""

    def __init__(self, db: Database, files: FileService) -> None:
        self._db = db
        self._files = files
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    async def find(self, scope: Scope, *, limit: int) -> list[Related]:
        """At most so many sessions that belong to `scope.session`, the most alike first.

        Raises:
            RecordNotFound: the scope's user has no such session.
        """
        looked, places = await self._db.read(partial(_look, scope=scope))
        if not looked.fresh:
            await profiles.make(self._db, self._files, scope, looked.seen)
            places = await self._db.read(partial(_places, scope=scope))
        ranking = (await self._up_to_date(scope, places)).ranking
        if scope.session not in ranking:
            raise RecordNotFound("You have no such session.")
        found = await asyncio.to_thread(ranking.related, scope.session, limit)
        # As they are now: when they were used last is in no place, and one may be gone by now.
        sessions = await self._db.read(partial(_now, scope=scope, found=found))
        return [
            msgspec.structs.replace(one, session=session)
            for one, session in zip(found, sessions, strict=True)
            if session is not None
        ]

    async def refresh(self, scope: Scope) -> None:
        """Sees that the profile of a session is up to date, if there is such a session."""
        looked = await self._db.read(partial(profiles.look, scope=scope))
        if not looked.fresh:
            await profiles.make(self._db, self._files, scope, looked.seen)

    async def _up_to_date(self, scope: Scope, places: _Places) -> _Known:
        """What is known of the sessions and profiles at these places."""
        user = scope.tenant, scope.user
        known = self._known.get(user, _Known())
        sessions, made = places
        if sessions != list(known.sessions) or made != list(known.profiles):
            known = await asyncio.to_thread(
                _compared,
                known,
                await self._read(SESSIONS, scope, known.sessions, sessions, ()),
                await self._read(PROFILES, scope, known.profiles, made, (scope.user,)),
            )
        self._known[user] = known
        self._known.move_to_end(user)
        if len(self._known) > USERS:
            self._known.popitem(last=False)
        return known

    async def _read(
        self,
        collection: Collection[R],
        scope: Scope,
        known: dict[bytes, R],
        places: list[bytes],
        prefix: tuple[str, ...],
    ) -> dict[bytes, R]:
        """The records at those places, read as far as they are not known; `prefix` begins their keys."""
        new = [place for place in places if place not in known]
        read: dict[bytes, R] = {}
        for start in range(0, len(new), _PART):
            part = new[start : start + _PART]

            async def body(tr: Reader, part: list[bytes] = part) -> list[R | None]:
                ids = [keyspace.unpack(place)[-1] for place in part]
                reads = [collection.get(tr, scope.tenant, *prefix, id) for id in ids]
                return [await read for read in reads]

            records = await self._db.read(body)
            read |= {
                place: record
                for place, record in zip(part, records, strict=True)
                if record is not None  # gone meanwhile, which the next look will tell
            }
        return {place: known.get(place) or read[place] for place in places if place in known or place in read}


async def _look(tr: Reader, *, scope: Scope) -> tuple[profiles.Known, _Places]:
    """Looks at a session and at what has changed of all of them. Raises `RecordNotFound`."""
    await workspace_sessions.get(tr, scope)
    return await profiles.look(tr, scope), await _places(tr, scope=scope)


async def _places(tr: Reader, *, scope: Scope) -> _Places:
    sessions = await SESSIONS.places(tr, scope.tenant, "by_user_updated", scope.user)
    return sessions, await PROFILES.places(tr, scope.tenant, "by_user_made", scope.user)


async def _now(tr: Reader, *, scope: Scope, found: list[Related]) -> list[WorkspaceSession | None]:
    reads = [SESSIONS.get(tr, scope.tenant, one.session.id) for one in found]
    return [await read for read in reads]


def _compared(
    known: _Known, sessions: dict[bytes, WorkspaceSession], made: dict[bytes, SessionProfile]
) -> _Known:
    """Makes ready what is new. Takes a twentieth of a second for 1,000 sessions."""
    by_session = {profile.session: profile for profile in made.values()}
    features: dict[str, Features] = {}
    for session in sessions.values():
        profile = by_session.get(session.id)
        before = known.features.get(session.id)
        if before is not None and before.session is session and before.profile is profile:
            features[session.id] = before
        else:
            features[session.id] = _features(session, profile)
    return _Known(sessions, made, features, Ranking(features.values()))


def _features(session: WorkspaceSession, profile: SessionProfile | None) -> Features:
    said = Counter({} if profile is None else profile.words)
    for word, count in words.count(session.name).items():
        said[word] += profiles.TITLE * count
    said += words.count(session.description)
    found = Sketch() if profile is None else sketch.unpack(profile.sketch)
    return Features(session, profile, found, words.most(said))
