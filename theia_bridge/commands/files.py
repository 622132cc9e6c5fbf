"""The files of an account, over the channel the IDE uses."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import typer
from rich.markup import escape

from theia_bridge import transfer
from theia_bridge.commands.common import (
    DEFAULT_URL,
    Account,
    Token,
    Url,
    connection,
    credentials,
    errors,
    fail,
    progress,
)
from theia_bridge.methods.protocol import (
    Emptied,
    FileHistory,
    Params,
    PathParams,
    Restored,
    RestoreParams,
    Stat,
    TrashList,
    TrashListParams,
    TrashRestoreParams,
)

R = TypeVar("R", bound=msgspec.Struct)

app = typer.Typer()
trash = typer.Typer(no_args_is_help=True, help="What was deleted and can be had again.")
app.add_typer(trash, name="trash")


@app.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(help="The folder to bring in.")],
    email: Account = None,
    into: Annotated[str, typer.Option(help="Where to put it.")] = "/workspace",
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Brings a folder of this machine into the account's session; what is there already is replaced.

    The password is asked for, or taken from `THEIA_BRIDGE_PASSWORD`.

    Example: `theia-bridge import ~/project --email ada@example.com`
    """
    report = asyncio.run(_import(folder, into, url, credentials(email, token)))
    _tell(report, "imported")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new or empty folder to write to.")],
    email: Account = None,
    source: Annotated[str, typer.Option("--from", help="What to take out.")] = "/workspace",
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Writes the files of the account's session to a folder of this machine.

    The password is asked for, or taken from `THEIA_BRIDGE_PASSWORD`.

    Example: `theia-bridge export ./backup --email ada@example.com`
    """
    report = asyncio.run(_export(folder, source, url, credentials(email, token)))
    _tell(report, "exported")


@app.command()
def history(
    path: Annotated[str, typer.Argument(help="The file, such as `/workspace/notes.md`.")],
    email: Account = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Lists the earlier contents of a file that are kept, the newest first: version, time and bytes.

    Example: `theia-bridge history /workspace/notes.md --email ada@example.com`
    """
    params = PathParams(path=path)
    found = asyncio.run(_call(url, credentials(email, token), "fs.history", params, FileHistory))
    for version in found.versions:
        print(f"{version.version}\t{_time(version.saved_at)}\t{version.size}")


@app.command()
def restore(
    path: Annotated[str, typer.Argument(help="The file.")],
    version: Annotated[str, typer.Argument(help="As `theia-bridge history` lists it.")],
    email: Account = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Gives a file an earlier content again; the one it has now joins its history.

    Example: `theia-bridge restore /workspace/notes.md 1767225600000-0f3a... --email ada@example.com`
    """
    params = RestoreParams(path=path, version=version)
    stat = asyncio.run(_call(url, credentials(email, token), "fs.restore", params, Stat))
    print(f"restored {path}, {stat.size:,} bytes")


@trash.command("list")
def list_trash(email: Account = None, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Lists what was deleted, the last deleted first: id, time, bytes and path.

    Example: `theia-bridge trash list --email ada@example.com`
    """
    params = TrashListParams()
    found = asyncio.run(_call(url, credentials(email, token), "trash.list", params, TrashList))
    for item in found.items:
        print(f"{item.id}\t{_time(item.deleted_at)}\t{item.size}\t{item.path}")


@trash.command("restore")
def restore_from_trash(
    item: Annotated[str, typer.Argument(metavar="ID", help="As `theia-bridge trash list` lists it.")],
    to: Annotated[str | None, typer.Option(help="Where to put it; by default where it was.")] = None,
    overwrite: Annotated[bool, typer.Option(help="What took its name goes into the trash.")] = False,
    email: Account = None,
    url: Url = DEFAULT_URL,
    token: Token = None,
) -> None:
    """Puts something that was deleted back.

    Example: `theia-bridge trash restore 019b7... --email ada@example.com`
    """
    params = TrashRestoreParams(id=item, target=to, overwrite=overwrite)
    restored = asyncio.run(_call(url, credentials(email, token), "trash.restore", params, Restored))
    print(f"restored {restored.path}")


@trash.command("empty")
def empty_trash(email: Account = None, url: Url = DEFAULT_URL, token: Token = None) -> None:
    """Deletes for good all that is in the trash.

    Example: `theia-bridge trash empty --email ada@example.com`
    """
    emptied = asyncio.run(_call(url, credentials(email, token), "trash.empty", None, Emptied))
    print(f"deleted {emptied.items:,} for good")


async def _call(
    url: str, caller: str | tuple[str, str], method: str, params: Params | None, result: type[R]
) -> R:
    async with connection(url, caller) as server:
        return await server.client.call(method, params, result)


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().isoformat(" ", "seconds")


async def _import(folder: Path, into: str, url: str, caller: str | tuple[str, str]) -> transfer.Report:
    plan = await asyncio.to_thread(transfer.plan_import, folder)
    async with connection(url, caller) as server:
        with progress() as bar:
            task = bar.add_task(f"{len(plan.files):,} files", total=plan.size)
            return await transfer.import_plan(server, plan, into, lambda size: bar.advance(task, size))


async def _export(folder: Path, source: str, url: str, caller: str | tuple[str, str]) -> transfer.Report:
    async with connection(url, caller) as server:
        with progress() as bar:
            task = bar.add_task(source, total=None)
            return await transfer.export(server.client, source, folder, lambda size: bar.advance(task, size))


def _tell(report: transfer.Report, done: str) -> None:
    for path, reason in report.skipped:
        errors.print(f"[yellow]skipped[/yellow] {escape(path)}: {escape(reason)}", soft_wrap=True)
    for path, reason in report.failed:
        errors.print(f"[red]failed[/red]  {escape(path)}: {escape(reason)}", soft_wrap=True)
    links = f" and {report.links:,} links" if report.links else ""
    print(f"{done} {report.files:,} files{links} in {report.folders:,} folders, {report.size:,} bytes")
    if report.failed:
        fail(f"{len(report.failed)} could not be {done}; all others were")
