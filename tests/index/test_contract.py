"""What both derived indexes promise: atomic durable updates, detected damage, exact filters, results of a clean rebuild."""

import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inglenook.core.errors import StoreDamagedError
from inglenook.index import segments as segments_module
from inglenook.index import vectors as vectors_module
from inglenook.index.text import TextIndex
from inglenook.index.vectors import VectorIndex

WORDS = [f"w{number}" for number in range(60)]


def _item(kind: type, row_id: int, seed: int) -> Any:
    rng = random.Random(row_id * 1000 + seed)
    if kind is TextIndex:
        return row_id, [WORDS[min(int(rng.expovariate(0.1)), 59)] for _ in range(rng.randrange(1, 30))]
    vector = np.array([rng.gauss(0, 1) for _ in range(8)], np.float32)
    return row_id, vector / np.linalg.norm(vector)


def _query(kind: type, rng: random.Random) -> Any:
    return rng.sample(WORDS, 5) if kind is TextIndex else _item(VectorIndex, rng.randrange(10**6), 9)[1]


def _found(index: Any, query: Any, limit: int = 10, allowed: Any = None) -> list[tuple[int, float]]:
    ids, scores = index.search(query, limit, allowed)
    return [(int(i), float(s)) for i, s in zip(ids, scores, strict=True)]


@pytest.fixture(params=[TextIndex, VectorIndex])
def kind(request: pytest.FixtureRequest) -> type:
    return request.param


@pytest.fixture
def small_tiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thresholds brought down so that merges and batches happen inside short runs."""
    monkeypatch.setattr(segments_module, "_SMALLEST_TIER", 4)
    monkeypatch.setattr(segments_module, "_BATCH", 32)


@pytest.mark.usefixtures("small_tiers")
def test_any_sequence_of_updates_and_reopenings_searches_like_a_clean_rebuild(kind: type, tmp_path: Path) -> None:
    """After each update the index on disk gives exactly what an index built at once from the same rows gives."""
    rng = random.Random(7)
    rows: dict[int, Any] = {}
    index = kind(tmp_path / "index")
    for generation in range(1, 40):
        added = [_item(kind, rng.randrange(150), generation) for _ in range(rng.choice([0, 1, 1, 3, 40]))]
        added = list({item[0]: item for item in added}.values())
        removed = rng.sample(sorted(rows), min(len(rows), rng.choice([0, 0, 1, 5])))
        index.update(generation, added, removed)
        for row_id in removed:
            del rows[row_id]
        rows.update((item[0], item) for item in added)
        if generation % 3 == 0:
            index = kind.open(tmp_path / "index")
        twin = kind()
        twin.update(generation, rows.values())
        query, allowed = _query(kind, rng), np.array(sorted(rng.sample(range(150), rng.choice([2, 70]))), np.int64)

        assert index.generation == generation
        assert index.count == len(rows)
        for got, expected in (
            (_found(index, query), _found(twin, query)),
            (_found(index, query, 10, allowed), _found(twin, query, 10, allowed)),
        ):
            assert [i for i, _ in got] == [i for i, _ in expected]
            assert [s for _, s in got] == pytest.approx([s for _, s in expected], rel=1e-6)


@pytest.mark.usefixtures("small_tiers")
@pytest.mark.parametrize("num_flips", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_flipped_bytes_are_all_detected(kind: type, tmp_path: Path, num_flips: int) -> None:
    """No byte of an index, padding included, can change without `open` refusing it."""
    folder = tmp_path / "index"
    index = kind(folder)
    index.update(1, [_item(kind, row_id, 0) for row_id in range(100)])
    index.update(2, [_item(kind, 200, 0)], [3])
    paths = sorted(folder.iterdir())
    rng = random.Random(3)
    for _ in range(num_flips):
        path = rng.choice(paths)
        content = path.read_bytes()
        place = rng.randrange(len(content))
        path.write_bytes(content[:place] + bytes([content[place] ^ (1 << rng.randrange(8))]) + content[place + 1 :])

        with pytest.raises(StoreDamagedError, match="rebuilt"):
            kind.open(folder)
        path.write_bytes(content)
    assert kind.open(folder).count == 100


def test_truncation_at_any_length_is_detected(kind: type, tmp_path: Path) -> None:
    """A file cut short, or grown, is refused."""
    folder = tmp_path / "index"
    kind(folder).update(1, [_item(kind, row_id, 0) for row_id in range(50)])
    for path in folder.iterdir():
        content = path.read_bytes()
        for length in [0, 1, 8, 63, 64, len(content) // 2, len(content) - 64, len(content) - 1]:
            path.write_bytes(content[:length])
            with pytest.raises(StoreDamagedError):
                kind.open(folder)
        path.write_bytes(content + bytes(64))
        with pytest.raises(StoreDamagedError):
            kind.open(folder)
        path.write_bytes(content)


def test_a_missing_segment_or_another_recipe_is_refused(kind: type, tmp_path: Path) -> None:
    """An index is whole and made the way the program makes it, or it is rebuilt."""
    folder = tmp_path / "index"
    kind(folder, recipe="one").update(1, [_item(kind, 1, 0)])

    with pytest.raises(StoreDamagedError, match="one"):
        kind.open(folder, recipe="two")
    next(folder.glob("*.segment")).unlink()
    with pytest.raises(StoreDamagedError, match="missing"):
        kind.open(folder, recipe="one")
    with pytest.raises(FileNotFoundError):
        kind.open(tmp_path / "nowhere")


def test_a_reader_keeps_what_it_opened_while_a_writer_goes_on(kind: type, tmp_path: Path) -> None:
    """An open index is a snapshot: later updates of the folder, merges included, do not change or break it."""
    folder = tmp_path / "index"
    writer = kind(folder)
    writer.update(1, [_item(kind, row_id, 0) for row_id in range(20)])
    reader = kind.open(folder)
    query = _query(kind, random.Random(1))
    before = _found(reader, query)
    for generation in range(2, 12):
        writer.update(generation, [_item(kind, 100 + generation, 0)], [generation])

    assert _found(reader, query) == before
    assert kind.open(folder).generation == 11


def test_an_index_in_memory_leaves_the_folder_alone(kind: type, tmp_path: Path) -> None:
    """`in_memory` shows the same rows and takes updates that no file sees."""
    folder = tmp_path / "index"
    kind(folder).update(1, [_item(kind, row_id, 0) for row_id in range(20)])
    names = sorted(folder.iterdir())
    tail = kind.open(folder).in_memory()
    tail.update(2, [_item(kind, 50, 0)], [1])

    assert tail.count == 20
    assert sorted(folder.iterdir()) == names
    assert kind.open(folder).generation == 1


def test_old_files_are_cleared_away(kind: type, tmp_path: Path) -> None:
    """After any number of updates the folder holds the manifest and its segments, nothing else."""
    folder = tmp_path / "index"
    index = kind(folder)
    (folder).mkdir()
    (folder / "left-over.segment").write_bytes(b"x")
    for generation in range(1, 20):
        index.update(generation, [_item(kind, generation, 0)])

    assert not (folder / "left-over.segment").exists()
    assert len(list(folder.iterdir())) <= 1 + 4


def test_every_selectivity_gives_the_exact_filtered_result(kind: type) -> None:
    """A filter is applied inside the search: the result is the brute-force ranking of the allowed rows."""
    index = kind()
    index.update(1, [_item(kind, row_id, 0) for row_id in range(1000)])
    rng = random.Random(2)
    for share in (0.001, 0.01, 0.1, 0.5, 1.0):
        allowed = np.array(sorted(rng.sample(range(1000), int(share * 1000))), np.int64)
        query = _query(kind, rng)
        everything = _found(index, query, 1000)
        members = set(allowed.tolist())

        got = _found(index, query, 10, allowed)
        assert [i for i, _ in got] == [i for i, _ in everything if i in members][:10]
    assert _found(index, _query(kind, rng), 10, np.zeros(0, np.int64)) == []


def test_scores_of_given_ids_are_those_of_the_search(kind: type) -> None:
    """`scores` gives any row's score, so two rankings can be compared over the union of their rows."""
    index: Any = kind()
    index.update(1, [_item(kind, row_id, 0) for row_id in range(0, 300, 3)])
    query = _query(kind, random.Random(5))
    found = _found(index, query, 20)
    ids = np.array([i for i, _ in reversed(found)], np.int64)

    assert index.scores(query, ids).tolist() == pytest.approx([s for _, s in reversed(found)], rel=1e-5)
    absent = index.scores(query, np.array([1, 10**9], np.int64))
    assert np.isnan(absent).all() if kind is VectorIndex else (absent == 0).all()


