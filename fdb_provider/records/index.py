"""One secondary index, as it is declared."""

from __future__ import annotations

from dataclasses import dataclass

from fdb_provider import keyspace

KeyPart = str | int | bytes
"""What a key or an index may hold; all three keep their natural order in the store."""
DELETED_AT = "deleted_at"
"""The field of a record with soft delete that has the time when it was discarded."""


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index over `fields`, in that order.

    A record whose indexed field is None is left out of the index, so an index over a rare field costs
    only the records that have it, and `unique` concerns only those.

    Args:
        each: one of the fields, which is a tuple: a record has an entry for each of its values, each once.
        serves: the query it is for, as the documentation shows it.
    """

    name: str
    fields: tuple[str, ...]
    unique: bool = False
    serves: str = ""
    each: str = ""

    @property
    def definition(self) -> bytes:
        """What its entries depend on: the same name with another definition is another index."""
        each = (self.fields.index(self.each),) if self.each else ()
        return keyspace.pack(int(self.unique), *self.fields, *each)


BY_DELETED = Index("by_deleted", (DELETED_AT,), serves="What was discarded before a time, to be purged.")
"""The index of what was discarded, and the only one that has it; every collection with soft delete has it."""
