"""Labelled fleets: of the twin of `simulate.pack`, and of PyBaMM (docs/battery-truth.md)."""
