"""The battery data box: documents that a box and the platform send each other over MQTT (docs/gbt32960.md). Bytes in, bytes out."""
