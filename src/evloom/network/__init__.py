"""The supply side of a site: the tree of limits, base load, solar and storage."""
