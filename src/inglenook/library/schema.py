"""The schema of `library.db`: its version, its tables, and the named functions that upgrade older ones.

`docs/store.md` explains each table. Opening refuses a file that is no library, one that a newer program wrote, and one
whose schema is not exactly what this program would have made (a foreign file may carry hostile triggers or views).
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from inglenook.core.errors import StoreDamagedError, StoreError

APPLICATION_ID = 0x496E676C  # "Ingl"
VERSION = 1
PAGE_BYTES = 8192
PART_CHARS = 8192
"""The extracted text is kept in pieces of exactly this many characters (the last one is shorter)."""

TABLES = (
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    "CREATE TABLE roots (id INTEGER PRIMARY KEY, path_bytes BLOB NOT NULL UNIQUE, metadata TEXT NOT NULL)",
    "CREATE TABLE exclusions (path_bytes BLOB PRIMARY KEY) WITHOUT ROWID",
    """CREATE TABLE documents (
        id INTEGER PRIMARY KEY AUTOINCREMENT, path_bytes BLOB NOT NULL UNIQUE, path TEXT NOT NULL,
        root_id INTEGER REFERENCES roots(id) ON DELETE SET NULL, content_hash TEXT NOT NULL, size_bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, format TEXT NOT NULL, title TEXT,
        language TEXT, created TEXT, page_kind TEXT, own_metadata TEXT NOT NULL, metadata TEXT NOT NULL,
        version INTEGER NOT NULL, num_chars INTEGER NOT NULL, num_chunks INTEGER NOT NULL, added_at TEXT NOT NULL,
        modified_at TEXT NOT NULL, seal INTEGER NOT NULL)""",
    "CREATE INDEX documents_by_hash ON documents (content_hash)",
    """CREATE TABLE parts (
        document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE, ordinal INTEGER NOT NULL,
        text BLOB NOT NULL, hash BLOB NOT NULL, UNIQUE (document_id, ordinal))""",
    """CREATE TABLE chunks (
        id INTEGER PRIMARY KEY AUTOINCREMENT, document_id INTEGER NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
        key BLOB NOT NULL, version INTEGER NOT NULL, ordinal INTEGER NOT NULL, char_start INTEGER NOT NULL,
        char_end INTEGER NOT NULL, page INTEGER, line_start INTEGER, line_end INTEGER, heading TEXT NOT NULL,
        context TEXT NOT NULL, seal INTEGER NOT NULL)""",
    "CREATE INDEX chunks_by_document ON chunks (document_id, key)",
    """CREATE TABLE spaces (
        id INTEGER PRIMARY KEY AUTOINCREMENT, encoder TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
        dimensions INTEGER NOT NULL, state TEXT NOT NULL CHECK (state IN ('building', 'active', 'retired')))""",
    "CREATE UNIQUE INDEX one_active_space ON spaces (state) WHERE state = 'active'",
    """CREATE TABLE vectors (
        space_id INTEGER NOT NULL REFERENCES spaces(id), chunk_id INTEGER NOT NULL, vector BLOB NOT NULL,
        seal INTEGER NOT NULL, PRIMARY KEY (space_id, chunk_id)) WITHOUT ROWID""",
    """CREATE TABLE changes (
        id INTEGER PRIMARY KEY, generation INTEGER NOT NULL, chunk_id INTEGER NOT NULL, is_added INTEGER NOT NULL)""",
    "CREATE INDEX changes_by_generation ON changes (generation)",
    "CREATE TABLE answers (id TEXT PRIMARY KEY, created TEXT NOT NULL, question TEXT NOT NULL, record TEXT NOT NULL, seal INTEGER NOT NULL)",
)
FIRST_META = (("generation", 0), ("changes_from", 0))

UPGRADES: dict[int, Callable[[sqlite3.Connection], None]] = {}
"""Version -> the function that takes a library of that version to the next, inside the caller's transaction."""


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file, inside the caller's transaction."""
    for statement in TABLES:
        connection.execute(statement)
    connection.executemany("INSERT INTO meta VALUES (?, ?)", FIRST_META)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the schema version of an open file; 0 for an empty one.

    Raises:
        StoreError: it is no library, or a newer program wrote it.
    """
    # One statement sees one state of a file that another process may be making.
    application_id, version, num_objects = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
        " FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if version == 0 and application_id == 0 and num_objects == 0:
        return 0
    if application_id != APPLICATION_ID:
        raise StoreError(f"{path} is an SQLite file but no Inglenook library; choose another library name")
    if version > VERSION:
        raise StoreError(
            f"{path} has schema version {version}, this program knows up to {VERSION}; "
            "use the newer Inglenook that wrote it (nothing was changed)"
        )
    return int(version)


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file whose tables, indexes, triggers and views are not exactly this version's.

    Raises:
        StoreDamagedError: they differ.
    """
    if _objects(connection) != _expected():
        raise StoreDamagedError(
            f"{path} does not have the tables of a version {VERSION} library: it is damaged or was changed by another "
            "program; restore it from a backup"
        )


def _objects(connection: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    return set(connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%'"))


def _expected() -> set[tuple[str, str, str | None]]:
    connection = sqlite3.connect(":memory:")
    for statement in TABLES:
        connection.execute(statement)
    objects = _objects(connection)
    connection.close()
    return objects
