"""Profiles of workspace sessions, by which they are compared."""

from __future__ import annotations

from fdb_provider.models import SessionProfile
from fdb_provider.records import Collection, Index

PROFILES = Collection(
    "session-profile",
    SessionProfile,
    key=("user", "session"),
    indexes=[
        Index(
            "by_user_made",
            ("user", "made_at"),
            serves="Which profiles of a user are new since they were last compared.",
        )
    ],
)
