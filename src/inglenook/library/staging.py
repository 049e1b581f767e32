"""Writing documents: staged outside the store as they are read, then moved in whole, many small ones in one commit.

A document may be larger than memory and take an hour to embed. So its text, passages and vectors first go to temporary
tables, which SQLite keeps on disk and nobody else sees; the write lock is held only while finished documents are copied
over. A passage whose words and context the stored document already had keeps its id and its vector.

It knows neither files nor models.
"""

import json
import os
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from sqlite3 import Connection
from typing import Any

from inglenook.core.types import Chunk, DocumentInfo, Part
from inglenook.library.schema import PART_CHARS
from inglenook.library.store import (
    Store,
    Vectors,
    chunk_key,
    log_changes,
    next_generation,
    now,
    pack_vectors,
    part_hash,
    remove_chunks,
    seal,
)

NO_VECTOR = b""
"""Stored in place of a vector for a passage that the encoder cannot represent, so that it is not tried again."""
_ROWS = 500
_INSERT_STAGED = "INSERT INTO staged_chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_CHUNK = "INSERT INTO chunks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_SURROGATES = re.compile("[\ud800-\udfff]")
_TABLES = (
    "CREATE TEMP TABLE staged_parts (draft INTEGER, ordinal INTEGER, text BLOB, hash BLOB, PRIMARY KEY (draft, ordinal))",
    """CREATE TEMP TABLE staged_chunks (
        draft INTEGER, ordinal INTEGER, key BLOB, char_start INTEGER, char_end INTEGER, page INTEGER, line_start INTEGER,
        line_end INTEGER, heading TEXT, context TEXT, vector BLOB, PRIMARY KEY (draft, ordinal))""",
)


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells a changed file from an unchanged one without reading it, and where it belongs."""

    path: str
    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, path: str, found: os.stat_result) -> "FileState":
        """Return the state that a stat shows."""
        return cls(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@dataclass(slots=True)
class Draft:
    """A document that is being staged."""

    number: int
    file: FileState
    document_id: int | None
    """The stored document of the same path, or None."""
    num_chars: int = 0
    num_chunks: int = 0
    tail: list[str] = field(default_factory=list)
    tail_chars: int = 0


class Staging:
    """The documents on their way into a store; used by one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._connection = store.database.connection
        self._last = 0
        with store.database.errors():
            for table in ("staged_parts", "staged_chunks"):
                self._connection.execute(f"DROP TABLE IF EXISTS temp.{table}")
            for statement in _TABLES:
                self._connection.execute(statement)

    def close(self) -> None:
        """Throw away what was not committed."""
        with self._store.database.errors():
            for table in ("staged_parts", "staged_chunks"):
                self._connection.execute(f"DROP TABLE IF EXISTS temp.{table}")

    def begin(self, file: FileState) -> Draft:
        """Return an empty draft of the document at this path."""
        self._last += 1
        document_id = self._store.database.value(
            "SELECT id FROM documents WHERE path_bytes = ?", (os.fsencode(file.path),)
        )
        return Draft(self._last, file, document_id)

    def add_text(self, draft: Draft, part: Part) -> None:
        """Append extracted text."""
        draft.num_chars += len(part.text)
        draft.tail.append(part.text)
        draft.tail_chars += len(part.text)
        if draft.tail_chars >= PART_CHARS:
            self._flush_text(draft, is_last=False)

    def add_chunks(self, draft: Draft, chunks: Sequence[Chunk], space_id: int | None) -> list[tuple[int, str]]:
        """Append passages; return (ordinal, words to embed) of those that have no vector in this space yet."""
        rows = []
        for ordinal, chunk in enumerate(chunks, draft.num_chunks):
            heading = json.dumps(chunk.heading)
            key = chunk_key(chunk.context, chunk.text)
            place = (chunk.char_start, chunk.char_end, chunk.page, chunk.line_start, chunk.line_end)
            rows.append((draft.number, ordinal, key, *place, heading, chunk.context, None))
        with self._store.database.errors():
            self._connection.executemany(_INSERT_STAGED, rows)
        wanted = [
            (row[1], chunk.searchable_text)
            for row, chunk in zip(rows, chunks, strict=True)
            if space_id is not None and not self._has_vector(draft, row[2], space_id)
        ]
        draft.num_chunks += len(chunks)
        return wanted

    def set_vectors(self, places: Sequence[tuple[Draft, int]], vectors: Vectors) -> None:
        """Give passages (draft, ordinal) their vectors (N, D)."""
        rows = zip(pack_vectors(vectors), places, strict=True)
        self._update_vectors((vector, draft.number, ordinal) for vector, (draft, ordinal) in rows)

    def set_no_vector(self, places: Iterable[tuple[Draft, int]]) -> None:
        """Note that the encoder cannot represent these passages."""
        self._update_vectors((NO_VECTOR, draft.number, ordinal) for draft, ordinal in places)

    def discard(self, draft: Draft) -> None:
        """Throw a draft away."""
        with self._store.database.errors():
            for table in ("staged_parts", "staged_chunks"):
                self._connection.execute(f"DELETE FROM {table} WHERE draft = ?", (draft.number,))  # noqa: S608 - ours

    def commit(self, finished: Sequence["Finished"], space_id: int | None) -> list[tuple[str, int]]:
        """Move finished drafts into the store in one durable transaction.

        Returns:
            For each draft `added`, `updated` or `unchanged` (another process stored the same content first), and its
            number of passages.
        """
        for done in finished:
            self._flush_text(done.draft, is_last=True)
        with self._store.database.transaction() as connection:
            generation = next_generation(connection)
            results = [_move_in(connection, done, generation, space_id) for done in finished]
        for done in finished:
            self.discard(done.draft)
        return results

    def _update_vectors(self, rows: Iterable[tuple[bytes, int, int]]) -> None:
        with self._store.database.errors():
            self._connection.executemany("UPDATE staged_chunks SET vector = ? WHERE draft = ? AND ordinal = ?", rows)

    def _has_vector(self, draft: Draft, key: bytes, space_id: int) -> bool:
        if draft.document_id is None:
            return False
        sql = (
            "SELECT 1 FROM chunks c JOIN vectors v ON v.space_id = ? AND v.chunk_id = c.id "
            "WHERE c.document_id = ? AND c.key = ? LIMIT 1"
        )
        return self._store.database.value(sql, (space_id, draft.document_id, key)) is not None

    def _flush_text(self, draft: Draft, *, is_last: bool) -> None:
        text = "".join(draft.tail)
        first = (draft.num_chars - len(text)) // PART_CHARS
        whole = len(text) if is_last else len(text) - len(text) % PART_CHARS
        pieces = [text[i : i + PART_CHARS].encode() for i in range(0, whole, PART_CHARS)]
        rows = [(draft.number, first + i, piece, part_hash(piece)) for i, piece in enumerate(pieces)]
        with self._store.database.errors():
            self._connection.executemany("INSERT INTO staged_parts VALUES (?, ?, ?, ?)", rows)
        draft.tail = [] if is_last else [text[whole:]]
        draft.tail_chars = 0 if is_last else len(text) - whole


