"""Two processes that add to one library at once wait for each other; nothing is lost and nothing is there twice."""

import json
import subprocess
import sys
from pathlib import Path

from inglenook import Library

ADD = [sys.executable, "-m", "inglenook.cli.main", "--json", "add"]


def test_two_processes_adding_the_same_folder_store_each_file_once(home: Path, tmp_path: Path) -> None:
    """Both end well, each file is stored by one of them, and a search finds it once."""
    folder = tmp_path / "notes"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.md").write_text(f"# Note {number}\n\nThe code word of note {number} is amber{number}x.\n")

    runs = [subprocess.Popen([*ADD, str(folder)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    reports = [json.loads(run.communicate(timeout=120)[0]) for run in runs]
    with Library.open() as library:
        paths = sorted(record.path for record in library.documents())
        hits = library.search("amber17x", mode="text").hits
        findings = library.doctor()

    assert [run.returncode for run in runs] == [0, 0]
    assert sum(report["added"] for report in reports) == 30
    assert [report["failed"] for report in reports] == [[], []]
    assert paths == sorted(str(folder / f"{number}.md") for number in range(30))
    assert [Path(hit.path).name for hit in hits] == ["17.md"]
    assert findings.is_healthy


OPENER = """
import sys, time
from pathlib import Path
from inglenook.library.store import Store
print("ready", flush=True)
sys.stdin.readline()
Store.open(Path(sys.argv[1]), create=True).close()
"""


def test_processes_that_make_one_library_at_once_all_open_it(tmp_path: Path) -> None:
    """Creation is a race that nobody loses: each opener waits for the one that is making the file."""
    for number in range(10):
        command = [sys.executable, "-c", OPENER, str(tmp_path / str(number) / "library.db")]
        openers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        for opener in openers:
            assert opener.stdout.readline() == "ready\n"
        for opener in openers:
            opener.stdin.write("\n")
            opener.stdin.flush()

        for opener in openers:
            assert opener.communicate(timeout=60)[1] == ""
            assert opener.returncode == 0
