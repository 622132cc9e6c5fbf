"""Language servers of a workspace.

A browser's socket has a server of its own, which ends with it.
"""
