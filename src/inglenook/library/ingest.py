"""Add and sync: find what changed, parse it, cut it, embed it, commit it.

The parser child reads ahead while this process embeds. Finished documents are committed in groups (one wait for the disk
for up to 32 small ones or half a second); a document is reported only when its commit has returned. A file that cannot be
read is reported and the rest goes on. Memory is bounded by the batches, not by any file or folder.
"""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, Self

from inglenook.core.errors import ReadError
from inglenook.core.settings import Settings
from inglenook.core.types import Chunk, DocumentInfo, Part
from inglenook.library.chunk import chunk_parts, estimate_tokens
from inglenook.library.embedding import BATCH, Embedder, embed_missing
from inglenook.library.records import AddReport, Progress, Root
from inglenook.library.staging import (
    Draft,
    FileState,
    Finished,
    Staging,
    clean,
    clean_part,
    modified_at,
    reseal_document,
    shown_path,
)
from inglenook.library.store import Store, next_generation
from inglenook.library.walk import Walk, is_beneath, walk_paths

GROUP_DOCUMENTS, GROUP_SECONDS = 32, 0.5
TITLED_CHARS = 1 << 20
"""A document longer than this is cut while it is read, so its passages do not carry the title, known at the end."""
OnProgress = Callable[[Progress], None]


class Stream(Protocol):
    """The Parts of one file; see `library/parse.py`."""

    @property
    def info(self) -> DocumentInfo: ...  # noqa: D102
    @property
    def content_hash(self) -> str: ...  # noqa: D102
    def __iter__(self) -> Iterator[Part]: ...


