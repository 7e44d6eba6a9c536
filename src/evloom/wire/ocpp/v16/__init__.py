"""OCPP 1.6J: its messages, generated, and what they mean in our words."""
