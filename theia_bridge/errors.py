"""The one table of error kinds: what RPC and REST answer for what went wrong inside.

A kind is the stable name a client acts on. Codes from -32000 down are ours, as JSON-RPC 2.0 reserves them
for servers.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from auth import errors as auth
from fdb_provider import errors as store
from rpc import RpcError
from rpc.errors import RETRY_AFTER
from theia_bridge.chat import errors as chat
from theia_bridge.workspace import errors as workspace


class Kind(NamedTuple):
    """How one kind of error is told: its name, its JSON-RPC code, its HTTP status."""

    name: str
    code: int
    status: HTTPStatus


class RateLimited(Exception):
    """The caller has asked for all it may ask for in a minute; the same request succeeds later.

    Args:
        policy: the budget that is used up.
        limit: of that, for a minute.
        retry_after: seconds until there is room again.
    """

    def __init__(self, policy: str, limit: int, retry_after: int) -> None:
        super().__init__(f"At most {limit:,} requests a minute are taken here. Go on in {retry_after} s.")
        self.policy = policy
        self.retry_after = retry_after


class ChangedMeanwhile(store.Conflict):
    """Parts of a chat were changed by others since the caller read them; nothing was saved.

    Args:
        messages: those that have changed, with their etags; None for one that is not there.
        fields: the etag of the chat's own fields, if it is these that have changed.
    """

    def __init__(self, messages: Mapping[str, str | None], fields: str | None) -> None:
        named = [f"the message {message}" for message in messages]
        named += ["its title, agent or metadata"] if fields is not None else []
        more = f" and {len(named) - 3} more" if len(named) > 3 else ""
        super().__init__(
            f"Changed in another window meanwhile: {', '.join(named[:3])}{more}. Read it again, then save it."
        )
        self.told = {"messages": dict(messages)} | ({} if fields is None else {"chat": fields})


KINDS: dict[type[Exception], Kind] = {
    store.FileExists: Kind("FileExists", -32001, HTTPStatus.CONFLICT),
    store.FileNotFound: Kind("FileNotFound", -32002, HTTPStatus.NOT_FOUND),
    store.FileNotADirectory: Kind("FileNotADirectory", -32003, HTTPStatus.CONFLICT),
    store.FileIsADirectory: Kind("FileIsADirectory", -32004, HTTPStatus.CONFLICT),
    store.DirectoryNotEmpty: Kind("DirectoryNotEmpty", -32005, HTTPStatus.CONFLICT),
    store.InvalidPath: Kind("InvalidPath", -32006, HTTPStatus.BAD_REQUEST),
    store.FileTooLarge: Kind("FileTooLarge", -32007, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    store.TransactionTooLarge: Kind("FileTooLarge", -32007, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    store.NoPermissions: Kind("NoPermissions", -32008, HTTPStatus.FORBIDDEN),
    store.Conflict: Kind("Conflict", -32009, HTTPStatus.PRECONDITION_FAILED),
    store.CursorExpired: Kind("CursorExpired", -32010, HTTPStatus.GONE),
    store.InvalidCursor: Kind("InvalidCursor", -32020, HTTPStatus.BAD_REQUEST),
    store.QuotaExceeded: Kind("QuotaExceeded", -32011, HTTPStatus.INSUFFICIENT_STORAGE),
    store.ContentDamaged: Kind("ContentDamaged", -32019, HTTPStatus.INTERNAL_SERVER_ERROR),
    store.StoreFull: Kind("Unavailable", -32012, HTTPStatus.INSUFFICIENT_STORAGE),
    store.StoreUnavailable: Kind("Unavailable", -32012, HTTPStatus.SERVICE_UNAVAILABLE),
    store.TransactionTooOld: Kind("Unavailable", -32012, HTTPStatus.SERVICE_UNAVAILABLE),
    store.DatabaseClosed: Kind("Unavailable", -32012, HTTPStatus.SERVICE_UNAVAILABLE),
    store.StoreUnusable: Kind("Unavailable", -32012, HTTPStatus.SERVICE_UNAVAILABLE),
    store.RecordNotFound: Kind("NotFound", -32013, HTTPStatus.NOT_FOUND),
    store.RecordExists: Kind("Exists", -32014, HTTPStatus.CONFLICT),
    auth.AuthError: Kind("Unauthorized", -32015, HTTPStatus.UNAUTHORIZED),
    auth.OriginRejected: Kind("OriginRejected", -32016, HTTPStatus.FORBIDDEN),
    auth.InvalidFields: Kind("InvalidFields", -32017, HTTPStatus.UNPROCESSABLE_ENTITY),
    auth.RegistrationClosed: Kind("RegistrationClosed", -32030, HTTPStatus.FORBIDDEN),
    auth.InvitationRejected: Kind("InvitationRejected", -32031, HTTPStatus.FORBIDDEN),
    auth.LastOwner: Kind("LastOwner", -32032, HTTPStatus.CONFLICT),
    auth.TooManyAttempts: Kind("TooManyAttempts", -32018, HTTPStatus.TOO_MANY_REQUESTS),
    store.InvalidPattern: Kind("InvalidPattern", -32021, HTTPStatus.BAD_REQUEST),
    store.SearchUnavailable: Kind("Unavailable", -32012, HTTPStatus.SERVICE_UNAVAILABLE),
    RateLimited: Kind("RateLimited", -32029, HTTPStatus.TOO_MANY_REQUESTS),
    workspace.NoSandbox: Kind("NoSandbox", -32040, HTTPStatus.SERVICE_UNAVAILABLE),
    workspace.ProgramNotStarted: Kind("ProgramNotStarted", -32041, HTTPStatus.UNPROCESSABLE_ENTITY),
    workspace.WorkspaceUnavailable: Kind("Unavailable", -32012, HTTPStatus.SERVICE_UNAVAILABLE),
    chat.UnknownModel: Kind("UnknownModel", -32050, HTTPStatus.NOT_FOUND),
    chat.ModelRefused: Kind("ModelRefused", -32051, HTTPStatus.UNPROCESSABLE_ENTITY),
    chat.ModelUnusable: Kind("ModelUnusable", -32052, HTTPStatus.BAD_GATEWAY),
    chat.ModelUnavailable: Kind("ModelUnavailable", -32053, HTTPStatus.SERVICE_UNAVAILABLE),
    chat.ModelBusy: Kind("ModelBusy", -32054, HTTPStatus.SERVICE_UNAVAILABLE),
    chat.BudgetExceeded: Kind("BudgetExceeded", -32055, HTTPStatus.TOO_MANY_REQUESTS),
    chat.TooManyCompletions: Kind("TooManyCompletions", -32056, HTTPStatus.TOO_MANY_REQUESTS),
    auth.PasswordsBusy: Kind("Unavailable", -32012, HTTPStatus.SERVICE_UNAVAILABLE),
}


REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
"""Answers that are refusals, whatever was asked for."""
REFUSALS = frozenset(kind.name for kind in KINDS.values() if kind.status in REFUSED) | {
    KINDS[store.RecordNotFound].name
}
"""Kinds of refusals. That a thing with an id is not there is one, as it may be another's; a path leads to
what is the caller's own, and nowhere else."""


