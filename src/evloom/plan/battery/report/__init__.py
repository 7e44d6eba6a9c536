"""The report of a fleet of batteries: an index and a page for each suspect pack, each one file that opens offline."""
