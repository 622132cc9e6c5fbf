"""What is a tenant's, and within it a user's, is nobody else's: every route and every method is tried with
another's ids.

Routes come from the OpenAPI document, methods from the registry. One with a field not known here fails
until it is said whether it holds an id, and of what (`Victim.ids`), or none (`PLAIN`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, cast

import msgspec
import pytest
from aiohttp import ClientResponse

from fdb_provider import keyspace
from fdb_provider.engine import Database, Reader
from rpc import ChannelClosed, RpcError
from rpc.client import Client
from tests.tenants.conftest import PASSWORD, Answer, Gateway, Method, Person
from theia_bridge.chat.protocol import CompletionMessage
from theia_bridge.methods.presence import AttendParams
from theia_bridge.methods.protocol import (
    DeleteParams,
    FileContent,
    FileHistory,
    PathParams,
    Search,
    SearchTextParams,
    Stat,
    TrashList,
    TrashListParams,
    Watch,
    WatchParams,
    WriteFileParams,
)
from theia_bridge.methods.registry import build_registry
from theia_bridge.presence import WorkspacePresence
from theia_bridge.rest.resource import PREFIX

pytestmark = pytest.mark.asyncio(loop_scope="module")

CANARY = "canary-71c3"
FILE = "/workspace/name-71c3.txt"
WINDOW = "window-71c3"
OWN = {"conversations", "sessions", "auth/sessions"}
"""Collections of what is one user's, so that others of the tenant do not see it either."""
_PLAIN = """
action after age all_sessions archive args capture category cols command completion_id content context
create current_password cwd data deleted description email env excludes expires_in_days fuzzy
idempotency_key if_match includes invitation key known length limit match_case max_file_size messages
metadata mode model multiline name new_password offset operation order overwrite password pattern permanent
profile prompt q readonly recursive refresh_token regex remember removed role rows sample search settings
signal since slowest sort tag tags title tools until use_git_ignore use_trash value whole_word with_tenant
"""
PLAIN = frozenset(_PLAIN.split())
"""Fields that hold no id."""


@dataclass
class Victim:
    """Whose things are asked for.

    Args:
        ids: of what there is, by where they are given (a collection, or a namespace of methods; `*` for any)
            and the name of the field.
    """

    person: Person
    ids: dict[tuple[str, str], Any]

    def id(self, where: str, field: str) -> Any:
        for place in (where, "*"):
            if (place, field) in self.ids:
                return self.ids[place, field]
        raise AssertionError(f"{where}: is {field} an id? Say so in `Victim.ids`, or in `PLAIN` if not")

    def holds_id(self, where: str, field: str) -> bool:
        known = {(where, field), ("*", field)} & self.ids.keys()
        if not known and field not in PLAIN:
            self.id(where, field)
        return bool(known)

    def untold(self, answer: str, asked: str) -> None:
        """Asserts that an answer tells nothing of the victim but what was said in the question."""
        ids = {one for one in self.ids.values() if isinstance(one, str) and len(one) > 12}
        for trace in {CANARY, self.person.email, self.person.id, *ids}:
            assert trace not in answer or trace in asked, (asked, answer)


