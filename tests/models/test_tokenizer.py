"""Tokenizer files are foreign bytes: whole ones split text as published, damaged ones are clear errors."""

import json
import random

import pytest
from tokenizers import Tokenizer

from inglenook.core.errors import ModelError
from inglenook.models.store import DEFAULT_ENCODER, find_model
from inglenook.models.tokenizer import load_tokenizer, read_json


@pytest.fixture(scope="module")
def packaged(tmp_path_factory):
    return find_model(DEFAULT_ENCODER, tmp_path_factory.mktemp("models"))


def test_vocab_alone_splits_as_the_whole_tokenizer_does(packaged, tmp_path):
    (tmp_path / "vocab.txt").write_bytes((packaged / "vocab.txt").read_bytes())
    texts = ["Hello, wörld! It's 3.14 o'clock", "北京 is a city", "[MASK] unaffable 😀", ""]

    alone, whole = load_tokenizer(tmp_path), load_tokenizer(packaged)

    for text in texts:
        assert alone.encode(text).ids == whole.encode(text).ids
    assert alone.encode("a", "b").type_ids == whole.encode("a", "b").type_ids


def test_truncation_and_padding_of_the_file_are_off(packaged):
    encoding = load_tokenizer(packaged).encode("word " * 300)

    assert len(encoding.ids) == 302


def test_an_empty_folder_is_a_model_error(tmp_path):
    with pytest.raises(ModelError, match=r"neither tokenizer.json nor vocab.txt"):
        load_tokenizer(tmp_path)


def test_a_vocabulary_without_special_tokens_is_refused(tmp_path):
    (tmp_path / "vocab.txt").write_text("a\nb\n")

    with pytest.raises(ModelError, match=r"lacks the special token '\[UNK\]'"):
        load_tokenizer(tmp_path)


def test_a_file_beyond_the_limit_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("[" + " " * 100 + "]")

    with pytest.raises(ModelError, match="more than 50 bytes"):
        read_json(tmp_path / "x.json", max_bytes=50)


def test_deep_json_is_an_error_and_not_a_crash(tmp_path):
    (tmp_path / "x.json").write_text("[" * 200_000)

    with pytest.raises(ModelError, match="not valid JSON"):
        read_json(tmp_path / "x.json")


def test_mutated_tokenizer_files_load_or_are_refused(tmp_path):
    small = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "u",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 9,
            "vocab": {"u": 0, "a": 1},
        },
    }
    whole = json.dumps(small).encode()
    chance = random.Random(3)
    path = tmp_path / "tokenizer.json"
    refused = 0
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 2, 8])):
            data[chance.randrange(len(data))] = chance.choice([chance.randrange(256), *b'01{}[]",:\\'])
        path.write_bytes(data)
        try:
            assert isinstance(load_tokenizer(tmp_path), Tokenizer)
        except ModelError:
            refused += 1

    assert 100 < refused < 500
