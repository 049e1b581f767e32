"""Watching, exporting, backing up, examining and changing the encoder."""

import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from inglenook.core.errors import NotFoundError, StoreDamagedError, UsageError
from inglenook.core.settings import Settings
from inglenook.library import AddReport, Library
from inglenook.library import embedding as embedding_module
from inglenook.library.embedding import num_missing
from inglenook.library.watch import watch
from inglenook.testing import BagEncoder, load_bag


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "papers"
    path.mkdir()
    for number in range(6):
        (path / f"{number}.txt").write_text(
            f"Number {number}: the lamp of harbour {number} was lit in {1870 + number}.\n"
        )
    return path


@pytest.fixture
def library(home: Path, folder: Path):
    with Library.open("test", create=True, load_encoder=load_bag) as opened:
        opened.add([folder], metadata={"kind": "log"})
        yield opened


def test_an_export_holds_every_document_verbatim(library: Library, tmp_path: Path) -> None:
    """Reading the JSON lines back gives each document's record and text."""
    library.export(tmp_path / "out.jsonl")

    head, *lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert (head["inglenook_export"], head["documents"]) == (1, 6)
    for line, record in zip(lines, library.documents(), strict=True):
        assert line["text"] == library.read_text(record.id)
        assert (line["path"], line["content_hash"]) == (record.path, record.content_hash)
        assert line["metadata"]["kind"] == "log"
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_an_export_saves_what_is_undamaged(library: Library, tmp_path: Path) -> None:
    """A damaged document is named and left out; the others are written."""
    with library.store.database.transaction() as connection:
        connection.execute("UPDATE parts SET text = CAST('changed' AS BLOB) WHERE document_id = 3")

    with pytest.raises(StoreDamagedError, match="without 1 damaged"):
        library.export(tmp_path / "out.jsonl")

    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 6


def test_a_backup_taken_while_others_write_opens_as_a_library(library: Library, folder: Path, tmp_path: Path) -> None:
    """The copy is one moment of the library, checked, and answers as the library did."""
    stop = threading.Event()

    def write() -> None:
        writer = Library.open("test", load_encoder=load_bag)
        number = 100
        while not stop.is_set():
            writer.record_answer({"question": f"number {number}"})
            number += 1
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    library.backup(tmp_path / "copy.db")
    stop.set()
    thread.join()
    settings = Settings(home=tmp_path / "other")
    (settings.libraries_path / "restored").mkdir(parents=True)
    shutil.copy(tmp_path / "copy.db", settings.libraries_path / "restored" / "library.db")

    with Library.open("restored", settings, load_encoder=load_bag) as restored:
        assert restored.documents() == library.documents()
        assert [hit.text for hit in restored.search("lamp 1873").hits] == [
            hit.text for hit in library.search("lamp 1873").hits
        ]
    with pytest.raises(UsageError, match="exists"):
        library.backup(tmp_path / "copy.db")


def test_reembedding_switches_at_once_and_can_go_back(library: Library) -> None:
    """The second space is filled beside the first, searches are served meanwhile, then they change places."""
    first = library.store.active_space
    seen: list[tuple[int, int]] = []

    def tell(progress) -> None:
        assert library.store.active_space == first
        assert library.search("lamp 1873", mode="vector").hits
        seen.append((progress.done, progress.total))

    library.reembed("second", on_progress=tell)

    assert seen[-1] == (6, 6)
    second = library.store.active_space
    assert second is not None
    assert (second.name, library.search("lamp 1873", mode="vector").hits[0].path[-5:]) == ("second", "3.txt")
    assert library.rollback_encoder() == first.name if first else None
    assert library.search("lamp 1873", mode="vector").hits[0].path[-5:] == "3.txt"


def test_interrupted_reembedding_goes_on_where_it_stopped(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was embedded before the interruption is not embedded again, and the active space is untouched."""
    monkeypatch.setattr(embedding_module, "BATCH", 2)
    encoder = BagEncoder("second")
    monkeypatch.setattr(library, "_load_encoder", lambda *_: encoder)

    def interrupt(progress) -> None:
        if progress.done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.reembed("second", on_progress=interrupt)
    assert library.store.active_space is not None
    assert library.store.active_space.id == 1
    encoder.encoded.clear()

    library.reembed("second")

    assert sum("lamp" in text and "harbour" in text for text in encoder.encoded) == 2
    assert library.store.active_space.id == 2
    assert num_missing(library.store, 2) == 0


def test_passages_added_after_a_switch_are_embedded_after_the_way_back(library: Library, folder: Path) -> None:
    """A rollback leaves no passage without a vector once the library synced."""
    library.reembed("second")
    (folder / "new.txt").write_text("The newest lamp is electric.\n")
    library.sync()

    library.rollback_encoder()
    report = library.sync()

    assert report.embedded == 1
    assert library.search("newest electric", mode="vector").hits[0].path.endswith("new.txt")


def test_the_way_back_needs_a_way_there(library: Library) -> None:
    """Without a second space there is nothing to go back to."""
    with pytest.raises(NotFoundError, match="no earlier encoder"):
        library.rollback_encoder()


def test_doctor_names_what_is_damaged_and_repair_reads_it_again(library: Library) -> None:
    """A healthy library is called healthy; a damaged document is named; repair takes it from its file."""
    report = library.doctor()
    assert report.is_healthy, report.checks
    assert {check.name for check in report.checks} >= {
        "file",
        "documents",
        "vectors",
        "index",
        "parser",
        "encoder",
        "space",
    }
    with library.store.database.transaction() as connection:
        connection.execute("UPDATE parts SET text = CAST('changed' AS BLOB) WHERE document_id = 3")

    report = library.doctor()
    [check] = [check for check in report.checks if check.state == "error"]
    assert (check.name, "2.txt" in check.message) == ("documents", True)

    report = library.doctor(repair=True)
    assert report.is_healthy
    assert any("2.txt" in line for line in report.repaired)
    assert library.search("lamp harbour 2", mode="text").hits


def test_a_watch_takes_up_bursts_and_stops_when_told(library: Library, folder: Path) -> None:
    """Files that are written, changed and deleted while it watches are in the library soon after; stop ends it."""
    stop = threading.Event()
    reports: list[AddReport] = []
    arrived = threading.Event()

    def note(report: AddReport) -> None:
        reports.append(report)
        arrived.set()

    def run() -> None:
        with Library.open("test", load_encoder=load_bag) as watched:
            watched.watch(stop, note)

    thread = threading.Thread(target=run)
    thread.start()
    assert arrived.wait(30)
    for number in range(20):
        (folder / f"burst{number}.txt").write_text(f"Burst {number} of quinces.\n")
    (folder / "0.txt").unlink()

    deadline = time.monotonic() + 60
    while library.store.counts()[0] != 25 and time.monotonic() < deadline:
        time.sleep(0.1)
    stop.set()
    thread.join(30)

    assert not thread.is_alive()
    assert library.store.counts()[0] == 25
    assert sum(report.added for report in reports) == 20
    assert sum(report.removed for report in reports) == 1


def test_a_watch_looks_by_itself_when_nothing_is_reported(tmp_path: Path) -> None:
    """Where notifications do not come, the folders are looked at every so often."""
    stop = threading.Event()
    calls: list[float] = []

    def sync() -> AddReport:
        calls.append(time.monotonic())
        if len(calls) == 3:
            stop.set()
        return AddReport(0, 0, 0, 0, [], 0, 0, 0.0)

    watch(sync, lambda: [str(tmp_path)], stop, lambda _: None, patience_ms=50)

    assert len(calls) == 3
