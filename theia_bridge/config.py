"""Every setting of the server, and the one place that reads them.

In order, the later winning: the defaults here, a TOML file (`theia-bridge.toml` in the working folder, or the
one `THEIA_BRIDGE_CONFIG` names), `THEIA_BRIDGE_*` environment variables, options of the command line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from auth.keys import SETTLE_SECONDS
from fdb_provider.files.retention import DAY, HOUR, MOST_VERSIONS, Retention
from fdb_provider.models import Limits
from theia_bridge.rates import Budget

OTHER_VARIABLES = {
    *("THEIA_BRIDGE_CONFIG", "THEIA_BRIDGE_PASSWORD", "THEIA_BRIDGE_TOKEN", "THEIA_BRIDGE_URL"),
    *("THEIA_BRIDGE_OWNER", "THEIA_BRIDGE_EMBEDDERS"),
}
"""Variables that are no settings of the server: the file's name, and what the command line reads, or a Theia
with a Node backend, in whose terminals they are."""
DEFAULT_FILE = "theia-bridge.toml"
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?/?", re.IGNORECASE)
"""Also keeps what is not one out of the Content-Security-Policy."""
SECRET_LENGTH = 16
"""Characters that a secret must have to be none that can be guessed."""


class ConfigError(Exception):
    """A setting is wrong; the message names it and what it may be."""


class LanguageSettings(BaseModel):
    """A language's server: a program, or the built-in server with engines of one's own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    command: str = ""
    args: tuple[str, ...] = ()
    engines: tuple[Annotated[tuple[str, ...], Field(min_length=1)], ...] = ()
    environment: dict[str, str] = {}

    @model_validator(mode="after")
    def _one_of_both(self) -> LanguageSettings:
        if bool(self.command) == bool(self.engines):
            raise ValueError("needs either a command or engines")
        return self


