"""A process that appends without end and prints what was acknowledged, to be killed: python -m tests.system.store_appender URL RUN."""

import asyncio
import sys

from evloom.store.database import Database, opened
from tests.unit.store.words import charging

N_STATION = 20


def say(line: str) -> None:
    """Out before anything else happens."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def station(database: Database, name: str) -> None:
    """One session after another, each word when the last was acknowledged."""
    for session in range(10_000):
        for place, word in enumerate(charging(name, f"T{session}", 8)):
            (done,) = await database.append([word])
            say(f"{done.number} {name} {session} {place}")


async def run(url: str, name: str) -> None:
    """Until somebody ends it."""
    database = opened(url, wait_max_s=60.0)
    say("ready")
    await asyncio.gather(*(station(database, f"{name}-{number}") for number in range(N_STATION)))


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:3]))
