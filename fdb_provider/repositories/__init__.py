"""One module for each kind of record: which collections there are and what is done with them."""
