"""The mirror: it keeps the disk's `/workspace` and `/home` equal to the stored files, both ways, live.

`base` remembers what both sides last agreed on. `watcher` (of the disk) and the store's feed only say where
to look (`marks`); `decide` says what follows from the three, `reconciler` does it on `disk` and `store`.
"""
