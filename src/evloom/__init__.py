"""Evloom: electric-vehicle charging as one closed loop between vehicle, pile and network."""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """Look `__version__` up in the installed package's metadata when somebody asks, so that an import computes nothing."""
    if name == "__version__":
        from importlib.metadata import version

        return version("evloom")
    raise AttributeError(f"module 'evloom' has no attribute {name!r}")
