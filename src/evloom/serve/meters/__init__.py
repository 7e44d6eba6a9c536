"""Meters of the building: read over MQTT, Modbus and SunSpec, and told to the loop as the load that nobody steers."""
