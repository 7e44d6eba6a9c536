"""The errors of the store.

EvloomError
├── StoreError        the database did not do it; nothing of the call was kept
│   ├── StoreFull     no room: reading goes on, writing works again when there is room
│   ├── StoreGone     the database could not be reached within the time that a call may wait
│   └── StoreClosed   the store was closed before the call had its turn
└── Conflict          it contradicts what is kept: an idempotency key that was used for something else
RuntimeError
└── ProgrammerError   the caller's code is wrong, e.g. asks for a second connection inside a transaction
"""

from evloom.kernel.errors import EvloomError


class StoreError(EvloomError):
    """The database did not do what was asked; nothing of that call was kept."""


class StoreFull(StoreError):  # noqa: N818  the name says what is the case
    """There is no room on the disk of the database."""


class StoreGone(StoreError):  # noqa: N818  the name says what is the case
    """The database could not be reached for as long as a call may wait."""


class StoreClosed(StoreError):  # noqa: N818  the name says what is the case
    """The store was closed."""


class Conflict(EvloomError):  # noqa: N818  the name says what is the case
    """What was asked contradicts what is kept."""


class ProgrammerError(RuntimeError):
    """The calling code breaks a rule of the store."""
