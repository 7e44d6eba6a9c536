"""The live platform: gateways to chargers, API, console, billing, and the loop that was simulated."""
