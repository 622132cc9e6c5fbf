"""How commands that make calls end: what went wrong is told on standard error, and by the exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path

from rich.text import Text
from websockets.exceptions import WebSocketException

from rpc.client import Unauthorized
from rpc.console import render
from rpc.console.words import SyntaxFault
from rpc.errors import RpcError
from theia_bridge.commands import outcomes
from theia_bridge.commands.common import errors, fail
from theia_bridge.signin import SignInFailed, Unreachable

_BROKEN_PIPE = 141
"""As shells tell of a program that SIGPIPE has ended."""


@contextmanager
def told() -> Iterator[None]:
    """Ends the program with the exit code for what is raised in it."""
    _open_streams()
    try:
        yield
    except RpcError as error:
        errors.print(Text("theia-bridge: ", style="red") + render.error(error), soft_wrap=True)
        sys.exit(outcomes.of_kind(error.kind))
    except SyntaxFault as error:
        fail(str(error), outcomes.USAGE)
    except (UnicodeError, OverflowError) as error:
        fail(f"that cannot be sent: {error}", outcomes.USAGE)
    except Unreachable as error:
        fail(str(error), outcomes.UNAVAILABLE)
    except (SignInFailed, Unauthorized) as error:
        fail(str(error), outcomes.UNAUTHORIZED)
    except BrokenPipeError:
        # Nobody reads any more. What Python has left to write would fail again as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(_BROKEN_PIPE)
    except RecursionError:
        fail("a value is nested too deep", outcomes.USAGE)
    except TimeoutError as error:
        fail(str(error) or "no answer in time", outcomes.UNAVAILABLE)
    except (WebSocketException, OSError) as error:
        fail(str(error), outcomes.UNAVAILABLE)
    except KeyboardInterrupt:
        sys.exit(outcomes.STOPPED)


def _open_streams() -> None:
    """Whoever starts the program may have closed what it reads and writes, or want an old encoding."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open()  # noqa: SIM115 - until the program ends
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 - until the program ends
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
