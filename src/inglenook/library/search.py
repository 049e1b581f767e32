"""Search: BM25 and vectors, each scored exactly over the candidates of both, then fused by what each side can do.

`Searcher` is the door; `find` is the ranking alone.

Both sides propose their best passages; both scores of every proposal are computed (the vectors and postings are at hand),
standardised over the proposals (mean 0, deviation 1), and added with weight w for the vectors and 1 - w for the words.
w is MAX_VECTOR_WEIGHT for an encoder that reads the query's script perfectly and falls with its measured ability (see
`probe`), so an encoder that knows no Chinese cannot spoil a Chinese search. Rank fusion (Cormack et al. 2009) is not
used: it throws away by how much a passage leads. Filters act inside both searches. Knows nothing of answers.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any

import numpy as np

from inglenook.core.errors import QueryError
from inglenook.core.types import Hit
from inglenook.index.segments import Ids, Scores
from inglenook.index.text import TextIndex
from inglenook.index.vectors import VectorIndex
from inglenook.library.derived import DerivedIndexes
from inglenook.library.filters import Filters
from inglenook.library.probe import Encoder, known_ability
from inglenook.library.records import ChunkRow
from inglenook.library.store import Store
from inglenook.library.words import analyze, script_of

MODES = ("hybrid", "text", "vector")
MAX_VECTOR_WEIGHT = 0.6
"""Chosen on the tuning sets of bench/retrieval_quality.py; 0.5 to 0.7 measure alike."""
CANDIDATES = 100
"""Proposals of each side, at least."""
EXTRA = 10
"""Passages ranked beyond those asked for: some repeat others, and a second look may bring one forward."""
SECOND_LOOK_SHARE = 0.5
_HIT_FIELDS = tuple(f.name for f in fields(Hit) if f.name not in ("rank", "score", "chunk_id"))
Rerank = Callable[[str, Sequence["Found"]], Sequence[float]]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that a search found, with what each side thought of it."""

    chunk_id: int
    score: float
    """What the ranking is by: the fused score, BM25 or the cosine, by mode."""
    text_score: float
    """BM25; 0 where no query word occurs."""
    cosine: float | None
    """Cosine of query and passage; None without vectors."""
    text_rank: int | None
    """From 1, among the proposals by BM25; None where BM25 is 0."""
    vector_rank: int | None
    """From 1, among the proposals by cosine."""


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found."""

    query: str
    mode: str
    hits: list[Hit]
    signals: list[Found]
    """For each hit, what each side thought of it."""
    note: str | None = None
    """What a person should know, such as that no encoder is installed; None when there is nothing."""


@dataclass(frozen=True, eq=False, slots=True)
class VectorSide:
    """The vector half of a search: the index, the query's vector and how far to trust it."""

    index: VectorIndex
    query: Scores
    ability: Mapping[str, float]
    """Script -> how well the encoder finds passages in it, 0 to 1 (see `probe.measure_ability`)."""


class Searcher:
    """Searches one library. Threads may share it.

    Args:
        store: the library's store.
        indexes: its derived indexes.
        load_encoder: returns the sentence encoder, or None when none is installed; called at most once, when needed.
    """

    def __init__(self, store: Store, indexes: DerivedIndexes, load_encoder: Callable[[], Encoder | None]) -> None:
        self._store = store
        self._indexes = indexes
        self._encoder = cache(load_encoder)
        self._lock = threading.Lock()
        self._ability: dict[str, Mapping[str, float]] = {}

    def refresh(self) -> None:
        """Bring the index files up to the store; `add` calls it so that the next search need not."""
        self._indexes.text()
        if (space := self._store.active_space) is not None:
            self._indexes.vectors(space.id, space.encoder)
            if (encoder := self._encoder()) is not None:
                self._measured(encoder)

    def search(
        self,
        query: str,
        *,
        limit: int = 10,
        mode: str = "hybrid",
        filters: Filters | None = None,
        second_look: Rerank | None = None,
    ) -> SearchResult:
        """Return the best passages for `query`, passages that repeat another's words left out.

        Args:
            query: in the person's words.
            limit: at most this many hits.
            mode: `hybrid`, `text` or `vector`.
            filters: what the documents must be; acts inside the search.
            second_look: scores candidates anew; its scores count for SECOND_LOOK_SHARE of the ranking.

        Raises:
            QueryError: an unknown mode, or `vector` without an encoder.
        """
        allowed = self._allowed(filters)
        side, note = (None, None) if mode == "text" else self._vector_side(query)
        text = self._indexes.text()
        width = max(limit + EXTRA, 2 * limit)
        found = find(query, text, side, limit=width, mode=mode, allowed=allowed)
        rows = {row.id: row for row in self._store.chunk_rows([one.chunk_id for one in found])}
        found = distinct((one for one in found if one.chunk_id in rows), {i: row.text for i, row in rows.items()})
        if second_look is not None:
            found = rerank(query, found, second_look, SECOND_LOOK_SHARE)
        found = found[:limit]
        hits = [_hit(rank, one.score, rows[one.chunk_id]) for rank, one in enumerate(found, 1)]
        return SearchResult(query, mode, hits, found, note)

    def _allowed(self, filters: Filters | None) -> Ids | None:
        where, values = filters.to_sql() if filters else ("", [])
        return self._store.select_chunk_ids(where, values) if where else None

    def _vector_side(self, query: str) -> tuple[VectorSide | None, str | None]:
        """Return the vector half, or None and the reason that a person should know."""
        space = self._store.active_space
        if space is None:
            return None, None
        encoder = self._encoder()
        if encoder is None:
            return None, "no sentence encoder is installed: ranked by words alone; `inglenook doctor` says what to do"
        if encoder.identity != space.encoder:
            return None, (
                f"the passages were embedded by {space.encoder}, the encoder at hand is {encoder.identity}: ranked by "
                "words alone; `inglenook reembed` brings them together"
            )
        vector = np.asarray(encoder.encode([query]), np.float32)[0]
        index = self._indexes.vectors(space.id, space.encoder)
        return VectorSide(index, vector, self._measured(encoder)), None

    def _measured(self, encoder: Encoder) -> Mapping[str, float]:
        """Return what the encoder can do, measured once per encoder and kept beside the indexes."""
        with self._lock:
            if (ability := self._ability.get(encoder.identity)) is None:
                ability = self._ability[encoder.identity] = known_ability(encoder, self._indexes.folder / "ability")
            return ability


