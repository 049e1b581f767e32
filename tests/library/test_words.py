"""The analyser: one form for what people mean as one word, in both scripts, and spans of hits."""

import time
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from inglenook.library.words import analyze, highlight, script_of


def test_inflected_words_share_a_term() -> None:
    """Stems, case, accents of typography and width do not separate a word from itself."""
    assert analyze("Warranties warranty WARRANTY") == ["warranti"] * 3
    assert analyze("John's John’s") == ["john", "john"]
    assert analyze("ﬁne ＡＢＣ") == analyze("fine abc")


def test_identifiers_are_found_whole_and_by_their_words() -> None:
    """A query finds an identifier by a word in it, by its whole, and however it is joined."""
    for written in ("getUserName", "get_user_name", "get-user-name", "get.user.name", "GetUserName"):
        terms = analyze(written)
        assert set(analyze("user")) <= set(terms), written
        assert "getusernam" in terms, written
    assert analyze("HTTPServer") == ["http", "server", "httpserver"]
    assert analyze("C++ c# C") == ["c++", "c#", "c"]


def test_numbers_keep_their_digits_together() -> None:
    """A number with separators is one term besides its groups; a plain number is itself."""
    assert "10000" in analyze("10,000")
    assert analyze("2024") == ["2024"]
    assert set(analyze("3.11.2")) >= {"3", "11", "2", "3112"}


def test_han_text_gives_characters_and_pairs_in_simplified_form() -> None:
    """A simplified query finds traditional text, and pairs tell words from chance neighbours."""
    assert analyze("訂單") == analyze("订单") == ["订", "单", "订单"]
    assert analyze("使用Python編程") == ["使", "用", "使用", "python", "编", "程", "编程"]
    assert analyze("保修。期") == ["保", "修", "保修", "期"]


def test_kana_and_hangul_give_pairs() -> None:
    """Scripts without spaces other than Han are cut into pairs."""
    assert analyze("カタナ") == ["カタ", "タナ"]
    assert analyze("한국어") == ["한국", "국어"]
    assert analyze("ノ") == ["ノ"]


def test_endless_runs_are_cut() -> None:
    """A megabyte of base64 costs one short term."""
    terms = analyze("a1" * 500_000)

    assert max(map(len, terms)) <= 64


def test_script_is_the_one_that_carries_the_meaning() -> None:
    """A Chinese question with a product name is Chinese; an English one with a quoted character is English."""
    assert script_of("TiDB 怎样备份？") == "han"
    assert script_of("what does the character 福 mean on doors?") == "latin"
    assert script_of("") == "latin"


def test_highlight_marks_the_words_a_query_hits() -> None:
    """Spans cover whole written words, other inflections and the other Chinese script included."""
    text = "Warranty terms: e-mail about the warranties for 訂單編號 and getUserName."

    def marked(query: str) -> list[str]:
        return [text[start:end] for start, end in highlight(text, query)]

    assert marked("warranties") == ["Warranty", "warranties"]
    assert marked("email") == ["e-mail"]
    assert marked("user name") == ["getUserName"]
    assert marked("订单号") == ["訂單"]
    assert marked("nothing") == []
    assert marked("") == []


@given(st.text(max_size=200), st.text(max_size=40))
def test_any_text_is_analysed_and_highlighted(text: str, query: str) -> None:
    """No input raises; spans lie inside the text, in order and apart; a text hits itself wherever it has terms."""
    spans = highlight(text, query)

    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    assert analyze(text) == analyze(text)
    assert all(term and not term.isspace() for term in analyze(text))


def test_analysis_keeps_up_with_adding() -> None:
    """Analysis runs at no less than half a megabyte per second on the slowest machine we test on (about 8 alone)."""
    text = "The quick brown foxes were jumping over several lazy dogs near the river bank. " * 10
    started = time.perf_counter()
    for _ in range(200):
        analyze(text)

    assert 200 * len(text) / (time.perf_counter() - started) > 500_000
