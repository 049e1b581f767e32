"""The parts of reading: terms, kinds, pairs, features, windows, spans, composing and checking."""

import hashlib
import json
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inglenook.answer.cite import bears_out
from inglenook.answer.compose import MAX_SENTENCE_CHARS, Evidence, extract, readable
from inglenook.answer.features import NAMES, Passage, rarity, sentence_features
from inglenook.answer.pairs import HanPairs, han_tokens
from inglenook.answer.questions import Kind, answer_spans, kind_of
from inglenook.answer.reader import SCORE_NAMES, SUPPORT_NAMES, mark, read, relevance, windows_of
from inglenook.answer.scorer import load_networks
from inglenook.answer.spans import WindowScores, load_reader, score_sentence
from inglenook.answer.terms import is_chinese, simplify, terms
from inglenook.core.errors import EncoderMissingError
from inglenook.core.settings import Settings
from inglenook.core.types import Hit
from inglenook.library.sentences import split_sentences

MIXED = st.text(alphabet=st.sampled_from("ab Z9.,?!-'’\n中國国年人。？「」é́İ😀"), max_size=60)


def make_hit(text: str, title: str | None = None) -> Hit:
    """Return a hit of a one-passage document."""
    return Hit(1, 1.0, 1, 1, "/a.txt", title, None, 1, 1 + text.count("\n"), (), 0, len(text), text)


@given(MIXED)
def test_terms_and_tokens_point_into_the_text(text: str) -> None:
    """Each term and token has a place in the text, in order, not overlapping."""
    for spans in ([(t.start, t.end) for t in terms(text)], [span for _, span in han_tokens(text)]):
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert len(simplify(text)) == len(text)


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who built it?", Kind.PERSON),
        ("In what year did it open?", Kind.TIME),
        ("How many rooms are there?", Kind.NUMBER),
        ("What city is it in?", Kind.PLACE),
        ("Why did it fall?", Kind.REASON),
        ("How was it built?", Kind.MANNER),
        ("Is it open?", Kind.YES_NO),
        ("What is it made of?", Kind.OTHER),
        ("谁建造了它？", Kind.PERSON),
        ("它是哪一年建成的？", Kind.TIME),
        ("有多少个房间？", Kind.NUMBER),
        ("它位于哪个城市？", Kind.PLACE),
        ("為什麼倒塌？", Kind.REASON),
    ],
)
def test_kind_of_question(question: str, kind: Kind) -> None:
    """The question word tells the kind, in English and both Chinese scripts."""
    assert kind_of(question) is kind


def test_marked_words_are_of_the_kind_asked_and_new() -> None:
    """Words of the question are not the answer to it."""
    sentence = "In 1066 William took London, and in 1087 he died."

    assert sentence[slice(*mark("When did William of 1066 die?", sentence) or (0, 0))] == "1087"
    assert mark("What is it made of?", sentence) is None
    assert answer_spans("大橋於一九六六年落成", Kind.TIME)


def test_features_have_their_names_and_prefer_the_sentence_that_matches() -> None:
    """One column a name; the sentence with the question's words covers most."""
    text = "The Normans came from France. Roger II was crowned king of Sicily. He died in 1154."
    rows = sentence_features("Who was crowned king of Sicily?", [Passage(text, "Normans", split_sentences(text))])

    assert rows.features.shape == (3, len(NAMES))
    assert rows.features[:, NAMES.index("covered")].argmax() == 1
    assert sentence_features("Who?", []).features.shape == (0, len(NAMES))
    assert 0 <= rarity("the") < rarity("sicili") <= rarity("qqqq") == 1.0


def test_headings_and_questions_are_no_candidates_beside_statements() -> None:
    """A heading or a question repeats the question's words best and says nothing."""
    text = "Rent and deposit\n\nWhat is the rent? The rent is 940 pounds."
    rows = sentence_features("What is the rent?", [Passage(text, "Rent and deposit", split_sentences(text))])

    assert [int(place) for _, place in rows.places] == [2]


@given(st.lists(st.text(alphabet="ab ", min_size=1, max_size=30), max_size=12), st.integers(1, 60))
def test_windows_hold_each_sentence_once(pieces: list[str], budget: int) -> None:
    """Windows are whole sentences in order, within the budget unless one sentence is longer."""
    text = ". ".join(pieces)
    sentences = split_sentences(text)
    windows = windows_of(Passage(text, "", sentences), budget)

    assert [s for a, b in windows for s in sentences if a <= s[0] and s[1] <= b] == list(sentences)
    assert all(b - a <= budget or (a, b) in sentences for a, b in windows)


