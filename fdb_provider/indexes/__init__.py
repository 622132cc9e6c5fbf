"""Secondary indexes: what is declared, which of them have all records, and how the others get there.

A writer of a record sets the entries of every index its collection declares. So an index that is declared
for a store without records is complete and stays so. One that is declared later is not: it is built in the
background (`builder`), and has its mark once it has all records; until then queries look through the
records themselves, and see the same as they will through the index.

That rests on every writer knowing the index. Programs of two versions may work on one store for a while,
as when gateways are replaced one by one. What the writers of a collection keep is therefore written in the
store (`catalogue`), and every program that shares it looks there at least every `TRUST` seconds (`store`).
If it finds an index it does not know, it takes the mark away before it writes on; the index is built anew
once nobody of its kind is left.
"""
