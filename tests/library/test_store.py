"""What the store promises: checked reads, clear errors, one writer at a time, an exact account of changes."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from inglenook.core.errors import (
    NotFoundError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    UsageError,
)
from inglenook.core.types import Block, BlockKind, Chunk, DocumentInfo, Part
from inglenook.library import schema
from inglenook.library.embedding import add_space
from inglenook.library.staging import FileState, Finished, Staging
from inglenook.library.store import Store
from inglenook.testing import BagEncoder

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"


def put(store: Store, path: str, text: str, *, encoder: BagEncoder | None = None) -> int:
    """Store a document with one passage a line; return its id."""
    staging = Staging(store)
    draft = staging.begin(FileState(path, len(text), 1, 1, 1))
    staging.add_text(draft, Part(0, text, (Block(BlockKind.PARAGRAPH, 0, len(text)),)))
    chunks, start = [], 0
    for line in text.splitlines(keepends=True):
        chunks.append(Chunk(start, start + len(line.rstrip()), line.rstrip(), None, 1, 1, ("H",), "context"))
        start += len(line)
    space_id = add_space(store, encoder, "active").id if encoder else None
    wanted = staging.add_chunks(draft, chunks, space_id)
    if encoder and wanted:
        staging.set_vectors([(draft, ordinal) for ordinal, _ in wanted], encoder.encode([words for _, words in wanted]))
    staging.commit([Finished(draft, DocumentInfo("txt", title="T"), f"hash of {text}", None, {})], space_id)
    staging.close()
    record = store.document_at(path)
    assert record is not None
    return record.id


@pytest.fixture
def store(tmp_path: Path):
    with_store = Store.open(tmp_path / "lib" / "library.db", create=True)
    yield with_store
    with_store.close()


def test_text_and_passages_come_back_verbatim(store: Store) -> None:
    """Text over several stored pieces, with any characters, is what went in, at any offsets."""
    text = "".join(f"line {i} 中文 \x00 e\u0301 🙂\n" for i in range(3000))
    document_id = put(store, "/a.txt", text)

    assert store.read_text(document_id) == text
    assert store.read_text(document_id, 8000, 8400) == text[8000:8400]
    rows = store.chunk_rows(store.document_chunk_ids(document_id).tolist())
    assert all(row.text == text[row.char_start : row.char_end] for row in rows)
    assert [row[0] for row in store.iter_index_rows()] == sorted(row.id for row in rows)


def test_a_changed_document_keeps_the_ids_of_its_unchanged_passages(store: Store) -> None:
    """Only what is new is added to the log, only what is gone is removed from it, and places move along."""
    encoder = BagEncoder()
    document_id = put(store, "/a.txt", "one\ntwo\nthree\n", encoder=encoder)
    before = {row.text: row.id for row in store.chunk_rows(store.document_chunk_ids(document_id).tolist())}
    generation = store.generation
    encoder.encoded.clear()

    assert put(store, "/a.txt", "zero\none\nthree\nfour\n", encoder=encoder) == document_id

    after = {row.text: row for row in store.chunk_rows(store.document_chunk_ids(document_id).tolist())}
    assert encoder.encoded == ["context\nzero", "context\nfour"]
    assert (after["one"].id, after["three"].id) == (before["one"], before["three"])
    assert (after["one"].char_start, after["one"].version) == (5, 2)
    changes = store.changes_since(generation)
    assert changes is not None
    assert [ids.tolist() for ids in changes] == [sorted([after["zero"].id, after["four"].id]), [before["two"]]]
    space = store.active_space
    assert space is not None
    assert [ids.tolist() for ids, _ in store.iter_vectors(space.id)] == [sorted(row.id for row in after.values())]


def test_repeated_passages_are_matched_one_to_one(store: Store) -> None:
    """A text that says the same twice keeps two passages, and one of them when it says it once."""
    document_id = put(store, "/a.txt", "same\nsame\nother\n")
    first = store.document_chunk_ids(document_id).tolist()

    put(store, "/a.txt", "same\nother\n")

    assert store.document_chunk_ids(document_id).tolist() == [first[0], first[2]]


def test_a_removed_document_is_gone_at_once_and_its_ids_never_return(store: Store) -> None:
    """Rows, vectors and text go in one commit; the next document gets new ids."""
    document_id = put(store, "/a.txt", "one\n", encoder=BagEncoder())
    ids = store.document_chunk_ids(document_id).tolist()

    store.remove_documents([document_id])

    assert store.chunk_rows(ids) == []
    assert store.database.value("SELECT count(*) FROM vectors") == 0
    assert store.database.value("SELECT count(*) FROM parts") == 0
    new = put(store, "/a.txt", "one\n")
    assert new > document_id
    assert store.document_chunk_ids(new)[0] > ids[0]


def test_vectors_keep_their_direction_through_half_precision(store: Store) -> None:
    """Stored vectors come back of length 1 and within 1e-3 of what went in."""
    encoder = BagEncoder(dimensions=384)
    words = "the quick brown fox\njumps over\na lazy dog\n"
    put(store, "/a.txt", words, encoder=encoder)
    space = store.active_space
    assert space is not None

    [(ids, vectors)] = list(store.iter_vectors(space.id))

    expected = encoder.encode([f"context\n{line}" for line in words.splitlines()])
    assert len(ids) == 3
    assert np.abs(vectors - expected).max() < 1e-3
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)


def test_the_change_log_says_when_it_does_not_reach_back(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trimmed log answers None for generations it forgot and exactly for those it kept."""
    monkeypatch.setattr("inglenook.library.store.CHANGES_KEPT", 4)
    for number in range(12):
        put(store, f"/{number}.txt", "one\ntwo\n")

    assert store.changes_since(0) is None
    recent = store.changes_since(store.generation - 1)
    assert recent is not None
    assert recent[0].tolist() == store.document_chunk_ids(12).tolist()
    assert store.changes_since(store.generation) is not None


