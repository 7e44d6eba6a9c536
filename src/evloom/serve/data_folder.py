"""The folder of one platform: its embedded database, journals and certificates. One process at a time may use it."""

import fcntl
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from evloom.kernel.errors import InputError
from evloom.kernel.finding import Finding
from evloom.serve.config import Config


class DataFolder(AbstractContextManager["DataFolder"]):
    """Holds a lock on the folder for as long as it is entered. The lock goes with the process, however that ends.

    Raises InputError where the folder cannot be made or written, or another process uses it.
    """

    def __init__(self, config: Config) -> None:
        self.path = Path(config.server.data).expanduser().resolve()
        self._url = config.database.url
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (self.path / "lock").open("a")
        except OSError as error:
            raise InputError([_finding(str(self.path), error.strerror or str(error), "a folder that can be made and written")]) from None

    @property
    def database_url(self) -> str:
        """Where the database is."""
        return self._url or f"sqlite:///{self.path / 'evloom.db'}"

    def __enter__(self) -> "DataFolder":
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            value = "another evloom serve uses it"
            raise InputError([_finding(str(self.path), value, "one process for each data folder")]) from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._lock.close()


def _finding(path: str, value: str, allowed: str) -> Finding:
    advice = "name another one: --data FOLDER, or server.data in the settings"
    return Finding("serve.data", "refused", path, None, "server.data", value, allowed, advice)
