"""Piles: their connectors (EVSE), what they can do, what happens at them and what we ask of them."""
