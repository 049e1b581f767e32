"""Add and sync: what changed and nothing else, whatever lies in the folder."""

import os
from pathlib import Path

import pytest

from inglenook.core.errors import NotFoundError, UsageError
from inglenook.core.settings import Settings
from inglenook.library import Library, list_libraries
from inglenook.library.ingest import GROUP_DOCUMENTS
from inglenook.library.records import Progress
from inglenook.testing import BagEncoder, load_bag, no_encoder

ENGLISH = "# Warranty\n\nThe warranty of the washing machine ends in March 2027.\n\n## Contact\n\nCall Anna Weber.\n"
CHINESE = "# 保修\n\n洗衣机的保修期到二〇二七年三月为止。\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "papers"
    path.mkdir()
    (path / "warranty.md").write_text(ENGLISH)
    (path / "保修.md").write_text(CHINESE)
    (path / "deep").mkdir()
    (path / "deep" / "note.txt").write_text("The lighthouse keeper is called Hanna.\n")
    return path


@pytest.fixture
def library(home: Path):
    encoder = BagEncoder(dimensions=256)
    with Library.open("test", create=True, load_encoder=lambda *_: encoder) as opened:
        yield opened


def paths_found(library: Library, query: str) -> list[str]:
    return [Path(hit.path).name for hit in library.search(query, limit=5, mode="text").hits]


def encoded(library: Library) -> list[str]:
    encoder = library.encoder
    assert isinstance(encoder, BagEncoder)
    return encoder.encoded


def test_a_folder_is_added_whole_and_found(library: Library, folder: Path) -> None:
    """Every known file beneath a folder becomes a document whose quoted text is verbatim."""
    report = library.add([folder])

    assert (report.added, report.updated, report.removed, report.failed) == (3, 0, 0, [])
    assert report.documents == 3
    [hit] = library.search("lighthouse keeper", limit=1).hits
    assert Path(hit.path).name == "note.txt"
    assert library.read_text(hit.document_id, hit.char_start, hit.char_end) == hit.text
    assert paths_found(library, "保修期")[0] == "保修.md"


def test_a_second_add_reads_and_embeds_nothing(library: Library, folder: Path) -> None:
    """Unchanged files are known by their state; nothing is parsed, embedded or committed."""
    library.add([folder])
    generation = library.store.generation
    encoded(library).clear()

    report = library.add([folder])

    assert (report.added, report.unchanged, report.embedded) == (0, 3, 0)
    assert encoded(library) == []
    assert library.store.generation == generation


def test_only_changed_passages_are_embedded_again(library: Library, folder: Path) -> None:
    """A changed paragraph costs one passage; the others keep their ids and vectors."""
    library.add([folder])
    before = {row[0] for row in library.store.database.query("SELECT id FROM chunks")}
    (folder / "warranty.md").write_text(ENGLISH.replace("Anna Weber", "Bernd Huber"))

    report = library.sync()

    after = {row[0] for row in library.store.database.query("SELECT id FROM chunks")}
    assert (report.updated, report.unchanged, report.embedded) == (1, 2, 1)
    assert len(before - after) == len(after - before) == 1
    assert paths_found(library, "Bernd Huber") == ["warranty.md"]
    assert "Anna" not in " ".join(hit.text for hit in library.search("Anna Weber").hits)


def test_a_deleted_file_vanishes_from_answers_at_once(library: Library, folder: Path) -> None:
    """After the sync that sees the deletion no search returns it."""
    library.add([folder])
    (folder / "deep" / "note.txt").unlink()

    report = library.sync()

    assert report.removed == 1
    assert "note.txt" not in paths_found(library, "lighthouse keeper Hanna")
    assert all("Hanna" not in hit.text for hit in library.search("lighthouse keeper Hanna").hits)


