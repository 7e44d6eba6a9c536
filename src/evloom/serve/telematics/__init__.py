"""Telemetry of vehicles and battery boxes, live: GB/T 32960 over TCP, boxes over MQTT."""
