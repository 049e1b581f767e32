"""Nearest neighbours by inner product: exact while small, clustered when large; derived, checksummed, stamped.

A segment below CLUSTER_FROM rows is scanned whole. A larger one is an inverted file (Sivic and Zisserman 2003; Jégou et
al. 2011, section 4): rows lie grouped by their nearest centroid (k-means by FAISS, at build time only), and a search
scans the groups whose centroids are nearest to the query until it has seen PROBED_SHARE of the rows. Scores are exact
inner products of the stored float32 vectors either way. Vectors are expected to have unit length, so a score is a cosine.
It knows nothing of what a vector means.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from inglenook.core.errors import UsageError
from inglenook.index.files import Arrays
from inglenook.index.segments import Ids, Mask, Scores, Segment, SegmentedIndex, best, merge_order

Vector = np.ndarray[Any, np.dtype[np.float32]]
Rows = np.ndarray[Any, np.dtype[np.intp]]
CLUSTER_FROM = 60_000
"""Rows from which a segment is clustered: below, scanning all of it takes a few milliseconds."""
PROBED_SHARE = 0.25
"""Of 80,000 real vectors this finds 0.987 of the ten nearest; 0.1 finds 0.93 (bench/vector_index_size.py)."""
_TRAINING_ROWS_PER_CLUSTER = 40
_GATHER_SHARE = 0.05


class VectorIndex(SegmentedIndex[tuple[int, Vector]]):
    """Inner-product search; an item is (id, float32 vector (D,)).

    A segment's arrays: ids int64 (N,); vectors float32 (N, D). A clustered one has its vectors grouped by cluster, and
    centroids float32 (C, D); cluster_ends uint32 (C,); row_at uint32 (N,), the row whose vector lies at each place;
    place_of uint32 (N,), its inverse.

    >>> index = VectorIndex()
    >>> index.update(1, [(3, np.array([1, 0], np.float32)), (4, np.array([0, 1], np.float32))])
    >>> index.search(np.array([1, 0], np.float32), 1)[0].tolist()
    [3]
    """

    kind = "vectors"

    def search(self, query: Vector, limit: int, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return the best `limit` rows and their inner products with `query` (D,), best first, ties by smaller id.

        Args:
            query: float32 (D,), of unit length for cosines.
            limit: at most this many rows.
            allowed: only these ids, ascending, may be returned; None allows all.
        """
        found = [_search(s, self._checked(query, s), limit, allowed) for s in self._segments]
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        return best(np.concatenate([i for i, _ in found]), np.concatenate([s for _, s in found]), limit)

    def scores(self, query: Vector, ids: Ids) -> Scores:
        """Return the exact inner product of each id, NaN for those that are not here; `ids` in any order."""
        scores = np.full(len(ids), np.nan, np.float32)
        for segment in self._segments:
            rows, present = segment.rows_of(ids)
            scores[present] = _score_rows(segment, self._checked(query, segment), rows[present])
        return scores

    def _checked(self, query: Vector, segment: Segment) -> Vector:
        dimensions = segment.arrays["vectors"].shape[1]
        if query.shape != (dimensions,):
            raise UsageError(
                f"the index has {dimensions} dimensions, the query has {query.shape}; encode it with {self.recipe!r}"
            )
        return query

    def _build(self, items: Sequence[tuple[int, Vector]]) -> Arrays:
        ids = np.array([i for i, _ in items], np.int64)
        order = np.argsort(ids, kind="stable")
        return _arranged(ids[order], np.stack([items[place][1] for place in order]))

    def _merge(self, segments: Sequence[Segment]) -> Arrays:
        num_rows = sum(s.num_live for s in segments)
        ids = np.empty(num_rows, np.int64)
        vectors = np.empty((num_rows, segments[0].arrays["vectors"].shape[1]), np.float32)
        for segment, new_rows in zip(segments, merge_order(segments), strict=True):
            live = np.flatnonzero(~segment.removed)
            ids[new_rows[live]] = segment.ids[live]
            vectors[new_rows[live]] = segment.arrays["vectors"][_places(segment, live)]
        return _arranged(ids, vectors)


