"""The records. Times are milliseconds since 1970, ids come from `new_id`.

A field added to a record needs a default: stored records do not have it (see `records`).
"""

from __future__ import annotations

import secrets
import time
import unicodedata
from typing import Literal

import msgspec

_SORTED_BY = 100
"""Characters of a name that its place in a list depends on."""
Role = Literal["owner", "admin", "member", "viewer"]
_RANKS: tuple[Role, ...] = ("viewer", "member", "admin", "owner")


def at_least(role: Role, least: Role) -> bool:
    """Whether a role may do what is open to `least`."""
    return _RANKS.index(role) >= _RANKS.index(least)


def new_id() -> str:
    """A new id: 80 random bits in hexadecimal, so a clash is out of the question and none can be guessed."""
    return secrets.token_hex(10)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def email_key(email: str) -> str:
    """The form in which an e-mail address is unique: letter case and compatibility forms do not count."""
    return _folded(email)


def name_key(name: str) -> str:
    """The form in which the name of an agent is unique, as with `email_key`."""
    return _folded(name)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text.strip()).casefold())


class Limits(msgspec.Struct, frozen=True):
    """How much may be kept, see `files.usage`; 0 is no limit.

    Args:
        tenant_bytes, tenant_files: in all sessions and homes of the tenant together.
        user_bytes, user_files: in one user's home.
        session_bytes, session_files: in one session's workspace.
        user_sessions: sessions one user may have; those in the trash do not count.
    """

    tenant_bytes: int = 0
    tenant_files: int = 0
    user_bytes: int = 0
    user_files: int = 0
    session_bytes: int = 0
    session_files: int = 0
    user_sessions: int = 0

    @property
    def unlimited(self) -> bool:
        """Whether files have no limit."""
        return not (
            self.tenant_bytes
            or self.tenant_files
            or self.user_bytes
            or self.user_files
            or self.session_bytes
            or self.session_files
        )

    def of(self, owner: Literal["session", "user", "tenant"], unit: Literal["bytes", "files"]) -> int:
        """The limit of one owner in one unit."""
        limit: int = getattr(self, f"{owner}_{unit}")
        return limit


UNLIMITED = Limits()


class Tenant(msgspec.Struct, frozen=True):
    """An account whose data is apart from all others'.

    Args:
        limits: its own, instead of those the server is set to.
    """

    id: str
    name: str
    created_at: int
    limits: Limits | None = None


class User(msgspec.Struct, frozen=True):
    """A person of a tenant.

    Args:
        email: as typed, for display.
        email_key: see `email_key`.
        password_hash: Argon2id in its encoded form.
        deleted_at: when they were removed. Their data stays with the tenant, and their address is free.
    """

    id: str
    email: str
    email_key: str
    name: str
    role: Role
    password_hash: str
    created_at: int
    deleted_at: int | None = None


class Account(msgspec.Struct, frozen=True):
    """Where the user with an e-mail address is; kept in the tenant `SYSTEM`, as login knows no tenant yet."""

    email_key: str
    tenant: str
    user: str


class Invitation(msgspec.Struct, frozen=True):
    """Leave to join a tenant, for whoever has its code. Deleted when used or taken back.

    Kept in the tenant `SYSTEM` when it is the operator's, to someone who gets a tenant of their own.

    Args:
        email: whose it is, as typed.
        email_key: see `email_key`.
        secret_hash: SHA-256 of the secret in its code, which is kept nowhere.
        created_by: the user who made it; "" for the operator.
    """

    id: str
    email: str
    email_key: str
    role: Role
    secret_hash: bytes
    created_by: str
    created_at: int
    expires_at: int


class AuthSession(msgspec.Struct, frozen=True):
    """One sign-in: the family of all refresh tokens that follow from it. Deleted when revoked.

    Args:
        session: the workspace session its access tokens are for.
        secret_hash: SHA-256 of the secret in the refresh token that is valid now.
        used_at: when the tokens before were traded for it.
        expires_at: when that token, and so the family, ends.
        siblings: hashes of the others that are valid in its stead, see `auth_sessions.rotate`.
        previous: hashes of those that were valid before `used_at`.
        agent, address: what program made it or used it last, and from where; "" where that is not known.
    """

    id: str
    user: str
    session: str
    secret_hash: bytes
    created_at: int
    used_at: int
    expires_at: int
    siblings: tuple[bytes, ...] = ()
    previous: tuple[bytes, ...] = ()
    agent: str = ""
    address: str = ""


class WorkspaceSession(msgspec.Struct, frozen=True):
    """A workspace: its own files, terminals and conversations.

    Args:
        user: its owner.
        used_at: when it was last signed in to or opened.
        updated_at: when its name, tags or description last changed, or it was made; 0 if that is not known.
        tags: none of them twice, in whatever case.
        parent: the session it was forked from, which may be gone.
        forked_at: when that was.
        name_key: the name in the form it is sorted by; it follows from the name.
    """

    id: str
    user: str
    name: str
    created_at: int
    used_at: int
    updated_at: int = 0
    tags: tuple[str, ...] = ()
    description: str = ""
    parent: str | None = None
    forked_at: int | None = None
    deleted_at: int | None = None
    name_key: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "name_key", _folded(self.name)[:_SORTED_BY])


class SessionProfile(msgspec.Struct, frozen=True):
    """What a session is compared with others by; it can be made anew from the session at any time.

    Args:
        seen: what the session's files and conversations were when it was made: see `related.profiles`.
        sketch: of the contents of its files, see `related.sketch`.
        words: those its conversations have most often, and how often.
        made_at: changes with every new profile.
    """

    user: str
    session: str
    seen: bytes
    sketch: bytes
    words: dict[str, int]
    made_at: int


