"""The decomposition: vehicles answer prices on the nodes of the tree, one after the other, sweep by sweep."""