def test_han_pair_types_tell_the_longest_run_in_common() -> None:
    """Types 1-3 in the question and 4-7 in the window grow with the run of shared characters; scripts are folded."""
    vocabulary = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[LATIN]", "国"])}
    pair = HanPairs(vocabulary)("誰建國家", "国家很大", 64)

    assert list(pair.types) == [0, 1, 1, 3, 3, 0, 6, 6, 4, 4, 0]
    assert pair.ids[3] == pair.ids[6] == vocabulary["国"]
    assert pair.spans[6:10] == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_best_span_is_that_of_a_plain_double_loop() -> None:
    """The span within a sentence has the greatest start + end logit among spans in order and short enough."""
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=12), rng.normal(size=12)
    spans = [(-1, -1), *((i, i + 1) for i in range(11))]
    scores = WindowScores(spans, start, end, 0.0, 0.0)
    found = score_sentence(scores, 3, 9, 4)

    tokens = [i for i, (a, b) in enumerate(spans) if a >= 3 and b <= 9]
    allowed = [(start[i] + end[j], i, j) for i in tokens for j in tokens if i <= j < i + 4]
    best = max(allowed)
    assert found is not None
    assert (found.best, found.span) == (pytest.approx(best[0]), (spans[best[1]][0], spans[best[2]][1]))
    assert found.together == pytest.approx(np.log(sum(np.exp(value) for value, _, _ in allowed)))
    assert score_sentence(scores, 50, 60, 4) is None


def test_relevance_ranks_the_passage_that_answers_first() -> None:
    """One number a passage, higher for the one with a matching sentence."""
    hits = [make_hit("Bread needs flour and water."), make_hit("Roger II was crowned king of Sicily in 1130.")]

    scores = relevance("Who was crowned king of Sicily?", hits)

    assert len(scores) == 2
    assert scores[1] > scores[0]


def test_long_sentence_is_cut_around_the_span_and_bracket_numbers_go() -> None:
    """The composed sentence is readable; the quote stays as it is."""
    text = "word " * 100 + "the answer is forty-two [17] " + "word " * 100
    place = text.index("forty-two")
    one = Evidence(1, make_hit(text), 0, len(text), (place, place + 9), 1.0)

    assert "forty-two" in readable(one)
    assert "[17]" not in readable(one)
    assert len(readable(one)) <= MAX_SENTENCE_CHARS + 4
    assert one.quote == text
    assert len(extract("?", [one, one])) == 1


@pytest.mark.parametrize(
    ("sentence", "is_borne_out"),
    [
        ("Roger II was crowned king in 1130.", True),
        ("Roger II was crowned king in 1131.", False),
        ("Roger II was crowned king by Anacletus.", False),
        ("Whales sing in deep water.", False),
    ],
)
def test_numbers_names_and_most_words_must_stand_in_the_quote(sentence: str, *, is_borne_out: bool) -> None:
    """A changed number or a new name is enough to drop a sentence."""
    assert bears_out(sentence, ["In 1130 Roger II was crowned king of Sicily."]) is is_borne_out


def test_shipped_weights_fit_the_program() -> None:
    """Networks take what the program makes, and every shipped file is small."""
    networks = load_networks()
    for name, network in networks.items():
        wanted = NAMES if name == "first" else SCORE_NAMES if name.endswith("sentence") else SUPPORT_NAMES
        assert len(network.mean) == len(wanted), name
        assert all(np.isfinite(getattr(network, field)).all() for field in network.__slots__)
    folder = files("inglenook.answer").joinpath("weights")
    sizes = {item.name: len(item.read_bytes()) for item in folder.iterdir()}
    assert sum(sizes.values()) < 25e6


def test_shipped_weights_are_those_of_the_model_card() -> None:
    """The hashes beside the weights are those of the files, so a damaged or swapped file shows."""
    folder = files("inglenook.answer").joinpath("weights")
    hashes = json.loads(folder.joinpath("hashes.json").read_text())
    found = {
        item.name: hashlib.blake2b(item.read_bytes(), digest_size=16).hexdigest()
        for item in folder.iterdir()
        if item.name != "hashes.json"
    }
    assert found == hashes


@pytest.mark.parametrize(
    ("language", "question", "text", "wanted"),
    [
        ("en", "Who was crowned king of Sicily?", "Roger II was crowned king of Sicily in Palermo.", "Roger II"),
        ("en", "Where was Roger II crowned king?", "Roger II was crowned king of Sicily in Palermo.", "Palermo"),
    ],
)
def test_reader_marks_the_answering_words(language: str, question: str, text: str, wanted: str) -> None:
    """Two questions on one sentence get two answers."""
    reader = load_reader(language, Settings())
    if reader is None:
        pytest.skip("the default encoder, whose embeddings the English reader borrows, is not installed")
    found = score_sentence(reader.read(question, [text])[0], 0, len(text), 24)

    assert found is not None
    assert wanted in text[slice(*found.span)]
    assert is_chinese(text) == (language == "zh")


def test_without_the_default_encoder_features_alone_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The English reader borrows embeddings; where they are not installed the answer is still found, by features."""

    def missing(name: str, _path: object) -> None:
        raise EncoderMissingError(f"{name} is not installed")

    monkeypatch.setattr("inglenook.answer.spans.find_model", missing)
    load_reader.cache_clear()
    text = "The Normans came from France. The rent is 940 pounds a month. He died in 1154."
    try:
        reading = read("How much is the rent a month?", [make_hit(text)], Settings())
    finally:
        load_reader.cache_clear()

    best = reading.candidates[0]
    assert text[best.start : best.end] == "The rent is 940 pounds a month."
    assert best.span is not None
    assert text[slice(*best.span)] == "940"
    assert 0 < reading.support < 1