def test_ids_of_passages_follow_a_condition_on_documents(store: Store) -> None:
    """Filters choose passages through their document."""
    put(store, "/a.txt", "one\ntwo\n")
    put(store, "/b.txt", "three\n")

    assert store.select_chunk_ids("documents.path = ?", ["/b.txt"]).tolist() == [3]
    assert store.select_chunk_ids("1").tolist() == [1, 2, 3]


def test_names_with_any_bytes_are_kept(store: Store) -> None:
    """A path that is no UTF-8 comes back byte for byte."""
    path = os.fsdecode(b"/caf\xe9\nname.txt")

    put(store, path, "one\n")

    [record] = store.documents()
    assert os.fsencode(record.path) == b"/caf\xe9\nname.txt"


def test_files_are_for_their_owner_only(store: Store) -> None:
    """Other users of the machine may neither list nor read a library."""
    assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_every_commit_waits_for_the_disk(store: Store) -> None:
    """WAL with synchronous=FULL: an acknowledged commit survives power loss where the disk honours fsync."""
    assert store.database.value("PRAGMA journal_mode") == "wal"
    assert store.database.value("PRAGMA synchronous") == 2
    assert store.database.value("PRAGMA trusted_schema") == 0


def test_readers_see_the_state_before_while_another_connection_writes(store: Store) -> None:
    """A reader inside a snapshot keeps its generation; outside it sees the commit."""
    put(store, "/a.txt", "one\n")
    other = Store.open(store.path)
    with other.snapshot():
        before = other.generation
        put(store, "/b.txt", "two\n")

        assert (other.generation, other.counts()) == (before, (1, 1))
    assert other.counts() == (2, 2)
    other.close()


def test_a_second_writer_waits_and_then_says_who_is_in_the_way(store: Store) -> None:
    """Within the waiting time the second writer gets its turn; beyond it the error names the file."""
    other = Store.open(store.path, busy_seconds=0.1)
    with store.database.transaction(), pytest.raises(StoreBusyError, match="another process"):
        other.record_answer({"question": "?"})
    patient = Store.open(store.path, busy_seconds=10)
    entered = threading.Event()

    def hold() -> None:
        with store.database.transaction():
            entered.set()
            threading.Event().wait(0.2)

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    answer_id = patient.record_answer({"question": "?"})
    holder.join()

    assert patient.answer_record(answer_id) == {"question": "?"}
    other.close()
    patient.close()


