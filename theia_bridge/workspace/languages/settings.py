"""Which languages have servers, by the settings."""

from __future__ import annotations

from collections.abc import Mapping

from theia_bridge.config import Settings
from theia_bridge.workspace.handover import LanguageServer

BUILT_IN: Mapping[str, LanguageServer] = {"python": LanguageServer()}
"""What there is without any setting."""


def servers(settings: Settings) -> dict[str, LanguageServer]:
    """All servers, by the ids of their languages."""
    given = {
        id: LanguageServer(
            command=(language.command, *language.args) if language.command else (),
            engines=language.engines,
            environment=language.environment,
        )
        for id, language in settings.workspace_languages.items()
    }
    return {**BUILT_IN, **given}
