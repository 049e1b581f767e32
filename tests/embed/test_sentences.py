"""Sentence vectors of the default encoder: order, limits, identity, and closeness in meaning."""

import json

import numpy as np
import pytest

from inglenook.core.errors import EncoderMissingError, ModelError
from inglenook.embed import sentences
from inglenook.embed.sentences import Pooling, SentenceEncoder, read_pooling
from inglenook.models.store import DEFAULT_ENCODER


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return SentenceEncoder.load(DEFAULT_ENCODER, tmp_path_factory.mktemp("models"), precision="fp32", threads=2)


def test_vectors_have_length_one_and_keep_the_order_of_the_texts(encoder):
    texts = ["a b c d e", "x", "a longer text " * 30, "", "x"]

    vectors = encoder.encode(texts)

    assert vectors.shape == (5, encoder.dimensions)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    for text, vector in zip(texts, vectors, strict=True):
        assert np.array_equal(encoder.encode([text])[0], vector)


def test_many_small_batches_give_the_same_vectors(encoder, monkeypatch):
    texts = [f"sentence number {i} " * (i % 7 + 1) for i in range(40)]
    whole = encoder.encode(texts)
    monkeypatch.setattr(sentences, "BATCH_TOKENS", 50)
    monkeypatch.setattr(sentences, "WINDOW_TEXTS", 7)
    progress = []

    pieces = encoder.encode(texts, lambda done, total: progress.append((done, total)))

    assert np.array_equal(whole, pieces)
    assert [done for done, _ in progress] == sorted({done for done, _ in progress})
    assert progress[-1] == (40, 40)


def test_near_meanings_are_near(encoder):
    a, b, c = encoder.encode(
        ["A man plays a guitar.", "Someone is playing an instrument.", "The bank raised its rates."]
    )

    assert a @ b > 0.5
    assert a @ c < 0.2


def test_what_passes_the_limit_is_cut_off(encoder):
    assert encoder.max_tokens == 256
    words = ["alpha"] * 254

    at_limit, beyond = encoder.encode([" ".join(words), " ".join([*words, "beta", "gamma"])])

    assert np.array_equal(at_limit, beyond)


def test_tokens_are_counted_without_special_ones_or_limit(encoder):
    assert encoder.count_tokens(["", "hello world", "word " * 1000]) == [0, 2, 1000]


def test_known_share_tells_foreign_scripts(encoder):
    assert encoder.known_share("plain English words") == 1.0
    assert encoder.known_share("") == 1.0
    assert encoder.known_share("ᚠᚢᚦ ᚨᚱᚲ") == 0.0
    assert 0 < encoder.known_share("保修期 ends 龘龘") < 1


def test_identity_tells_precision_and_weights(encoder, tmp_path):
    other = SentenceEncoder.load(DEFAULT_ENCODER, tmp_path, precision="int8")

    assert encoder.identity.startswith(f"{DEFAULT_ENCODER}@")
    assert encoder.identity.split("/")[-3:] == ["fp32", "mean", "256"]
    assert other.identity == encoder.identity.replace("/fp32/", "/int8/")


def test_int8_and_bf16_stay_near_fp32(encoder, tmp_path):
    texts = ["A man with a hard hat is dancing.", "why", "Numbers such as 3.14159 and names such as Wörgl " * 8]
    exact = encoder.encode(texts)

    for precision, least in (("bf16", 0.9995), ("int8", 0.99)):
        other = SentenceEncoder.load(DEFAULT_ENCODER, tmp_path, precision).encode(texts)
        assert (exact * other).sum(1).min() > least


def test_an_absent_encoder_says_how_to_get_it(tmp_path):
    with pytest.raises(EncoderMissingError, match="inglenook pull acme/absent"):
        SentenceEncoder.load("acme/absent", tmp_path)


def write(folder, **files):
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".json").write_text(json.dumps(content))


def modules(*kinds):
    return [{"type": f"sentence_transformers.models.{kind}", "path": f"{i}_{kind}"} for i, kind in enumerate(kinds)]


def test_a_plain_bert_gets_the_mean_over_its_own_limit(tmp_path):
    assert read_pooling(tmp_path, 512) == Pooling("mean", normalise=True, max_tokens=512)


def test_pooling_is_read_from_the_files(tmp_path):
    write(
        tmp_path,
        modules=modules("Transformer", "Pooling"),
        sentence_bert_config={"max_seq_length": 128},
        **{"1_Pooling__config": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}},
    )

    assert read_pooling(tmp_path, 512) == Pooling("cls", normalise=False, max_tokens=128)


@pytest.mark.parametrize(
    ("kinds", "pooling", "message"),
    [
        (("Transformer", "Pooling", "Dense"), {}, "module Dense does not run here"),
        (("Transformer", "Pooling"), {"pooling_mode_max_tokens": True}, "pooling_mode_max_tokens does not run here"),
    ],
)
def test_modules_that_do_not_run_here_are_refused(tmp_path, kinds, pooling, message):
    write(tmp_path, modules=modules(*kinds), **{"1_Pooling__config": pooling})

    with pytest.raises(ModelError, match=message):
        read_pooling(tmp_path, 512)
