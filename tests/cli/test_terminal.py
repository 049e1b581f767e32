"""Nothing foreign commands the terminal, and programs get text exactly."""

import io
import json
import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inglenook.cli.terminal import Piece, Terminal, display_width, escape, file_url, to_json


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal(environment: dict[str, str] | None = None, **options: bool) -> Terminal:
    return Terminal(Screen(), Screen(), environment or {}, **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain 质保期 émigré", "plain 质保期 émigré"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("bell\x07 del\x7f csi\x9b31m", "bell\\x07 del\\x7f csi\\x9b31m"),
        ("gpj\u202eexe", "gpj\\u202eexe"),
        (os.fsdecode(b"caf\xe9.txt"), "caf\\xe9.txt"),
    ],
)
def test_control_characters_become_visible(text: str, expected: str):
    """Escape sequences, reversed reading and bytes that are not UTF-8 are shown, not obeyed."""
    assert escape(text) == expected


def test_a_body_keeps_its_lines_and_tabs():
    """Document text stays readable; a carriage return, which can overwrite a line, does not pass."""
    assert escape("one\ttwo\nthree\rfour\x1b", is_body=True) == "one\ttwo\nthree\\x0dfour\\x1b"


@given(st.text())
def test_a_line_never_carries_foreign_control_characters(text: str):
    """Whatever the text, stripping our own colour and link leaves printable characters and one line end."""
    screen = terminal()

    screen.line(Piece(text, "bold", "file:///x"))

    written = screen.out.getvalue()  # type: ignore[attr-defined]
    body = re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;;(?:file:///x)?\x1b\\", "", written)
    assert body.endswith("\n")
    assert not re.search("[\x00-\x1f\x7f-\x9f\ud800-\udfff]", body[:-1])


@given(st.text())
def test_json_is_one_line_of_utf_8_that_gives_the_text_back(text: str):
    """Lone surrogates (bytes of file names) survive the round trip."""
    line = to_json({"path": text})

    assert json.loads(line.encode()) == {"path": text}
    assert "\n" not in line


def test_colour_and_links_are_for_terminals():
    """A pipe gets the words alone."""
    piped = Terminal(io.StringIO(), io.StringIO(), {})

    piped.line(Piece("report.pdf", "bold", "file:///d/report.pdf"))

    assert piped.out.getvalue() == "report.pdf\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "\x1b]8;;file:///d\x1b\\\x1b[1md\x1b[0m\x1b]8;;\x1b\\"),
        ({"NO_COLOR": "1"}, "\x1b]8;;file:///d\x1b\\d\x1b]8;;\x1b\\"),
        ({"NO_COLOR": ""}, "\x1b]8;;file:///d\x1b\\\x1b[1md\x1b[0m\x1b]8;;\x1b\\"),
        ({"TERM": "dumb"}, "d"),
    ],
)
def test_no_color_and_dumb_terminals_are_honoured(environment: dict[str, str], expected: str):
    """NO_COLOR turns colour off when it is not empty; a dumb terminal gets neither colour nor links."""
    screen = terminal(environment)

    assert screen.render((Piece("d", "bold", "file:///d"),), screen.out) == expected


def test_status_is_silent_when_quiet_or_for_programs():
    """Results go to stdout, status to stderr, and a warning passes `--quiet`."""
    for options in ({"is_quiet": True}, {"is_json": True}):
        screen = terminal({"NO_COLOR": "1"}, **options)
        screen.status("reading")
        screen.warn("failed")

        assert screen.err.getvalue() == "failed\n"  # type: ignore[attr-defined]
        assert screen.out.getvalue() == ""  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("path", "page", "expected"),
    [
        ("/d/a b.pdf", 3, "file:///d/a%20b.pdf#page=3"),
        ("/d/a.md", 3, "file:///d/a.md"),
        ("/d/质.pdf", None, "file:///d/%E8%B4%A8.pdf"),
        (os.fsdecode(b"/d/caf\xe9\x1b.txt"), None, "file:///d/caf%E9%1B.txt"),
    ],
)
def test_links_name_any_file_and_open_a_pdf_at_its_page(path: str, page: int | None, expected: str):
    """Every byte of a path that could break the link is percent-encoded."""
    assert file_url(path, page) == expected


def test_width_counts_columns():
    """Wide characters take two columns, combining ones none."""
    assert display_width("ab质e\u0301") == 5
