"""Durable state: a transactional key-value engine and the records and files kept in it.

Knows nothing of HTTP, RPC or Theia.
"""
