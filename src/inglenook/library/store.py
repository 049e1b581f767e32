"""The store: SQLite, the only truth. Documents, their text, passages, vectors, followed folders and stored answers.

Everything read back is checked: each piece of text against its hash, each row and vector against its seal (CRC-32), each
passage against its key, so that a flipped bit is an error naming the document and never a wrong quotation.

It knows no file format, no model and no ranking. Writing documents is `staging.py`; this module reads, removes and keeps
the books that the derived indexes follow: `generation` and `changes_since`.
"""

import json
import os
import secrets
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Self

import numpy as np

from inglenook.core.errors import NotFoundError, StoreDamagedError, UsageError
from inglenook.library.database import BUSY_SECONDS, Database, open_database
from inglenook.library.records import ChunkRow, DocumentRecord, Root, Space
from inglenook.library.schema import PART_CHARS

Ids = np.ndarray[Any, np.dtype[np.int64]]
Vectors = np.ndarray[Any, np.dtype[np.float32]]

BATCH_ROWS = 1000
CHANGES_KEPT = 500_000
"""Log rows kept for the derived indexes; one that is further behind is rebuilt, which costs about the same."""
_PARTS_CACHED = 64
_DOCUMENT_COLUMNS = (
    "id, path_bytes, content_hash, size_bytes, mtime_ns, format, title, language, created, page_kind, metadata, version, "
    "num_chars, num_chunks, added_at, modified_at, seal"
)
_CHUNK_COLUMNS = (
    "c.id, c.document_id, c.key, c.version, c.ordinal, c.char_start, c.char_end, c.page, c.line_start, c.line_end, "
    "c.heading, c.context, c.seal"
)