class Revocation(msgspec.Struct, frozen=True):
    """An entry of the feed of families whose open channels must not go on as they are.

    Args:
        ended: the family was revoked; else something it stands for has changed, such as the user's role.
    """

    tenant: str
    family: str
    at: int
    ended: bool = True


class Audit(msgspec.Struct, frozen=True):
    """An entry of a tenant's audit: who did, or was refused, what. Never a token, password or content.

    Args:
        user: who; "" when nobody had signed in.
        session: the workspace session it was done in; "" when in none.
        action: one of `repositories.audit.ACTIONS`.
        resource: what it was done to: "session/ID", "user/ID", a file as "session/ID/workspace/PATH" or
            "user/ID/home/PATH"; "" where the action says it all.
        outcome: "refused" when the caller was not let do it.
        count: of how many like it in close succession this entry tells; `at` is the time of the last.
        request, address: as in `scope.Actor`.
        detail: what else matters, such as the role that was given.
    """

    id: str
    at: int
    user: str
    session: str
    action: str
    resource: str
    outcome: Literal["done", "refused"] = "done"
    count: int = 1
    request: str = ""
    address: str = ""
    detail: dict[str, str] = {}


MessageRole = Literal["user", "assistant", "system", "tool"]


class Conversation(msgspec.Struct, frozen=True):
    """A conversation of a user, held in one of the user's workspace sessions.

    Args:
        id: its client's, or ours; unique among the user's.
        agent: the agent it is pinned to, by its id or by the name the IDE's own agents have.
        updated_at: when it, or a message of it, last changed.
        messages: how many it has, which is also the position of the next one.
        size: bytes of their bodies together.
        metadata: what its client keeps with it: a JSON object.
    """

    id: str
    session: str
    user: str
    title: str
    created_at: int
    updated_at: int
    agent: str | None = None
    messages: int = 0
    size: int = 0
    metadata: bytes = b"{}"
    deleted_at: int | None = None


class Message(msgspec.Struct, frozen=True):
    """A message of a conversation. What it says is its body, see `repositories.messages`.

    Args:
        position: 0 for the first of the conversation, one more for each that follows.
        id: its client's, unique in the conversation.
        model: the language model that wrote it.
        parent: id of the message it follows, where the conversation has branches.
        updated_at: when its body last changed.
        size: bytes of its body.
        digest: SHA-256 of its body.
        packed: the body is stored as a zstd frame.
        parts: number of keys that hold the body; 0 when it is in `body`.
    """

    user: str
    conversation: str
    position: int
    id: str
    role: MessageRole
    created_at: int
    updated_at: int
    size: int
    digest: bytes
    model: str | None = None
    parent: str | None = None
    packed: bool = False
    parts: int = 0
    body: bytes = b""


class Agent(msgspec.Struct, frozen=True):
    """An agent of a tenant: what a language model is told, and may use, when it answers.

    Args:
        name_key: the form in which its name is unique, see `name_key`.
        prompt: what the model is told first.
        model: the language model that answers; "" is the server's default.
        tools: names of the tools it may call.
        created_by: the user who made it.
    """

    id: str
    name: str
    name_key: str
    created_by: str
    created_at: int
    updated_at: int
    description: str = ""
    prompt: str = ""
    model: str = ""
    tools: tuple[str, ...] = ()
    deleted_at: int | None = None


class Setting(msgspec.Struct, frozen=True):
    """A value that a client keeps for a user.

    Args:
        value: JSON text, as it was given.
    """

    user: str
    category: str
    key: str
    value: bytes
    updated_at: int


class TokenUse(msgspec.Struct, frozen=True):
    """What a user has taken of a language model on one day.

    Args:
        day: days since 1970, in UTC.
        completions: how often it was asked.
        input, output: tokens of what it was asked, and of what it answered.
    """

    user: str
    day: int
    model: str
    completions: int = 0
    input: int = 0
    output: int = 0


PodPhase = Literal["pending", "running", "stopping", "failed"]


class PodAllocation(msgspec.Struct, frozen=True):
    """The pod in which a workspace session runs; deleted with the pod.

    Kept in the tenant `SYSTEM`: a node is drained, and a silent pod found, without knowing whose it is.

    Args:
        pod, namespace: the pod's name and namespace in the cluster.
        node: where it was scheduled, and
        address: `host:port` of its workspace runtime; both None until they are known.
        heartbeat_at: when the runtime last said that it is alive.
    """

    id: str
    tenant: str
    user: str
    session: str
    pod: str
    namespace: str
    phase: PodPhase
    created_at: int
    heartbeat_at: int
    node: str | None = None
    address: str | None = None


class Erasure(msgspec.Struct, frozen=True):
    """The erasure of a user or of a whole tenant, while it is under way; kept in the tenant `SYSTEM`.

    Args:
        user: who is erased; "" for all of the tenant.
        email_key: the user's, see `email_key`; "" for a tenant.
        tombstone: an id that leads to nobody, in the user's place where others' records name them.
        began: when.
        round: how often all of it was gone through.
        stage: the number of the part that is next in this round.
        found: how much there was in this round that had to go.
        resumes_at: not before that time.
    """

    id: str
    tenant: str
    user: str
    email_key: str
    tombstone: str
    began: int
    round: int = 0
    stage: int = 0
    found: int = 0
    resumes_at: int = 0


class ErasedSession(msgspec.Struct, frozen=True):
    """A workspace session that goes with an erasure, for it to find what is written there late."""

    erasure: str
    session: str
