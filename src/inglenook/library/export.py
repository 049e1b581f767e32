"""Copies of a library: as JSON lines for other programs, and as a checked `library.db`.

Both are written beside their final name and renamed when complete, so a file under that name is always whole.
"""

import contextlib
import errno
import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from inglenook.core.errors import StoreDamagedError, StoreError, StoreFullError, UsageError
from inglenook.library import schema
from inglenook.library.records import DocumentRecord
from inglenook.library.store import Store

FORMAT = 1


def export(store: Store, path: Path) -> None:
    """Write one JSON object a line: first what the file is, then each document with its extracted text.

    Memory does not grow with a document's size. Documents that fail their check are left out.

    Raises:
        StoreDamagedError: after everything else was written: it names the documents left out.
        StoreFullError: the disk has no room; no file is left.
    """
    damaged: list[str] = []
    with _complete(path) as partial, partial.open("w", encoding="utf-8") as file, store.snapshot():
        json.dump({"inglenook_export": FORMAT, "generation": store.generation, "documents": store.counts()[0]}, file)
        file.write("\n")
        for (document_id,) in store.database.query("SELECT id FROM documents ORDER BY path_bytes"):
            try:
                record = store.document(document_id)
                for _ in store.iter_text(document_id):
                    pass  # checked whole before any of it is written
            except StoreDamagedError as error:
                damaged.append(str(error))
                continue
            _write_document(store, record, file)
    if damaged:
        raise StoreDamagedError(
            f"{path} was written without {len(damaged)} damaged documents: {'; '.join(damaged[:5])}"
        )


def backup(store: Store, path: Path) -> None:
    """Write a copy of the store at one moment, while others may read and write it, and check the copy.

    Raises:
        UsageError: there is a file at `path` already.
        StoreDamagedError: the copy fails its check.
        StoreFullError: the disk has no room; no file is left.
    """
    if path.exists():
        raise UsageError(f"{path} exists; choose another name, a backup overwrites nothing")
    with _complete(path) as partial, store.database.errors():
        os.close(os.open(partial, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        with contextlib.closing(sqlite3.connect(partial, isolation_level=None)) as copy:
            store.database.connection.backup(copy)
            found = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            schema.check(copy, partial)
        if found != "ok":
            raise StoreDamagedError(f"the copy of {store.path} fails its check ({found}); run `inglenook doctor`")


def _write_document(store: Store, record: DocumentRecord, file: TextIO) -> None:
    values = {
        "id": record.id,
        "path": record.path,
        "title": record.title,
        "format": record.format,
        "language": record.language,
        "created": record.created,
        "size_bytes": record.size_bytes,
        "content_hash": record.content_hash,
        "version": record.version,
        "added_at": record.added_at,
        "modified_at": record.modified_at,
        "metadata": dict(record.metadata),
    }
    file.write(json.dumps(values)[:-1])
    file.write(', "text": "')
    file.writelines(json.dumps(piece)[1:-1] for piece in store.iter_text(record.id))
    file.write('"}\n')


@contextlib.contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """Yield a name beside `path`; move it there, durably, when the block succeeds, and leave nothing when it fails."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(path)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        kind = StoreFullError if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else StoreError
        raise kind(f"cannot write {path}: {error.strerror}; choose another place or free some space") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
