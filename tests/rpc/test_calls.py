"""Lines of the console and its scripts, as the calls they are."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpc import Registry
from rpc.console.calls import CallLine, Calls
from rpc.console.secrets import masked_line
from rpc.console.words import SyntaxFault, script_lines, whole_words, words
from rpc.description import read
from rpc.openrpc import describe


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    data: bytes
    depth: int = 0


class AllParams(msgspec.Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One of every type."""

    path: str
    note: str | None = None
    count: Annotated[int, msgspec.Meta(ge=0)] | None = None
    ratio: float = 0.0
    is_open: bool = False
    color: Literal["red", "dark green"] | None = None
    content: bytes = b""
    tags: list[str] = []
    sizes: list[int] | None = None
    inner: Inner | None = None
    extra: object = None


registry = Registry[None]()


@registry.method("test.all")
async def everything(context: None, params: AllParams) -> None:
    """Takes all."""


@registry.method("test.nothing")
async def nothing(context: None) -> None:
    """Takes nothing."""


DESCRIPTION = read(describe(registry, "Test", "1"))


LOCAL = {"f": b"\xffbytes", "f.json": b'{"data": "aGk="}'}


def local(name: str) -> bytes:
    return LOCAL[name] if name in LOCAL else Path(name).read_bytes()


CALLS = Calls(DESCRIPTION, local)


def params(line: str) -> object:
    call = CALLS.read(line)
    assert call.method == "test.all"
    return call.params


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", {}),
        ("note=null", {"note": "null"}),
        ("note:=null", {"note": None}),
        ("count=3 ratio=0.5 isOpen=true", {"count": 3, "ratio": 0.5, "isOpen": True}),
        ("count=null", {"count": None}),
        ("note=3", {"note": "3"}),
        ('note="a b"', {"note": "a b"}),
        (r"note='a\ b'", {"note": r"a\ b"}),
        (r"note=a\ b", {"note": "a b"}),
        (r'note="\"\\\n\t\q"', {"note": '"\\\n\t\\q'}),
        ('"note=a b"', {"note": "a b"}),
        ("note=a=b", {"note": "a=b"}),
        ('color="dark green"', {"color": "dark green"}),
        ("color=null", {"color": None}),
        ("content=ü", {"content": "ü".encode()}),
        ("content=@f", {"content": b"\xffbytes"}),
        ("content=@@f", {"content": b"@f"}),
        ('content:="aGk="', {"content": b"hi"}),
        ("tags=a", {"tags": ["a"]}),
        ("tags=a tags=[\"b c\", 'd']", None),
        ('tags=a tags=["b c", "]"] note=x', {"tags": ["a", "b c", "]"], "note": "x"}),
        ("sizes=1 sizes=2", {"sizes": [1, 2]}),
        ("sizes=null", {"sizes": None}),
        ('inner={"data": "aGk=", "depth": 2}', {"inner": {"data": b"hi", "depth": 2}}),
        ("inner:=@f.json", {"inner": {"data": b"hi"}}),
        ("extra=[1,2]", {"extra": [1, 2]}),
        ("extra=word", {"extra": "word"}),
    ],
)
def test_values_are_typed_by_the_schema(given: str, expected: dict[str, object] | None) -> None:
    line = f"test.all path=/a {given}"
    if expected is None:
        with pytest.raises(SyntaxFault):
            params(line)
    else:
        assert params(line) == {"path": "/a", **expected}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("test.al path=/a", r"no method test\.al: did you mean test\.all\?"),
        ("test.all pth=/a", r"no parameter pth: did you mean path\?"),
        ("test.all path=/a isopen=true", r"did you mean isOpen\?"),
        ("test.all path=/a zzzzz=1", "it takes path, note"),
        ("test.all", r"needs path: test\.all path=… \[note=…\]"),
        ("test.all /a", r"such as path=/a"),
        ("test.all path=/a path=/b", "path is given twice"),
        ("test.all path=/a count=many", "count is integer or null"),
        ("test.all path=/a isOpen=yes", "isOpen is boolean"),
        ("test.all path=/a color=blue", r'color is "dark green" \| "red"'),
        ("test.all path=/a inner=deep", "inner is Inner or null, as JSON"),
        ("test.all path=/a inner:={", "} of JSON is missing"),
        ("test.all path=/a content=@/no/such/file", "cannot be read from /no/such/file"),
        ('test.all path="/a', '" is missing at the end of: path=/a'),
        ("test.all {} {}", "one object"),
        ("test.nothing a=1", "it takes none"),
        ('{"params": {}}', "method"),
        ("{} x", "stands alone"),
        ("", "no call"),
    ],
)
def test_what_is_wrong_is_named_with_the_right_one(line: str, told: str) -> None:
    with pytest.raises(SyntaxFault, match=told):
        CALLS.read(line)


