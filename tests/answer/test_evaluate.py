"""The formulas of `eval answers`, by hand and by the published rules."""

import json
from pathlib import Path

import pytest

from inglenook.answer.evaluate import (
    AnswerScores,
    Question,
    best_of,
    contains,
    evaluate_answers,
    exact_match,
    f1,
    is_source,
    read_questions,
)
from inglenook.core.errors import UsageError
from inglenook.core.settings import Settings
from inglenook.library import Library


@pytest.mark.parametrize(
    ("said", "wanted", "expected"),
    [
        ("The Eiffel Tower!", "eiffel tower", 1.0),
        ("an apple a day", "apple day", 1.0),
        ("New-York", "NewYork", 1.0),
        ("1066", "1067", 0.0),
        ("", "", 1.0),
        ("《红楼梦》。", "红楼梦", 1.0),
        ("红楼 梦", "红楼梦", 1.0),
        ("紅樓夢", "红楼梦", 0.0),
    ],
)
def test_exact_match_follows_the_normalisation_rules(said: str, wanted: str, expected: float) -> None:
    """Case, punctuation and (English) articles do not count; script does."""
    assert exact_match(said, wanted) == expected


@pytest.mark.parametrize(
    ("said", "wanted", "expected"),
    [
        ("the cat sat", "cat sat down", 2 * (2 / 2) * (2 / 3) / (2 / 2 + 2 / 3)),
        ("one one two", "one two two", 2 / 3),
        ("nothing here", "else", 0.0),
        ("", "x", 0.0),
        ("一九六六年", "一九六六年春", 2 * 5 / 11),
        ("甲乙丙丁", "乙丙甲", 2 * 2 / 7),
        ("2008年", "2008年8月", 2 * 2 / 6),
    ],
)
def test_f1_counts_words_in_english_and_the_longest_common_run_in_chinese(
    said: str, wanted: str, expected: float
) -> None:
    """SQuAD takes the overlap as a bag; CMRC takes the longest common substring of mixed characters and words."""
    assert f1(said, wanted) == pytest.approx(expected)


def test_best_accepted_answer_counts_and_silence_is_right_where_nothing_is() -> None:
    """SQuAD 2.0: for a question without an answer only the empty string is right."""
    assert best_of(exact_match, "b", ("a", "B")) == 1.0
    assert best_of(exact_match, "", ()) == 1.0
    assert best_of(f1, "something", ()) == 0.0


def test_quote_contains_answer_across_case_space_and_script() -> None:
    """Line breaks and traditional characters do not hide an answer; a part of a word still counts, as in the sets."""
    assert contains("Built in\nNew  York.", "new york")
    assert contains("由建築師林志明設計", "建筑师林志明")
    assert not contains("Built in 1066.", "1067")


def test_source_is_named_by_its_last_parts() -> None:
    """`b.txt` and `a/b.txt` name /x/a/b.txt; `xb.txt` does not."""
    assert is_source("/x/a/b.txt", "b.txt")
    assert is_source("/x/a/b.txt", "a/b.txt")
    assert not is_source("/x/a/xb.txt", "b.txt")


def test_scores_of_four_questions_are_those_counted_by_hand(tmp_path: Path) -> None:
    """Two answered right, one asked off the documents, one answerable by label alone: means over what each is defined for."""
    source = tmp_path / "a.txt"
    source.write_text("Roger II was crowned king of Sicily in Palermo. The rent is 940 pounds a month.\n")
    questions = [
        Question("Who was crowned king of Sicily?", ("Roger II",), "a.txt"),
        Question("How much is the rent a month?", ("£940", "940 pounds"), "b.txt"),
        Question("Who won the 1998 chess championship of Reykjavik?", ()),
        Question("What is the boiling point of tungsten?", ("5828 K",)),
    ]
    with Library.open("test", Settings(home=tmp_path / "home"), create=True) as library:
        library.add([source])
        scores = evaluate_answers(questions, library)

    assert scores == AnswerScores(
        n=4,
        exact_match=pytest.approx(3 / 4),
        f1=pytest.approx(3 / 4),
        sentence_hit=pytest.approx(2 / 3),
        source_hit_at_1=0.5,
        source_hit_at_5=0.5,
        abstention_precision=0.5,
        abstention_recall=1.0,
    )


def test_questions_are_read_with_aliases_and_labels(tmp_path: Path) -> None:
    """Aliases are accepted answers; `answerable: false` makes the answer nothing."""
    path = tmp_path / "q.jsonl"
    rows = [
        {"question": "a?", "answer": "x", "aliases": ["y"], "source_file": "f"},
        {"question": "b?", "answer": "", "answerable": False},
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")

    assert list(read_questions(path)) == [Question("a?", ("x", "y"), "f"), Question("b?", (), None)]


@pytest.mark.parametrize("line", ["{", "[]", '{"answer": "x"}', '{"question": 3}'])
def test_a_line_that_is_no_question_is_named(tmp_path: Path, line: str) -> None:
    """The message has the file and the line."""
    path = tmp_path / "q.jsonl"
    path.write_text(line)

    with pytest.raises(UsageError, match=r"q\.jsonl, line 1"):
        list(read_questions(path))