@dataclass(frozen=True, slots=True)
class Finished:
    """A draft that is complete, with what was learnt at the end of the file."""

    draft: Draft
    info: DocumentInfo
    content_hash: str
    root_id: int | None
    labels: Mapping[str, str]
    """What the person said of the file; replaces what the file says of itself."""


def clean_part(part: Part) -> Part:
    """Return the part without lone surrogates, which no UTF-8 can hold; offsets stay."""
    try:
        part.text.encode()
        for heading in {block.heading for block in part.blocks}:
            "".join(heading).encode()
    except UnicodeEncodeError:
        blocks = tuple(replace(block, heading=tuple(map(clean, block.heading))) for block in part.blocks)
        return Part(part.char_start, clean(part.text), blocks)
    return part


def clean(text: str) -> str:
    """Return the text with U+FFFD for each lone surrogate."""
    return _SURROGATES.sub("\ufffd", text)


def reseal_document(connection: Connection, document_id: int) -> None:
    """Set the seal of a document's row to what its columns now hold."""
    columns = (
        "id, path_bytes, content_hash, size_bytes, mtime_ns, format, title, language, created, page_kind, metadata, "
        "version, num_chars, num_chunks, added_at, modified_at"
    )
    row = connection.execute(f"SELECT {columns} FROM documents WHERE id = ?", (document_id,)).fetchone()  # noqa: S608
    connection.execute("UPDATE documents SET seal = ? WHERE id = ?", (seal(*row), document_id))


def shown_path(path: str) -> str:
    """Return a path as text for filters: bytes that are no UTF-8 become U+FFFD."""
    return os.fsencode(path).decode(errors="replace")


def modified_at(mtime_ns: int) -> str:
    """Return a file time as ISO 8601, UTC; one outside the calendar becomes the epoch."""
    try:
        return datetime.fromtimestamp(mtime_ns / 1e9, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC).isoformat(timespec="seconds")


