"""Progress is told on stderr, drawn on a terminal only, and leaves nothing behind."""

import io
import re

import pytest

from inglenook.cli.progress import Bar, FileProgress, duration
from inglenook.cli.terminal import Terminal, display_width
from inglenook.library.records import Progress


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def events() -> list[Progress]:
    return [
        Progress("found", total=4),
        Progress("unchanged", "/d/a.md", 1, 4),
        Progress("added", "/d/\x1b[2Jb.md", 2, 4, chunks=12),
        Progress("failed", "/d/locked.pdf", 3, 4, reason="it asks for a password"),
        Progress("removed", "/d/c.md", 4, 4),
    ]


def told(err: io.StringIO, **options: bool) -> str:
    out = io.StringIO()
    with FileProgress(Terminal(out, err, {}, **options)) as progress:
        for event in events():
            progress(event)
    assert out.getvalue() == ""
    return err.getvalue()


def test_each_file_that_matters_gets_a_line():
    """Added, removed and failed files are named; unchanged ones are not; a name cannot command the terminal."""
    assert told(io.StringIO()) == (
        "added   /d/\\x1b[2Jb.md  12 passages\nfailed  /d/locked.pdf: it asks for a password\nremoved /d/c.md\n"
    )


def test_quiet_leaves_the_failures_and_json_leaves_nothing():
    """A quiet person still learns of failures; a program finds them in the object."""
    assert told(io.StringIO(), is_quiet=True) == "failed  /d/locked.pdf: it asks for a password\n"
    assert told(io.StringIO(), is_json=True) == ""


def test_a_terminal_gets_a_bar_that_is_wiped():
    """The bar shows the count and the rate in one line, and the screen is clean afterwards."""
    seen = told(Screen())

    left = [line.split("\r\x1b[K")[-1] for line in seen.split("\n")]
    assert "0/4 files" in seen
    assert left == [
        "\x1b[32madded   \x1b[0m/d/\\x1b[2Jb.md\x1b[2m  12 passages\x1b[0m",
        "\x1b[31mfailed  \x1b[0m/d/locked.pdf: it asks for a password",
        "\x1b[33mremoved \x1b[0m/d/c.md",
        "",
    ]


@pytest.mark.parametrize("options", [{"is_quiet": True}, {"is_json": True}])
def test_no_bar_where_nobody_wants_one(options: dict[str, bool]):
    """`--quiet` and `--json` draw nothing even on a terminal."""
    err = Screen()
    with Bar(Terminal(io.StringIO(), err, {}, **options), "files") as bar:
        bar.update(1, 2)

    assert err.getvalue() == ""


def test_the_bar_fits_the_terminal(monkeypatch: pytest.MonkeyPatch):
    """However long or wide the file's name, the line is not broken."""
    monkeypatch.setenv("COLUMNS", "60")
    err = Screen()
    with Bar(Terminal(io.StringIO(), err, {}), "files", "passages") as bar:
        bar.update(1, 2000, 10, "合同" * 200)

    drawn = re.sub(r"\r\x1b\[K", "", err.getvalue())
    assert "1/2,000 files" in drawn
    assert display_width(drawn) < 60


@pytest.mark.parametrize(("seconds", "expected"), [(8.6, "9 s"), (125, "2:05 min"), (3720, "1:02 h")])
def test_durations_read_well(seconds: float, expected: str):
    """Seconds, minutes or hours, as fits."""
    assert duration(seconds) == expected
