"""BM25 over term lists: derived, checksummed, generation-stamped.

Postings in compressed sparse rows, mapped from disk. It knows terms as strings and rows as ids; what a term is, the
caller's analyser decides. Statistics (document count, document frequency, mean length) count live rows only, so scores
after any sequence of updates equal those of an index built at once.

Scoring: BM25 (Robertson and Zaragoza 2009, eq. 3.15) with the idf of Lucene, log(1 + (N - n + 0.5) / (n + 0.5)).
Frequent terms are scored last, and only for the rows they can still bring into the result (MaxScore, Turtle and Flood
1995); the result is exact.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from inglenook.index.files import Arrays
from inglenook.index.segments import Ids, Mask, Scores, Segment, SegmentedIndex, best, merge_order

Rows = np.ndarray[Any, np.dtype[np.intp]]
K1 = 1.2
B = 0.75
_MAX_COUNT = 255
_FREQUENT = 2000  # postings above which asking whether a term can still matter costs less than scoring it
_RECENT_TERMS = 4096
_ROUNDING = 1.0001  # float32 sums may exceed a bound by their rounding


class TextIndex(SegmentedIndex[tuple[int, Sequence[str]]]):
    """BM25; an item is (id, terms), repeats included.

    A segment's arrays: ids int64 (N,); lengths uint32 (N,), terms per row; term_bytes uint8, term_ends uint64 (T,), the
    terms in UTF-8, ascending; posting_ends uint64 (T,); rows uint32 (P,), ascending within a term; counts uint8 (P,),
    capped at 255.

    >>> index = TextIndex()
    >>> index.update(1, [(7, ["warranty", "end"]), (8, ["open", "end"])])
    >>> index.search(["warranty"], 10)[0].tolist()
    [7]
    """

    kind = "text"

    def _prepare(self) -> None:
        lengths = [s.arrays["lengths"][~s.removed].sum(dtype=np.int64) for s in self._segments]
        self._num_rows = self.count
        mean = max(float(sum(lengths)) / max(self._num_rows, 1), 1.0)
        self._views = [_View(s, mean) for s in self._segments]

    def search(self, tokens: Sequence[str], limit: int, allowed: Ids | None = None) -> tuple[Ids, Scores]:
        """Return the best `limit` rows and their BM25 scores, best first, ties by smaller id.

        Args:
            tokens: the query's terms; a repeated term counts as often as it is there.
            limit: at most this many rows.
            allowed: only these ids, ascending, may be returned; None allows all. Statistics stay those of all rows.
        """
        views, weighted = self._weigh(tokens)
        found = [view.search(weighted, limit, allowed) for view in views]
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        return best(np.concatenate([i for i, _ in found]), np.concatenate([s for _, s in found]), limit)

    def scores(self, tokens: Sequence[str], ids: Ids) -> Scores:
        """Return the BM25 score of each id, 0 for those that are not here; `ids` in any order."""
        views, weighted = self._weigh(tokens)
        order = np.argsort(ids, kind="stable")
        scores = np.zeros(len(ids), np.float32)
        for view in views:
            rows, present = view.segment.rows_of(ids[order])
            scores[order[present]] = view.score_rows(weighted, rows[present])
        return scores

    def idf(self, tokens: Sequence[str]) -> Scores:
        """Return each token's inverse document frequency; one that no row has gets the greatest there is."""
        views = self._views
        return self._idf([sum(view.frequency(token) for view in views) for token in tokens])

    def _idf(self, frequencies: Sequence[int]) -> Scores:
        n = np.asarray(frequencies, np.float64)
        return np.log1p((self._num_rows - n + 0.5) / (n + 0.5)).astype(np.float32)

    def _weigh(self, tokens: Sequence[str]) -> tuple[list["_View"], list[tuple[str, float]]]:
        """Return the segments and the query's terms with their weights, heaviest first."""
        views = self._views
        counted = Counter(tokens)
        idf = self.idf(list(counted))
        weighted = [(t, float(w) * c * (K1 + 1)) for (t, c), w in zip(counted.items(), idf, strict=True)]
        return views, sorted(weighted, key=lambda pair: (-pair[1], pair[0]))

    def _build(self, items: Sequence[tuple[int, Sequence[str]]]) -> Arrays:
        items = sorted(items, key=lambda item: item[0])
        numbers: dict[str, int] = {}
        flat = np.fromiter(
            (numbers.setdefault(t, len(numbers)) for t in chain.from_iterable(terms for _, terms in items)), np.int64
        )
        lengths = np.fromiter((len(terms) for _, terms in items), np.int64, len(items))
        terms, ranks = _sorted_terms(numbers)
        keys = ranks[flat] * len(items) + np.repeat(np.arange(len(items)), lengths)
        keys.sort()
        firsts = np.flatnonzero(np.diff(keys, prepend=-1))
        counts = np.diff(np.append(firsts, len(keys)))
        keys = keys[firsts]
        ends = np.cumsum(np.bincount(keys // max(len(items), 1), minlength=len(terms)))
        return {
            "ids": np.array([i for i, _ in items], np.int64),
            "lengths": lengths.astype(np.uint32),
            **_pack_terms(terms),
            "posting_ends": ends.astype(np.uint64),
            "rows": (keys % max(len(items), 1)).astype(np.uint32),
            "counts": np.minimum(counts, _MAX_COUNT).astype(np.uint8),
        }

    def _merge(self, segments: Sequence[Segment]) -> Arrays:
        """Place each segment's postings behind those of the segments before it, term by term, without sorting."""
        num_rows = sum(s.num_live for s in segments)
        vocabularies = [_unpack_terms(s.arrays) for s in segments]
        terms = sorted(set(chain.from_iterable(vocabularies)))
        number = {term: n for n, term in enumerate(terms)}
        keys: list[np.ndarray[Any, np.dtype[np.int64]]] = []
        counts: list[np.ndarray[Any, np.dtype[np.uint8]]] = []
        ids = np.empty(num_rows, np.int64)
        lengths = np.empty(num_rows, np.uint32)
        for segment, vocabulary, new_rows in zip(segments, vocabularies, merge_order(segments), strict=True):
            live = ~segment.removed
            ids[new_rows[live]] = segment.ids[live]
            lengths[new_rows[live]] = segment.arrays["lengths"][live]
            own = np.array([number[term] for term in vocabulary], np.int64)
            num_postings = np.diff(segment.arrays["posting_ends"].astype(np.int64), prepend=0).astype(np.int64)
            term_of = np.repeat(own, num_postings)
            rows = new_rows[segment.arrays["rows"]]
            keys.append((term_of * num_rows + rows)[rows >= 0])
            counts.append(segment.arrays["counts"][rows >= 0])
        key = np.concatenate(keys)
        order = np.argsort(key, kind="stable")
        key = key[order]
        return {
            "ids": ids,
            "lengths": lengths,
            **_pack_terms(terms),
            "posting_ends": np.cumsum(np.bincount(key // max(num_rows, 1), minlength=len(terms))).astype(np.uint64),
            "rows": (key % max(num_rows, 1)).astype(np.uint32),
            "counts": np.concatenate(counts)[order],
        }


class _View:
    """A segment made ready for scoring under the whole index's mean length."""

    def __init__(self, segment: Segment, mean_length: float) -> None:
        self.segment = segment
        arrays = segment.arrays
        self._rows, self._counts = arrays["rows"], arrays["counts"]
        self._posting_ends = arrays["posting_ends"]
        self._term_ends = arrays["term_ends"]
        self._term_bytes = arrays["term_bytes"].data
        self._norms = (K1 * (1 - B) + (K1 * B / mean_length) * arrays["lengths"]).astype(np.float32)
        self._live: Mask | None = ~segment.removed if segment.removed.any() else None
        self._recent: dict[str, tuple[int, int]] = {}

    def frequency(self, term: str) -> int:
        """Return how many live rows have the term."""
        start, end = self._postings(term)
        if self._live is None:
            return end - start
        return int(self._live[self._rows[start:end]].sum())

    def search(self, weighted: list[tuple[str, float]], limit: int, allowed: Ids | None) -> tuple[Ids, Scores]:
        permitted = self._live
        if allowed is not None:
            rows, present = self.segment.rows_of(allowed)
            rows = rows[present]
            if 50 * len(rows) < len(self._norms):
                return self._top(rows, self.score_rows(weighted, rows), limit)
            permitted = np.zeros(len(self._norms), np.bool_)
            permitted[rows] = True
        scores = np.zeros(len(self._norms), np.float32)
        ahead = sum(weight for _, weight in weighted)
        for place, (term, weight) in enumerate(weighted):
            start, end = self._postings(term)
            if place and end - start > _FREQUENT:
                rows = np.flatnonzero(scores)
                least = _kth_largest(scores[rows], limit) - ahead * _ROUNDING
                if least > 0:
                    rows = rows[scores[rows] >= least]
                    return self._top(rows, self.score_rows(weighted[place:], rows, scores[rows]), limit)
            rows, counts = self._rows[start:end], self._counts[start:end]
            if permitted is not None:
                kept = permitted[rows]
                rows, counts = rows[kept], counts[kept]
            scores[rows] += weight * (counts / (counts + self._norms[rows]))
            ahead -= weight
        rows = np.flatnonzero(scores)
        return self._top(rows, scores[rows], limit)

    def score_rows(self, weighted: list[tuple[str, float]], rows: Rows, scores: Scores | None = None) -> Scores:
        """Return the score of each row, added to `scores` where given; `rows` ascending.

        Terms are added in the same order as in `search`, so both round alike.
        """
        if scores is None:
            scores = np.zeros(len(rows), np.float32)
        for term, weight in weighted:
            start, end = self._postings(term)
            if start == end or not len(rows):
                continue
            posted = self._rows[start:end]
            places = np.minimum(np.searchsorted(posted, rows.astype(np.uint32)), end - start - 1)
            has = posted[places] == rows
            counts = self._counts[start:end][places[has]]
            scores[has] += weight * (counts / (counts + self._norms[rows[has]]))
        return scores

    def _top(self, rows: Rows, scores: Scores, limit: int) -> tuple[Ids, Scores]:
        positive = scores > 0
        return best(self.segment.ids[rows[positive]], scores[positive], limit)

    def _postings(self, term: str) -> tuple[int, int]:
        """Return where the term's postings start and end; both 0 when it has none."""
        if (place := self._recent.get(term)) is None:
            if len(self._recent) >= _RECENT_TERMS:
                self._recent.clear()
            place = self._recent[term] = self._find(term)
        return place

    def _find(self, term: str) -> tuple[int, int]:
        key, low, high = term.encode(errors="surrogatepass"), 0, len(self._term_ends)
        while low < high:
            middle = (low + high) // 2
            start = int(self._term_ends[middle - 1]) if middle else 0
            found = bytes(self._term_bytes[start : int(self._term_ends[middle])])
            if found == key:
                return (int(self._posting_ends[middle - 1]) if middle else 0), int(self._posting_ends[middle])
            low, high = (middle + 1, high) if found < key else (low, middle)
        return 0, 0


def _kth_largest(scores: Scores, limit: int) -> float:
    if len(scores) <= limit:
        return 0.0
    return float(np.partition(scores, len(scores) - limit)[len(scores) - limit])


def _sorted_terms(numbers: Mapping[str, int]) -> tuple[list[bytes], np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the terms in order, as UTF-8, and the place in it of each number."""
    terms = sorted((term.encode(errors="surrogatepass"), number) for term, number in numbers.items())
    ranks = np.empty(len(terms), np.int64)
    ranks[[number for _, number in terms]] = np.arange(len(terms))
    return [term for term, _ in terms], ranks


def _pack_terms(terms: Sequence[bytes]) -> Arrays:
    ends = np.cumsum(np.fromiter(map(len, terms), np.uint64, len(terms)), dtype=np.uint64)
    return {"term_bytes": np.frombuffer(b"".join(terms), np.uint8), "term_ends": ends}


def _unpack_terms(arrays: Arrays) -> list[bytes]:
    text = arrays["term_bytes"].tobytes()
    ends = arrays["term_ends"].tolist()
    return [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]
