"""The OpenRPC document and the TypeScript types made from it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest
from referencing import Registry as Schemas
from referencing.jsonschema import DRAFT7

from rpc.openrpc import describe
from rpc.typescript import generate
from tests.rpc.support import registry

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(msgspec.json.encode(describe(registry, "Test", "1.0")))
    return described


@pytest.fixture(scope="module")
def types(document: dict[str, Any]) -> str:
    return generate(document, how="make types")


def method(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [method for method in document["methods"] if method["name"] == name]
    return dict(found)


def test_it_is_valid(document: dict[str, Any]) -> None:
    # The meta-schema refers to one of JSON Schema under an address of its own; it is draft 7.
    draft7 = {
        **jsonschema.Draft7Validator.META_SCHEMA,
        "definitions": {
            **jsonschema.Draft7Validator.META_SCHEMA["definitions"],
            "JSONSchemaObject": {"properties": {"$ref": {"type": "string", "format": "uri-reference"}}},
        },
    }
    schemas: Schemas[Any] = Schemas().with_resources(
        (address, DRAFT7.create_resource(draft7))
        for address in (draft7["$id"], "https://meta.json-schema.tools", "https://meta.json-schema.tools/")
    )
    meta = json.loads((HERE / "openrpc-meta-schema.json").read_text())
    validator = jsonschema.Draft7Validator({**meta, "$schema": draft7["$schema"]}, registry=schemas)
    validator.validate(document)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**document, "methods": [{"name": "no params"}]})
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft7Validator.check_schema(schema)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return own + [reference for inner in value.values() for reference in references(inner)]
        return (
            [reference for inner in value for reference in references(inner)]
            if isinstance(value, list)
            else []
        )

    found = references(document)
    assert "#/components/schemas/Echo" in found
    for reference in found:
        at: Any = document
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]


def test_a_method_is_described_as_declared(document: dict[str, Any]) -> None:
    echo = method(document, "test.echo")
    assert echo["summary"] == "Says it again."
    assert echo["description"].endswith("in its documentation.")
    assert [(param["name"], param["required"]) for param in echo["params"]] == [
        ("text", True),
        ("data", False),
        ("maxCount", False),
        ("tags", False),
    ]
    assert echo["result"]["schema"] == {"$ref": "#/components/schemas/Echo"}
    assert document["components"]["errors"]["Domain"] == {
        "code": -32001,
        "message": "The domain refuses.",
        "data": {"kind": "Domain"},
    }
    assert {"$ref": "#/components/errors/Domain"} in echo["errors"]
    assert method(document, "test.nothing")["params"] == []
    assert [sent["name"] for sent in document["x-notifications"]] == ["$/progress", "test.happened"]


def test_what_the_server_sends_has_every_member(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    assert schemas["Echo"]["required"] == ["text", "data", "maxCount"]
    assert schemas["EchoParams"]["required"] == ["text"]


def test_typescript_says_the_same(types: str) -> None:
    assert types.startswith("// Generated from the OpenRPC document by `make types`. Do not edit.\n")
    assert (
        """
export interface EchoParams {
    text: string;
    data?: Uint8Array;
    maxCount?: number;
    tags?: Array<string>;
}
"""
        in types
    )
    assert (
        """
/** What was said. */
export interface Echo {
    text: string;
    data: Uint8Array;
    maxCount: number;
}
"""
        in types
    )
    assert (
        """
    /**
     * Says it again.
     *
     * With *\\/ and `code` in its documentation.
     */
    'test.echo': { params: EchoParams; result: Echo };
"""
        in types
    )
    assert "    'test.nothing': { params: undefined; result: null };\n" in types
    assert "    'test.happened': Happened;\n" in types
    assert "    | 'Domain'\n" in types


def test_typescript_is_the_same_every_time(types: str) -> None:
    assert generate(describe(registry, "Test", "1.0"), how="make types") == types


def test_typescript_compiles(types: str, tmp_path: Path) -> None:
    compiler = ROOT / "extension-ts" / "node_modules" / ".bin" / "tsc"
    if not compiler.exists() or shutil.which("node") is None:
        pytest.skip("the TypeScript compiler of extension-ts is not installed")
    (tmp_path / "rpc.ts").write_text(types)
    (tmp_path / "use.ts").write_text(
        "import { Methods, Notifications, ErrorKind } from './rpc';\n"
        "const echo: Methods['test.echo']['params'] = { text: 'a', data: new Uint8Array(1) };\n"
        "const said: Notifications['test.happened'] = { eventName: echo.text, data: new Uint8Array() };\n"
        "const kind: ErrorKind = 'Domain';\n"
        "const nothing: Methods['test.nothing']['params'] = undefined;\n"
        "export const all = [said, kind, nothing];\n"
    )
    run = subprocess.run(
        [
            compiler,
            "--strict",
            "--noEmit",
            "--target",
            "es2022",
            "--lib",
            "es2022,dom",
            tmp_path / "use.ts",
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout
