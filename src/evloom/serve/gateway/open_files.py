"""Every connection is an open file, and systems give a process few of them unless it asks."""

import contextlib
import sys

SPARE = 500
"""Files beside the connections: database, pages, meters, logs."""


def allow(n_connection: int) -> int:
    """Ask for as many open files as that many connections need; how many connections there is room for."""
    if sys.platform == "win32":
        return n_connection
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = n_connection + SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(ValueError, OSError):  # some systems have a further limit that they do not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return n_connection if soft == resource.RLIM_INFINITY else max(0, min(n_connection, soft - SPARE))
