"""How an answer looks."""

import io
import re

from inglenook.cli.commands.ask import answer_json, show_answer
from inglenook.cli.terminal import Terminal
from inglenook.core.types import Answer, Citation

QUOTE = "The warranty of the washing machine ends on 12 March 2027."
CITATION = Citation(1, 4, "ab", "/d/manual.pdf", 3, None, None, 10, 10 + len(QUOTE), QUOTE, 44, 57)
ANSWER = Answer("When?", f"{QUOTE} [1]", "12 March 2027", True, 0.934, (CITATION,), 0.042, "7f3a9c")  # noqa: FBT003


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(answer: Answer, stream: io.StringIO, **options: bool) -> tuple[str, str]:
    err = io.StringIO()
    show_answer(Terminal(stream, err, {}, **options), answer)
    return stream.getvalue(), err.getvalue()


def test_an_answer_in_a_pipe_is_plain_text():
    """The answer, then each citation with its place and quote; the time goes to stderr."""
    out, err = shown(ANSWER, io.StringIO())

    assert out == f"{QUOTE} [1]\n\n[1] /d/manual.pdf, page 3\n    {QUOTE}\n"
    assert err == "0.04 s · confidence 93% · again: inglenook replay 7f3a9c\n"


def test_the_answering_words_stand_out_on_a_terminal():
    """The span inside the quote is bold, and the file is a link to its page."""
    out, _ = shown(ANSWER, Screen())

    assert "\x1b[1;33m12 March 2027\x1b[0m" in out
    assert "\x1b]8;;file:///d/manual.pdf#page=3\x1b\\" in out


def test_an_answer_from_a_hostile_document_cannot_command_the_terminal():
    """Escape sequences in the answer, the quote and the path are shown, not sent."""
    foreign = "\x1b[2J\x1b]0;owned\x07"
    citation = Citation(1, 4, "ab", f"/d/{foreign}.txt", None, 1, 1, 0, 20, f"{foreign} ends today", None, None)
    answer = Answer("When?", f"{foreign} today [1]", "today", True, 0.5, (citation,), 0.1)  # noqa: FBT003

    out, _ = shown(answer, Screen())

    ours = re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;;[!-~]*\x1b\\", "", out)
    assert "\x1b" not in ours
    assert "\x07" not in ours
    assert ours.count("\\x1b[2J\\x1b]0;owned\\x07") == 3


def test_an_abstention_shows_no_confidence_and_no_citation():
    """The sentence that says so is all there is."""
    answer = Answer("Who?", "The documents do not support an answer.", "", False, 0.1, (), 0.01)  # noqa: FBT003

    out, err = shown(answer, io.StringIO())

    assert out == "The documents do not support an answer.\n"
    assert err == "0.01 s\n"


def test_json_has_the_promised_keys():
    """The keys that scripts rely on, and the quote untouched."""
    found = answer_json(ANSWER)

    assert {"question", "answer", "supported", "citations", "seconds"} <= set(found)
    (citation,) = found["citations"]
    assert citation["quote"] == QUOTE
    assert {"number", "path", "page", "line_start", "line_end", "char_start", "char_end", "quote"} <= set(citation)