class Store:
    """An open library file.

    >>> store = Store.open(Path("library.db"), create=True)                   # doctest: +SKIP
    >>> store.generation                                                      # doctest: +SKIP
    0
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    @classmethod
    def open(
        cls, path: Path, *, create: bool = False, read_only: bool = False, busy_seconds: float = BUSY_SECONDS
    ) -> Self:
        """Return the store at `path`, made when `create` is set and it is not there.

        Raises:
            NotFoundError: there is none.
            StoreError: it is damaged, newer than this program, no library, or cannot be made.
        """
        return cls(open_database(path, create=create, read_only=read_only, busy_seconds=busy_seconds))

    @property
    def path(self) -> Path:
        """The SQLite file."""
        return self.database.path

    @property
    def read_only(self) -> bool:
        """Whether writing is refused, as asked for or because the folder may not be written."""
        return self.database.read_only

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def snapshot(self) -> AbstractContextManager[None]:
        """Let every read of this thread inside the block see one and the same generation."""
        return self.database.snapshot()

    # What the derived indexes follow

    @property
    def generation(self) -> int:
        """A number that grows with each transaction that changes what search may see."""
        return int(self.database.value("SELECT value FROM meta WHERE name = 'generation'"))

    def changes_since(self, generation: int) -> tuple[Ids, Ids] | None:
        """Return (added, removed) passage ids, each ascending, since `generation`; None when the log is shorter.

        Ids are never used again: an id in both is only in removed. A passage that got its vector later than its text
        counts as added again.
        """
        if generation < self.database.value("SELECT value FROM meta WHERE name = 'changes_from'"):
            return None
        added: set[int] = set()
        removed: set[int] = set()
        sql = "SELECT chunk_id, is_added FROM changes WHERE generation > ?"
        for rows in self.database.stream(sql, (generation,)):
            for chunk_id, is_added in rows:
                (added if is_added else removed).add(chunk_id)
        return _sorted_ids(added - removed), _sorted_ids(removed)

    def iter_index_rows(
        self, after_id: int = 0, ids: Iterable[int] | None = None
    ) -> Iterator[tuple[int, str | None, tuple[str, ...], str, str, str | None]]:
        """Yield (chunk id, title, heading, context, text, language) by ascending id, in bounded memory.

        Args:
            after_id: only ids above this one.
            ids: only these, or every passage when None.
        """
        parts = _Parts(self.database)
        for rows in self._chunk_batches(after_id, ids):
            documents = self._documents_by_id({row[1] for row in rows})
            for row in rows:
                document = documents[row[1]]
                chunk = self._chunk_row(row, document, parts)
                yield chunk.id, chunk.title, chunk.heading, chunk.context, chunk.text, chunk.language

    def iter_vectors(
        self, space_id: int, ids: Iterable[int] | None = None, batch: int = 4096
    ) -> Iterator[tuple[Ids, Vectors]]:
        """Yield (ids (N,), unit vectors (N, D) float32) by ascending id, N at most `batch`; ids without one are left out."""
        sql = "SELECT chunk_id, vector, seal FROM vectors WHERE space_id = ? AND length(vector) > 0 "
        if ids is None:
            streams = [self.database.stream(sql + "ORDER BY chunk_id", (space_id,), batch)]
        else:
            wanted = sorted({int(i) for i in ids})
            pieces = (json.dumps(wanted[i : i + batch]) for i in range(0, len(wanted), batch))
            sql += "AND chunk_id IN (SELECT value FROM json_each(?)) ORDER BY chunk_id"
            streams = [self.database.stream(sql, (space_id, piece), batch) for piece in pieces]
        for stream in streams:
            for rows in stream:
                yield _unpack_vectors(rows, self.path)

    @property
    def spaces(self) -> list[Space]:
        """Every set of vectors."""
        return [
            Space(*row)
            for row in self.database.query("SELECT id, encoder, name, dimensions, state FROM spaces ORDER BY id")
        ]

    @property
    def active_space(self) -> Space | None:
        """The set of vectors that searches use, or None before the first passage was embedded."""
        return next((space for space in self.spaces if space.state == "active"), None)

    # What search and answers read

    def chunk_rows(self, ids: Sequence[int]) -> list[ChunkRow]:
        """Return these passages in the order asked; one that was removed is left out."""
        parts = _Parts(self.database)
        with self.snapshot():  # passages and their text must be of one state, or the checks cry damage
            rows = [row for batch in self._chunk_batches(0, ids) for row in batch]
            documents = self._documents_by_id({row[1] for row in rows})
            found = {row[0]: self._chunk_row(row, documents[row[1]], parts) for row in rows if row[1] in documents}
        return [found[i] for i in map(int, ids) if i in found]

    def select_chunk_ids(self, where: str, parameters: Sequence[Any] = ()) -> Ids:
        """Return, ascending, the ids of the passages whose row satisfies `where`, an SQL condition on `chunks` and `documents`."""
        sql = (
            "SELECT chunks.id FROM documents JOIN chunks ON chunks.document_id = documents.id "  # noqa: S608 - ours
            f"WHERE {where}"
        )
        with self.database.errors():
            ids = np.fromiter((row[0] for row in self.database.connection.execute(sql, parameters)), np.int64)
        ids.sort()
        return ids

    def document_chunk_ids(self, document_id: int) -> Ids:
        """Return the ids of a document's passages in the order of the text."""
        rows = self.database.query("SELECT id FROM chunks WHERE document_id = ? ORDER BY ordinal", (document_id,))
        return np.array([row[0] for row in rows], np.int64)

    def read_text(self, document_id: int, char_start: int = 0, char_end: int | None = None) -> str:
        """Return the extracted text at [char_start, char_end), cut off at the document's end.

        Raises:
            NotFoundError: no such document.
            StoreDamagedError: the stored text fails its check.
        """
        if char_start < 0 or (char_end is not None and char_end < 0):
            raise UsageError(f"characters {char_start} to {char_end}: count from 0 at the start of the text")
        with self.snapshot():
            num_chars = self.database.value("SELECT num_chars FROM documents WHERE id = ?", (document_id,))
            if num_chars is None:
                raise NotFoundError(f"no document {document_id}; `inglenook documents` lists them")
            end = num_chars if char_end is None else min(char_end, num_chars)
            return _Parts(self.database).text(document_id, char_start, end)

    def iter_text(self, document_id: int) -> Iterator[str]:
        """Yield the extracted text in pieces."""
        num_chars = self.database.value("SELECT num_chars FROM documents WHERE id = ?", (document_id,)) or 0
        parts = _Parts(self.database)
        for start in range(0, num_chars, PART_CHARS):
            yield parts.text(document_id, start, min(start + PART_CHARS, num_chars))

    # Documents

    def documents(self, where: str = "1", parameters: Sequence[Any] = ()) -> list[DocumentRecord]:
        """Return the documents that satisfy an SQL condition on `documents`, by path."""
        sql = f"SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE {where} ORDER BY path_bytes"  # noqa: S608 - ours
        return [self._record(row) for row in self.database.query(sql, parameters)]

    def document(self, document_id: int) -> DocumentRecord:
        """Return one document.

        Raises:
            NotFoundError: no such document.
        """
        found = self._documents_by_id({document_id})
        if not found:
            raise NotFoundError(f"no document {document_id}; `inglenook documents` lists them")
        return found[document_id]

    def document_at(self, path: str) -> DocumentRecord | None:
        """Return the document of this absolute path, or None."""
        found = self.documents("path_bytes = ?", (os.fsencode(path),))
        return found[0] if found else None

    def counts(self) -> tuple[int, int]:
        """Return the numbers of documents and passages."""
        documents, chunks = self.database.query("SELECT count(*), total(num_chunks) FROM documents")[0]
        return int(documents), int(chunks)

    def remove_documents(self, ids: Iterable[int], exclude: Iterable[str] = ()) -> None:
        """Remove documents, durably and at once; `exclude` are paths that folders shall not bring back by themselves."""
        with self.database.transaction() as connection:
            generation = next_generation(connection)
            for document_id in ids:
                remove_chunks(connection, document_id, generation)
                connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
            connection.executemany("INSERT OR IGNORE INTO exclusions VALUES (?)", [(os.fsencode(p),) for p in exclude])

    # Followed files and folders

    @property
    def roots(self) -> list[Root]:
        """The files and folders that are followed, by path."""
        rows = self.database.query("SELECT id, path_bytes, metadata FROM roots ORDER BY path_bytes")
        return [Root(row[0], os.fsdecode(row[1]), json.loads(row[2])) for row in rows]

    @property
    def exclusions(self) -> set[str]:
        """Paths beneath followed folders that were taken out by hand."""
        return {os.fsdecode(row[0]) for row in self.database.query("SELECT path_bytes FROM exclusions")}

    def follow(self, path: str, metadata: Mapping[str, str] | None) -> Root:
        """Follow a file or folder; labels given replace the ones it had; what was taken out beneath it may return."""
        encoded = os.fsencode(path)
        beneath = encoded.rstrip(b"/") + b"/"
        with self.database.transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO roots (path_bytes, metadata) VALUES (?, '{}')", (encoded,))
            if metadata is not None:
                connection.execute("UPDATE roots SET metadata = ? WHERE path_bytes = ?", (_json(metadata), encoded))
            connection.execute(
                "DELETE FROM exclusions WHERE path_bytes = ? OR substr(path_bytes, 1, ?) = ?",
                (encoded, len(beneath), beneath),
            )
        return next(root for root in self.roots if root.path == path)

    def unfollow(self, root_ids: Iterable[int]) -> None:
        """Follow these no longer; their documents stay."""
        with self.database.transaction() as connection:
            connection.executemany("DELETE FROM roots WHERE id = ?", [(i,) for i in root_ids])

    # Stored answers

    def record_answer(self, record: Mapping[str, Any]) -> str:
        """Keep an answer with its trace and return its new id."""
        answer_id = secrets.token_hex(4)
        text = _json(record)
        values = (answer_id, now(), str(record.get("question", "")), text, seal(answer_id, text))
        with self.database.transaction() as connection:
            connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", values)
        return answer_id

    def answer_record(self, answer_id: str) -> dict[str, Any]:
        """Return a kept answer.

        Raises:
            NotFoundError: no such answer.
        """
        rows = self.database.query("SELECT record, seal FROM answers WHERE id = ?", (answer_id,))
        if not rows:
            raise NotFoundError(f"no stored answer {answer_id!r}; `inglenook ask` prints the id of each answer")
        text, stored_seal = rows[0]
        if seal(answer_id, text) != stored_seal:
            raise damaged(self.path, f"the stored answer {answer_id}")
        return dict(json.loads(text))

    def answer_ids(self) -> list[str]:
        """Return the ids of the kept answers, newest first."""
        return [row[0] for row in self.database.query("SELECT id FROM answers ORDER BY rowid DESC")]

    # Inside

    def _chunk_batches(self, after_id: int, ids: Iterable[int] | None) -> Iterator[list[tuple[Any, ...]]]:
        """Yield rows of `chunks` by ascending id without a long-lived cursor."""
        if ids is not None:
            wanted = sorted({i for i in map(int, ids) if i > after_id})
            sql = f"SELECT {_CHUNK_COLUMNS} FROM chunks c WHERE c.id IN (SELECT value FROM json_each(?)) ORDER BY c.id"  # noqa: S608
            for i in range(0, len(wanted), BATCH_ROWS):
                yield self.database.query(sql, (json.dumps(wanted[i : i + BATCH_ROWS]),))
            return
        sql = f"SELECT {_CHUNK_COLUMNS} FROM chunks c WHERE c.id > ? ORDER BY c.id LIMIT {BATCH_ROWS}"  # noqa: S608 - ours
        while rows := self.database.query(sql, (after_id,)):
            yield rows
            after_id = rows[-1][0]

    def _documents_by_id(self, ids: set[int]) -> dict[int, DocumentRecord]:
        sql = f"SELECT {_DOCUMENT_COLUMNS} FROM documents WHERE id IN (SELECT value FROM json_each(?))"  # noqa: S608 - ours
        return {row[0]: self._record(row) for row in self.database.query(sql, (json.dumps(sorted(ids)),))}

    def _record(self, row: tuple[Any, ...]) -> DocumentRecord:
        (document_id, path_bytes, content_hash, size, _, kind, title, language, created, page_kind, metadata) = row[:11]
        version, _, num_chunks, added_at, modified_at, stored_seal = row[11:]
        if seal(*row[:-1]) != stored_seal:
            raise damaged(self.path, f"the record of document {document_id} ({path_bytes!r})")
        return DocumentRecord(
            id=document_id,
            path=os.fsdecode(path_bytes),
            title=title,
            format=kind,
            language=language,
            size_bytes=size,
            content_hash=content_hash,
            version=version,
            chunks=num_chunks,
            added_at=added_at,
            modified_at=modified_at,
            metadata=json.loads(metadata),
            created=created,
            page_kind=page_kind,
        )

    def _chunk_row(self, row: tuple[Any, ...], document: DocumentRecord, parts: "_Parts") -> ChunkRow:
        chunk_id, document_id, key, version, _, start, end, page, line_start, line_end, heading, context, stored = row
        text = parts.text(document_id, start, end) if seal(*row[1:-1]) == stored else None
        if text is None or chunk_key(context, text) != key:
            raise damaged(self.path, f"passage {chunk_id} of {document.path!r}")
        return ChunkRow(
            id=chunk_id,
            document_id=document_id,
            path=document.path,
            title=document.title,
            format=document.format,
            language=document.language,
            content_hash=document.content_hash,
            version=version,
            page=page,
            line_start=line_start,
            line_end=line_end,
            heading=tuple(json.loads(heading)),
            char_start=start,
            char_end=end,
            text=text,
            context=context,
        )


