"""One SQLite file: opening it, one connection a thread, transactions, and SQLite's errors as ours.

WAL mode, so readers never wait for a writer; `synchronous=FULL`, so a commit that returned survives power loss on a disk
that honours fsync. It knows no table.
"""

import contextlib
import errno
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from inglenook.core.errors import NotFoundError, StoreBusyError, StoreDamagedError, StoreError, StoreFullError
from inglenook.library import schema

BUSY_SECONDS = 15.0
_WAL_BYTES = 64 << 20
Row = tuple[Any, ...]


class Database:
    """An open library file; every thread gets its own connection, so none sees another's unfinished transaction."""

    def __init__(self, path: Path, *, read_only: bool, busy_seconds: float = BUSY_SECONDS) -> None:
        self.path = path
        self.read_only = read_only or not is_writable(path)
        self.busy_seconds = busy_seconds
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._is_closed = False

    @property
    def connection(self) -> sqlite3.Connection:
        """This thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            with self.errors():
                connection = self._connect()
            self._local.connection = connection
            with self._lock:
                self._connections.append(connection)
        return connection

    def close(self) -> None:
        """Close every thread's connection."""
        self._is_closed = True
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Return all rows of a small result."""
        with self.errors():
            return self.connection.execute(sql, parameters).fetchall()

    def value(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Return the first column of the first row, or None when there is no row."""
        with self.errors():
            row = self.connection.execute(sql, parameters).fetchone()
        return None if row is None else row[0]

    def stream(self, sql: str, parameters: Sequence[Any] = (), batch: int = 1000) -> Iterator[list[Row]]:
        """Yield a large result in batches of rows."""
        with self.errors():
            cursor = self.connection.execute(sql, parameters)
        while True:
            with self.errors():
                rows = cursor.fetchmany(batch)
            if not rows:
                return
            yield rows

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let every read of this thread inside the block see one and the same state."""
        if self.connection.in_transaction:
            yield
            return
        with self.errors():
            self.connection.execute("BEGIN")
        try:
            yield
        finally:
            with self.errors():
                self.connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit what the block did, durably, or nothing of it.

        Raises:
            StoreBusyError: another process kept the write lock for `busy_seconds`.
            StoreFullError: the disk has no room; nothing was changed.
            StoreError: the library is open read-only.
        """
        if self.read_only:
            raise StoreError(f"{self.path} is open read-only: its folder may not be written; nothing was changed")
        connection = self.connection
        with self.errors():
            connection.execute("BEGIN IMMEDIATE")
        try:
            with self.errors():
                yield connection
                connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """Turn SQLite's errors inside the block into the package's own."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._translate(error) from error

    def _connect(self) -> sqlite3.Connection:
        if self._is_closed:
            raise StoreError(f"{self.path} was closed; open the library again")
        mode = "ro" if self.read_only else "rw"
        wal = Path(f"{self.path}-wal")
        if self.read_only and not is_writable(self.path) and not (wal.exists() and wal.stat().st_size):
            mode += "&immutable=1"  # no write-ahead log and no right to make one: the file alone is the whole state
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=self.busy_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        for pragma in (
            "trusted_schema = OFF",
            "foreign_keys = ON",
            "synchronous = FULL",
            f"journal_size_limit = {_WAL_BYTES}",
            "cell_size_check = ON",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _translate(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", None) or 0
        primary = code & 0xFF
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreBusyError(
                f"{self.path} is being written by another process, which held it for {self.busy_seconds:g} s; "
                "wait until that one is done and try again"
            )
        if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and free_bytes(self.path) < 1 << 20):
            return StoreFullError(
                f"no room to write {self.path}: {free_bytes(self.path) / 1e6:.1f} MB are free there; what was stored "
                "before is safe; free some space and repeat the command"
            )
        if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreDamagedError(
                f"{self.path} is damaged ({error}); restore it from a backup, or save what can be read with "
                "`inglenook export`"
            )
        if primary == sqlite3.SQLITE_READONLY:
            return StoreError(f"{self.path} may not be written ({error}); nothing was changed")
        return StoreError(f"{self.path}: {error}")


def create_file(path: Path) -> None:
    """Make the folder and an empty file that only their owner may read, when they are not there.

    Raises:
        StoreError: the place may not be written.
        StoreFullError: the disk has no room.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.parent.chmod(0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFullError(f"no room to make {path}; free some space and repeat the command") from error
        raise StoreError(
            f"cannot make {path}: {error.strerror}; choose another home with --home or INGLENOOK_HOME"
        ) from error


def open_database(path: Path, *, create: bool, read_only: bool, busy_seconds: float = BUSY_SECONDS) -> Database:
    """Return the library file, checked, and upgraded when it is of an older version.

    Raises:
        NotFoundError: there is none, and `create` is False.
        StoreError: it is no library, is newer than this program, is damaged, or may not be made.
    """
    if create and not read_only:
        create_file(path)
    if not path.exists():
        raise NotFoundError(
            f"no library at {path.parent}; make it with `inglenook add PATH --library {path.parent.name}`"
        )
    database = Database(path, read_only=read_only, busy_seconds=busy_seconds)
    try:
        with database.errors():
            if schema.version_of(database.connection, path) < schema.VERSION:
                _upgrade(database)
            schema.check(database.connection, path)
    except BaseException:
        database.close()
        raise
    return database


def _upgrade(database: Database) -> None:
    """Bring an empty or older file to this version, in one transaction."""
    if database.read_only:
        raise StoreError(
            f"{database.path} is of an older version and may not be written; open it once with write access"
        )
    connection = database.connection
    if schema.version_of(connection, database.path) == 0:
        connection.execute(f"PRAGMA page_size = {schema.PAGE_BYTES}")
        _enter_wal(connection, database.busy_seconds)
    with database.transaction():
        version = schema.version_of(connection, database.path)  # again: another process may have been first
        if version == 0:
            schema.create(connection)
        for step in range(version, schema.VERSION) if version else ():
            schema.UPGRADES[step](connection)
            connection.execute(f"PRAGMA user_version = {step + 1}")


def _enter_wal(connection: sqlite3.Connection, busy_seconds: float) -> None:
    """Switch to the write-ahead log; SQLite does not wait by itself here while another process makes the same file."""
    deadline = time.monotonic() + busy_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def is_writable(path: Path) -> bool:
    """Say whether a library file and its folder may be written."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def free_bytes(path: Path) -> int:
    """Return the room left on the disk of this path."""
    return shutil.disk_usage(path.parent).free
