"""The dispatch of a fleet as a command: files of vehicles and nodes in, schedule and report out."""