def _move_in(connection: Connection, done: Finished, generation: int, space_id: int | None) -> tuple[str, int]:
    path_bytes = os.fsencode(done.draft.file.path)
    sql = "SELECT id, version, content_hash, num_chunks FROM documents WHERE path_bytes = ?"
    existing = connection.execute(sql, (path_bytes,)).fetchone()
    if existing and existing[2] == done.content_hash and existing[0] != done.draft.document_id:
        return "unchanged", existing[3]
    version = existing[1] + 1 if existing else 1
    document_id = _write_document(connection, done, existing[0] if existing else None, version)
    connection.execute("DELETE FROM parts WHERE document_id = ?", (document_id,))
    connection.execute(
        "INSERT INTO parts (document_id, ordinal, text, hash) "
        "SELECT ?, ordinal, text, hash FROM staged_parts WHERE draft = ? ORDER BY ordinal",
        (document_id, done.draft.number),
    )
    is_complete = _write_chunks(
        connection, done.draft, document_id=document_id, version=version, generation=generation, space_id=space_id
    )
    if existing:
        remove_chunks(connection, document_id, generation, before_version=version)
    if not is_complete:
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('lacks_vectors', 1)")
    reseal_document(connection, document_id)
    return "updated" if existing else "added", done.draft.num_chunks


def _write_document(connection: Connection, done: Finished, document_id: int | None, version: int) -> int:
    file, info = done.draft.file, done.info
    columns = {
        "path_bytes": os.fsencode(file.path),
        "path": shown_path(file.path),
        "root_id": done.root_id,
        "content_hash": done.content_hash,
        "size_bytes": file.size_bytes,
        "mtime_ns": file.mtime_ns,
        "ctime_ns": file.ctime_ns,
        "inode": _signed(file.inode),
        "format": info.format,
        "title": clean(info.title) if info.title else None,
        "language": info.language,
        "created": clean(info.created) if info.created else None,
        "page_kind": info.page_kind,
        "own_metadata": json.dumps(dict(info.metadata), sort_keys=True),
        "metadata": json.dumps({**info.metadata, **done.labels}, sort_keys=True),
        "version": version,
        "num_chars": done.draft.num_chars,
        "num_chunks": done.draft.num_chunks,
        "modified_at": modified_at(file.mtime_ns),
        "seal": 0,
    }
    if document_id is None:
        columns["added_at"] = now()
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        sql = f"INSERT INTO documents ({names}) VALUES ({marks}) RETURNING id"  # noqa: S608 - names are ours
        return int(connection.execute(sql, list(columns.values())).fetchone()[0])
    changes = ", ".join(f"{name} = ?" for name in columns)
    connection.execute(f"UPDATE documents SET {changes} WHERE id = ?", [*columns.values(), document_id])  # noqa: S608
    return document_id


def _write_chunks(
    connection: Connection, draft: Draft, *, document_id: int, version: int, generation: int, space_id: int | None
) -> bool:
    """Write the passages; return whether each has its vector (or the note that it can have none)."""
    last_id = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'chunks'").fetchone()
    next_id = last_id[0] + 1 if last_id else 1
    staged = connection.execute(
        "SELECT key, ordinal, char_start, char_end, page, line_start, line_end, heading, context, vector "
        "FROM staged_chunks WHERE draft = ? ORDER BY ordinal",
        (draft.number,),
    )
    is_complete = True
    while rows := staged.fetchmany(_ROWS):
        new: list[tuple[Any, ...]] = []
        vectors: list[tuple[int | None, int, bytes, int]] = []
        embedded: list[int] = []
        for key, *place, vector in rows:
            content = (document_id, key, version, *place)
            chunk_id = _reuse(connection, content) if version > 1 else None
            if chunk_id is not None:
                embedded += [chunk_id] if vector is not None else []
            else:
                chunk_id, next_id = next_id, next_id + 1
                new.append((chunk_id, *content, seal(*content)))
                is_complete = is_complete and vector is not None
            if vector is not None:
                vectors.append((space_id, chunk_id, vector, zlib.crc32(vector)))
        connection.executemany(_INSERT_CHUNK, new)
        connection.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?, ?, ?)", vectors)
        log_changes(connection, generation, [*(row[0] for row in new), *embedded], is_added=True)
    return is_complete


def _reuse(connection: Connection, content: tuple[Any, ...]) -> int | None:
    """Give an older passage with the same words and context its new place; return its id, or None when there is none."""
    document_id, key, version = content[:3]
    found = connection.execute(
        "SELECT id FROM chunks WHERE document_id = ? AND key = ? AND version < ? ORDER BY ordinal LIMIT 1",
        (document_id, key, version),
    ).fetchone()
    if found is None:
        return None
    connection.execute(
        "UPDATE chunks SET version = ?, ordinal = ?, char_start = ?, char_end = ?, page = ?, line_start = ?, line_end = ?, "
        "heading = ?, context = ?, seal = ? WHERE id = ?",
        (*content[2:], seal(*content), found[0]),
    )
    return int(found[0])


def _signed(number: int) -> int:
    """Return a file's inode number as SQLite can hold it."""
    return number - (1 << 64) if number >= 1 << 63 else number
