"""What the server's parts share, as typed keys of the aiohttp application."""

from __future__ import annotations

from aiohttp import web

from auth.gate import Gate
from auth.keys import KeyRing
from auth.profile import Profile
from auth.revocations import RevocationFollower
from auth.service import Accounts
from fdb_provider.engine import Database
from fdb_provider.erasure import Eraser
from fdb_provider.files.service import FileService
from fdb_provider.signals import Signals
from theia_bridge.call_traces import CallTraces
from theia_bridge.chat.completions import Completions
from theia_bridge.config import Settings
from theia_bridge.leases import Leases
from theia_bridge.metrics import Metrics
from theia_bridge.observations import Observations
from theia_bridge.presence import Presence
from theia_bridge.rates import Rates
from theia_bridge.related.service import RelatedSessions
from theia_bridge.search.service import SearchService
from theia_bridge.workspace.doors import Doors
from theia_bridge.workspace.runtimes import Runtimes

SETTINGS: web.AppKey[Settings] = web.AppKey("settings", Settings)
DATABASE: web.AppKey[Database] = web.AppKey("database", Database)
FILES: web.AppKey[FileService] = web.AppKey("files", FileService)
ACCOUNTS: web.AppKey[Accounts] = web.AppKey("accounts", Accounts)
GATE: web.AppKey[Gate] = web.AppKey("gate", Gate)
KEYS: web.AppKey[KeyRing] = web.AppKey("keys", KeyRing)
REVOCATIONS: web.AppKey[RevocationFollower] = web.AppKey("revocations", RevocationFollower)
SEARCH: web.AppKey[SearchService] = web.AppKey("search", SearchService)
METRICS: web.AppKey[Metrics] = web.AppKey("metrics", Metrics)
RATES: web.AppKey[Rates] = web.AppKey("rates", Rates)
PROFILE: web.AppKey[Profile] = web.AppKey("profile", Profile)
RELATED: web.AppKey[RelatedSessions] = web.AppKey("related", RelatedSessions)
CALL_TRACES: web.AppKey[CallTraces] = web.AppKey("call_traces", CallTraces)
OBSERVATIONS: web.AppKey[Observations] = web.AppKey("observations", Observations)
ERASER: web.AppKey[Eraser] = web.AppKey("eraser", Eraser)
SIGNALS: web.AppKey[Signals] = web.AppKey("signals", Signals)
PRESENCE: web.AppKey[Presence] = web.AppKey("presence", Presence)
COMPLETIONS: web.AppKey[Completions] = web.AppKey("completions", Completions)
LEASES: web.AppKey[Leases] = web.AppKey("leases", Leases)
DOORS: web.AppKey[Doors] = web.AppKey("doors", Doors)
RUNTIMES: web.AppKey[Runtimes] = web.AppKey("runtimes", Runtimes)
