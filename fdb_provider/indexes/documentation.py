"""What the documentation says of the collections and their indexes, made from what they are declared as."""

from __future__ import annotations

from typing import Any

from fdb_provider.records import Collection, Index
from fdb_provider.repositories import COLLECTIONS

BEGIN = "<!-- made by `make types` from what is declared: begin -->"
END = "<!-- end -->"


def written(text: str) -> str:
    """A document in which what is between `BEGIN` and `END` is as it is declared."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{_sections()}\n{END}{after}"


def _sections() -> str:
    return "\n".join(_section(collection) for collection in COLLECTIONS)


def _section(collection: Collection[Any]) -> str:
    title = f"### {collection.name}\n\n{_summary(collection)}\n"
    if not collection.indexes:
        return title
    lines = ["| index | over | serves |", "|---|---|---|", *map(_row, collection.indexes.values())]
    return title + "\n" + "\n".join(lines) + "\n"


def _summary(collection: Collection[Any]) -> str:
    said, _, _ = (collection.type.__doc__ or "").partition("\n\n")
    key = ", ".join(f"`{field}`" for field in collection.key)
    kept = " What is deleted can be restored until it is purged." if collection.soft_delete else ""
    return f"{' '.join(said.split())} Key: {key}.{kept}"


def _row(index: Index) -> str:
    fields = ", ".join(f"{'each of ' if field == index.each else ''}`{field}`" for field in index.fields)
    unique = " (unique)" if index.unique else ""
    return f"| `{index.name}` | {fields}{unique} | {index.serves} |"
