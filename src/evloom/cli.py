"""The command `evloom`: parses arguments and prints, nothing else."""

import argparse
from collections.abc import Sequence

import evloom


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (those of the process when None) and return its exit code."""
    parser = argparse.ArgumentParser(prog="evloom", description=evloom.__doc__)
    parser.add_argument("--version", action="version", version=f"evloom {evloom.__version__}")
    parser.parse_args(arguments)
    parser.print_help()
    return 0
