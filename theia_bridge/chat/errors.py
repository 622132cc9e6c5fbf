"""What can go wrong when a language model is asked. The messages are for who chats; none tells a secret."""

from __future__ import annotations

from collections.abc import Mapping


class ModelError(Exception):
    """A language model gave no answer, or not all of one.

    Attributes:
        told: what programs are told besides.
    """

    told: Mapping[str, object] = {}


class UnknownModel(ModelError):
    """There is no such language model, or none at all; `chat.models` has those there are."""


class ModelRefused(ModelError):
    """The language model does not take this request; another one may succeed."""


class ModelUnusable(ModelError):
    """The language model cannot be used as the server is set up: its operator has to mend that."""


class ModelUnavailable(ModelError):
    """The language model does not answer now, or has broken off; the same request may succeed later."""


class ModelBusy(ModelError):
    """The language model takes no more requests now; the same one may succeed later.

    Args:
        seconds: until then, if it is known.
    """

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.told = {} if seconds is None else {"retrySeconds": seconds}


class BudgetExceeded(ModelError):
    """The caller has used all tokens of the day.

    Args:
        renews_at: when there are new ones, in milliseconds since 1970.
    """

    def __init__(self, message: str, renews_at: int) -> None:
        super().__init__(message)
        self.told = {"renewsAt": renews_at}


class TooManyCompletions(ModelError):
    """The caller has as many completions under way as allowed: one of them has to end first."""
