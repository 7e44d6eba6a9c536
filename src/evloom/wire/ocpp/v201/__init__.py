"""OCPP 2.0.1: its messages, generated, and what they mean in our words."""
