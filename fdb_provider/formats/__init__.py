"""The format of the store: what it is, and how one of an earlier version is brought to it.

The version is kept in the store. It is raised when a program of the version before could not go on working
with what is stored, or what that stored would be wrong for this one. What does not need it: a new field of a
record that has a default, a new collection, a new index (see `indexes`).

 1. Everything before the version was kept: stores without a version that are not empty.
 2. What is kept is counted for quotas; answers to idempotency keys are kept by terms; the writers of records
    say which indexes they keep.

A migration goes through the tenants in the order of their keys. How far it is is kept in the store, behind
each tenant; beginning a tenant again does no harm. So it can be interrupted at any point and by anything, and
any number of gateways can be at it: the first that is through raises the version, and only then serves.
Programs that look at the version refuse the store as soon as a migration to a newer one has begun; those of
version 1 do not look, and must be stopped before.
"""
