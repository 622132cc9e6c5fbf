"""The console in a terminal: a line is typed, with completion and a history, and run."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Iterable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory
from prompt_toolkit.patch_stdout import patch_stdout
from rich.text import Text

from rpc.console.secrets import masked_line
from rpc.console.shell import FAILURES, LineFailed, Quit, Shell, Stopped
from rpc.console.words import script_lines


class _History(FileHistory):
    """Keeps no secrets."""

    def store_string(self, string: str) -> None:
        super().store_string(masked_line(string))


class _Completer(Completer):
    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        return ()  # proposals may take a call

    async def get_completions_async(
        self, document: Document, complete_event: CompleteEvent
    ) -> AsyncGenerator[Completion, None]:
        line = document.text_before_cursor
        try:
            proposals = await self._shell.completion.proposals(line)
        except FAILURES:
            return
        for proposal in proposals:
            start = proposal.start - len(line)
            yield Completion(proposal.text, start, proposal.shown, display_meta=proposal.meta)


async def _run(shell: Shell, text: str) -> None:
    """Runs a line, or the lines that were pasted."""
    for _, line in script_lines(text):
        await shell.run(line)


async def interact(shell: Shell, history: Path, toolbar: Callable[[], str]) -> None:
    """Reads lines and runs them until the end of input, or `quit`.

    Args:
        history: a file; made, for its owner alone, if it is not there.
        toolbar: what stands below the prompt.
    """
    history.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(history, os.O_CREAT | os.O_WRONLY, 0o600))
    session: PromptSession[str] = PromptSession(
        history=_History(str(history)),
        completer=_Completer(shell),
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        bottom_toolbar=toolbar,
    )
    while True:
        try:
            with patch_stdout(raw=True):
                line = await session.prompt_async("> ")
            await shell.stoppable(_run(shell, line))
        except (EOFError, Quit):
            return
        except KeyboardInterrupt:
            continue  # the line is given up
        except Stopped:
            shell.screen.print(Text("stopped", style="yellow"))
        except (LineFailed, *FAILURES) as error:
            shell.fail(error)
