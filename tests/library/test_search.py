"""Search on a real store: filters inside the query, fusion, and indexes that follow every change."""

import fcntl
import random
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inglenook.core.errors import QueryError, UsageError
from inglenook.core.types import Chunk, DocumentInfo, Part
from inglenook.index.text import TextIndex
from inglenook.library.derived import DerivedIndexes
from inglenook.library.filters import Filters
from inglenook.library.probe import measure_ability
from inglenook.library.search import MODES, Searcher, fuse, vector_weight
from inglenook.library.staging import FileState, Finished, Staging
from inglenook.library.store import Store
from inglenook.library.words import analyze


class WordEncoder:
    """A real, tiny encoder: each Latin word adds a fixed random direction; it knows nothing of other scripts."""

    identity = "words-64"

    def encode(self, texts: Sequence[str]) -> Any:
        vectors = np.zeros((len(texts), 64), np.float32)
        for row, text in enumerate(texts):
            for term in analyze(text):
                if term.isascii():
                    vectors[row] += np.random.default_rng(zlib.crc32(term.encode())).normal(size=64)
            vectors[row, 0] += 1e-3
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class Shelf:
    """A store in a folder with a short way to put documents of one-passage lines into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store.open(folder / "library.db", create=True)
        self.encoder = WordEncoder()
        with self.store.database.transaction() as connection:
            connection.execute(
                "INSERT INTO spaces (encoder, name, dimensions, state) VALUES (?, 'words', 64, 'active')",
                (self.encoder.identity,),
            )

    def put(self, path: str, text: str, *, day: int = 1, **labels: str) -> None:
        """Add or replace a document; each line is a passage; `day` counts in January 2024."""
        staging = Staging(self.store)
        mtime = 1_704_067_200 + (day - 1) * 86_400
        draft = staging.begin(FileState(path, len(text), mtime * 10**9, 0, zlib.crc32(path.encode())))
        staging.add_text(draft, Part(0, text, ()))
        chunks, start = [], 0
        for line in text.splitlines():
            chunks.append(Chunk(start, start + len(line), line, None, None, None, (), ""))
            start += len(line) + 1
        wanted = staging.add_chunks(draft, chunks, 1)
        if wanted:
            staging.set_vectors([(draft, i) for i, _ in wanted], self.encoder.encode([words for _, words in wanted]))
        language = "zh" if any(c > "\u2fff" for c in text) else "en"
        info = DocumentInfo(Path(path).suffix[1:], None, language)
        staging.commit([Finished(draft, info, f"{zlib.crc32(text.encode()):x}", None, labels)], 1)
        staging.close()

    def remove(self, path: str) -> None:
        document = self.store.document_at(path)
        assert document
        self.store.remove_documents([document.id])

    def searcher(self, *, read_only: bool = False, encoder: Callable[[], Any] | None = None) -> Searcher:
        indexes = DerivedIndexes(self.store, self.folder / "index", read_only=read_only)
        return Searcher(self.store, indexes, encoder or (lambda: self.encoder))


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path)
    yield shelf
    shelf.store.close()


def _texts(searcher: Searcher, query: str, **options: Any) -> list[str]:
    return [hit.text for hit in searcher.search(query, **options).hits]


def test_each_mode_finds_the_passage(shelf: Shelf) -> None:
    """Hits carry rank, score and place; signals stand beside them in the same order."""
    shelf.put("/a/w.txt", "the warranty ends in May\nsomething else entirely")
    shelf.put("/a/zh.txt", "保修期到五月結束")
    searcher = shelf.searcher()
    for mode in MODES:
        result = searcher.search("warranties end", mode=mode)
        first = result.hits[0]

        assert (first.rank, first.text, first.path, first.char_start) == (1, "the warranty ends in May", "/a/w.txt", 0)
        assert [s.chunk_id for s in result.signals] == [h.chunk_id for h in result.hits]
        assert [h.score for h in result.hits] == sorted((h.score for h in result.hits), reverse=True)
    assert _texts(searcher, "保修", mode="hybrid")[0] == "保修期到五月結束"
    assert _texts(searcher, "结束", mode="text") == ["保修期到五月結束"]
    assert searcher.search("\udc80 ''\" * (", mode="text").hits == []


def test_removed_and_replaced_passages_vanish_at_once(shelf: Shelf) -> None:
    """A search after a change, in the same process or another one's, shows the change."""
    shelf.put("/a.txt", "alpha one")
    shelf.put("/b.txt", "alpha two")
    reader, other = shelf.searcher(), shelf.searcher(read_only=True)
    for searcher in (reader, other):
        assert sorted(_texts(searcher, "alpha")) == ["alpha one", "alpha two"]
    shelf.remove("/a.txt")
    shelf.put("/b.txt", "alpha three")
    for searcher in (other, reader, other):
        for mode in MODES:
            assert _texts(searcher, "alpha", mode=mode) == ["alpha three"]


