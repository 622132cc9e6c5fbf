"""One module for each kind of record: which collections there are and what is done with them."""

from __future__ import annotations

from typing import Any

from fdb_provider.records import Collection
from fdb_provider.repositories import (
    accounts,
    agents,
    audit,
    auth_sessions,
    conversations,
    erasures,
    invitations,
    messages,
    pod_allocations,
    session_profiles,
    settings,
    token_usage,
    workspace_sessions,
)

COLLECTIONS: tuple[Collection[Any], ...] = (
    accounts.TENANTS,
    accounts.USERS,
    accounts.ACCOUNTS,
    invitations.INVITATIONS,
    auth_sessions.FAMILIES,
    workspace_sessions.SESSIONS,
    session_profiles.PROFILES,
    conversations.CONVERSATIONS,
    messages.MESSAGES,
    audit.AUDIT,
    agents.AGENTS,
    settings.SETTINGS,
    token_usage.TOKENS,
    pod_allocations.PODS,
    erasures.ERASURES,
    erasures.ERASED_SESSIONS,
)
"""Every collection of the store."""
