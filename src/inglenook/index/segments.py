"""The life of a derived index: immutable segments, tombstones, one manifest.

What text and vectors share. An index is a list of segments (arrays that never change) and, per segment, the rows that
were removed since. An update adds a segment, marks removals, sometimes merges segments of like size, and then publishes a
new manifest by rename: a reader sees the old index or the new one, whole. Files no manifest names are deleted by the next
update; a reader that still maps one keeps it until it closes. With no folder the same index lives in memory.

The caller makes sure that one process at a time updates a folder. Scheme: log-structured merging, as in Lucene.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from inglenook.index.files import Arrays, IndexDamagedError, read_arrays, write_arrays

Ids = np.ndarray[Any, np.dtype[np.int64]]
Scores = np.ndarray[Any, np.dtype[np.float32]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]
Item = TypeVar("Item")

_MANIFEST = "manifest"
_FORMAT = 1
_BATCH = 65_536
_SMALLEST_TIER = 1024
_FAN_OUT = 4
MAX_SEGMENT = 262_144
"""Rows above which segments are no longer merged: it bounds the memory and time of a merge."""


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """Rows that were indexed together. `arrays["ids"]` is int64 (N,), ascending."""

    arrays: Arrays
    removed: Mask
    """(N,): rows that no search may return."""
    name: str | None = None
    """The file's name; None while it lives in memory only."""

    @property
    def ids(self) -> Ids:
        """The caller's ids, (N,), ascending."""
        return self.arrays["ids"]

    @property
    def num_live(self) -> int:
        """Rows that are not removed."""
        return len(self.removed) - int(self.removed.sum())

    def rows_of(self, ids: Ids) -> tuple[np.ndarray[Any, np.dtype[np.intp]], Mask]:
        """Return for each id its row (any row where it is absent) and whether it is here and not removed."""
        own = self.ids
        if len(own) and own[-1] - own[0] == len(own) - 1:
            rows = np.clip(ids - own[0], 0, len(own) - 1)
        else:
            rows = np.minimum(np.searchsorted(own, ids), len(own) - 1)
        return rows, (own[rows] == ids) & ~self.removed[rows]


