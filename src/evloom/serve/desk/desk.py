"""What the platform answers to what stations say."""

from evloom.serve.desk.caller import Caller, Reply

__all__ = ["Caller", "Reply"]