def test_params_and_whole_requests_may_be_raw_json() -> None:
    assert params('test.all {"path": "/a", "content": "aGk="}') == {"path": "/a", "content": b"hi"}
    request = '{"jsonrpc": "2.0", "id": 7, "method": "test.all", "params": {"content": "aGk="}}'
    assert CALLS.read(request) == CallLine("test.all", {"content": b"hi"})
    assert CALLS.read('{"method": "no.such", "params": [1]}') == CallLine("no.such", [1])


values: dict[str, st.SearchStrategy[object]] = {
    "note": st.text(),
    "count": st.none() | st.integers(0, 2**53),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "isOpen": st.booleans(),
    "color": st.sampled_from(["red", "dark green", None]),
    "content": st.binary() | st.text().map(str.encode),
    "tags": st.lists(st.text()),
    "sizes": st.none() | st.lists(st.integers(0, 9)),
}


@given(st.fixed_dictionaries({"path": st.text()}, optional=values))
def test_what_is_written_is_read_as_the_same(params: dict[str, object]) -> None:
    line = CALLS.written("test.all", params.items())
    assert "\n" not in line
    assert CALLS.read(line) == CallLine("test.all", params)


@given(st.text(alphabet=" \t\"'\\{}[]=:a@#"))
def test_any_line_is_read_or_refused(line: str) -> None:
    found = words(line)
    assert all(not word.missing for word in found[:-1])
    with suppress(SyntaxFault):
        assert [word.text for word in whole_words(line)] == [word.text for word in found]
    with suppress(SyntaxFault):
        CALLS.read(line)


EXAMPLES = json.loads((Path(__file__).parents[1] / "console_syntax.json").read_bytes())
"""For all parsers of the syntax."""
SHARED = Calls(
    read(
        {
            "info": {"title": "", "version": ""},
            "methods": [
                {
                    "name": name,
                    "params": params,
                    "x-params": {"properties": {param["name"]: param["schema"] for param in params}},
                }
                for name, params in EXAMPLES["methods"].items()
            ],
            "components": {"schemas": EXAMPLES["schemas"], "errors": {}},
        }
    ),
    local,
)


@pytest.mark.parametrize(
    "example",
    [one for one in EXAMPLES["calls"] if one["method"] in SHARED.methods],
    ids=lambda one: one["line"],
)
def test_lines_are_read_and_written_as_by_the_page(example: dict[str, Any]) -> None:
    call = SHARED.read(example["line"])
    params = call.params if isinstance(call.params, dict) else {}
    assert call.method == example["method"]
    assert json.loads(msgspec.json.encode(params)) == example["params"]
    if (prints := example.get("prints", example["line"])) is not None:
        assert SHARED.written(call.method, params.items()) == prints


@pytest.mark.parametrize("example", EXAMPLES["errors"], ids=lambda one: one["line"])
def test_lines_are_refused_as_by_the_page(example: dict[str, Any]) -> None:
    with pytest.raises(SyntaxFault) as raised:
        SHARED.read(example["line"])
    for told in example["error"]:
        assert told in str(raised.value)


@pytest.mark.parametrize("example", EXAMPLES["masked"], ids=lambda one: one["prints"])
def test_secrets_are_never_written(example: dict[str, Any]) -> None:
    assert SHARED.written(example["method"], example["params"].items()) == example["prints"]
    assert masked_line(masked_line(example["prints"])) == example["prints"]


@pytest.mark.parametrize("example", EXAMPLES["scripts"])
def test_scripts_are_read_as_by_the_page(example: dict[str, Any]) -> None:
    assert [line for _, line in script_lines(example["text"])] == example["lines"]


def test_lines_of_a_script() -> None:
    text = "# a script\n\nrpc.ping\n  fs.stat \\\n path=/a \\\n# no comment\n-fs.delete path=/b\\\\\nlast \\"
    assert list(script_lines(text)) == [
        (3, "rpc.ping"),
        (4, "fs.stat  path=/a # no comment"),
        (7, "-fs.delete path=/b\\\\"),
        (8, "last"),
    ]