def test_unknown_mode_and_vector_mode_without_an_encoder_are_refused(shelf: Shelf) -> None:
    """The message lists the modes, or says that an encoder is missing; hybrid goes on with words and says so."""
    shelf.put("/a.txt", "alpha one")
    with pytest.raises(QueryError, match="hybrid, text, vector"):
        shelf.searcher().search("alpha", mode="hybrud")
    without = shelf.searcher(encoder=lambda: None)
    with pytest.raises(QueryError, match="encoder"):
        without.search("alpha", mode="vector")
    result = without.search("alpha")

    assert [hit.text for hit in result.hits] == ["alpha one"]
    assert result.note
    assert "encoder" in result.note


def test_passages_with_the_same_words_are_shown_once(shelf: Shelf) -> None:
    """Copies of a file do not fill the result."""
    for number in range(5):
        shelf.put(f"/copy{number}.txt", "alpha  one" if number else "alpha one")
    shelf.put("/other.txt", "alpha two and more")

    assert sorted(_texts(shelf.searcher(), "alpha", limit=2)) == ["alpha one", "alpha two and more"]


FILTERS: list[tuple[Filters, set[str]]] = [
    (Filters(), {"/d/a.md", "/d/n/b.pdf", "/d/n/c.md", "/e/d.txt"}),
    (Filters(path="*.md"), {"/d/a.md", "/d/n/c.md"}),
    (Filters(path="n/*"), {"/d/n/b.pdf", "/d/n/c.md"}),
    (Filters(path="n"), {"/d/n/b.pdf", "/d/n/c.md"}),
    (Filters(path="/d/*.md"), {"/d/a.md", "/d/n/c.md"}),
    (Filters(path="d.txt"), {"/e/d.txt"}),
    (Filters(types=("pdf", ".TXT")), {"/d/n/b.pdf", "/e/d.txt"}),
    (Filters(after="2024-01-03"), {"/d/n/c.md", "/e/d.txt"}),
    (Filters(before="2024-01-03"), {"/d/a.md", "/d/n/b.pdf"}),
    (Filters(after="2024-01-02", before="2024-01-04"), {"/d/n/b.pdf", "/d/n/c.md"}),
    (Filters(after="2024", before="2024-02"), {"/d/a.md", "/d/n/b.pdf", "/d/n/c.md", "/e/d.txt"}),
    (Filters(metadata={"who": "O'Hara"}), {"/d/a.md"}),
    (Filters(metadata={"who": "O'Hara", "none": "x"}), set()),
    (Filters(language="zh-TW"), {"/e/d.txt"}),
    (Filters(documents=(1, 3)), {"/d/a.md", "/d/n/c.md"}),
    (Filters(documents=()), set()),
]


@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_filters_choose_the_documents(shelf: Shelf, filters: Filters, expected: set[str]) -> None:
    """Each condition holds in every mode, and values are bound, never spliced into SQL."""
    shelf.put("/d/a.md", "alpha one", day=1, who="O'Hara")
    shelf.put("/d/n/b.pdf", "alpha two", day=2)
    shelf.put("/d/n/c.md", "alpha three", day=3)
    shelf.put("/e/d.txt", "alpha 四", day=4)
    for mode in MODES:
        hits = shelf.searcher().search("alpha", mode=mode, filters=filters).hits
        assert {hit.path for hit in hits} == expected


def test_a_filter_acts_inside_the_search(shelf: Shelf) -> None:
    """The one permitted passage is found though hundreds of better ones are barred."""
    shelf.put("/many.txt", "\n".join(f"alpha alpha {number}" for number in range(400)))
    shelf.put("/one.md", "a long passage that says alpha only once among very many other words")
    for mode in MODES:
        found = _texts(shelf.searcher(), "alpha", mode=mode, limit=5, filters=Filters(path="*.md"))
        assert len(found) == 1