class _Parts:
    """The stored text, checked; keeps the last pieces read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: OrderedDict[tuple[int, int], str] = OrderedDict()

    def text(self, document_id: int, start: int, end: int) -> str:
        first = start // PART_CHARS
        pieces = [self._piece(document_id, i) for i in range(first, -(-end // PART_CHARS))]
        whole = pieces[0] if len(pieces) == 1 else "".join(pieces)
        return whole[start - first * PART_CHARS : end - first * PART_CHARS]

    def _piece(self, document_id: int, ordinal: int) -> str:
        place = document_id, ordinal
        if place in self._cache:
            return self._cache[place]
        rows = self._database.query("SELECT text, hash FROM parts WHERE document_id = ? AND ordinal = ?", place)
        if not rows or not isinstance(rows[0][0], bytes) or part_hash(rows[0][0]) != rows[0][1]:
            path = self._database.value("SELECT path FROM documents WHERE id = ?", (document_id,))
            raise damaged(self._database.path, f"the text of document {document_id} ({path!r})")
        text = str(rows[0][0], "utf-8")
        self._cache[place] = text
        if len(self._cache) > _PARTS_CACHED:
            self._cache.popitem(last=False)
        return text


def next_generation(connection: Connection) -> int:
    """Raise the generation, inside the caller's transaction, and return it."""
    sql = "UPDATE meta SET value = value + 1 WHERE name = 'generation' RETURNING value"
    return int(connection.execute(sql).fetchone()[0])


