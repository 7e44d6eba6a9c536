"""Virtual charging stations: they speak real OCPP over websockets, and cars of the twin stand at them."""
