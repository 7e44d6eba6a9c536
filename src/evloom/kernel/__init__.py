"""What lies under everything: time grids, stamped signals, findings, errors, compiled functions."""
