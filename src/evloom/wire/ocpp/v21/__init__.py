"""OCPP 2.1: its messages, generated, and what they mean in our words."""
