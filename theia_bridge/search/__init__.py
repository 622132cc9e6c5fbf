"""Searching files by name and by text.

ripgrep does the work, in processes of its own. It needs files on a disk, so the gateway keeps a mirror of
each root that is searched: a private folder that can be deleted at any time and is made anew from the store.
"""
