"""The server as one aiohttp application: what is opened, what is routed where, what is closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from auth.gate import Gate
from auth.keys import KeyRing
from auth.passwords import Passwords
from auth.profile import Profile
from auth.revocations import RevocationFollower
from auth.runtimes import AUDIENCE, RuntimeSignIns
from auth.service import Accounts
from auth.throttle import Throttle
from auth.tokens import Tokens
from fdb_provider.erasure import Eraser
from fdb_provider.errors import StoreUnavailable
from fdb_provider.files.collector import Collector
from fdb_provider.files.service import FileService
from fdb_provider.indexes.builder import Builder
from fdb_provider.repositories import COLLECTIONS
from fdb_provider.signals import Signals
from fdb_provider.store import Store
from rpc import Registry
from theia_bridge.call_traces import CallTraces
from theia_bridge.chat.completions import Completions
from theia_bridge.config import Settings
from theia_bridge.ide import static, welcome
from theia_bridge.leases import Leases
from theia_bridge.methods.context import Context
from theia_bridge.methods.registry import build_registry
from theia_bridge.metrics import Metrics
from theia_bridge.middleware.chain import setup_middleware
from theia_bridge.observations import Observations
from theia_bridge.presence import Presence
from theia_bridge.rates import Rates
from theia_bridge.related.service import RelatedSessions
from theia_bridge.rest import setup_rest
from theia_bridge.search.mirrors import Mirrors
from theia_bridge.search.service import SearchService
from theia_bridge.sockets import Sockets
from theia_bridge.state import (
    ACCOUNTS,
    CALL_TRACES,
    COMPLETIONS,
    DATABASE,
    DOORS,
    ERASER,
    FILES,
    GATE,
    KEYS,
    LEASES,
    METRICS,
    OBSERVATIONS,
    PRESENCE,
    PROFILE,
    RATES,
    RELATED,
    REVOCATIONS,
    RUNTIMES,
    SEARCH,
    SETTINGS,
    SIGNALS,
)
from theia_bridge.workspace import proxy, searches
from theia_bridge.workspace.doors import Doors
from theia_bridge.workspace.runtimes import Runtimes

_log = logging.getLogger(__name__)


async def create_app(settings: Settings) -> web.Application:
    """Opens the store and the keys, and puts the server together; nothing listens yet.

    The application's clean-up closes all again.

    Raises:
        StoreUnusable, StoreInUse: the store cannot be opened, or a newer program has used it.
        KeysUnusable: the key folder cannot be used.
    """
    ring = await asyncio.to_thread(
        KeyRing.open,
        settings.keys,
        settings.token_algorithm,
        token_seconds=settings.access_token_seconds,
        settle_seconds=settings.key_settle_seconds,
    )
    database = await Store.at(settings.store)
    await _open(database, settings.store)
    tokens = Tokens(
        ring, issuer=settings.issuer, audience=settings.audience, seconds=settings.access_token_seconds
    )
    app = web.Application()
    app[SETTINGS] = settings
    app[DATABASE] = database
    app[FILES] = FileService(
        database, settings.limits, settings.content_cache_bytes, retention=settings.retention
    )
    mirrors = Mirrors(app[FILES], settings.cache, settings.search_cache_bytes)
    _add_presence(app)
    app[ERASER] = Eraser(database, app[FILES])
    app[OBSERVATIONS] = Observations(database)
    app[GATE] = Gate(database, tokens)
    app[KEYS] = ring
    app[REVOCATIONS] = RevocationFollower(database, token_seconds=settings.access_token_seconds)
    passwords = _add_accounts(app, tokens)
    registry = build_registry()
    sockets = Sockets(registry)
    app[RATES] = Rates(database, settings.rates)
    _add_runtimes(app, registry, sockets)
    app[SEARCH] = SearchService(app[FILES], mirrors, partial(searches.runtime, app[RUNTIMES]))
    app[METRICS], app[CALL_TRACES] = _metrics(app, registry, sockets), CallTraces()
    app[RELATED] = RelatedSessions(database, app[FILES])
    collector = Collector(
        database,
        app[FILES],
        settings.retention,
        also=app[RELATED].refresh,
        audit_days=settings.audit_days,
    )
    builder = Builder(database, COLLECTIONS, settle=database.settle)

    async def running(app: web.Application) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(app[REVOCATIONS].follow(), name="revocations"),
            asyncio.create_task(collector.run(), name="collector"),
            asyncio.create_task(mirrors.run(), name="mirrors"),
            asyncio.create_task(builder.run(), name="indexes"),
            asyncio.create_task(app[PRESENCE].run(), name="presence"),
            asyncio.create_task(database.keep_opening(), name="store"),
        ]
        observing = asyncio.create_task(app[OBSERVATIONS].run(), name="observations")
        mirrors.clean()
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await mirrors.close()
        await app[SIGNALS].close()
        await app[PRESENCE].close()
        await app[ERASER].close()
        await app[FILES].close()
        await app[OBSERVATIONS].close()
        await observing
        await database.close()
        passwords.close()

    async def shut_sockets(_: web.Application) -> None:
        await sockets.close()

    app.cleanup_ctx.extend([running, _models])
    app.on_shutdown.append(shut_sockets)
    setup_middleware(app)
    setup_rest(app)
    app.add_routes(static.routes)
    app.router.add_get("/ws/rpc", sockets.handle)
    return app


def _add_accounts(app: web.Application, tokens: Tokens) -> Passwords:
    """Adds what deals with accounts; returns what is to be closed with the application."""
    settings, database = app[SETTINGS], app[DATABASE]
    passwords, throttle = Passwords(), Throttle(database)
    app[ACCOUNTS] = Accounts(
        database,
        passwords,
        tokens,
        throttle,
        refresh_seconds=settings.refresh_token_days * 86_400,
        prepare=welcome.prepare,
        registration=settings.registration,
    )
    app[PROFILE] = Profile(database, passwords, throttle)
    return passwords


def _add_presence(app: web.Application) -> None:
    """Adds what tells this gateway of changes on others, and others of its windows."""
    app[SIGNALS] = Signals(app[DATABASE])
    app[PRESENCE] = Presence(app[DATABASE], app[SIGNALS])


def _add_runtimes(app: web.Application, registry: Registry[Context], sockets: Sockets) -> None:
    """Adds what runs the programs of users."""
    settings, database = app[SETTINGS], app[DATABASE]
    tokens = Tokens(
        app[KEYS],
        issuer=settings.issuer,
        audience=settings.audience + AUDIENCE,
        seconds=settings.access_token_seconds,
    )
    app[LEASES] = Leases(app[REVOCATIONS])
    app[DOORS] = Doors(Gate(database, tokens))
    app[RUNTIMES] = Runtimes(
        settings,
        RuntimeSignIns(database, tokens),
        app[DOORS],
        app[LEASES],
        types={name: declared.params_type for name, declared in registry.notifications.items()},
        watched=sockets.watched,
        tell=sockets.tell,
    )

    async def running(app: web.Application) -> AsyncIterator[None]:
        task = asyncio.create_task(app[RUNTIMES].run(), name="runtimes")
        yield
        task.cancel()
        await asyncio.wait([task])

    async def shut(app: web.Application) -> None:
        await app[RUNTIMES].close()

    app.cleanup_ctx.append(running)
    app.on_shutdown.append(shut)  # before the sockets, through which what they wrote is stored
    app.add_routes(proxy.routes)


async def _models(app: web.Application) -> AsyncIterator[None]:
    """The language models, while the application runs; they end before the store is closed."""
    chat = app[COMPLETIONS] = Completions(app[DATABASE], app[SETTINGS])
    metrics = app[METRICS]
    metrics.gauge("completions_running", "Answers of language models under way.", lambda: len(chat))
    metrics.counter("completions", "Times language models were asked.", lambda: chat.counts, "model")
    doc = "Tokens of questions to language models and of their answers."
    metrics.counter("model_tokens", doc, lambda: chat.tokens, "model")
    doc = "Answers of language models that did not come to their end."
    metrics.counter("completions_failed", doc, lambda: chat.failures, "reason")
    yield
    await chat.close()


def _metrics(app: web.Application, registry: Registry[Context], sockets: Sockets) -> Metrics:
    """The counts of the server, with what other parts count."""
    metrics = Metrics(registry.methods, app[DATABASE].counts)
    audit, rates = app[OBSERVATIONS], app[RATES]
    metrics.gauge("sockets", "Open RPC sockets.", lambda: len(sockets))
    metrics.gauge("runtimes", "Workspaces that run.", lambda: len(app[RUNTIMES]))
    metrics.gauge("audit_waiting", "Entries of the audit to be written.", lambda: audit.waiting)
    metrics.counter("audit_dropped", "Entries of the audit that are lost.", lambda: {"": audit.dropped})
    doc = "Requests and calls refused, as a budget was used up."
    metrics.counter("rate_limited", doc, lambda: rates.refused, "budget")
    doc = "Requests let through as the store did not count them in time."
    metrics.counter("rate_uncounted", doc, lambda: {"": rates.uncounted})
    return metrics


async def _open(store: Store, url: str) -> None:
    """Opens the store. When it does not answer, the server starts all the same, and keeps trying."""
    try:
        await store.open()
    except StoreUnavailable as error:
        _log.error("The store %s does not answer: %s. Requests get 'Unavailable' until it does.", url, error)
    except BaseException:
        await store.close()
        raise