@asynccontextmanager
async def victim(gateway: Gateway) -> AsyncIterator[Victim]:
    """Somebody with something of every kind, and a channel that is open."""
    person = await gateway.register()
    talk = await person.ask("POST", "/conversations", {"title": CANARY}, status=201)
    said = {"role": "user", "content": CANARY}
    message = await person.ask("POST", f"/conversations/{talk['id']}/messages", said, status=201)
    agent = await person.ask("POST", "/agents", {"name": CANARY, "prompt": CANARY}, status=201)
    await person.ask("PUT", f"/settings/editor/{CANARY}", {"value": CANARY})
    invitation = await person.invite()
    (sign_in,) = (await person.ask("GET", "/auth/sessions"))["items"]
    async with person.connect() as client:
        for path in (FILE, "/workspace/thrown", "/home/thrown"):
            for n in range(2):
                write = WriteFileParams(
                    path=path, content=f"{CANARY} {n}".encode(), idempotency_key=f"{path}{n}"
                )
                await client.call("fs.writeFile", write, Stat)
        await client.call("fs.delete", DeleteParams(path="/workspace/thrown", use_trash=True), None)
        (thrown,) = (await client.call("trash.list", TrashListParams(), TrashList)).items
        history = await client.call("fs.history", PathParams(path=FILE), FileHistory)
        watch = await client.call("fs.watch", WatchParams(path="/workspace"), Watch)
        present = client.notifications({"workspace.didChangePresence": WorkspacePresence})
        await client.call("workspace.attend", AttendParams(window=WINDOW, age=0, file=FILE))
        async for _, told in present:
            assert isinstance(told, WorkspacePresence)
            if told.windows:
                break
        search = await client.call("search.text", SearchTextParams(pattern=CANARY), Search)
        yield Victim(
            person,
            {
                ("tenants/me/members", "id"): person.id,
                ("tenants/me/invitations", "id"): invitation["id"],
                ("auth/sessions", "id"): sign_in["id"],
                ("sessions", "id"): person.signed_in["session"]["id"],
                ("sessions", "parent"): person.signed_in["session"]["id"],
                ("conversations", "id"): talk["id"],
                ("chat", "id"): talk["id"],
                ("agents", "id"): agent["id"],
                ("*", "message"): message["id"],
                ("chat", "request"): message["id"],
                ("chat", "conversation"): talk["id"],
                ("*", "parent"): message["id"],
                ("*", "agent"): agent["id"],
                ("*", "session"): person.signed_in["session"]["id"],
                ("*", "user"): person.id,
                ("*", "created_by"): person.id,
                ("*", "resource"): f"user/{person.id}",
                ("*", "path"): FILE,
                ("*", "source"): FILE,
                ("*", "target"): "/workspace/name-71c3-2.txt",
                ("*", "roots"): ["/workspace", "/home"],
                ("*", "cursor"): watch.cursor,
                ("*", "token"): person.token,
                ("trash", "id"): thrown.id,
                ("terminal", "id"): "0",
                ("fs", "version"): history.versions[0].version if history.versions else "0-x",
                ("fs", "watch_id"): watch.watch_id,
                ("search", "search_id"): search.search_id,
                ("workspace", "window"): WINDOW,
                ("workspace", "file"): FILE,
            },
        )


async def kept(database: Database, tenant: str) -> list[tuple[bytes, bytes]]:
    """All that is a tenant's."""

    async def body(tr: Reader) -> list[tuple[bytes, bytes]]:
        return [row async for row in tr.get_range(*keyspace.range_of(keyspace.tenant(tenant)))]

    return await database.read(body)


# --- REST ---------------------------------------------------------------------------------------------


@dataclass
class Route:
    """An operation of the document.

    Args:
        where: the collection its first id is of, such as `tenants/me/members`.
        body: its fields and their schemas; empty for one without, or that is no JSON.
    """

    method: Method
    path: str
    where: str
    in_path: list[str]
    in_query: list[str]
    body: dict[str, Answer]
    required: set[str]


async def routes(person: Person) -> list[Route]:
    document = await person.ask("GET", "/openapi.json")
    schemas = document["components"]["schemas"]
    found = []
    for path, operations in document["paths"].items():
        if not path.startswith(PREFIX):
            continue
        for method, operation in operations.items():
            given = operation.get("parameters", [])
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            body = resolved(schema.get("schema", {}), schemas)
            found.append(
                Route(
                    cast(Method, method.upper()),
                    path.removeprefix(PREFIX),
                    path.removeprefix(f"{PREFIX}/").partition("/{")[0],
                    [one["name"] for one in given if one["in"] == "path"],
                    [one["name"] for one in given if one["in"] == "query"],
                    {name: resolved(part, schemas) for name, part in body.get("properties", {}).items()},
                    set(body.get("required", [])),
                )
            )
    assert len(found) > 40
    return found