def _arranged(ids: Ids, vectors: np.ndarray[Any, np.dtype[np.float32]]) -> Arrays:
    """Return a segment's arrays, clustered when it is large enough."""
    if len(ids) < CLUSTER_FROM:
        return {"ids": ids, "vectors": vectors}
    centroids, cluster = _cluster(vectors, round(2 * len(ids) ** 0.5))
    row_at = np.argsort(cluster, kind="stable").astype(np.uint32)
    place_of = np.empty(len(ids), np.uint32)
    place_of[row_at] = np.arange(len(ids), dtype=np.uint32)
    return {
        "ids": ids,
        "vectors": vectors[row_at],
        "centroids": centroids,
        "cluster_ends": np.cumsum(np.bincount(cluster, minlength=len(centroids))).astype(np.uint32),
        "row_at": row_at,
        "place_of": place_of,
    }


def _cluster(
    vectors: np.ndarray[Any, np.dtype[np.float32]], num_clusters: int
) -> tuple[np.ndarray[Any, np.dtype[np.float32]], np.ndarray[Any, np.dtype[np.int64]]]:
    """Return unit centroids (C, D) and each vector's nearest; spherical k-means from a fixed seed."""
    import faiss

    kmeans = faiss.Kmeans(
        vectors.shape[1],
        num_clusters,
        niter=8,
        spherical=True,
        seed=1,
        max_points_per_centroid=_TRAINING_ROWS_PER_CLUSTER,
        min_points_per_centroid=1,
    )
    kmeans.train(vectors)
    centroids = np.asarray(kmeans.centroids, np.float32)
    return centroids, kmeans.index.search(vectors, 1)[1][:, 0]


def _search(segment: Segment, query: Vector, limit: int, allowed: Ids | None) -> tuple[Ids, Scores]:
    permitted: Mask | None = ~segment.removed if segment.removed.any() else None
    if allowed is not None:
        rows, present = segment.rows_of(allowed)
        rows = rows[present]
        if len(rows) < _GATHER_SHARE * len(segment.removed):
            return best(segment.ids[rows], _score_rows(segment, query, rows), limit)
        permitted = np.zeros(len(segment.removed), np.bool_)
        permitted[rows] = True
    if "centroids" in segment.arrays:
        return _probe(segment, query, limit, permitted)
    scores = segment.arrays["vectors"] @ query
    if permitted is None:
        return best(segment.ids, scores, limit)
    return best(segment.ids[permitted], scores[permitted], limit)


def _probe(segment: Segment, query: Vector, limit: int, permitted: Mask | None) -> tuple[Ids, Scores]:
    """Scan clusters, nearest centroid first, until PROBED_SHARE of the permitted rows (and `limit`) are seen."""
    arrays = segment.arrays
    vectors, row_at, ends = arrays["vectors"], arrays["row_at"], arrays["cluster_ends"]
    num_permitted = len(row_at) if permitted is None else int(permitted.sum())
    wanted = max(PROBED_SHARE * num_permitted, limit)
    rows: list[Rows] = []
    scores: list[Scores] = []
    seen = 0
    for cluster in np.argsort(-(arrays["centroids"] @ query)).tolist():
        start, end = int(ends[cluster - 1]) if cluster else 0, int(ends[cluster])
        own_rows, own_scores = row_at[start:end], vectors[start:end] @ query
        if permitted is not None:
            kept = permitted[own_rows]
            own_rows, own_scores = own_rows[kept], own_scores[kept]
        rows.append(own_rows)
        scores.append(own_scores)
        seen += len(own_rows)
        if seen >= wanted:
            break
    return best(segment.ids[np.concatenate(rows)], np.concatenate(scores), limit)


def _score_rows(segment: Segment, query: Vector, rows: Rows) -> Scores:
    scores: Scores = segment.arrays["vectors"][_places(segment, rows)] @ query
    return scores


def _places(segment: Segment, rows: Rows) -> Rows:
    place_of = segment.arrays.get("place_of")
    return rows if place_of is None else place_of[rows]
