"""Keeps the derived indexes in step with the store's generation.

The store is the truth; the files in `index/` can be deleted at any time. `text()` and `vectors()` return an index that
shows the store as it is now: opened if it is current, brought up from the store's change log if it is behind, rebuilt if
it is absent, damaged, of another recipe or too far behind. One process at a time publishes (an advisory lock on
`index/lock`); another that needs a newer state than it finds brings a copy up in memory. So does a read-only one, and one
whose disk is full: search works wherever the store can be read.

It knows neither queries nor documents.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from inglenook.core.errors import StoreDamagedError
from inglenook.index.segments import SegmentedIndex
from inglenook.index.text import TextIndex
from inglenook.index.vectors import VectorIndex
from inglenook.library.store import Store
from inglenook.library.words import analyze

CONTEXT_WEIGHT = 1
"""How often a term of a passage's context (title, headings) counts. Other values have not been measured."""
Index = TypeVar("Index", bound=SegmentedIndex[Any])


class DerivedIndexes:
    """The text and vector indexes of one library. Threads may share it."""

    recipe: ClassVar[str] = f"words-1/context-{CONTEXT_WEIGHT}"
    """What the text index is made with; raise the number when the analyser changes."""

    def __init__(self, store: Store, folder: Path, *, read_only: bool = False) -> None:
        self._store = store
        self._folder = folder
        self._read_only = read_only
        self._lock = threading.Lock()
        self._open: dict[str, SegmentedIndex[Any]] = {}

    @property
    def folder(self) -> Path:
        """Where the index files lie; it may not exist."""
        return self._folder

    def text(self) -> TextIndex:
        """Return the text index of the store's present generation."""
        return self._current(TextIndex, "text", self.recipe, self._text_rows)

    def vectors(self, space_id: int, identity: str) -> VectorIndex:
        """Return the vector index of a vector space; `identity` says what encoder made it."""
        return self._current(VectorIndex, f"vectors-{space_id}", identity, lambda ids: self._vector_rows(space_id, ids))

    def _text_rows(self, ids: Iterable[int] | None) -> Iterator[tuple[int, list[str]]]:
        for chunk_id, _title, _heading, context, text, _language in self._store.iter_index_rows(ids=ids):
            yield chunk_id, analyze(context) * CONTEXT_WEIGHT + analyze(text)

    def _vector_rows(self, space_id: int, ids: Iterable[int] | None) -> Iterator[tuple[int, Any]]:
        for chunk_ids, vectors in self._store.iter_vectors(space_id, ids=ids):
            yield from zip(chunk_ids.tolist(), vectors, strict=True)

    def _current(
        self,
        kind: type[Index],
        name: str,
        recipe: str,
        rows: Callable[[Iterable[int] | None], Iterator[Any]],
    ) -> Index:
        recipe = f"{recipe} of {self._store.path.stat().st_ino}"  # a restored backup is another file: indexed anew
        with self._lock:
            index = self._open.get(name)
            if isinstance(index, kind) and index.recipe == recipe and index.generation == self._store.generation:
                return index
            with self._publishing() as may_publish:
                on_disk = _open_index(kind, self._folder / name, recipe)
                if isinstance(index, kind) and index.recipe == recipe and _is_newer(index, on_disk) and not may_publish:
                    on_disk = index
                with self._store.snapshot():  # generation, changes and rows of one state, whoever writes meanwhile
                    fresh = self._bring_up(kind, self._folder / name, recipe, rows, on_disk, may_publish=may_publish)
            self._open[name] = fresh
            return fresh

    def _bring_up(
        self,
        kind: type[Index],
        folder: Path,
        recipe: str,
        rows: Callable[[Iterable[int] | None], Iterator[Any]],
        index: Index | None,
        *,
        may_publish: bool,
    ) -> Index:
        generation = self._store.generation
        if index is not None and index.generation == generation:
            return index
        behind = index is not None and index.generation < generation
        changes = self._store.changes_since(index.generation) if index is not None and behind else None

        def updated(target: Index) -> Index:
            if changes is None:
                target.update(generation, rows(None))
            else:
                added, removed = changes
                target.update(generation, rows(added.tolist()) if len(added) else (), removed.tolist())
            return target

        if may_publish:
            with suppress(OSError):  # no room or no permission: search goes on in memory
                return updated(kind(folder, recipe=recipe) if index is None or changes is None else index)
        return updated(kind(recipe=recipe) if index is None or changes is None else index.in_memory())

    @contextmanager
    def _publishing(self) -> Iterator[bool]:
        """Hold the right to publish, if it is free; yields whether it is held."""
        if self._read_only:
            yield False
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            yield False
            return
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
            else:
                yield True
        finally:
            os.close(descriptor)


def _open_index(kind: type[Index], folder: Path, recipe: str) -> Index | None:
    """Return the index on disk, or None where there is none that can be used."""
    for _ in range(3):  # a writer may replace files between our reading the manifest and the segments
        try:
            return kind.open(folder, recipe=recipe)
        except FileNotFoundError:
            return None
        except (StoreDamagedError, OSError):
            continue
    return None


def _is_newer(index: Index, other: Index | None) -> bool:
    return other is None or index.generation > other.generation
