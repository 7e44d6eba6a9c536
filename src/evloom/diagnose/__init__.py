"""Judges batteries: from frames to capacity and health, to a warning with its cause and advice."""
