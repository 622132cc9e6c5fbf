"""The OpenAPI document: it is valid, and it tells of every route there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from openapi_spec_validator import validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from fdb_provider.errors import Conflict, RecordNotFound
from theia_bridge.app import create_app
from theia_bridge.config import Settings
from theia_bridge.rest import RESOURCES
from theia_bridge.rest.openapi import describe
from theia_bridge.rest.resource import Call, Id, Page, Paging, Resource, Tagged

Json = dict[str, Any]


def rendered(*resources: Resource) -> Json:
    described: Json = json.loads(msgspec.json.encode(describe(resources, "Test", "1.0")))
    return described


@pytest.fixture(scope="module")
def document() -> Json:
    return rendered(*RESOURCES)


def operations(document: Json) -> list[Json]:
    return [operation for item in document["paths"].values() for operation in item.values()]


def test_it_is_valid(document: Json) -> None:
    validate(document)
    with pytest.raises(OpenAPIValidationError):
        validate({**document, "paths": {"/x": {"get": {"responses": 1}}}})


async def test_every_route_is_in_it_that_is_no_page_and_no_socket(document: Json, tmp_path: Path) -> None:
    app = await create_app(Settings(store=f"embedded:{tmp_path / 'store'}", keys=tmp_path / "keys"))
    runner = web.AppRunner(app)
    await runner.setup()
    await runner.cleanup()
    routes = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    page = re.compile(r"/|/(?:theia|console).*|/ws/.*|/login|/{name}")
    others = {route for route in routes if page.fullmatch(route[1])}
    assert ("GET", "/theia/{path}") in others
    described = {(method.upper(), path) for path, item in document["paths"].items() for method in item}
    assert described == routes - others


def test_every_operation_has_a_name_a_summary_and_errors(document: Json) -> None:
    every = operations(document)
    names = [operation["operationId"] for operation in every]
    assert len(set(names)) == len(names)
    for operation in every:
        assert operation["summary"]
        assert operation["tags"]
        assert {"400", "422", "500", "503"} <= set(operation["responses"])
        if operation["security"]:
            assert {"401", "403"} <= set(operation["responses"])
            assert operation["x-role"] in ("viewer", "member", "admin", "owner")


def test_names_of_schemas_are_plain(document: Json) -> None:
    # msgspec puts the module before the names of two types with one name: rename one of them
    assert [name for name in document["components"]["schemas"] if not name.isalnum()] == []


class Wheel(msgspec.Struct):
    """A wheel.

    Args:
        id: what it is
            known by.
        radius, width: in metres.
    """

    id: str
    radius: float
    width: float = 0.2


class WheelForm(msgspec.Struct, forbid_unknown_fields=True):
    radius: float
    width: float = 0.2


class WheelQuery(Paging, frozen=True, forbid_unknown_fields=True):
    radius: float | None = None


@pytest.fixture(scope="module")
def wheels() -> Json:
    api = Resource("wheels", "Wheels")

    @api.get("/wheels")
    async def list_wheels(call: Call, query: WheelQuery) -> Page[Wheel]:
        """The wheels."""
        raise NotImplementedError

    @api.post("/wheels", status=201, location="/wheels/{id}")
    async def make(call: Call, body: WheelForm | None) -> Wheel:
        """Makes a wheel.

        Of wood.
        """
        raise NotImplementedError

    @api.get("/wheels/{id:[a-z]{1,3}}", role="admin")
    async def get(call: Call, path: Id) -> Tagged[Wheel]:
        """A wheel."""
        raise NotImplementedError

    @api.delete("/wheels/{id}", errors=(RecordNotFound, Conflict))
    async def remove(call: Call, path: Id) -> None:
        """Removes a wheel."""

    return rendered(api)


def test_types_are_described(wheels: Json) -> None:
    wheel = wheels["components"]["schemas"]["Wheel"]
    assert wheel["description"] == "A wheel."
    assert wheel["required"] == ["id", "radius", "width"]
    described = {name: member.get("description") for name, member in wheel["properties"].items()}
    assert described == {"id": "What it is known by.", "radius": "In metres.", "width": "In metres."}
    form = wheels["components"]["schemas"]["WheelForm"]
    assert (form["required"], form["additionalProperties"]) == (["radius"], False)
    page = wheels["components"]["schemas"]["WheelPage"]
    assert page["properties"]["items"]["items"] == {"$ref": "#/components/schemas/Wheel"}
    assert set(wheels["components"]["schemas"]) == {
        *("Wheel", "WheelForm", "WheelPage", "Problem", "FieldProblem", "Reason")
    }


def test_parameters_are_described(wheels: Json) -> None:
    operation = wheels["paths"]["/api/v5/wheels"]["get"]
    parameters = {parameter["name"]: parameter for parameter in operation["parameters"]}
    assert set(parameters) == {"limit", "after", "radius"}
    assert parameters["radius"] == {
        "name": "radius",
        "in": "query",
        "required": False,
        "schema": {"type": "number"},
    }
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    assert parameters["limit"]["description"] == "Items at most."
    assert "Link" in operation["responses"]["200"]["headers"]


def test_bodies_answers_and_conditions_are_described(wheels: Json) -> None:
    make = wheels["paths"]["/api/v5/wheels"]["post"]
    assert make["summary"] == "Makes a wheel"
    assert make["description"] == "Of wood."
    assert make["requestBody"]["required"] is False
    assert set(make["responses"]["201"]["headers"]) >= {"Location", "X-Request-Id", "RateLimit"}
    assert set(make["responses"]["201"]["links"]) == {"wheels.get", "wheels.remove"}
    get = wheels["paths"]["/api/v5/wheels/{id}"]["get"]
    assert get["x-role"] == "admin"
    assert {"200", "304", "412"} <= set(get["responses"])
    assert "ETag" in get["responses"]["200"]["headers"]
    assert wheels["components"]["headers"]["ETag"]["required"] is True
    assert {parameter["name"] for parameter in get["parameters"]} == {"id", "If-None-Match"}
    remove = wheels["paths"]["/api/v5/wheels/{id}"]["delete"]
    assert {parameter["name"] for parameter in remove["parameters"]} == {"id", "If-Match"}
    assert {"204", "404", "412"} <= set(remove["responses"])
    assert "content" not in remove["responses"]["204"]


def test_problems_name_their_kinds(wheels: Json) -> None:
    remove = wheels["paths"]["/api/v5/wheels/{id}"]["delete"]
    reference = remove["responses"]["403"]["$ref"].removeprefix("#/components/responses/")
    problem = wheels["components"]["responses"][reference]
    _, kinds = problem["content"]["application/problem+json"]["schema"]["allOf"]
    assert kinds["properties"]["status"] == {"const": 403}
    assert kinds["properties"]["kind"] == {"enum": ["NoPermissions", "OriginRejected"]}