@pytest.mark.parametrize("value", ["yesterdayish", "2024-13", "24-01-01", "2024-02-30", ""])
def test_a_date_that_is_none_is_refused(value: str) -> None:
    """The error shows what was given and how to write it."""
    with pytest.raises(QueryError, match="2024-05-01"):
        Filters(after=value)


def _results(searcher: Searcher) -> list[tuple[int, float]]:
    found = []
    for query in ("alpha", "beta gamma", "delta 5", "保修"):
        for mode in MODES:
            found += [
                (hit.chunk_id, pytest.approx(hit.score, rel=1e-4)) for hit in searcher.search(query, mode=mode).hits
            ]
    return found


def test_any_history_of_changes_searches_like_a_rebuild(shelf: Shelf, tmp_path: Path) -> None:
    """Indexes brought up from the change log, in files or in memory, give what indexes built from nothing give."""
    rng = random.Random(11)
    words = ["alpha", "beta", "gamma", "delta", "5", "保修", "more"]
    names: set[str] = set()
    follower, on_the_side = shelf.searcher(), shelf.searcher(read_only=True)
    for step in range(25):
        name = f"/f{rng.randrange(8)}.txt"
        if name in names and rng.random() < 0.4:
            shelf.remove(name)
            names.discard(name)
        else:
            shelf.put(
                name, "\n".join(" ".join(rng.choices(words, k=5)) + f" {step}{n}" for n in range(rng.randrange(1, 5)))
            )
            names.add(name)
        if step % 5 == 4:
            indexes = DerivedIndexes(shelf.store, tmp_path / f"clean{step}")
            clean = Searcher(shelf.store, indexes, lambda: shelf.encoder)

            assert _results(follower) == _results(clean)
            assert _results(on_the_side) == _results(clean)


def test_damage_staleness_and_loss_are_mended_unasked(shelf: Shelf) -> None:
    """Whatever happens to the index folder, the next search gives the same hits and leaves a sound folder."""
    shelf.put("/a.txt", "\n".join(f"alpha {number}" for number in range(30)))
    expected = _results(shelf.searcher())
    files = [p for p in (shelf.folder / "index").rglob("*") if p.is_file() and p.name != "lock"]
    assert len(files) == 5
    for path in files:
        if not path.exists():
            continue  # rebuilt under another name
        content = path.read_bytes()
        path.write_bytes(content[:100] + bytes([content[100] ^ 255]) + content[101:])
        assert _results(shelf.searcher()) == expected
        path.write_bytes(b"")  # an old segment's name again, or an empty manifest
        assert _results(shelf.searcher()) == expected
    for path in (shelf.folder / "index").rglob("*"):
        if path.is_file():
            path.unlink()
    assert _results(shelf.searcher()) == expected
    recipe = DerivedIndexes(shelf.store, shelf.folder / "index").text().recipe
    assert TextIndex.open(shelf.folder / "index" / "text", recipe=recipe).count == 30


