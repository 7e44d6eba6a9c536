"""The side of the chargers: WebSocket ports, who may come in, and the road of every message."""
