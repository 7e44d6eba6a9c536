"""From a continuous plan to what chargers can do: currents of 0 or 6 A and up, whole steps, not too often."""
