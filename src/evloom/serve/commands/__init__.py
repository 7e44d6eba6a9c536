"""Orders to stations that survive: a row for each, sent once by whichever process holds the station's link.

queued -> sent -> answered | failed      or      queued -> expired (the deadline passed before it could be sent)

A command is marked as sent before a byte of it leaves, so after a crash it is never sent again: it is failed, and says that it is not known
whether it arrived. Only one that certainly never left goes back to the queue. `quick` is for the loop: no row, no second try.
"""

from evloom.serve.commands.commands import Commands
from evloom.store.commands import CommandRow

__all__ = ["CommandRow", "Commands"]