def find(
    query: str,
    text: TextIndex,
    vectors: VectorSide | None,
    *,
    limit: int,
    mode: str = "hybrid",
    allowed: Ids | None = None,
) -> list[Found]:
    """Return the best passages for `query`, best first, at most `limit`.

    Args:
        query: in the person's words.
        text: the text index.
        vectors: None where no encoder is installed; `hybrid` then ranks by words alone.
        limit: how many.
        mode: `hybrid`, `text` or `vector`.
        allowed: chunk ids, ascending, that a filter permits; None permits all.

    Raises:
        QueryError: an unknown mode, or `vector` without vectors.
    """
    if mode not in MODES:
        raise QueryError(f"mode is {mode!r}; choose one of {', '.join(MODES)}")
    if mode == "vector" and vectors is None:
        raise QueryError("mode 'vector' needs a sentence encoder and none is at hand; install one or use mode 'text'")
    terms = analyze(query)
    width = max(CANDIDATES, 2 * limit)
    proposals = [] if mode == "vector" else [text.search(terms, width, allowed)[0]]
    if vectors is not None and mode != "text":
        proposals.append(vectors.index.search(vectors.query, width, allowed)[0])
    ids = np.unique(np.concatenate(proposals))
    text_scores = text.scores(terms, ids)
    cosines = None if vectors is None else vectors.index.scores(vectors.query, ids)
    if mode == "text" or cosines is None or vectors is None:
        scores = text_scores
    elif mode == "vector":
        scores = cosines
    else:
        scores = fuse(text_scores, cosines, vector_weight(query, vectors.ability))
    return _ranked(ids, scores, text_scores, cosines)[:limit]


def vector_weight(query: str, ability: Mapping[str, float]) -> float:
    """Return the weight of the vectors, 0 to 1, for this query and this encoder."""
    return MAX_VECTOR_WEIGHT * ability.get(script_of(query), 0.0)


def fuse(text_scores: Scores, cosines: Scores, weight: float) -> Scores:
    """Return the weighted sum of both scores, each standardised; a passage without a vector counts as the worst."""
    known = np.isfinite(cosines)
    if not known.any():
        return text_scores
    filled = np.where(known, cosines, cosines[known].min()).astype(np.float32)
    return ((1 - weight) * _standardised(text_scores) + weight * _standardised(filled)).astype(np.float32)


def rerank(query: str, found: Sequence[Found], scorer: Rerank, share: float) -> list[Found]:
    """Return `found` in a new order: `share` of the score by `scorer`, the rest as it was, both standardised."""
    if not found:
        return []
    before = _standardised(np.array([f.score for f in found], np.float32))
    scores = (1 - share) * before + share * _standardised(np.asarray(scorer(query, found), np.float32))
    order = np.argsort(-scores, kind="stable")
    return [_with_score(found[place], float(scores[place])) for place in order]


def _hit(rank: int, score: float, row: ChunkRow) -> Hit:
    places = {name: getattr(row, name) for name in _HIT_FIELDS}
    return Hit(rank=rank, score=score, chunk_id=row.id, **places)


def _standardised(scores: Scores) -> Scores:
    deviation = float(scores.std())
    if deviation == 0.0:
        return np.zeros_like(scores)
    standard: Scores = (scores - scores.mean()) / deviation
    return standard


def _ranked(ids: Ids, scores: Scores, text_scores: Scores, cosines: Scores | None) -> list[Found]:
    text_ranks = _ranks(text_scores)
    vector_ranks = None if cosines is None else _ranks(np.nan_to_num(cosines, nan=-2.0))
    found = []
    for place in np.lexsort((ids, -scores)).tolist():
        if not np.isfinite(scores[place]):
            continue
        cosine = None if cosines is None or np.isnan(cosines[place]) else float(cosines[place])
        found.append(
            Found(
                chunk_id=int(ids[place]),
                score=float(scores[place]),
                text_score=float(text_scores[place]),
                cosine=cosine,
                text_rank=int(text_ranks[place]) if text_scores[place] > 0 else None,
                vector_rank=None if cosine is None or vector_ranks is None else int(vector_ranks[place]),
            )
        )
    return found


def _ranks(scores: Scores) -> np.ndarray[Any, np.dtype[np.intp]]:
    ranks = np.empty(len(scores), np.intp)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks


def _with_score(found: Found, score: float) -> Found:
    return Found(found.chunk_id, score, found.text_score, found.cosine, found.text_rank, found.vector_rank)


def distinct(found: Iterable[Found], texts: Mapping[int, str]) -> list[Found]:
    """Return `found` without passages that repeat the words of a better one."""
    seen: set[str] = set()
    kept = []
    for one in found:
        key = " ".join(texts[one.chunk_id].split())
        if key not in seen:
            seen.add(key)
            kept.append(one)
    return kept
