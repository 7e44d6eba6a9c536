"""GB/T 32960.3, editions 2016 and 2025: how a vehicle's terminal, or a platform, tells its telemetry. Bytes in, bytes out."""
