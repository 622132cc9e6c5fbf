"""Runs a program and prints what each line of one file assigns: `debug_print.py FILE [-m MODULE] [ARG ...]`.

Without a module FILE itself is run. It needs nothing but the interpreter it is run with, which is the
workspace's: 3.8 or newer.
"""

from __future__ import annotations

import os
import reprlib
import runpy
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

WIDTH = 120
"""Characters of a value that are printed."""


def main() -> None:
    """Runs what the command line names."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    file = os.path.abspath(sys.argv[1])
    module = sys.argv[2:3] == ["-m"] and len(sys.argv) > 3
    sys.argv = sys.argv[3:] if module else sys.argv[1:]
    sys.path[0] = os.getcwd() if module else os.path.dirname(file)
    sys.settrace(_tracer(file))
    try:
        if module:
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(file, run_name="__main__")
    finally:
        sys.settrace(None)


def _tracer(file: str) -> Callable[[FrameType, str, Any], Any]:
    """What Python calls for each new frame; of other files none is looked at."""
    known: dict[str, bool] = {}

    def begin(frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        if name not in known:
            known[name] = os.path.abspath(name) == file
        return _Frame(frame).step if known[name] else None

    return begin


class _Frame:
    """What has been printed of one frame."""

    def __init__(self, frame: FrameType) -> None:
        self._file = os.path.basename(frame.f_code.co_filename)
        self._line = frame.f_lineno
        # What a module has when it begins is Python's own; what a function has are its arguments.
        self._module = frame.f_code.co_name == "<module>"
        self._seen = _values(frame) if self._module else {}

    def step(self, frame: FrameType, event: str, argument: object) -> object:
        """Python calls it before each line, and at the end."""
        for name, value in _values(frame).items():
            if self._seen.get(name) != value:
                self._seen[name] = value
                self._print(f"{name} = {value}")
        self._line = frame.f_lineno
        if event == "return" and not self._module and argument is not None:
            self._print(f"{frame.f_code.co_name}() -> {_shown(argument)}")
        return self.step

    def _print(self, text: str) -> None:
        print(f"{self._file}:{self._line}  {text}", file=sys.stderr)


def _values(frame: FrameType) -> dict[str, str]:
    """Names and values as they are printed; no modules, functions and classes, nor what is Python's own."""
    return {
        name: _shown(value)
        for name, value in list(frame.f_locals.items())
        if not (name.startswith("__") or callable(value) or isinstance(value, ModuleType))
    }


def _shown(value: object) -> str:
    """A value in few characters, however large it is."""
    try:
        return _short.repr(value)
    except Exception as error:
        return f"<{type(error).__name__}: {error}>"


_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = WIDTH
_short.maxlist = _short.maxtuple = _short.maxdict = _short.maxset = 12


if __name__ == "__main__":
    main()