def test_a_renamed_file_keeps_its_ids_and_is_not_embedded(library: Library, folder: Path) -> None:
    """A file that lies elsewhere with the same content is the same document."""
    library.add([folder])
    before = library.document(folder / "deep" / "note.txt")
    (folder / "deep" / "note.txt").rename(folder / "keeper.txt")

    report = library.sync()

    after = library.document(folder / "keeper.txt")
    assert (report.moved, report.added, report.removed, report.embedded) == (1, 0, 0, 0)
    assert (after.id, after.version) == (before.id, 1)
    assert paths_found(library, "lighthouse") == ["keeper.txt"]


def test_a_touched_file_is_known_by_its_content(library: Library, folder: Path) -> None:
    """A new modification time with the same bytes changes no version."""
    library.add([folder])
    os.utime(folder / "warranty.md", ns=(1, 1_000_000_000))

    report = library.sync()

    record = library.document(folder / "warranty.md")
    assert (report.updated, report.unchanged) == (0, 3)
    assert (record.version, record.modified_at) == (1, "1970-01-01T00:00:01+00:00")


def test_an_edit_that_hides_its_time_is_noticed(library: Library, folder: Path) -> None:
    """Same size and modification time with other bytes is a change: the inode's change time tells."""
    library.add([folder])
    path = folder / "deep" / "note.txt"
    state = path.stat()
    path.write_text(path.read_text().replace("Hanna", "Berta"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))

    assert library.sync().updated == 1
    assert paths_found(library, "Berta") == ["note.txt"]


def test_hidden_files_unknown_suffixes_and_loops_are_passed_over(library: Library, folder: Path) -> None:
    """A walk takes each folder once and known suffixes only; a file that is named is always tried."""
    (folder / ".hidden.md").write_text("secret orchard")
    (folder / ".git").mkdir()
    (folder / ".git" / "note.md").write_text("secret orchard")
    (folder / "data.unknown").write_text("quinces grow here\n")
    (folder / "loop").symlink_to(folder)
    (folder / "deep" / "up").symlink_to(folder, target_is_directory=True)

    assert library.add([folder]).added == 3
    assert library.add([folder / "data.unknown"]).added == 1
    assert paths_found(library, "quinces") == ["data.unknown"]


def test_a_file_that_cannot_be_read_stops_nothing(library: Library, folder: Path) -> None:
    """Failures are listed with their reason; an update that fails keeps the version before."""
    (folder / "broken.pdf").write_bytes(b"%PDF-1.7 broken")
    report = library.add([folder, folder / "absent.txt"])

    assert report.added == 3
    assert {Path(path).name for path, _ in report.failed} == {"broken.pdf", "absent.txt"}
    assert all(reason for _, reason in report.failed)

    (folder / "deep" / "note.txt").write_bytes(bytes(range(256)) * 20)
    report = library.sync()

    assert "the version read before is kept" in dict(report.failed)[str(folder / "deep" / "note.txt")]
    assert paths_found(library, "lighthouse") == ["note.txt"]


def test_a_folder_that_went_away_keeps_its_documents(library: Library, folder: Path) -> None:
    """An unplugged disk is not a deletion: documents stay until they are removed by hand."""
    library.add([folder])
    folder.rename(folder.with_name("unplugged"))

    report = library.sync()

    assert (report.removed, report.documents) == (0, 3)
    assert "is kept" in dict(report.failed)[str(folder)]


def test_progress_names_a_file_only_after_its_commit(home: Path, tmp_path: Path) -> None:
    """What is reported as added can be read by another process at that moment."""
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(GROUP_DOCUMENTS + 5):
        (folder / f"{number:03}.txt").write_text(f"Note number {number}.\n")
    seen: list[Progress] = []
    with Library.open("test", create=True, load_encoder=load_bag) as library:
        other = Library.open("test", read_only=True, load_encoder=load_bag)

        def check(progress: Progress) -> None:
            if progress.state == "added":
                assert other.document(progress.path).chunks == progress.chunks == 1
            seen.append(progress)

        library.add([folder], on_progress=check)
        other.close()

    assert seen[0] == Progress("found", total=GROUP_DOCUMENTS + 5)
    assert [p.done for p in seen[1:]] == list(range(1, GROUP_DOCUMENTS + 6))