def test_a_failed_transaction_changes_nothing(store: Store) -> None:
    """An error inside a transaction takes all of it back, and the next one works."""

    def fail() -> None:
        with store.database.transaction() as connection:
            connection.execute("INSERT INTO meta VALUES ('half', 1)")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert store.database.value("SELECT value FROM meta WHERE name = 'half'") is None
    put(store, "/a.txt", "one\n")


def test_each_flipped_bit_is_detected_or_harmless(store: Store, tmp_path: Path) -> None:
    """With any one bit of the file flipped, every read gives what was stored or an error of ours; never other words."""
    text = "".join(f"the warranty of part {i} ends in year {2000 + i}\n" for i in range(60))
    put(store, "/a.txt", text, encoder=BagEncoder())
    store.close()
    image = store.path.read_bytes()
    random = np.random.default_rng(7)
    num_detected = 0
    for place in random.integers(0, len(image), 150):
        damaged = bytearray(image)
        damaged[place] ^= 1 << int(random.integers(8))
        path = tmp_path / "flipped.db"
        path.write_bytes(damaged)
        try:
            seen = Store.open(path)
        except StoreError:
            num_detected += 1
            continue
        try:
            for record in seen.documents():
                assert seen.read_text(record.id) == text
                assert (record.path, record.title) == ("/a.txt", "T")
            rows = seen.chunk_rows(range(1, 61))
            assert all(row.text == text[row.char_start : row.char_end] for row in rows)
            for _, vectors in seen.iter_vectors(1):
                assert np.isfinite(vectors).all()
        except StoreError:
            num_detected += 1
        finally:
            seen.close()

    assert num_detected > 0


def test_damaged_text_is_refused_by_name(store: Store) -> None:
    """One changed letter in a stored text is an error that names the document, not a wrong quotation."""
    document_id = put(store, "/a.txt", "the warranty ends in 2027\n")
    with store.database.transaction() as connection:
        connection.execute("UPDATE parts SET text = replace(CAST(text AS TEXT), '2027', '2028')")

    with pytest.raises(StoreDamagedError, match=r"/a\.txt"):
        store.read_text(document_id)
    with pytest.raises(StoreDamagedError, match=r"/a\.txt"):
        store.chunk_rows(store.document_chunk_ids(document_id).tolist())


def test_a_newer_library_is_refused_unchanged(store: Store) -> None:
    """A file of a later version is left alone, with a message that says what to do."""
    store.database.connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    store.close()
    before = store.path.read_bytes()

    with pytest.raises(StoreError, match="newer Inglenook"):
        Store.open(store.path)
    assert store.path.read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRIGGER t AFTER INSERT ON answers BEGIN DELETE FROM documents; END",
        "CREATE VIEW v AS SELECT 1",
        "DROP INDEX documents_by_hash",
        "ALTER TABLE documents ADD COLUMN extra TEXT",
    ],
)
def test_a_foreign_schema_is_refused(store: Store, sql: str) -> None:
    """A library whose tables were changed by another program does not open."""
    store.database.connection.execute(sql)
    store.close()

    with pytest.raises(StoreDamagedError, match="another program"):
        Store.open(store.path)


def test_what_is_no_library_is_refused(tmp_path: Path) -> None:
    """Another SQLite file, a text file and a missing one each get their own message."""
    foreign = tmp_path / "foreign.db"
    connection = sqlite3.connect(foreign)
    connection.execute("CREATE TABLE t (x)")
    connection.close()
    (tmp_path / "text.db").write_text("no database at all " * 100)

    with pytest.raises(StoreError, match="no Inglenook library"):
        Store.open(foreign)
    with pytest.raises(StoreDamagedError):
        Store.open(tmp_path / "text.db")
    with pytest.raises(NotFoundError, match="no library"):
        Store.open(tmp_path / "none.db")


