"""OCPP 1.6J, 2.0.1 and 2.1: framing, messages, and what they mean in our words."""