def test_a_store_that_went_back_in_time_is_indexed_anew(shelf: Shelf, tmp_path: Path) -> None:
    """A restored backup is behind the index files, or level with them by chance: they are not believed."""
    shelf.put("/a.txt", "alpha one")
    shelf.store.database.connection.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    shelf.put("/b.txt", "alpha two")
    _results(shelf.searcher())
    shelf.store.close()
    for name in ("library.db", "library.db-wal", "library.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "backup.db").rename(tmp_path / "library.db")
    shelf.store = Store.open(tmp_path / "library.db")

    assert _texts(shelf.searcher(), "alpha") == ["alpha one"]
    shelf.put("/c.txt", "alpha three\nalpha four")
    assert sorted(_texts(shelf.searcher(), "alpha")) == ["alpha four", "alpha one", "alpha three"]


def test_a_folder_that_cannot_be_written_is_no_obstacle(shelf: Shelf) -> None:
    """Where index files cannot be made the indexes live in memory and follow changes all the same."""
    (shelf.folder / "index").write_text("a file where the folder should be")
    shelf.put("/a.txt", "alpha one")
    searcher = shelf.searcher()

    assert _texts(searcher, "alpha") == ["alpha one"]
    shelf.put("/b.txt", "alpha two")
    assert sorted(_texts(searcher, "alpha")) == ["alpha one", "alpha two"]


def test_while_another_process_publishes_a_search_goes_on_in_memory(shelf: Shelf) -> None:
    """The lock is never waited for."""
    shelf.put("/a.txt", "alpha one")
    searcher = shelf.searcher()
    searcher.refresh()
    before = sorted((shelf.folder / "index" / "text").iterdir())
    with (shelf.folder / "index" / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shelf.put("/b.txt", "alpha two")

        assert sorted(_texts(searcher, "alpha")) == ["alpha one", "alpha two"]
        assert sorted((shelf.folder / "index" / "text").iterdir()) == before
    shelf.put("/c.txt", "beta")
    assert sorted(_texts(searcher, "alpha", mode="text")) == ["alpha one", "alpha two"]
    assert sorted((shelf.folder / "index" / "text").iterdir()) != before


def test_threads_share_a_searcher_while_documents_come_and_go(shelf: Shelf) -> None:
    """Every search sees some whole state: the document that never changes is always there, errors never."""
    shelf.put("/fixed.txt", "alpha fixed")
    searcher = shelf.searcher()
    stop, errors = threading.Event(), []

    def ask() -> None:
        try:
            while not stop.is_set():
                assert "alpha fixed" in _texts(searcher, "alpha fixed")
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(60):
        shelf.put("/other.txt", f"alpha {number}")
    stop.set()
    for thread in threads:
        thread.join()

    assert errors == []


def test_fusion_is_the_words_where_the_encoder_cannot_read() -> None:
    """The weight of the vectors is what the encoder can do in the query's script; a missing vector counts as the worst."""
    ability = measure_ability(WordEncoder())

    assert ability["han"] < 0.1 < ability["latin"]
    assert vector_weight("保修期多长", ability) < 0.1
    assert vector_weight("how long", {}) == 0
    words = np.array([3, 2, 1], np.float32)
    assert fuse(words, np.full(3, np.nan, np.float32), 0.5).tolist() == words.tolist()
    fused = fuse(words, np.array([0.1, np.nan, 0.9], np.float32), 0.5)
    assert fused[0] > fused[1]


def test_a_second_look_reorders_the_best(shelf: Shelf) -> None:
    """A caller's scores count for part of the ranking, over more candidates than are shown."""
    shelf.put("/a.txt", "alpha one\nalpha two\nalpha three")
    result = shelf.searcher().search(
        "alpha", limit=1, mode="text", second_look=lambda _query, found: [float(f.chunk_id == 3) for f in found]
    )

    assert [hit.text for hit in result.hits] == ["alpha three"]


def test_another_encoder_than_the_librarys_is_noticed(shelf: Shelf) -> None:
    """Vectors of two encoders are never compared; the note names the way out."""
    shelf.put("/a.txt", "alpha one")
    stranger = WordEncoder()
    stranger.identity = "other"
    result = shelf.searcher(encoder=lambda: stranger).search("alpha")

    assert result.note
    assert "reembed" in result.note
    assert result.hits[0].text == "alpha one"
    index = DerivedIndexes(shelf.store, shelf.folder / "index").vectors(1, shelf.encoder.identity)
    with pytest.raises(UsageError, match="64 dimensions"):
        index.search(np.zeros(3, np.float32), 1)


def test_small_libraries_never_import_faiss(shelf: Shelf) -> None:
    """FAISS takes long to import; only clustering a large index needs it."""
    shelf.put("/a.txt", "alpha one")
    shelf.searcher().refresh()
    code = (
        "import sys; from pathlib import Path; from inglenook.library.derived import DerivedIndexes\n"
        "from inglenook.library.store import Store\n"
        f"folder = Path({str(shelf.folder)!r}); store = Store.open(folder / 'library.db')\n"
        "DerivedIndexes(store, folder / 'index').vectors(1, 'words-64')\n"
        "print('faiss' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_a_damaged_store_is_reported_not_indexed(shelf: Shelf) -> None:
    """Only derived data is rebuilt in silence: damage to the store itself is an error."""
    shelf.put("/a.txt", "alpha one")
    shelf.store.close()
    with sqlite3.connect(shelf.folder / "library.db") as connection:
        connection.execute("UPDATE parts SET text = CAST('alpha 0ne' AS BLOB)")
    connection.close()
    shelf.store = Store.open(shelf.folder / "library.db")

    with pytest.raises(Exception, match="damaged"):
        shelf.searcher().search("alpha", mode="text")
