"""`workspace.presence` and `workspace.attend`: the windows in which the session is open."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rpc import Registry
from theia_bridge.methods.context import Context
from theia_bridge.methods.protocol import Params
from theia_bridge.presence import Attending, WorkspacePresence

registry: Registry[Context] = Registry()
registry.notification(
    "workspace.didChangePresence",
    WorkspacePresence,
    "Who else has the session open has changed. Sent to channels that have called `workspace.attend`.",
)


class AttendParams(Params, frozen=True):
    """A window. `window` is an id it has chosen for itself, and keeps when it connects again; `age` is for
    how many milliseconds it has been open; `file` is the path of the file that is looked at, "" for none.
    """

    window: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    age: Annotated[int, msgspec.Meta(ge=0, le=10**12)]
    file: Annotated[str, msgspec.Meta(max_length=4096)] = ""


@registry.method("workspace.presence")
async def presence(context: Context) -> WorkspacePresence:
    """The windows in which the session is open, on all gateways: what has called `workspace.attend`."""
    return await context.attendance.windows()


@registry.method("workspace.attend")
async def attend(context: Context, params: AttendParams) -> None:
    """Lets others in the session know of this window, until the channel ends.

    From then on the channel is notified by `workspace.didChangePresence`: soon, and whenever the windows
    change. It is to be called again when what it tells has changed.
    """
    context.attendance.attend(Attending(params.window, params.age, params.file))