class Settings(BaseSettings):
    """The effective settings. A field's description is its documentation."""

    model_config = SettingsConfigDict(env_prefix="THEIA_BRIDGE_", extra="forbid", frozen=True)

    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="Port to listen on; 0 takes a free one.")] = 8400
    store: Annotated[
        str,
        Field(description="Where everything is kept: `embedded:FOLDER` (one machine) or `fdb:CLUSTER_FILE`."),
    ] = "embedded:.data/store"
    keys: Annotated[
        Path,
        Field(description="Folder of the token keys; made on first start. All gateways of a store share it."),
    ] = Path(".data/keys")
    cache: Annotated[
        Path,
        Field(description="Folder for what can be made anew from the store; it can be deleted at any time."),
    ] = Path(".data/cache")
    search_cache_bytes: Annotated[
        int,
        Field(ge=1024**2, description="Bytes of the cache that files to be searched may take on the disk."),
    ] = 4 * 1024**3
    ide: Annotated[
        Path, Field(description="Folder of the built frontend (`make ide`); the package's own by default.")
    ] = Path(__file__).parent / "ide" / "theia"
    origins: Annotated[
        tuple[str, ...],
        Field(description="Further origins that may open sockets and send cookies, as `https://host:port`."),
    ] = ()
    embedders: Annotated[
        tuple[str, ...],
        Field(
            description="Origins whose pages may show the IDE in a frame and hand it access tokens, as "
            "`https://host:port`; none but this server's own by default."
        ),
    ] = ()
    trust_proxy: Annotated[
        bool,
        Field(
            description="Believe X-Forwarded-For and X-Forwarded-Proto: only behind a proxy that sets both."
        ),
    ] = False
    registration: Annotated[
        Literal["open", "invitation", "closed"],
        Field(
            description="Who may make an account: everybody (`open`), whoever was invited (`invitation`), or "
            "nobody but the operator, by `theia-bridge user add` (`closed`)."
        ),
    ] = "open"
    issuer: Annotated[str, Field(min_length=1, description="`iss` of the tokens.")] = "theia-bridge"
    audience: Annotated[str, Field(min_length=1, description="`aud` of the tokens.")] = "theia-bridge"
    token_algorithm: Annotated[
        Literal["EdDSA", "HS256"], Field(description="Algorithm of newly made signing keys.")
    ] = "EdDSA"  # noqa: S105 - the name of an algorithm
    access_token_seconds: Annotated[
        int, Field(ge=1, le=86_400, description="Life of an access token, in seconds.")
    ] = 900
    key_settle_seconds: Annotated[
        int,
        Field(
            ge=1,
            le=3600,
            description="Seconds from the making of a new key to its first signature; gateways look for new "
            "ones three times in it.",
        ),
    ] = SETTLE_SECONDS
    refresh_token_days: Annotated[
        int, Field(ge=1, le=366, description="Days without use after which a sign-in ends.")
    ] = 30
    rpc_concurrency: Annotated[
        int, Field(ge=1, le=10_000, description="Requests of one socket that run side by side.")
    ] = 64
    rpc_sockets: Annotated[
        int, Field(ge=1, le=10_000, description="Sockets one user may have open on a gateway.")
    ] = 64
    rpc_max_frame: Annotated[
        int,
        Field(ge=64 * 1024, le=1024**3, description="Largest frame a socket takes, in bytes; bounds a save."),
    ] = 64 * 1024 * 1024
    file_max_bytes: Annotated[
        int, Field(ge=0, description="Bytes a file may have that is uploaded over HTTP; 0: no limit.")
    ] = 16 * 1024**3
    quota_tenant_bytes: Annotated[
        int, Field(ge=0, description="Bytes a tenant may keep in all its sessions and homes; 0: no limit.")
    ] = 0
    quota_tenant_files: Annotated[
        int, Field(ge=0, description="Files and folders a tenant may keep; 0: no limit.")
    ] = 0
    quota_user_bytes: Annotated[
        int, Field(ge=0, description="Bytes a user may keep in `/home`; 0: no limit.")
    ] = 0
    quota_user_files: Annotated[
        int, Field(ge=0, description="Files and folders a user may keep in `/home`; 0: no limit.")
    ] = 0
    quota_session_bytes: Annotated[
        int, Field(ge=0, description="Bytes a session may keep in `/workspace`; 0: no limit.")
    ] = 0
    quota_session_files: Annotated[
        int, Field(ge=0, description="Files and folders a session may keep in `/workspace`; 0: no limit.")
    ] = 0
    quota_user_sessions: Annotated[
        int, Field(ge=0, description="Sessions a user may have, without those in the trash; 0: no limit.")
    ] = 1000
    content_cache_bytes: Annotated[
        int, Field(ge=0, description="Bytes of files read lately that a gateway keeps in memory.")
    ] = 64 * 1024 * 1024
    history_versions: Annotated[
        int, Field(ge=0, le=MOST_VERSIONS, description="Earlier contents kept of each file; 0 keeps none.")
    ] = 50
    history_days: Annotated[
        int, Field(ge=1, le=3650, description="Days an earlier content is kept after it was replaced.")
    ] = 30
    history_merge_seconds: Annotated[
        int,
        Field(
            ge=0,
            le=3600,
            description="A content that was current for a shorter time, in seconds, is not kept.",
        ),
    ] = 10
    trash_days: Annotated[int, Field(ge=1, le=3650, description="Days what was deleted can be restored.")] = (
        30
    )
    feed_hours: Annotated[
        int,
        Field(
            ge=1,
            le=8760,
            description="Hours a change is kept for clients that were away; after that they load all anew.",
        ),
    ] = 24
    feed_records: Annotated[
        int,
        Field(ge=1000, description="Changes of a session or a home that are kept for them at most."),
    ] = 100_000
    audit_days: Annotated[int, Field(ge=1, le=36_500, description="Days the audit is kept.")] = 365
    audit_reads: Annotated[
        Literal["none", "rest", "all"],
        Field(
            description="Whether the audit tells of reads, too: `rest` of what is fetched by its id or path "
            "over HTTP, `all` also of contents of files read in the IDE."
        ),
    ] = "none"
    workspace_sandbox: Annotated[
        Literal["bubblewrap", "none"],
        Field(
            description="What keeps a workspace's programs from the rest of the machine; `none` is unsafe: "
            "they may then do and read whatever the server may."
        ),
    ] = "bubblewrap"
    workspace_folder: Annotated[
        Path, Field(description="Folder of the sessions' files while programs work on them.")
    ] = Path(".data/workspaces")
    workspace_idle_minutes: Annotated[
        float,
        Field(gt=0, description="Minutes after which a runtime is stopped whose session nobody has open."),
    ] = 30.0
    workspace_limit: Annotated[
        int, Field(ge=0, description="Runtimes a gateway has at a time; 0: none, so no terminals.")
    ] = 32
    workspace_memory_bytes: Annotated[
        int,
        Field(ge=64 * 1024**2, description="Bytes of memory one process of a workspace may take for itself."),
    ] = 4 * 1024**3
    workspace_processes: Annotated[
        int, Field(ge=16, description="Processes and threads a runtime may have at a time.")
    ] = 512
    workspace_cpu_seconds: Annotated[
        int, Field(ge=0, description="Processor seconds one process of a workspace may use; 0: no limit.")
    ] = 0
    workspace_file_bytes: Annotated[
        int, Field(ge=1024**2, description="Bytes a file may have that a process of a workspace writes.")
    ] = 16 * 1024**3
    workspace_network: Annotated[
        bool,
        Field(
            description="Whether workspaces reach the network, and with it all that listens on this machine, "
            "a FoundationDB cluster too."
        ),
    ] = False
    workspace_excludes: Annotated[
        tuple[str, ...],
        Field(description="Names of folders whose files stay on the workspace's disk and are not stored."),
    ] = ("node_modules", ".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache")
    workspace_languages: Annotated[
        dict[str, LanguageSettings],
        Field(
            description="Language servers, by the ids of their languages: `command` and `args` of one that "
            "speaks on its standard input and output, or `engines` of the built-in one; `environment`."
        ),
    ] = {}
    chat_echo: Annotated[
        bool,
        Field(description="Whether there is the model `echo`, which needs no network."),
    ] = True
    chat_base_url: Annotated[
        str,
        Field(
            description="Address of an OpenAI-compatible endpoint with its version, such as "
            "`https://api.openai.com/v1`."
        ),
    ] = ""
    chat_api_key: Annotated[SecretStr, Field(description="Its key. It stays on the server.")] = SecretStr("")
    chat_api_key_file: Annotated[
        str, Field(description="A file with the key, in place of `chat_api_key`.")
    ] = ""
    chat_models: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=200)], ...],
        Field(description="Its models that users may ask; none: it is not asked."),
    ] = ()
    chat_default_model: Annotated[
        str, Field(description="The model that answers where none is named; without it, the first one.")
    ] = ""
    chat_timeout_seconds: Annotated[
        float, Field(gt=0, le=3600, description="Seconds a model may say nothing before it is given up.")
    ] = 120.0
    chat_output_tokens: Annotated[
        int, Field(ge=1, le=1_000_000, description="Tokens an answer may have at most.")
    ] = 8192
    chat_budget_tokens: Annotated[
        int,
        Field(ge=0, description="Tokens a user may take in a day (UTC), questions and answers; 0: no limit."),
    ] = 0
    chat_concurrency: Annotated[
        int, Field(ge=1, le=1000, description="Answers one user may have under way at a time on a gateway.")
    ] = 8
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Field(description="Least level that is logged.")
    ] = "info"
    log_format: Annotated[
        Literal["text", "json"], Field(description="Lines for people, or a JSON object a line.")
    ] = "text"
    metrics: Annotated[
        Literal["token", "public", "off"],
        Field(
            description="Who may read /metrics: who sends `metrics_token`, everybody who reaches the server, "
            "or nobody."
        ),
    ] = "token"
    metrics_token: Annotated[
        SecretStr,
        Field(
            description=f"The bearer token that opens /metrics, at least {SECRET_LENGTH} characters; nothing "
            "opens it without one."
        ),
    ] = SecretStr("")

    rate_rest: Annotated[
        int, Field(ge=0, description="Requests a user may make to the REST API in a minute; 0: no limit.")
    ] = 100
    rate_files: Annotated[
        int, Field(ge=0, description="Files a user may send or fetch over HTTP in a minute; 0: no limit.")
    ] = 6_000
    rate_rpc: Annotated[
        int, Field(ge=0, description="RPC calls a user may make in a minute; 0: no limit.")
    ] = 120_000
    rate_sign_in: Annotated[
        int,
        Field(
            ge=0,
            description="Times one address may register, sign in or refresh in a minute; 0: no limit. Failed "
            "attempts are limited more strictly, too.",
        ),
    ] = 60
    rate_anonymous: Annotated[
        int,
        Field(
            ge=0,
            description="Other requests one address may make in a minute without a sign-in that stands; "
            "0: no limit.",
        ),
    ] = 300

    @field_validator("metrics_token")
    @classmethod
    def _long_enough(cls, secret: SecretStr) -> SecretStr:
        if 0 < len(secret.get_secret_value()) < SECRET_LENGTH:
            raise ValueError(f"must have at least {SECRET_LENGTH} characters")
        return secret

    @model_validator(mode="after")
    def _chat_is_whole(self) -> Settings:
        if self.chat_models and not re.match(r"https?://[^/]", self.chat_base_url):
            raise ValueError("chat_models need chat_base_url, which begins with https:// or http://")
        if self.chat_api_key.get_secret_value() and self.chat_api_key_file:
            raise ValueError("give chat_api_key or chat_api_key_file, not both")
        if self.chat_api_key_file and not os.access(self.chat_api_key_file, os.R_OK):
            raise ValueError(f"chat_api_key_file: {self.chat_api_key_file} cannot be read")
        if self.chat_echo and "echo" in self.chat_models:
            raise ValueError(
                "chat_models has `echo`, as the built-in model is called: set chat_echo to false"
            )
        there = (*self.chat_models, *(["echo"] if self.chat_echo else []))
        if self.chat_default_model and self.chat_default_model not in there:
            raise ValueError(f"chat_default_model is none of the models: {', '.join(there)}")
        return self

    @property
    def chat_key(self) -> str:
        """The key of the language models' endpoint."""
        if self.chat_api_key_file:
            return Path(self.chat_api_key_file).read_text().strip()
        return self.chat_api_key.get_secret_value()

    @field_validator("embedders")
    @classmethod
    def _origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(f"{origin} is no origin, such as https://host or http://host:port")
        return tuple(origin.rstrip("/").lower() for origin in origins)

    @property
    def limits(self) -> Limits:
        """The quotas together."""
        return Limits(**{name: getattr(self, f"quota_{name}") for name in Limits.__struct_fields__})

    @property
    def rates(self) -> Mapping[Budget, int]:
        """What may be asked for in a minute, by budget."""
        return {
            "rest": self.rate_rest,
            "files": self.rate_files,
            "rpc": self.rate_rpc,
            "sign-in": self.rate_sign_in,
            "anonymous": self.rate_anonymous,
        }

    @property
    def retention(self) -> Retention:
        """What is kept of the past, as the file system takes it."""
        return Retention(
            versions=self.history_versions,
            history=self.history_days * DAY,
            merge=self.history_merge_seconds * 1000,
            trash=self.trash_days * DAY,
            feed=self.feed_hours * HOUR,
            feed_records=self.feed_records,
        )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The order of the sources; pydantic-settings' hook for it."""
        file = os.environ.get("THEIA_BRIDGE_CONFIG", DEFAULT_FILE)
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file)


