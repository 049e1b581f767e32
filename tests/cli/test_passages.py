"""Passages as a person reads them."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inglenook.cli.passages import collapse, excerpt, passage, place, short_path, wrap
from inglenook.cli.terminal import Piece, Terminal, display_width

TEXT = "The warranty of the washing machine ends on 12 March 2027, three years after purchase."


def plain(pieces: list) -> str:
    return "".join(piece.text if isinstance(piece, Piece) else piece for piece in pieces)


@pytest.mark.parametrize(
    ("path", "page", "lines", "expected"),
    [
        ("/d/report.pdf", 3, (None, None), "/d/report.pdf, page 3"),
        ("/d/notes.md", None, (4, 9), "/d/notes.md, lines 4-9"),
        ("/d/notes.md", None, (4, 4), "/d/notes.md, line 4"),
        ("/d/talk.pptx", 2, (None, None), "/d/talk.pptx, slide 2"),
        ("/d/sums.XLSX", 1, (7, 8), "/d/sums.XLSX, sheet 1, lines 7-8"),
        ("/d/letter.docx", None, (None, None), "/d/letter.docx"),
    ],
)
def test_a_place_reads_as_people_say_it(path: str, page: int | None, lines: tuple, expected: str):
    """A page where there are pages, lines where there are lines."""
    assert plain(place(path, page, *lines)) == expected


def test_a_path_is_shortened_from_here_then_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """What lies beneath the working folder needs no folder; what lies at home starts with a tilde."""
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path / "here")

    assert short_path(str(tmp_path / "here/a/b.md")) == "a/b.md"
    assert short_path(str(tmp_path / "notes/b.md")) == "~/notes/b.md"
    assert short_path("/other/b.md") == "/other/b.md"


@given(st.text(alphabet="ab \n\t质。", max_size=40), st.data())
def test_collapsing_white_space_moves_the_spans_with_their_words(text: str, data: st.DataObject):
    """A span marks the same visible characters before and after."""
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))

    short, [(left, right)] = collapse(text, [(start, end)])

    assert short.split() == text.split()
    assert "  " not in short
    assert "".join(short[left:right].split()) == "".join(text[start:end].split())


@given(st.text(alphabet="ab 质", max_size=120), st.integers(10, 40))
def test_wrapped_lines_fit_and_lose_nothing(text: str, columns: int):
    """The lines are consecutive, together they are the text, and none is wider than the terminal."""
    lines = list(wrap(text, columns))

    assert "".join(text[start:end] for start, end in lines) == text
    assert all(display_width(text[start:end].rstrip()) <= columns for start, end in lines)


def test_an_excerpt_is_cut_around_the_marked_words():
    """The window holds the most marks, is cut between words, and says that it is one."""
    text = "lorem ipsum " * 50 + TEXT + " dolor sit" * 50
    at = text.index("12 March")

    short, spans = excerpt(text, [(at, at + 13)], 120)

    assert [short[s:e] for s, e in spans] == ["12 March 2027"]
    assert short.startswith("… ")
    assert short.endswith(" …")
    assert len(short) <= 124


def test_a_short_text_is_shown_whole():
    """Nothing is left out of what fits."""
    assert excerpt(TEXT, [(4, 12)], 300) == (TEXT, [(4, 12)])


def test_a_passage_in_a_pipe_is_one_plain_line():
    """Other programs get whole lines without colour."""
    out = io.StringIO()

    passage(Terminal(out, io.StringIO(), {}), "two\n  lines", [(0, 3)], style="match")

    assert out.getvalue() == "    two lines\n"
