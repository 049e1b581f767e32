"""Change the encoder: a second space of vectors is filled beside the active one, then the two change places at once.

Searches use the active space all the while. Each batch is committed, so an interrupted run goes on where it stopped. The
space before stays for a rollback; older ones are deleted.
"""

from collections.abc import Callable
from sqlite3 import Connection

from inglenook.core.errors import NotFoundError
from inglenook.library.embedding import Embedder, Encoder, add_space, embed_missing
from inglenook.library.records import Progress, Space
from inglenook.library.store import Store, next_generation

_DELETE_ROWS = 2000


def reembed(
    store: Store, encoder: Encoder, ability: dict[str, float], on_progress: Callable[[Progress], None] | None = None
) -> Space:
    """Fill this encoder's space and make it the active one; return it.

    Raises:
        StoreError: the library cannot be written; the active space stays what it was.
    """
    space = add_space(store, encoder, "building")
    embedder = Embedder(encoder, space, ability)

    def tell(done: int, total: int) -> None:
        if on_progress:
            on_progress(Progress("embedded", done=done, total=total))

    while True:  # documents that others add meanwhile are taken up in the next round
        embed_missing(store, embedder, tell)
        with store.database.transaction() as connection:
            if _is_complete(connection, space.id):
                _activate(connection, space.id)
                break
    _delete_older(store)
    return next(known for known in store.spaces if known.id == space.id)


def rollback(store: Store) -> str:
    """Make the space before the active one active again; return its encoder's name.

    Passages added since have no vector in it yet; the next `add` or `sync` embeds them.

    Raises:
        NotFoundError: there is no space before.
    """
    retired = [space for space in store.spaces if space.state == "retired"]
    if not retired:
        raise NotFoundError(
            "no earlier encoder to go back to: `inglenook reembed --model NAME` was not used on this library"
        )
    with store.database.transaction() as connection:
        _activate(connection, retired[0].id)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('lacks_vectors', 1)")
    return retired[0].name


def _is_complete(connection: Connection, space_id: int) -> bool:
    sql = "SELECT EXISTS (SELECT 1 FROM chunks WHERE id NOT IN (SELECT chunk_id FROM vectors WHERE space_id = ?))"
    return not connection.execute(sql, (space_id,)).fetchone()[0]


def _activate(connection: Connection, space_id: int) -> None:
    """Make one space active and the active one the only retired one that keeps its vectors."""
    connection.execute("UPDATE spaces SET state = 'building' WHERE state = 'retired' AND id != ?", (space_id,))
    connection.execute("UPDATE spaces SET state = 'retired' WHERE state = 'active' AND id != ?", (space_id,))
    connection.execute("UPDATE spaces SET state = 'active' WHERE id = ?", (space_id,))
    connection.execute("DELETE FROM meta WHERE name = 'lacks_vectors'")
    next_generation(connection)


def _delete_older(store: Store) -> None:
    """Delete the spaces that are neither active nor the one before, a bounded number of rows at a time."""
    for space in store.spaces:
        if space.state != "building":
            continue
        sql = (
            "DELETE FROM vectors WHERE space_id = ?1 AND chunk_id IN "
            "(SELECT chunk_id FROM vectors WHERE space_id = ?1 LIMIT ?2)"
        )
        is_empty = False
        while not is_empty:
            with store.database.transaction() as connection:
                is_empty = connection.execute(sql, (space.id, _DELETE_ROWS)).rowcount == 0
        with store.database.transaction() as connection:
            connection.execute("DELETE FROM spaces WHERE id = ? AND state = 'building'", (space.id,))