class SegmentedIndex(ABC, Generic[Item]):
    """An index of rows, each known by an int64 id; see the module's text for its life on disk."""

    kind: ClassVar[str]

    def __init__(self, folder: Path | None = None, *, recipe: str = "") -> None:
        """Start an empty index at generation 0.

        Args:
            folder: where `update` publishes; None keeps the index in memory.
            recipe: what the rows were made with (analyser, encoder); stored, and compared by `open`.
        """
        self.folder = folder
        self.recipe = recipe
        self.generation = 0
        self._segments: tuple[Segment, ...] = ()
        self._prepare()

    @classmethod
    def open(cls, folder: Path, *, recipe: str = "") -> Self:
        """Map the index in `folder` after checking every byte of it.

        Raises:
            IndexDamagedError: a check fails, or the index was made by another recipe or format.
            FileNotFoundError: there is no index.
        """
        index = cls(folder, recipe=recipe)
        meta, arrays = read_arrays(folder / _MANIFEST)
        expected = {"format": _FORMAT, "kind": cls.kind, "recipe": recipe}
        if stated := {key: meta.get(key) for key in expected if meta.get(key) != expected[key]}:
            raise IndexDamagedError(f"index {folder} is {stated}, this program needs {expected}; it will be rebuilt")
        segments = []
        for name, num_rows in meta["segments"]:
            try:
                _, contents = read_arrays(folder / name)
            except FileNotFoundError as error:
                raise IndexDamagedError(f"index file {folder / name} is missing; it will be rebuilt") from error
            removed = np.zeros(num_rows, np.bool_)
            removed[arrays[name]] = True
            segments.append(Segment(contents, removed, name))
        index._show(meta["generation"], segments)
        return index

    @property
    def count(self) -> int:
        """Rows that a search may return."""
        return sum(segment.num_live for segment in self._segments)

    def in_memory(self) -> Self:
        """Return an index of the same rows whose updates stay in memory; the segments are shared."""
        index = type(self)(None, recipe=self.recipe)
        index._show(self.generation, self._segments)  # noqa: SLF001 - an object of this class
        return index

    def update(self, generation: int, added: Iterable[Item], removed: Iterable[int] = ()) -> None:
        """Make the index show `generation`: drop `removed`, take `added`; durable and atomic when there is a folder.

        An id that is already there is replaced. Searches in other threads see the state before or after, whole.
        """
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
        segments = _without(self._segments, np.fromiter(removed, np.int64))
        stream = iter(added)
        while batch := list(islice(stream, _BATCH)):
            arrays = self._build(batch)
            segments = _without(segments, arrays["ids"])
            segments = self._merged([*segments, self._keep(arrays)])
        self._publish(generation, [self._compact(s) for s in segments if s.num_live])

    def _merged(self, segments: list[Segment]) -> list[Segment]:
        """Merge each tier (a fourfold range of sizes) that has reached four segments."""
        while True:
            tiers: dict[int, list[Segment]] = {}
            for segment in segments:
                tiers.setdefault(_tier(segment.num_live), []).append(segment)
            full = next((t for t in tiers.values() if len(t) >= _FAN_OUT and _fits(t)), None)
            if full is None:
                return segments
            merged = self._keep(self._merge(full))
            segments = sorted(
                [s for s in segments if all(s is not gone for gone in full)] + [merged], key=lambda s: -s.num_live
            )

    def _compact(self, segment: Segment) -> Segment:
        """Rewrite a segment when more than a quarter of it is removed."""
        if 4 * int(segment.removed.sum()) > len(segment.removed):
            return self._keep(self._merge([segment]))
        return segment

    def _keep(self, arrays: Arrays) -> Segment:
        """Write a new segment to the folder, if there is one, and map it back so that it costs no memory."""
        removed = np.zeros(len(arrays["ids"]), np.bool_)
        if self.folder is None:
            return Segment(arrays, removed)
        name = f"{secrets.token_hex(8)}.segment"
        write_arrays(self.folder / name, {"kind": self.kind}, arrays)
        return Segment(read_arrays(self.folder / name)[1], removed, name)

    def _publish(self, generation: int, segments: list[Segment]) -> None:
        if self.folder is not None:
            names = [[s.name, len(s.removed)] for s in segments]
            meta = {
                "format": _FORMAT,
                "kind": self.kind,
                "recipe": self.recipe,
                "generation": generation,
                "segments": names,
            }
            removed = {str(s.name): np.flatnonzero(s.removed).astype(np.uint32) for s in segments}
            write_arrays(self.folder / _MANIFEST, meta, removed)
            for path in self.folder.iterdir():
                if path.name != _MANIFEST and path.name not in removed:
                    with suppress(FileNotFoundError):
                        path.unlink()
        self._show(generation, segments)

    def _show(self, generation: int, segments: Iterable[Segment]) -> None:
        self._segments = tuple(segments)
        self.generation = generation
        self._prepare()

    def _prepare(self) -> None:
        """Recompute what depends on the whole index; called after each change."""

    @abstractmethod
    def _build(self, items: Sequence[Item]) -> Arrays:
        """Return the arrays of a segment of these items, `ids` ascending."""

    @abstractmethod
    def _merge(self, segments: Sequence[Segment]) -> Arrays:
        """Return the arrays of one segment with the live rows of all, `ids` ascending."""


def best(ids: Ids, scores: Scores, limit: int) -> tuple[Ids, Scores]:
    """Return the `limit` best by score, ties by smaller id, best first."""
    if len(ids) > limit:
        kth = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        chosen = np.flatnonzero(scores >= kth)
        ids, scores = ids[chosen], scores[chosen]
    order = np.lexsort((ids, -scores))[:limit]
    return ids[order], scores[order]


def merge_order(segments: Sequence[Segment]) -> Iterator[np.ndarray[Any, np.dtype[np.intp]]]:
    """Yield, per segment, the row in the merged segment of each of its rows; removed rows get -1."""
    ids = np.concatenate([s.ids[~s.removed] for s in segments])
    place = np.empty(len(ids), np.intp)
    place[np.argsort(ids, kind="stable")] = np.arange(len(ids))
    start = 0
    for segment in segments:
        new_rows = np.full(len(segment.removed), -1, np.intp)
        num_live = segment.num_live
        new_rows[~segment.removed] = place[start : start + num_live]
        start += num_live
        yield new_rows


def _without(segments: Sequence[Segment], ids: Ids) -> list[Segment]:
    if not len(ids):
        return list(segments)
    kept = []
    for segment in segments:
        rows, present = segment.rows_of(ids)
        if present.any():
            removed = segment.removed.copy()
            removed[rows[present]] = True
            segment = replace(segment, removed=removed)  # noqa: PLW2901 - the same segment, seen with fewer rows
        kept.append(segment)
    return kept


def _tier(num_rows: int) -> int:
    return (max(num_rows // _SMALLEST_TIER, 1).bit_length() - 1) // 2


def _fits(segments: Sequence[Segment]) -> bool:
    return sum(s.num_live for s in segments) <= MAX_SEGMENT
