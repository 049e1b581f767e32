"""Kill -9 at any instant: nothing acknowledged is lost, nothing is half there, and the interrupted file is added again.

The oracle is a journal that the killed process writes outside the library: a line, synced, before each change of a file and
after each acknowledgement. Half of the kill points are counted in the database engine's own steps, so they fall inside
transactions; the others are moments in time, so they fall anywhere: parsing, embedding, publishing an index.
"""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inglenook.core.settings import Settings
from inglenook.library import Library
from inglenook.testing import load_bag

CHILD = """
import json, os, random, signal, sys, threading
from pathlib import Path
from inglenook.core.settings import Settings
from inglenook.library import Library
from inglenook.testing import load_bag

home, folder, journal_path, seed, steps, seconds = sys.argv[1:]
folder, draw, steps = Path(folder), random.Random(int(seed)), int(steps)
journal = os.open(journal_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def note(*words):
    os.write(journal, (json.dumps(words) + "\\n").encode())
    os.fsync(journal)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def step():
    global steps
    steps -= 1
    if steps == 0:
        die()

library = Library.open("crash", Settings(home=home, chunk_tokens=40), create=True, load_encoder=load_bag)
if steps:
    library.store.database.connection.set_progress_handler(step, 20)
else:
    timer = threading.Timer(float(seconds), die)
    timer.daemon = True
    timer.start()
library.add([folder])
while True:
    for _ in range(4):
        path = folder / f"{draw.randrange(12)}.txt"
        if draw.random() < 0.25 and path.exists():
            note("deletes", str(path))
            path.unlink()
        else:
            words = [f"lamp {draw.randrange(40)} of harbour {draw.randrange(40)} was lit." for _ in range(draw.randrange(1, 30))]
            text = "\\n\\n".join(words)
            note("writes", str(path), text)
            (folder / ".new").write_text(text)  # a kill must not leave half a file, or an empty one
            (folder / ".new").replace(path)
    library.sync(on_progress=lambda p: note(p.state, p.path) if p.state in ("added", "updated", "removed", "moved") else None)
"""


def expected(journal: Path) -> tuple[dict[str, str | None], dict[str, set[str | None]]]:
    """Return path -> the text last acknowledged (None: removed), and path -> every state it may have been left in since."""
    on_disk: dict[str, str | None] = {}
    acknowledged: dict[str, str | None] = {}
    possible: dict[str, set[str | None]] = {}
    for line in journal.read_text().splitlines():
        state, path, *rest = json.loads(line)
        if state in ("writes", "deletes"):
            on_disk[path] = rest[0] if rest else None
            possible.setdefault(path, {None}).add(on_disk[path])
        else:
            acknowledged[path] = None if state == "removed" else on_disk[path]
            possible[path] = {acknowledged[path]}
    return acknowledged, possible


def state_of(library: Library) -> tuple[dict[str, str], list[dict[str, float]]]:
    """Return every text, and the passages that searches find with their scores (ties are in the order of ids, so no order)."""
    texts = {record.path: library.read_text(record.id) for record in library.documents()}
    results = []
    for mode in ("text", "vector", "hybrid"):
        for number in (1, 7, 23, 39):
            hits = library.search(f"harbour {number} lamp", limit=1000, mode=mode).hits if texts else []
            results.append({hit.text: hit.score for hit in hits})
    return texts, results


def kill_and_check(place: Path, seed: int, draw: random.Random) -> None:
    """Run the child to its death, then hold the library against the journal and a clean rebuild."""
    folder, journal, home = place / "papers", place / "journal", place / "home"
    in_steps = draw.random() < 0.5
    steps, seconds = (int(10 ** draw.uniform(1.5, 4.5)), 0) if in_steps else (0, draw.uniform(0.01, 1.5))
    words = [sys.executable, "-c", CHILD, str(home), str(folder), str(journal), str(seed), str(steps), str(seconds)]
    child = subprocess.run(words, capture_output=True, text=True, check=False)
    assert child.returncode == -signal.SIGKILL, child.stderr

    acknowledged, possible = expected(journal) if journal.exists() else ({}, {})
    with Library.open("crash", Settings(home=home, chunk_tokens=40), create=True, load_encoder=load_bag) as library:
        assert library.store.database.value("PRAGMA integrity_check") == "ok"
        texts, _ = state_of(library)
        for path in acknowledged:
            assert texts.get(path) in possible[path], (seed, path)
        for path, text in texts.items():
            assert text in possible.get(path, ()), (seed, path)
        library.add([folder])
        after = state_of(library)
        checks = library.doctor().checks
    assert [check for check in checks if check.state == "error"] == []
    with Library.open(
        f"clean{seed}", Settings(home=home, chunk_tokens=40), create=True, load_encoder=load_bag
    ) as clean:
        clean.add([folder])
        texts, results = state_of(clean)
    assert texts == after[0], seed
    for found, rebuilt in zip(after[1], results, strict=True):
        assert found == pytest.approx(rebuilt, abs=1e-5), seed
    with journal.open(
        "a"
    ) as file:  # the next round starts from what is really there: a kill may come before a noted write
        for path in sorted({*after[0], *possible}):
            is_there = path in after[0]
            file.write(json.dumps(["writes", path, after[0][path]] if is_there else ["deletes", path]) + "\n")
            file.write(json.dumps(["added" if is_there else "removed", path]) + "\n")
        os.fsync(file.fileno())


@pytest.mark.parametrize("count", [pytest.param(3, id="quick"), pytest.param(200, marks=pytest.mark.slow, id="200")])
@pytest.mark.timeout(3600)
def test_a_kill_at_any_instant_loses_nothing(tmp_path: Path, count: int) -> None:
    """After each of many kills of one growing library: acknowledged is there, half is not, and a clean rebuild is equal."""
    base = int(os.environ.get("INGLENOOK_SEED", "1"))
    draw = random.Random(base)
    (tmp_path / "papers").mkdir()
    for seed in range(base, base + count):
        kill_and_check(tmp_path, seed, draw)


def test_the_oracle_notices_a_lost_document(tmp_path: Path) -> None:
    """The check can fail: a library without an acknowledged document is not among the possible states."""
    journal = tmp_path / "journal"
    lines = [["writes", "/a.txt", "one"], ["added", "/a.txt"], ["writes", "/a.txt", "two"]]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))

    acknowledged, possible = expected(journal)

    assert acknowledged == {"/a.txt": "one"}
    assert possible == {"/a.txt": {"one", "two"}}
