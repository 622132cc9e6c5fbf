"""Looks whether what is stored fits together, and repairs what can be repaired without losing anything.

A tenant is looked through in many small transactions, so also a store that is in use can be checked. What
was written meanwhile would look like damage; so what was found counts only if the tenant's feeds did not move
on during the pass, and if a second pass finds the very same. A tenant that is written to without a pause may
remain unjudged, and the report says so.

A change of a large folder that was cut off is brought to its end first, as any gateway would.

Repairs are transactions of their own, and each looks first whether things are still as they were found.
Nothing is deleted that anybody could want: what nobody refers to is left to the collector, after its grace,
and a name whose content is gone is moved aside, see `keyspace.lost`.
"""

from fdb_provider.fsck.check import Report, check
from fdb_provider.fsck.finding import Finding

__all__ = ["Finding", "Report", "check"]