def log_changes(connection: Connection, generation: int, ids: Iterable[int], *, is_added: bool) -> None:
    """Note what changed for the derived indexes, inside the caller's transaction; forget what is too old."""
    connection.executemany(
        "INSERT INTO changes (generation, chunk_id, is_added) VALUES (?, ?, ?)",
        ((generation, i, is_added) for i in ids),
    )
    newest, oldest = connection.execute("SELECT max(id), min(id) FROM changes").fetchone()
    if newest is None or newest - oldest < 2 * CHANGES_KEPT:
        return
    last = connection.execute("SELECT generation FROM changes WHERE id = ?", (newest - CHANGES_KEPT,)).fetchone()[0]
    connection.execute("DELETE FROM changes WHERE generation <= ?", (last,))
    connection.execute("UPDATE meta SET value = ? WHERE name = 'changes_from'", (last,))


def remove_chunks(connection: Connection, document_id: int, generation: int, before_version: int | None = None) -> int:
    """Remove a document's passages (those of older versions only, when given) with their vectors; return how many."""
    condition = "document_id = ?" if before_version is None else "document_id = ? AND version < ?"
    parameters = (document_id,) if before_version is None else (document_id, before_version)
    ids = [row[0] for row in connection.execute(f"SELECT id FROM chunks WHERE {condition}", parameters)]  # noqa: S608
    log_changes(connection, generation, ids, is_added=False)
    spaces = connection.execute("SELECT id FROM spaces").fetchall()
    for (space_id,) in spaces:
        connection.executemany("DELETE FROM vectors WHERE space_id = ? AND chunk_id = ?", ((space_id, i) for i in ids))
    connection.executemany("DELETE FROM chunks WHERE id = ?", ((i,) for i in ids))
    return len(ids)


