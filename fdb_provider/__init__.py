"""Durable state: a transactional key-value engine and the records and files kept in it.

Knows nothing of HTTP, RPC or Theia.
"""

import sys

import fdb.six

# The FoundationDB binding's copy of `six` leaves an importer behind, of which Python 3.11 complains (an
# ImportWarning) whenever any module is looked for and is not there. Nothing uses it.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != fdb.six.__name__]
