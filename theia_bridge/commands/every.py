"""All commands. Exit codes: 0 done, 1 it could not be done, 2 it was called wrongly; `calls` has more."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TextColumn
from websockets.exceptions import WebSocketException

from auth.errors import AuthError
from auth.keys import KeysUnusable
from fdb_provider.errors import StoreError
from fdb_provider.fsck import Report
from fdb_provider.fsck import check as fsck_store
from fdb_provider.models import Role
from fdb_provider.store import open_store
from rpc import RpcError
from theia_bridge import __version__, config, doctor, users
from theia_bridge.commands import calls, files, keys
from theia_bridge.commands.common import DEFAULT_URL, Email, Store, Url, errors, fail, password, progress
from theia_bridge.signin import SignInFailed, access_token

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Eclipse Theia for many users with one Python server behind it.",
)
user = typer.Typer(
    no_args_is_help=True, help="Accounts, straight in the store (stop an embedded server first)."
)
app.add_typer(keys.app, name="keys")
app.add_typer(user, name="user")
app.add_typer(files.app)
app.add_typer(calls.app)


def main() -> None:
    """Runs a command; every expected error is one line on standard error."""
    try:
        app()
    except config.ConfigError as error:
        fail(str(error), 2)
    except RpcError as error:
        fail(error.message)
    except (StoreError, AuthError, KeysUnusable, SignInFailed, WebSocketException, OSError) as error:
        fail(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    store: Store = None,
) -> None:
    """Runs the server.

    Example: `theia-bridge serve --port 8400 --store embedded:.data/store`
    """
    from theia_bridge import server  # noqa: PLC0415 - the other commands need none of it

    settings = config.load(host=host, port=port, store=store)
    server.run(settings, lambda url: print(f"Theia Bridge is ready: {url}", flush=True))


@app.command()
def workspace() -> None:
    """Runs the runtime of a workspace session. Gateways start it, and tell it the rest on standard input.

    Example: `theia-bridge workspace < handover.json`
    """
    from theia_bridge.workspace import server  # noqa: PLC0415 - the other commands need none of it

    server.main()


@app.command("token")
def print_token(email: Email, url: Url = DEFAULT_URL) -> None:
    """Signs in and prints an access token, for scripts. It is good for minutes, and the sign-in ends with it.

    Example: `curl -H "Authorization: Bearer $(theia-bridge token --email ada@example.com)" …`
    """
    print(asyncio.run(access_token(url.rstrip("/"), email, password())))


@app.command("config")
def print_config() -> None:
    """Prints every setting with its documentation and effective value, as a TOML file.

    Example: `theia-bridge config > theia-bridge.toml`
    """
    print(config.describe(config.load()))


@app.command("doctor")
def check(store: Store = None) -> None:
    """Looks whether all the server needs is there, and says what to do where it is not.

    Example: `theia-bridge doctor --store fdb:/etc/foundationdb/fdb.cluster`
    """
    findings = asyncio.run(doctor.examine(config.load(store=store)))
    for finding in findings:
        mark = "[green]ok[/green]  " if finding.fine else "[red]wrong[/red]"
        Console().print(f"{mark} {finding.subject}: {finding.detail}", highlight=False, soft_wrap=True)
    if not all(finding.fine for finding in findings):
        sys.exit(1)


@app.command()
def fsck(
    repair: Annotated[bool, typer.Option("--repair", help="Repair what loses nothing by it.")] = False,
    deep: Annotated[bool, typer.Option("--deep", help="Read every content too.")] = False,
    store: Store = None,
) -> None:
    """Looks whether what is stored fits together: names, contents, references, usage, indexes.

    Works on the store itself: an embedded one must not be open in a server, one on FoundationDB may be in
    use. The exit code is 1 while anything is wrong.

    Example: `theia-bridge fsck --repair --store embedded:.data/store`
    """
    report = asyncio.run(_fsck(config.load(store=store).store, repair, deep))
    left = set(report.left)
    for one in report.found:
        mark = "[red]wrong[/red]" if one in left else "[green]repaired[/green]"
        errors.print(f"{mark} {escape(one.tenant or 'store')}: {escape(str(one))}", soft_wrap=True)
    for one in report.left:
        if one not in report.found:
            errors.print(
                f"[red]wrong[/red] {escape(one.tenant or 'store')}: {escape(str(one))}", soft_wrap=True
            )
    for tenant in report.unjudged:
        errors.print(f"[yellow]not judged[/yellow] {tenant}: it was written to all the while", soft_wrap=True)
    print(f"{report.tenants:,} tenants, {report.names:,} names, {report.contents:,} contents looked at")
    if not report.clean:
        hint = "" if repair else ": run `theia-bridge fsck --repair`"
        fail(f"{len(report.left)} things are wrong{hint}")


Into = Annotated[
    str | None, typer.Option(help="E-mail address of a member of the tenant to join, instead of an own one.")
]
InRole = Annotated[Role, typer.Option(help="What they may do in that tenant.")]


@user.command("add")
def add_user(
    email: Email,
    name: Annotated[str, typer.Option(help="The person's name.")],
    into: Into = None,
    role: InRole = "member",
    store: Store = None,
) -> None:
    """Makes an account with a first session of its own, also where registration is closed.

    Example: `theia-bridge user add --email ada@example.com --name "Ada Lovelace"`
    """
    settings = config.load(store=store)
    user_id = asyncio.run(users.add(settings, email, name, password(confirm=True), into, role))
    print(f"{email} can sign in now (user {user_id})")


@user.command("invite")
def invite_user(
    email: Email,
    into: Into = None,
    role: InRole = "member",
    days: Annotated[int, typer.Option(min=1, max=90, help="Days after which it expires.")] = 7,
    url: Url = DEFAULT_URL,
    store: Store = None,
) -> None:
    """Invites someone: prints a link to register with, good for that address and once.

    Example: `theia-bridge user invite --email bob@example.com --into ada@example.com --role viewer`
    """
    code = asyncio.run(users.invite(config.load(store=store), email, into, role, days))
    print(f"{url.rstrip('/')}/login?invitation={code}")


@user.command("list")
def list_users(store: Store = None) -> None:
    """Lists all accounts.

    Example: `theia-bridge user list`
    """
    for account in asyncio.run(users.every(config.load(store=store))):
        print(f"{account.email_key}\ttenant {account.tenant}\tuser {account.user}")


Most = Annotated[int | None, typer.Option(min=0, help="0 is no limit.")]


@user.command("limit")
def limit_user(
    email: Email,
    tenant_bytes: Most = None,
    tenant_files: Most = None,
    user_bytes: Most = None,
    user_files: Most = None,
    session_bytes: Most = None,
    session_files: Most = None,
    user_sessions: Most = None,
    store: Store = None,
) -> None:
    """Gives the account's tenant limits of its own; without any, those the server is set to count again.

    `tenant` is all it keeps, `user` one user's `/home`, `session` one session's `/workspace`, and
    `user-sessions` how many sessions a user has; servers follow within half a minute.

    Example: `theia-bridge user limit --email ada@example.com --session-bytes 2000000000`
    """
    changes = {
        "tenant_bytes": tenant_bytes,
        "tenant_files": tenant_files,
        "user_bytes": user_bytes,
        "user_files": user_files,
        "session_bytes": session_bytes,
        "session_files": session_files,
        "user_sessions": user_sessions,
    }
    own = asyncio.run(users.limit(config.load(store=store), email, changes))
    if own is None:
        print(f"{email} has the limits the server is set to")
    else:
        print("\n".join(f"{name} = {value}" for name, value in msgspec.structs.asdict(own).items()))


@user.command("export")
def export_user(
    email: Email,
    output: Annotated[Path, typer.Option(help="The ZIP archive to write.", dir_okay=False)],
    store: Store = None,
) -> None:
    """Writes all that is kept of a user into an archive: records as lines of JSON, and all files.

    Example: `theia-bridge user export --email ada@example.com --output ada.zip`
    """
    with progress() as bar:
        task = bar.add_task("exported", total=None)
        settings = config.load(store=store)
        asyncio.run(users.export(settings, email, output, lambda size: bar.advance(task, size)))
    print(f"all data of {email} is in {output}")


@user.command("erase")
def erase_user(
    email: Email,
    with_tenant: Annotated[
        bool,
        typer.Option("--with-tenant", help="As the only owner of a tenant: all its other members go, too."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    store: Store = None,
) -> None:
    """Erases a user with all their data, for good: records, files, history, trash, sign-ins.

    The audit keeps what they did to others, under an id that leads to nobody. A tenant that would be without
    an owner is erased too. Take the data out first with `user export` if somebody may want them.

    Example: `theia-bridge user erase --email ada@example.com`
    """
    if not yes:
        typer.confirm(f"Erase all data of {email}? It cannot be undone", abort=True, err=True)
    erasure = asyncio.run(users.erase(config.load(store=store), email, with_tenant=with_tenant))
    if erasure.user:
        print(f"{email} is erased; the audit calls them {erasure.tombstone}")
    else:
        print(f"{email} and the tenant {erasure.tenant} are erased")
    print("What had been deleted shortly before goes within about an hour, by a server that runs then.")


@app.command("audit")
def print_audit(
    email: Annotated[
        str | None, typer.Option(help="Of the tenant of whoever has this address; else of callers unknown.")
    ] = None,
    action: Annotated[str | None, typer.Option(help="Such as `access.refuse`.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Entries at most.")] = 100,
    store: Store = None,
) -> None:
    """Prints the audit, the newest entries first, as lines of JSON.

    Works on the store itself: an embedded one must not be open in a server. Without an address, it is what
    was refused to callers who had not signed in, which no tenant sees. Changes of files are told as far as a
    server has looked at them.

    Example: `theia-bridge audit --action access.refuse --limit 20`
    """
    for entry in asyncio.run(users.told(config.load(store=store), email, action, limit)):
        print(msgspec.json.encode(entry).decode())


@app.command()
def version() -> None:
    """Prints the version."""
    print(__version__)


async def _fsck(url: str, repair: bool, deep: bool) -> Report:
    database = await open_store(url, make=False)
    try:
        columns = TextColumn("{task.description}"), TextColumn("{task.completed:,} looked at")
        with Progress(*columns, console=errors) as bar:
            task = bar.add_task("", total=None)
            return await fsck_store(
                database,
                deep=deep,
                repair=repair,
                begin=lambda tenant: bar.update(
                    task, description=f"tenant {tenant}" if tenant else "accounts"
                ),
                tell=lambda count: bar.advance(task, count),
            )
    finally:
        await database.close()