def resolved(schema: Answer, schemas: Answer) -> Answer:
    if "$ref" in schema:
        return resolved(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return resolved(schema["anyOf"][0], schemas)
    return schema


def sample(schema: Answer) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    kinds: dict[str, Any] = {"object": {}, "array": [], "integer": 1, "number": 1, "boolean": False}
    return kinds.get(schema.get("type", "string"), "xxxxxxxx")


async def tried(attacker: Person, victim: Victim, route: Route) -> tuple[ClientResponse, str] | None:
    """The answer to a request with the victim's ids wherever one may be, and what was asked; None if there is
    no place for one."""
    ids = {name for name in (*route.in_path, *route.in_query) if victim.holds_id(route.where, name)}
    ids |= {name for name in route.body if name != "id" and victim.holds_id(route.where, name)}
    if not ids:
        return None
    path = route.path
    for name in route.in_path:
        value = victim.id(route.where, name) if name in ids else CANARY
        path = path.replace(f"{{{name}}}", str(value).lstrip("/"))
    query = "&".join(f"{name}={victim.id(route.where, name)}" for name in route.in_query if name in ids)
    own = {
        "email": attacker.email,
        "password": PASSWORD,
        "refresh_token": attacker.signed_in["refresh_token"],
    }
    body = {
        name: own.get(name, sample(schema)) for name, schema in route.body.items() if name in route.required
    }
    body |= {name: own[name] for name in own.keys() & route.body.keys()}
    body |= {name: victim.id(route.where, name) for name in route.body if name in ids}
    response = await attacker.send(route.method, f"{path}?{query}" if query else path, body or None)
    return response, f"{route.method} {path}?{query} {json.dumps(body)}"


async def test_no_route_gives_or_changes_anything_of_another_tenant(gateway: Gateway) -> None:
    stranger = await gateway.register()
    async with victim(gateway) as whose:
        before = await kept(gateway.database, whose.person.tenant)
        tries = 0
        for route in await routes(stranger):
            outcome = await tried(stranger, whose, route)
            if outcome is None:
                continue
            tries += 1
            response, asked = outcome
            whose.untold(await response.text(errors="replace"), asked)
            assert response.status < 500, asked
            if any((route.where, name) in whose.ids for name in route.in_path):
                assert response.status == 404, asked
        assert tries > 25
        assert await kept(gateway.database, whose.person.tenant) == before


async def test_no_route_gives_anything_of_one_user_to_others_of_the_tenant(gateway: Gateway) -> None:
    async with victim(gateway) as whose:
        admin = await whose.person.add("admin")
        tries = 0
        for route in await routes(admin):
            if route.where in OWN and route.in_path:
                outcome = await tried(admin, whose, route)
                assert outcome is not None
                response, asked = outcome
                assert response.status == 404, asked
                whose.untold(await response.text(), asked)
                tries += 1
        assert tries > 8


async def test_whose_it_is_can_read_all_that_the_others_were_refused(gateway: Gateway) -> None:
    """What the tests above ask for is there."""
    async with victim(gateway) as whose:
        for route in await routes(whose.person):
            if route.method == "GET" and route.in_path and route.where not in ("settings", "docs"):
                outcome = await tried(whose.person, whose, route)
                assert outcome is not None
                response, asked = outcome
                assert response.status == 200, (asked, await response.text())


# --- RPC ----------------------------------------------------------------------------------------------


async def test_no_method_gives_or_changes_anything_of_another_tenant(gateway: Gateway) -> None:
    stranger = await gateway.register()
    async with victim(gateway) as whose, stranger.connect() as client:
        told = client.notifications()
        before = await kept(gateway.database, whose.person.tenant)
        answers: dict[str, str] = {}
        methods = build_registry().methods.values()
        # First those that read, as others may put something of the stranger's own under the victim's names.
        for method in sorted(methods, key=lambda method: method.shielded):
            name = method.name
            if method.params_type is None:
                continue
            fields = msgspec.structs.fields(method.params_type)
            namespace = name.partition(".")[0]
            given = {
                field.encode_name: whose.id(namespace, field.name)
                if whose.holds_id(namespace, field.name)
                else plain(field.type)
                for field in fields
                if whose.holds_id(namespace, field.name) or field.required
            }
            if any(whose.holds_id(namespace, field.name) for field in fields):
                answers[name] = await called(client, name, msgspec.convert(given, method.params_type))
                whose.untold(answers[name], str(given))
        assert len(answers) > 15
        for name in (
            "fs.stat",
            "fs.readFile",
            "fs.readVersion",
            "fs.history",
            "chat.read",
            "chat.delete",
            "chat.restore",
            "chat.complete",
            "trash.restore",
            "trash.delete",
        ):
            assert answers[name] in ("NotFound", "FileNotFound"), (name, answers[name])
        assert answers["auth.renew"] == "Unauthorized"
        assert await kept(gateway.database, whose.person.tenant) == before
    with suppress(ChannelClosed):
        async for _, notification in told:
            assert CANARY not in str(notification)


async def test_an_idempotency_key_is_good_for_its_own_root_alone(gateway: Gateway) -> None:
    stranger = await gateway.register()
    async with victim(gateway), stranger.connect() as client:
        write = WriteFileParams(path=FILE, content=b"mine", idempotency_key=f"{FILE}0")
        assert (await client.call("fs.writeFile", write, Stat)).size == len(b"mine")
        assert (await client.call("fs.readFile", PathParams(path=FILE), FileContent)).content == b"mine"


async def called(client: Client, name: str, params: msgspec.Struct) -> str:
    """What a call is answered: the kind of the error if it is one."""
    try:
        return str(await client.call(name, params, object))
    except RpcError as error:
        return error.kind


def plain(type: Any) -> Any:
    """A value for a field that must be there and holds no id."""
    asked = tuple[CompletionMessage, ...]
    samples: dict[Any, Any] = {bytes: b"x", int: 1, bool: False, asked: [{"role": "user"}]}
    return samples.get(getattr(type, "__origin__", type), "x")