class FileParser(Protocol):
    """What reads files; see `library/parse.py`."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def prefetch(self, path: Path) -> None: ...  # noqa: D102
    def parse(self, path: Path) -> Stream: ...  # noqa: D102


LoadEmbedder = Callable[[], tuple[Embedder | None, str | None]]
ParserFactory = Callable[[Settings], FileParser]


class Ingest:
    """One run of `add` or `sync`.

    Args:
        store: where the documents go.
        settings: the token budget and the parser's limits.
        parser_factory: makes the parser; called when the first file must be read.
        load_embedder: returns what gives passages vectors, or None and what a person should know; called only when there
            is something to embed, since loading a model takes longer than finding that nothing changed.
        on_progress: told what happens to each file.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        parser_factory: ParserFactory,
        load_embedder: LoadEmbedder,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._parser_factory = parser_factory
        self._load_embedder = load_embedder
        self._embedder: Embedder | None = None
        self._on_progress = on_progress or (lambda _: None)
        self._roots = sorted(store.roots, key=lambda root: -len(root.path))
        self._counts = dict.fromkeys(("added", "updated", "unchanged", "moved", "removed"), 0)
        self._failed: list[tuple[str, str]] = []
        self._done = self._total = self._embedded = 0
        self._finished: list[Finished] = []
        self._pending: list[tuple[Draft, int, str]] = []
        self._last_commit = time.monotonic()

    def run(self, paths: list[str]) -> AddReport:
        """Bring the library into step with what lies at and beneath these followed, absolute paths."""
        started = time.monotonic()
        walk = walk_paths(paths, self._store.exclusions)
        for path, reason in walk.failed:
            self._fail(path, reason)
        stored = self._stored(paths)
        missing = self._missing(walk, stored, paths)
        changed = self._changed(walk, stored)
        self._done, self._total = len(walk.files) - len(changed), len(walk.files)
        self._on_progress(Progress("found", done=self._done, total=self._total))
        changed = self._follow_moves(changed, missing)
        self._remove(missing)
        note = None
        if changed or self._lacks_vectors():
            self._embedder, note = self._load_embedder()
        self._read(changed)
        self._embed_missing()
        documents, chunks = self._store.counts()
        return AddReport(
            **self._counts,
            failed=self._failed,
            documents=documents,
            chunks=chunks,
            seconds=time.monotonic() - started,
            embedded=self._embedded,
            note=note,
        )

    # What changed

    def _stored(self, paths: list[str]) -> dict[str, tuple[Any, ...]]:
        """Return path -> (id, size, mtime, ctime, inode, hash, root, labels) of the stored documents there."""
        sql = (
            "SELECT path_bytes, id, size_bytes, mtime_ns, ctime_ns, inode, content_hash, root_id, own_metadata, metadata "
            "FROM documents"
        )
        rows = ((os.fsdecode(row[0]), row[1:]) for batch in self._store.database.stream(sql) for row in batch)
        return {path: row for path, row in rows if any(is_beneath(path, root) for root in paths)}

    def _missing(self, walk: Walk, stored: Mapping[str, Any], paths: list[str]) -> dict[str, Any]:
        """Return the stored documents whose file is certainly gone."""
        for path in walk.gone:
            if path not in stored:
                is_kept = any(is_beneath(other, path) for other in stored)
                kept = "; what was added from it is kept: `inglenook remove` takes it out" if is_kept else ""
                self._fail(path, f"does not exist{kept}")
        unseen = [path for path, _ in walk.failed] + [path for path in walk.gone if path not in stored]
        return {
            path: row
            for path, row in stored.items()
            if path not in walk.files
            and any(is_beneath(path, root) for root in paths)
            and not any(is_beneath(path, folder) for folder in unseen)
            and not os.path.lexists(path)
        }

    def _changed(self, walk: Walk, stored: Mapping[str, Any]) -> list[FileState]:
        """Return the files to read; bring the records of the others up to date."""
        changed: list[FileState] = []
        touched: list[tuple[int, FileState, str | None]] = []
        for file in walk.files.values():
            row = stored.get(file.path)
            if row is None:
                changed.append(file)
                continue
            is_same_state = row[1:5] == (file.size_bytes, file.mtime_ns, file.ctime_ns, _signed(file.inode))
            if not is_same_state and (row[1] != file.size_bytes or _hash_file(file.path) != row[5]):
                changed.append(file)
                continue
            root = self._root_of(file.path)
            metadata = json.dumps({**json.loads(row[7]), **(root.metadata if root else {})}, sort_keys=True)
            if not is_same_state or metadata != row[8] or (root is not None and root.id != row[6]):
                touched.append((row[0], file, metadata))
            self._counts["unchanged"] += 1
        self._touch(touched)
        return changed

    def _touch(self, touched: list[tuple[int, FileState, str | None]]) -> None:
        """Note new file states, names and labels of documents whose content is what it was."""
        if not touched:
            return
        with self._store.database.transaction() as connection:
            next_generation(connection)
            for document_id, file, metadata in touched:
                root = self._root_of(file.path)
                connection.execute(
                    "UPDATE documents SET path_bytes = ?, path = ?, size_bytes = ?, mtime_ns = ?, ctime_ns = ?, inode = ?, "
                    "modified_at = ?, root_id = ?, metadata = coalesce(?, metadata) WHERE id = ?",
                    (
                        *(os.fsencode(file.path), shown_path(file.path), file.size_bytes, file.mtime_ns, file.ctime_ns),
                        *(
                            _signed(file.inode),
                            modified_at(file.mtime_ns),
                            root.id if root else None,
                            metadata,
                            document_id,
                        ),
                    ),
                )
                reseal_document(connection, document_id)

    def _follow_moves(self, changed: list[FileState], missing: dict[str, Any]) -> list[FileState]:
        """Let a missing document that lies elsewhere with the same content keep its id; return the files still to read."""
        sizes = {row[1] for row in missing.values()}
        rest: list[FileState] = []
        moved: list[tuple[int, FileState, str | None]] = []
        for file in changed:
            content_hash = _hash_file(file.path) if file.size_bytes in sizes else None
            old = (
                next((path for path, row in missing.items() if row[5] == content_hash), None) if content_hash else None
            )
            if old is None or self._store.document_at(file.path):
                rest.append(file)
                continue
            moved.append((missing.pop(old)[0], file, None))
            self._count("moved", file)
        self._touch(moved)
        return rest

    def _remove(self, missing: Mapping[str, Any]) -> None:
        if not missing:
            return
        self._store.remove_documents(row[0] for row in missing.values())
        file_roots = [root.id for root in self._roots if root.path in missing]
        if file_roots:
            self._store.unfollow(file_roots)
        self._counts["removed"] += len(missing)
        for path in missing:
            self._on_progress(Progress("removed", path, self._done, self._total))

    # Reading

    def _read(self, files: list[FileState]) -> None:
        if not files:
            return
        staging = Staging(self._store)
        try:
            with self._parser_factory(self._settings) as parser:
                for file, following in itertools.zip_longest(files, files[1:]):
                    self._read_one(parser, staging, file, following)
                self._commit(staging)
        finally:
            staging.close()

    def _read_one(self, parser: FileParser, staging: Staging, file: FileState, following: FileState | None) -> None:
        draft = staging.begin(file)
        try:
            stream = parser.parse(Path(file.path))
            if following is not None:
                parser.prefetch(Path(following.path))
            parts = iter(stream)
            head, is_whole = _read_head(parts, staging, draft)
            title = clean(stream.info.title) if is_whole and stream.info.title else None
            rest = () if is_whole else _staged(parts, staging, draft)
            self._stage_chunks(staging, draft, chunk_parts(itertools.chain(head, rest), title, *self._budget()))
            root = self._root_of(file.path)
            labels = root.metadata if root else {}
            done = Finished(draft, stream.info, stream.content_hash, root.id if root else None, labels)
        except ReadError as error:
            self._pending = [place for place in self._pending if place[0] is not draft]
            staging.discard(draft)
            kept = "; the version read before is kept" if draft.document_id is not None else ""
            self._fail(file.path, error.reason + kept)
            self._done += 1
            return
        self._finished.append(done)
        waited = time.monotonic() - self._last_commit
        if len(self._finished) >= GROUP_DOCUMENTS or waited > GROUP_SECONDS:
            self._commit(staging)

    def _budget(self) -> tuple[Any, int]:
        count_tokens = self._embedder.encoder.count_tokens if self._embedder else estimate_tokens
        return count_tokens, self._settings.chunk_tokens

    def _stage_chunks(self, staging: Staging, draft: Draft, chunks: Iterator[Chunk]) -> None:
        space_id = self._embedder.space.id if self._embedder else None
        while batch := list(itertools.islice(chunks, BATCH)):
            wanted = staging.add_chunks(draft, batch, space_id)
            self._pending += [(draft, ordinal, text) for ordinal, text in wanted]
            while len(self._pending) >= BATCH:
                self._embed(staging, BATCH)

    def _embed(self, staging: Staging, count: int) -> None:
        """Embed the first `count` passages that wait for it."""
        batch, self._pending = self._pending[:count], self._pending[count:]
        if not batch or self._embedder is None:
            return
        readable = [(draft, ordinal, text) for draft, ordinal, text in batch if self._embedder.can_read(text)]
        staging.set_no_vector((draft, ordinal) for draft, ordinal, text in batch if not self._embedder.can_read(text))
        if readable:
            vectors = self._embedder.encode([text for _, _, text in readable])
            staging.set_vectors([(draft, ordinal) for draft, ordinal, _ in readable], vectors)
        self._embedded += len(readable)

    def _commit(self, staging: Staging) -> None:
        """Embed what waits, commit what is finished, and only then say so."""
        while self._pending:
            self._embed(staging, BATCH)
        finished, self._finished = self._finished, []
        if finished:
            results = staging.commit(finished, self._embedder.space.id if self._embedder else None)
            for done, (state, num_chunks) in zip(finished, results, strict=True):
                self._count(state, done.draft.file, num_chunks)
        self._last_commit = time.monotonic()

    def _embed_missing(self) -> None:
        """Embed passages that were stored while there was no encoder."""
        if self._embedder is None or not self._lacks_vectors():
            return

        def tell(done: int, total: int) -> None:
            self._on_progress(Progress("embedded", done=done, total=total))

        self._embedded += embed_missing(self._store, self._embedder, tell)
        with self._store.database.transaction() as connection:
            connection.execute("DELETE FROM meta WHERE name = 'lacks_vectors'")

    def _lacks_vectors(self) -> bool:
        return bool(self._store.database.value("SELECT value FROM meta WHERE name = 'lacks_vectors'"))

    # Telling

    def _root_of(self, path: str) -> Root | None:
        """Return the nearest followed path that this file lies at or beneath."""
        return next((root for root in self._roots if is_beneath(path, root.path)), None)

    def _count(self, state: str, file: FileState, num_chunks: int = 0) -> None:
        self._counts[state] += 1
        self._done += 1
        self._on_progress(Progress(state, file.path, self._done, self._total, num_chunks, file.size_bytes))

    def _fail(self, path: str, reason: str) -> None:
        self._failed.append((path, reason))
        self._on_progress(Progress("failed", path, self._done, self._total, reason=reason))


def _read_head(parts: Iterator[Part], staging: Staging, draft: Draft) -> tuple[list[Part], bool]:
    """Return the document's first parts, and whether that is all of it."""
    head: list[Part] = []
    for part in _staged(parts, staging, draft):
        head.append(part)
        if part.char_end > TITLED_CHARS:
            return head, False
    return head, True


def _staged(parts: Iterator[Part], staging: Staging, draft: Draft) -> Iterator[Part]:
    for part in parts:
        cleaned = clean_part(part)
        staging.add_text(draft, cleaned)
        yield cleaned


def _hash_file(path: str) -> str | None:
    """Return the BLAKE2b-256 of a regular file's bytes, hex; None when it cannot be read."""
    digest = blake2b(digest_size=32)
    try:
        if not Path(path).is_file():
            return None
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError:
        return None
    return digest.hexdigest()


def _signed(number: int) -> int:
    return number - (1 << 64) if number >= 1 << 63 else number
