"""One bad file never stops the rest: a folder of hostile files around good ones."""

import os
import zipfile
from pathlib import Path

import pytest

from inglenook import Library

GOOD = "The lighthouse of Port Amber was built in 1873 by Hanna Weld.\n"


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"<w:t>" + b"A" * 300_000_000 + b"</w:t>")


def _laughs() -> str:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{entities}]><html><body><p>&l11;</p></body></html>'


def _write_hostile(folder: Path) -> set[str]:
    """Write the hostile files; return the names that must be reported as failed."""
    (folder / "empty.pdf").write_bytes(b"")
    (folder / "truncated.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<< /Type /Cat")
    (folder / "truncated.docx").write_bytes(b"PK\x03\x04" + b"\0" * 60)
    (folder / "binary.txt").write_bytes(bytes(range(256)) * 4000)
    _bomb(folder / "bomb.docx")
    (folder / "laughs.xhtml").write_text(_laughs())
    (folder / "deep.html").write_text("<div>" * 100_000 + "Deep down there is a word." + "</div>" * 100_000)
    os.mkfifo(folder / "pipe.txt")
    (folder / "loop").symlink_to(folder)
    (folder / "gone.md").symlink_to(folder / "nowhere.md")
    return {"truncated.pdf", "truncated.docx", "binary.txt", "bomb.docx"}


@pytest.mark.slow
def test_good_files_are_added_among_hostile_ones(home: Path, tmp_path: Path) -> None:
    """Every hostile file is refused with a reason or read in bounds; every good one is searchable."""
    folder = tmp_path / "papers"
    folder.mkdir()
    must_fail = _write_hostile(folder)
    (folder / "good.txt").write_text(GOOD)
    (folder / "page.pdf").write_text("<html><body><p>The wrong suffix hides an orchard of quinces.</p></body></html>")
    odd = os.fsdecode(os.fsencode(folder) + b"/caf\xe9\nname.txt")
    Path(odd).write_text("A file with an odd name speaks of marmalade.\n")

    with Library.open("hostile", create=True) as library:
        report = library.add([folder])
        failed = {Path(str(path)).name: reason for path, reason in report.failed}
        hits = [library.search(word, limit=1).hits for word in ("lighthouse", "quinces", "marmalade")]

    assert must_fail <= set(failed)
    assert all(reason and "Traceback" not in reason for reason in failed.values())
    assert all(hits)


@pytest.mark.slow
def test_an_unreadable_file_is_reported_and_skipped(home: Path, tmp_path: Path) -> None:
    """A file without read permission is a per-file failure (root reads everything, so the test skips there)."""
    if os.geteuid() == 0:
        pytest.skip("root may read every file")
    (tmp_path / "secret.txt").write_text(GOOD)
    (tmp_path / "secret.txt").chmod(0)

    with Library.open("unreadable", create=True) as library:
        report = library.add([tmp_path / "secret.txt"])

    assert [Path(str(path)).name for path, _ in report.failed] == ["secret.txt"]
