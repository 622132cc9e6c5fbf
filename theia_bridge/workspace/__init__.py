"""The runtime of a workspace session: its files on a disk, shells and language servers, in a sandbox.

On the gateway's side `runtimes` starts and stops them (`launcher`, `sandbox`), `doors` lets them in, and
`proxy` brings browsers to their sockets. `server` is the runtime itself, whose `parts` do the work.
"""
