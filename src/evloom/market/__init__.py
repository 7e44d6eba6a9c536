"""Market: what energy and charging cost, and the bill of one session."""
