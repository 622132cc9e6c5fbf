"""Why a session has no runtime. Codes and HTTP statuses are decided in `theia_bridge.errors`."""

from __future__ import annotations


class WorkspaceUnavailable(Exception):
    """The session's runtime cannot be had now, or has ended; the same request may succeed later."""


class NoSandbox(WorkspaceUnavailable):
    """Programs of users cannot be shut in on this machine, so none are run."""


class ProgramNotStarted(Exception):
    """A program cannot be started in a terminal: it is not there, or may not be run."""