def load(**options: object) -> Settings:
    """The effective settings, from all sources; options that are None count as not given.

    Raises:
        ConfigError: the file is missing or no TOML, or a value is not of its setting's kind.
    """
    named = os.environ.get("THEIA_BRIDGE_CONFIG")
    if named and not Path(named).is_file():
        raise ConfigError(f"THEIA_BRIDGE_CONFIG names {named}, which is not a file")
    known = {f"THEIA_BRIDGE_{name.upper()}" for name in Settings.model_fields} | OTHER_VARIABLES
    unknown = sorted(name for name in os.environ if name.startswith("THEIA_BRIDGE_") and name not in known)
    if unknown:
        raise ConfigError(f"unknown settings in the environment: {', '.join(unknown)}")
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}{_given(e)}" for e in error.errors()]
        raise ConfigError("wrong settings:\n  " + "\n  ".join(lines)) from None
    except ValueError as error:
        raise ConfigError(f"the settings file cannot be read: {error}") from None


def _given(error: ErrorDetails) -> str:
    """What was given, unless it is a secret."""
    field = Settings.model_fields.get(str(error["loc"][0])) if error["loc"] else None
    if field is None or field.annotation is SecretStr:  # without a field it is all of them
        return ""
    return f" (got {_masked(repr(error['input']))})"


def _masked(text: str) -> str:
    """The text without what a URL in it has to sign in with."""
    return re.sub(r"//[^/@\s]*@", "//********@", text)


def describe(settings: Settings) -> str:
    """The settings as a TOML file, each with its documentation; secrets are masked."""
    lines: list[str] = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        lines += [f"# {field.description}", f"{name} = {_toml(value)}", ""]
    return "\n".join(lines)


def _toml(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case BaseModel():
            return _toml(value.model_dump(exclude_defaults=True))
        case dict():
            return "{" + ", ".join(f"{_toml(name)} = {_toml(of)}" for name, of in value.items()) + "}"
        case SecretStr():
            return '"********"' if value.get_secret_value() else '""'
        case _:
            text = _masked(str(value)).replace("\\", "\\\\").replace('"', '\\"')
            return f'"{text}"'
