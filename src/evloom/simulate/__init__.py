"""Simulation: twins of pile, battery and grid that fill the loop's ports, scenarios, scores and reports."""
