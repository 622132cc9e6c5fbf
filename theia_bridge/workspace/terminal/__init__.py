"""The terminals of a workspace: shells and other programs on pseudo-terminals of their own.

`part` has the methods and the socket of each, `terminal` keeps output and those who are attached, `pty` runs
the program.
"""
