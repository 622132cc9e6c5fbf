"""An engine whose name is its argument. Its command `NAME.command` has it do what no engine should, too."""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec

NAME = sys.argv[1]
CAPABILITIES = {
    "textDocumentSync": 2,
    "hoverProvider": True,
    "codeActionProvider": {"codeActionKinds": [NAME], "resolveProvider": True},
    "executeCommandProvider": {"commands": [f"{NAME}.command"]},
}


def read() -> Any:
    length = 0
    while line := sys.stdin.buffer.readline().strip():
        length = int(line.partition(b":")[2])
    return msgspec.json.decode(sys.stdin.buffer.read(length)) if length else None


def write(**message: object) -> None:
    body = msgspec.json.encode({"jsonrpc": "2.0", **message})
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
    sys.stdout.buffer.flush()


def main() -> None:
    texts: dict[str, str] = {}
    told: list[object] = []
    while (message := read()) is not None:
        method, params, id = message.get("method"), message.get("params"), message.get("id")
        match method:
            case None | "$/cancelRequest":
                told.append(message)
            case "initialize":
                write(
                    id=id, result={"capabilities": CAPABILITIES, "serverInfo": {"name": NAME, "version": "1"}}
                )
            case "textDocument/didOpen":
                texts[params["textDocument"]["uri"]] = params["textDocument"]["text"]
            case "textDocument/didChange":
                texts[params["textDocument"]["uri"]] = params["contentChanges"][0]["text"]
            case "textDocument/hover":
                text = texts.get(params["textDocument"]["uri"], "")
                write(id=id, result={"contents": f"{NAME}: {text}"} if NAME in text else None)
            case "textDocument/codeAction":
                sources = [item["source"] for item in params["context"]["diagnostics"]]
                action = {"title": NAME, "data": sources}
                write(id=id, result=[action, {"title": NAME, "command": f"{NAME}.command"}])
            case "codeAction/resolve":
                write(id=id, result={**params, "kind": NAME})
            case "workspace/executeCommand":
                command(id, told, *params.get("arguments", []))
            case _ if id is not None:
                write(id=id, error={"code": -32601, "message": "unknown"})


def command(id: int, told: list[object], what: str = "tell", params: Any = None) -> None:
    match what:
        case "tell":
            write(id=id, result=told)
        case "publish":
            write(method="textDocument/publishDiagnostics", params=params)
            write(id=id, result=None)
        case "ask":
            write(id=f"question {id}", method=params["method"], params=params["params"])
            write(id=id, result=None)
        case "progress":
            write(method="$/progress", params=params)
            write(id=id, result=None)
        case "wait":
            pass
        case "hang":
            time.sleep(1000)
        case "babble":
            sys.stdout.buffer.write(b"\xff" * 10_000_000)
        case "flood":
            while True:
                write(method="fake/flooding", params="x" * 100_000)
        case "die":
            sys.exit("I die")


main()