def test_without_an_encoder_text_works_and_vectors_come_later(home: Path, folder: Path) -> None:
    """Text search works at once and says what is missing; the next add with an encoder embeds what lacks vectors."""
    with Library.open("test", create=True, load_encoder=no_encoder) as library:
        report = library.add([folder])

        assert report.embedded == 0
        assert "not installed" in str(report.note)
        assert paths_found(library, "lighthouse") == ["note.txt"]
    with Library.open("test", load_encoder=load_bag) as library:
        report = library.sync()

        assert (report.unchanged, report.note) == (3, None)
        assert report.embedded > 0
        assert library.search("lighthouse keeper", mode="vector").hits[0].path.endswith("note.txt")
        assert library.sync().embedded == 0


def test_labels_belong_to_what_was_added_and_can_change(library: Library, folder: Path) -> None:
    """Labels reach every document beneath, survive a change of the file, and are replaced by the next add that gives some."""
    library.add([folder], metadata={"client": "acme"})
    (folder / "warranty.md").write_text(ENGLISH + "\nMore.\n")
    library.sync()

    assert all(record.metadata["client"] == "acme" for record in library.documents())
    library.add([folder], metadata={"client": "globex"})
    assert {record.metadata["client"] for record in library.documents()} == {"globex"}


def test_what_was_removed_by_hand_stays_out_until_it_is_added(library: Library, folder: Path) -> None:
    """A removed file of a followed folder does not come back by itself."""
    library.add([folder])

    removed = library.remove([folder / "warranty.md"])

    assert [Path(record.path).name for record in removed] == ["warranty.md"]
    assert library.sync().added == 0
    assert paths_found(library, "warranty washing machine") == []
    assert library.add([folder / "warranty.md"]).added == 1


def test_documents_are_named_by_id_path_or_folder(library: Library, folder: Path) -> None:
    """A reference that names nothing is an error and removes nothing; a folder names all beneath."""
    library.add([folder])
    record = library.document(folder / "warranty.md")

    assert library.document(record.id) == library.document(str(record.id)) == record
    with pytest.raises(NotFoundError):
        library.remove([record.id, 999])
    with pytest.raises(UsageError, match="folder"):
        library.document(folder)
    assert len(library.documents()) == 3
    assert len(library.remove([folder])) == 3
    assert library.sync().documents == 0


def test_text_with_lone_surrogates_is_stored(library: Library, folder: Path) -> None:
    """Halves of surrogate pairs in a JSON string cannot be stored as UTF-8; they become replacement characters."""
    (folder / "odd.ipynb").write_text(
        '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "markdown", "metadata": {}, '
        '"source": ["# Odd \\ud800 title\\n", "A quince \\udc80 tree"]}]}'
    )

    report = library.add([folder])

    assert report.failed == []
    assert paths_found(library, "quince") == ["odd.ipynb"]


def test_libraries_are_listed_with_what_is_wrong(home: Path, folder: Path) -> None:
    """A damaged library is listed with its problem and hides no other; names cannot leave the folder."""
    settings = Settings(home=home)
    with Library.open("good", settings, create=True, load_encoder=load_bag) as library:
        library.add([folder])
    Library.open("bad", settings, create=True, load_encoder=load_bag).close()
    (settings.libraries_path / "bad" / "library.db").write_text("rubbish " * 1000)

    bad, good = list_libraries(settings)

    assert (good.name, good.documents, good.problem) == ("good", 3, None)
    assert bad.problem is not None
    with pytest.raises(UsageError):
        Library.open("../good", settings)
    with pytest.raises(NotFoundError, match="known: bad, good"):
        Library.open("other", settings)
