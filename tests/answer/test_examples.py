"""Making training examples: places are right, held-back titles stay held back."""

import random
from pathlib import Path

import numpy as np

from inglenook.answer.examples import HELD_BACK, from_questions, from_text, han_vocabulary, is_held_back, write
from inglenook.answer.pairs import HanPairs

TITLES = [f"title {number}" for number in range(40)]
ROWS = [
    {
        "title": title,
        "context": f"图书馆由建筑师林志明{number}设计。它于一九八六年落成。",
        "question": "谁设计了图书馆？",
        "answers": [{"text": f"林志明{number}", "start": 7}],
    }
    for number, title in enumerate(TITLES)
]


def test_answers_stand_at_their_places_and_near_misses_have_none() -> None:
    """A pair with an answer has it to the letter; a near miss comes from the same side of the split."""
    examples = list(from_questions(ROWS, "zh", random.Random(0)))
    held = {row["context"] for row in ROWS if is_held_back(row["title"])}

    assert 0 < len(held) < len(ROWS)
    assert {e.stage == HELD_BACK for e in examples} == {True, False}
    for example in examples:
        assert (example.window in held) == (example.stage == HELD_BACK)
        if example.is_relevant:
            assert example.answer is not None
            assert example.window[slice(*example.answer)].startswith("林志明")
        else:
            assert example.answer is None


def test_made_up_questions_ask_for_words_they_leave_out(tmp_path: Path) -> None:
    """The answer is a stretch of the window; the arrays point at its tokens."""
    texts = [row["context"] for row in ROWS]
    examples = list(from_text(texts, "zh", random.Random(0)))
    vocabulary = han_vocabulary(texts)
    write(examples, HanPairs({token: i for i, token in enumerate(vocabulary)}), 64, tmp_path / "x.npz")

    assert examples
    arrays = np.load(tmp_path / "x.npz")
    assert len(arrays["start"]) == len(examples) == len(arrays["offsets"]) - 1
    for number, example in enumerate(examples):
        assert example.answer is not None
        tokens = arrays["ids"][arrays["offsets"][number] :][arrays["start"][number] : arrays["end"][number] + 1]
        known = [vocabulary[token] for token in tokens if vocabulary[token][0] != "["]
        assert all(token in example.window[slice(*example.answer)] for token in known)
