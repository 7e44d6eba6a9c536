"""Studies and plans for whole fleets, made from files and written to files."""