def test_an_empty_index_finds_nothing(kind: type, tmp_path: Path) -> None:
    """Nothing added, or everything removed, is an ordinary state that survives reopening."""
    index = kind(tmp_path / "index")
    index.update(1, [])
    query = _query(kind, random.Random(1))

    assert _found(kind.open(tmp_path / "index"), query) == []
    index.update(2, [_item(kind, 1, 0)])
    index.update(3, [], [1])
    assert _found(kind.open(tmp_path / "index"), query) == []


def test_clustered_search_with_filters_and_removals_finds_the_exact_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the threshold nearly every true neighbour is found, at every selectivity, and no removed or barred row."""
    monkeypatch.setattr(vectors_module, "CLUSTER_FROM", 2000)
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(40, 16))
    vectors = (centres[rng.integers(0, 40, 4000)] + rng.normal(size=(4000, 16))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = VectorIndex()
    index.update(1, enumerate(vectors))
    index.update(2, [], range(0, 4000, 8))
    live = np.arange(4000)[np.arange(4000) % 8 > 0]
    found = total = 0
    for step, query in enumerate(vectors[::100]):
        allowed = [None, live[::2], live[::30]][step % 3]
        candidates = live if allowed is None else allowed
        expected = candidates[np.argsort(-(vectors[candidates] @ query))[:10]]
        got = index.search(query, 10, allowed)[0]

        assert set(got) <= set(candidates)
        found += len(set(got) & set(expected))
        total += 10
    assert found / total >= 0.98


KILLED_WRITER = """
import sys, random
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_contract import TextIndex, _item
index = TextIndex.open(Path({folder!r}))
print("ready", flush=True)
for generation in range(index.generation + 1, 100000):
    index.update(generation, [_item(TextIndex, generation, 0)])
    print(generation, flush=True)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_the_last_published_generation(tmp_path: Path) -> None:
    """After `kill -9` at any instant the index opens at a generation no older than the last acknowledged."""
    folder = tmp_path / "index"
    TextIndex(folder).update(0, [])
    rng = random.Random(1)
    script = KILLED_WRITER.format(tests=str(Path(__file__).parent), folder=str(folder))
    for _ in range(20):
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            acknowledged = 0
            for _ in range(rng.randrange(1, 20)):
                acknowledged = int(process.stdout.readline())
            process.kill()
        index = TextIndex.open(folder)

        assert index.generation >= acknowledged
        assert index.count == index.generation
