"""What can be done to each resource: one transaction each, which checks the role and writes the audit entry.

Shared by REST and RPC. What concerns identity (passwords, sign-ins, members) is in `auth`.
"""
