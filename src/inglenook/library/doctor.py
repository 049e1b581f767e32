"""Doctor: look at every stored byte and at everything that answers need; mend what can be mended.

What is damaged is named. Repair throws the derived indexes away and builds them anew, reads damaged documents again from
their files, and embeds passages that lack vectors. It cannot mend SQLite pages: restore a backup for that.
"""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inglenook.core.errors import InglenookError, NotFoundError, StoreDamagedError
from inglenook.library.database import free_bytes
from inglenook.library.embedding import num_missing
from inglenook.library.records import Check, DoctorReport
from inglenook.library.store import Store

if TYPE_CHECKING:
    from inglenook.library.library import Library

LOW_SPACE_BYTES = 1 << 30
_BATCH = 500


def examine(library: "Library", *, repair: bool) -> DoctorReport:
    """Check a library, mending it first when `repair` is set."""
    repaired = _repair(library) if repair else []
    checks = [
        _check_file(library),
        _check_documents(library),
        *_check_vectors(library),
        _check_index(library),
        _check_parser(library),
        _check_encoder(library),
        _check_folders(library),
        _check_space(library),
    ]
    return DoctorReport(checks, repaired)


def damaged_documents(library: "Library") -> dict[int, str]:
    """Return the id and path of each document whose record, text or passages fail their check. Reads everything."""
    damaged: dict[int, str] = {}
    for document_id, path in library.store.database.query("SELECT id, path FROM documents ORDER BY id"):
        try:
            with library.store.snapshot():  # a writer must not look like damage
                _read_all(library.store, document_id)
        except NotFoundError:
            continue  # removed since the list was made
        except (StoreDamagedError, ValueError):
            damaged[document_id] = path
    return damaged


def _read_all(store: Store, document_id: int) -> None:
    store.document(document_id)
    for _ in store.iter_text(document_id):
        pass
    ids = store.document_chunk_ids(document_id)
    for first in range(0, len(ids), _BATCH):
        store.chunk_rows(ids[first : first + _BATCH].tolist())


def _repair(library: "Library") -> list[str]:
    repaired = []
    for document_id, path in damaged_documents(library).items():
        if Path(path).is_file():
            library.store.remove_documents([document_id])
            report = library.add([path])
            repaired.append(f"read {path} again" if not report.failed else f"removed {path}: {report.failed[0][1]}")
    embedded = library.sync().embedded
    if embedded:
        repaired.append(f"embedded {embedded} passages")
    library.rebuild_indexes()
    repaired.append("built the search indexes anew")
    return repaired


def _check_file(library: "Library") -> Check:
    try:
        problems = [row[0] for row in library.store.database.query("PRAGMA integrity_check(5)")]
    except StoreDamagedError as error:
        problems = [str(error)]
    if problems == ["ok"]:
        size = library.store.path.stat().st_size
        return Check("file", "ok", f"{library.store.path}, {size / 1e6:.1f} MB, every page is consistent")
    return Check("file", "error", f"{library.store.path}: {'; '.join(problems)}; restore it from a backup")


def _check_documents(library: "Library") -> Check:
    try:
        damaged = damaged_documents(library)
        documents, chunks = library.store.counts()
    except StoreDamagedError as error:
        return Check("documents", "error", str(error))
    if damaged:
        named = ", ".join(list(damaged.values())[:5])
        message = f"{len(damaged)} damaged: {named}; `inglenook doctor --repair` reads them again from their files"
        return Check("documents", "error", message)
    return Check("documents", "ok", f"{documents:,} documents, {chunks:,} passages, every text equals its hash")


def _check_vectors(library: "Library") -> list[Check]:
    space = library.store.active_space
    if space is None:
        return [Check("vectors", "warning", "no passage has a vector: search is by words alone")]
    try:
        embedded = sum(len(ids) for ids, _ in library.store.iter_vectors(space.id))
    except StoreDamagedError as error:
        return [Check("vectors", "error", f"{error}")]
    missing = num_missing(library.store, space.id)
    left_out = library.store.counts()[1] - embedded - missing
    message = f"{embedded:,} of {embedded + missing:,} passages have vectors of {space.encoder}"
    if left_out:
        message += f"; {left_out:,} are in a language that this encoder cannot read and are found by their words"
    if missing:
        return [Check("vectors", "warning", f"{message}; `inglenook sync` embeds the rest")]
    return [Check("vectors", "ok", message)]


def _check_index(library: "Library") -> Check:
    try:
        found = library.indexes.text().count
        stored = library.store.counts()[1]
    except InglenookError as error:
        return Check("index", "error", str(error))
    if found != stored:
        return Check(
            "index", "error", f"the text index has {found:,} of {stored:,} passages; run `inglenook doctor --repair`"
        )
    return Check("index", "ok", f"in step with generation {library.store.generation} of the store")


def _check_parser(library: "Library") -> Check:
    try:
        with library.make_parser() as parser:
            layers = getattr(parser, "layers", ())
    except (InglenookError, OSError) as error:
        return Check("parser", "error", f"the process that reads files cannot be started: {error}")
    return Check("parser", "ok", f"files are read in a process confined by {', '.join(layers) or 'nothing'}")


def _check_encoder(library: "Library") -> Check:
    encoder = library.encoder
    if encoder is None:
        return Check("encoder", "warning", library.encoder_problem or "no encoder is installed")
    return Check("encoder", "ok", encoder.identity)


def _check_folders(library: "Library") -> Check:
    roots = library.store.roots
    gone = [root.path for root in roots if not Path(root.path).exists()]
    if gone:
        return Check(
            "folders", "warning", f"{len(gone)} of {len(roots)} followed paths are not there: {', '.join(gone[:5])}"
        )
    return Check("folders", "ok", f"{len(roots)} followed paths, all there")


def _check_space(library: "Library") -> Check:
    free = free_bytes(library.store.path)
    total = shutil.disk_usage(library.folder).total
    message = f"{free / 1e9:.1f} of {total / 1e9:.1f} GB are free; SQLite {library.store.database.value('SELECT sqlite_version()')}"
    message += f", Python {sys.version_info.major}.{sys.version_info.minor}"
    return Check("space", "ok" if free >= LOW_SPACE_BYTES else "warning", message)