def chunk_key(context: str, text: str) -> bytes:
    """Return a passage's key: the same words in the same context have the same one (BLAKE2b-128)."""
    return blake2b(f"{context}\0{text}".encode(), digest_size=16).digest()


def part_hash(text: bytes) -> bytes:
    """Return the hash kept beside a piece of text (BLAKE2b-128)."""
    return blake2b(text, digest_size=16).digest()


def seal(*values: object) -> int:
    """Return the CRC-32 that is kept with a row."""
    return zlib.crc32(repr(values).encode())


def damaged(path: Path, what: str) -> StoreDamagedError:
    """Return the error for bytes that fail their check."""
    return StoreDamagedError(
        f"{what} in {path} fails its check: the file was damaged; restore it from a backup, or remove that document and "
        "add its file again"
    )


def now() -> str:
    """Return the time for people to read; nothing is ordered or timed by it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def pack_vectors(vectors: Vectors) -> list[bytes]:
    """Return each row as the bytes that are stored: float16, little-endian."""
    rows = np.ascontiguousarray(vectors, "<f2")
    return [row.tobytes() for row in rows]


def _unpack_vectors(rows: list[tuple[Any, ...]], path: Path) -> tuple[Ids, Vectors]:
    for chunk_id, vector, stored_seal in rows:
        if not isinstance(vector, bytes) or zlib.crc32(vector) != stored_seal:
            raise damaged(path, f"the vector of passage {chunk_id}")
    ids = np.array([row[0] for row in rows], np.int64)
    joined = np.frombuffer(b"".join(row[1] for row in rows), "<f2")
    vectors = joined.reshape(len(rows), -1).astype(np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return ids, vectors / np.maximum(norms, 1e-12)


def _sorted_ids(ids: set[int]) -> Ids:
    array = np.fromiter(ids, np.int64, len(ids))
    array.sort()
    return array


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True)