def kind_of(error: Exception) -> Kind | None:
    """The kind of an error; None for a fault of ours."""
    return kind_of_class(type(error))


def kind_of_class(cls: type[Exception]) -> Kind | None:
    """The kind of a class of errors, or of its nearest base class that has one."""
    for base in cls.__mro__:
        if issubclass(base, Exception) and base in KINDS:
            return KINDS[base]
    return None


_HTTP = {413: "RequestEntityTooLarge", 414: "RequestUriTooLong", 416: "RangeNotSatisfiable"}
"""Kinds whose statuses have one name in Python 3.12, and another in 3.13."""


def kind_of_status(status: HTTPStatus) -> str:
    """The kind's name of what HTTP itself refuses, such as `MethodNotAllowed`."""
    return _HTTP.get(status) or "".join(word.capitalize() for word in status.name.split("_"))


def to_rpc(error: Exception) -> RpcError | None:
    """What an RPC channel answers for an error, or None for a fault of ours."""
    kind = kind_of(error)
    if kind is None:
        return None
    data: dict[str, object] = {}
    if isinstance(error, ChangedMeanwhile | chat.ModelError):
        data.update(error.told)
    if isinstance(error, RateLimited | auth.TooManyAttempts):
        data[RETRY_AFTER] = error.retry_after
    return RpcError(kind.code, str(error), kind.name, data)