def test_a_library_of_version_1_opens(tmp_path: Path) -> None:
    """The checked-in library of the first version gives its documents, passages, vectors and answers."""
    path = tmp_path / "library.db"
    shutil.copy(FIXTURES / "store-v1.db", path)

    store = Store.open(path)

    [record] = store.documents()
    assert (record.path, record.title, record.version) == ("/documents/lamp.txt", "T", 1)
    assert store.read_text(record.id) == "The lamp was lit in 1873.\n灯塔建于一八七三年。\n"
    assert [row.text for row in store.chunk_rows([2, 1])] == ["灯塔建于一八七三年。", "The lamp was lit in 1873."]
    assert [(space.encoder, space.dimensions) for space in store.spaces] == [("bag@1", 32)]
    assert sum(len(ids) for ids, _ in store.iter_vectors(1)) == 2
    assert store.answer_record(store.answer_ids()[0]) == {"question": "when?"}
    store.close()


def test_reading_beyond_the_text_stops_at_its_end(store: Store) -> None:
    """Offsets past the end are cut; negative ones are the caller's mistake; unknown documents are not found."""
    document_id = put(store, "/a.txt", "one\n")

    assert store.read_text(document_id, 2, 99) == "e\n"
    assert store.read_text(document_id, 9) == ""
    with pytest.raises(UsageError):
        store.read_text(document_id, -1)
    with pytest.raises(NotFoundError):
        store.read_text(99)


_UNSHARE = shutil.which("unshare")
_MOUNTED = """
import sys
from pathlib import Path
from inglenook.core.errors import StoreError, StoreFullError
from inglenook.library.store import Store
"""


def _in_namespace(script: str, mounts: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python after mounting things in a mount namespace of its own; skip where that is not allowed."""
    if _UNSHARE is None or subprocess.run([_UNSHARE, "-rm", "true"], capture_output=True, check=False).returncode:
        pytest.skip("mount namespaces are not available here")
    words = [_UNSHARE, "-rm", "sh", "-c", f'{mounts} && exec "$0" -c "$1"', sys.executable, _MOUNTED + script]
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd)


def test_a_read_only_folder_opens_read_only(store: Store, tmp_path: Path) -> None:
    """On a read-only disk everything can be read, each write is refused in words, and no file appears."""
    put(store, "/a.txt", "one\n")
    store.close()
    script = """
store = Store.open(Path("lib/library.db"))
print(store.read_only, store.read_text(1).strip(), sorted(p.name for p in Path("lib").iterdir()))
try:
    store.record_answer({})
except StoreError as error:
    print(error)
"""
    done = _in_namespace(script, "mount --bind lib lib && mount -o remount,bind,ro lib", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "True one ['library.db']" in done.stdout
    assert "open read-only" in done.stdout


def test_a_full_disk_is_an_error_that_loses_nothing(tmp_path: Path) -> None:
    """When the disk fills, the write is refused in words, what was acknowledged is whole, and removing makes room."""
    (tmp_path / "disk").mkdir()
    script = """
import sqlite3
store = Store.open(Path("disk/library.db"), create=True)
kept = []
try:
    for _ in range(100000):
        kept.append(store.record_answer({"question": "x" * 20000}))
except StoreFullError as error:
    print("FULL", error)
again = Store.open(Path("disk/library.db"))
assert len(kept) > 10
assert sorted(again.answer_ids()) == sorted(kept), (len(again.answer_ids()), len(kept))
assert again.database.value("PRAGMA integrity_check") == "ok"
print("WHOLE")
"""
    done = _in_namespace(script, "mount -t tmpfs -o size=4m none disk", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "FULL no room to write" in done.stdout
    assert "WHOLE" in done.stdout


def test_a_file_size_limit_is_an_error_not_a_crash(tmp_path: Path) -> None:
    """A limit on file size stops a write with an error of ours."""
    script = (
        _MOUNTED
        + """
import resource, signal
store = Store.open(Path("lib/library.db"), create=True)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, -1))
count = 0
try:
    while True:
        store.record_answer({"question": "x" * 20000})
        count += 1
except StoreError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
    store.close()
    print(count, len(Store.open(Path("lib/library.db")).answer_ids()), type(error).__name__)
"""
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    count, found, kind = done.stdout.split()
    assert count == found != "0"
    assert kind in (StoreFullError.__name__, StoreError.__name__)
