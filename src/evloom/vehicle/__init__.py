"""Vehicles: batteries, what they draw, and what their drivers need."""
