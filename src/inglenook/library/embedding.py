"""Passages to vectors: which encoder made the library's vectors, and which passages still lack one.

Vectors of two encoders cannot be compared, so a library has one active space. Text-only is a state, not a failure: what
was added without an encoder is embedded by the next `add` or `sync` that has one. It knows no file format.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from inglenook.library.records import Space
from inglenook.library.staging import NO_VECTOR
from inglenook.library.store import Store, Vectors, log_changes, next_generation, pack_vectors
from inglenook.library.words import script_of

BATCH = 256
"""Passages embedded at once: enough to sort by length and keep every thread busy."""
MIN_ABILITY = 0.5
"""An encoder that finds fewer of the probe's passages in a script than this gives vectors that help no search in it."""


class Encoder(Protocol):
    """What the library needs of a sentence encoder; see `inglenook.embed.sentences`."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def identity(self) -> str: ...  # noqa: D102
    @property
    def dimensions(self) -> int: ...  # noqa: D102
    def encode(self, texts: Sequence[str], /) -> Any: ...  # noqa: D102
    def count_tokens(self, texts: Sequence[str], /) -> list[int]: ...  # noqa: D102


class Embedder:
    """Embeds passages in one space; leaves out scripts that the encoder cannot read.

    Args:
        encoder: what makes the vectors.
        space: where they belong.
        ability: script -> how well the encoder finds passages in it, 0 to 1 (see `probe.measure_ability`).
    """

    def __init__(self, encoder: Encoder, space: Space, ability: dict[str, float]) -> None:
        self.encoder = encoder
        self.space = space
        self._unreadable = {script for script, share in ability.items() if share < MIN_ABILITY}

    def can_read(self, text: str) -> bool:
        """Say whether the encoder's vector of this text is worth having."""
        return not self._unreadable or text.isascii() or script_of(text) not in self._unreadable

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors (N, D)."""
        return np.asarray(self.encoder.encode(texts), np.float32)


def open_space(store: Store, encoder: Encoder) -> Space | None:
    """Return the active space when this encoder made it, made now when there is none yet; else None."""
    active = store.active_space
    if active is None and not store.read_only:
        add_space(store, encoder, "active")
        active = store.active_space
    return active if active is not None and active.encoder == encoder.identity else None


def add_space(store: Store, encoder: Encoder, state: str) -> Space:
    """Return the space of this encoder, made in `state` when it is not there."""
    with store.database.transaction() as connection:
        connection.execute(
            "INSERT OR IGNORE INTO spaces (encoder, name, dimensions, state) VALUES (?, ?, ?, ?)",
            (encoder.identity, encoder.name, encoder.dimensions, state),
        )
    return next(space for space in store.spaces if space.encoder == encoder.identity)


def embed_missing(store: Store, embedder: Embedder, on_progress: Callable[[int, int], None] | None = None) -> int:
    """Embed every passage that lacks a vector in the space, in bounded memory; return how many.

    Each batch is committed, so an interrupted run goes on where it stopped.

    Args:
        store: where the passages are.
        embedder: the encoder and the space.
        on_progress: called with (passages done, passages looked for) after each batch.
    """
    total = num_missing(store, embedder.space.id) if on_progress else 0
    done = num_embedded = 0
    for ids in _missing_batches(store, embedder.space.id):
        rows = store.chunk_rows(ids)
        readable = [row for row in rows if embedder.can_read(row.text)]
        vectors = embedder.encode([f"{row.context}\n{row.text}" if row.context else row.text for row in readable])
        packed = dict(zip((row.id for row in readable), pack_vectors(vectors), strict=True))
        _store_vectors(store, embedder.space, [(row.id, packed.get(row.id, NO_VECTOR)) for row in rows])
        num_embedded += len(readable)
        done += len(rows)
        if on_progress:
            on_progress(done, total)
    return num_embedded


def num_missing(store: Store, space_id: int) -> int:
    """Return how many passages have neither a vector in the space nor the note that they can have none."""
    sql = "SELECT count(*) FROM chunks WHERE id NOT IN (SELECT chunk_id FROM vectors WHERE space_id = ?)"
    return int(store.database.value(sql, (space_id,)))


def _missing_batches(store: Store, space_id: int) -> Iterator[list[int]]:
    last = 0
    sql = (
        "SELECT c.id FROM chunks c LEFT JOIN vectors v ON v.space_id = ? AND v.chunk_id = c.id "
        "WHERE c.id > ? AND v.chunk_id IS NULL ORDER BY c.id LIMIT ?"
    )
    while ids := [row[0] for row in store.database.query(sql, (space_id, last, BATCH))]:
        yield ids
        last = ids[-1]


def _store_vectors(store: Store, space: Space, vectors: Sequence[tuple[int, bytes]]) -> None:
    with store.database.transaction() as connection:
        # A passage may have been removed while it was embedded: its vector must not outlive it.
        sql = "INSERT OR REPLACE INTO vectors SELECT ?, id, ?, ? FROM chunks WHERE id = ?"
        connection.executemany(sql, [(space.id, vector, zlib.crc32(vector), i) for i, vector in vectors])
        is_active = connection.execute("SELECT state = 'active' FROM spaces WHERE id = ?", (space.id,)).fetchone()[0]
        if is_active:
            log_changes(connection, next_generation(connection), [i for i, _ in vectors], is_added=True)
