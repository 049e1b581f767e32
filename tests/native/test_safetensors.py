"""Safetensors files are foreign bytes: whole ones read as the reference library reads them, others are clear errors."""

import json
import random
import struct

import numpy as np
import pytest
from safetensors.numpy import save_file

from inglenook import _native
from inglenook.core.errors import ModelError


def write(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return str(path)


def entry(dtype="F32", shape=(2,), offsets=(0, 8)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def test_lists_what_the_reference_library_wrote(tmp_path):
    tensors = {
        "b.weight": np.zeros((3, 5), np.float32),
        "a": np.zeros((2,), np.float16),
        "empty": np.zeros((0, 4), np.float32),
        "scalar": np.zeros((), np.int64),
    }
    save_file(tensors, tmp_path / "m.safetensors", metadata={"format": "np"})

    file = _native.SafeTensors(str(tmp_path / "m.safetensors"))

    assert file.tensors == [
        ("a", "F16", [2]),
        ("b.weight", "F32", [3, 5]),
        ("empty", "F32", [0, 4]),
        ("scalar", "I64", []),
    ]
    assert file.metadata == [("format", "np")]


def test_names_may_hold_any_json_string(tmp_path):
    text = b'{"\\u00e9\\ud83d\\ude00\\n\\"\\\\\\/": {"shape":[1], "dtype":"I8", "data_offsets":[0,1]} }  '

    file = _native.SafeTensors(write(tmp_path / "m", text, b"x"))

    assert file.tensors[0][0] == 'é😀\n"\\/'


BAD = {
    "empty file": (None, "0 bytes are too few"),
    "no object": (b"[]", "lacks '{'"),
    "unknown type": ({"a": entry("Q4")}, "unknown type 'Q4'"),
    "size differs": ({"a": entry(offsets=(0, 7))}, "its shape needs 8 bytes"),
    "reversed": ({"a": entry(offsets=(8, 0))}, "its shape needs 8 bytes"),
    "outside": ({"a": entry(shape=(4,), offsets=(0, 16))}, "end by 8"),
    "hole": ({"a": entry(shape=(1,), offsets=(4, 8))}, "expected to start at 0"),
    "overlap": ({"a": entry(), "b": entry(shape=(1,), offsets=(4, 8))}, "expected to start at 8"),
    "trailing data": ({"a": entry(shape=(1,), offsets=(0, 4))}, "take 4 bytes, the file holds 8"),
    "product overflows": ({"a": entry(shape=(1 << 63, 2))}, "beyond 64 bits"),
    "bytes overflow": ({"a": entry(shape=(1 << 62,))}, "beyond 64 bits"),
    "number overflows": (
        b'{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}}',
        "beyond 64 bits",
    ),
    "negative": (b'{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}', "no whole number"),
    "fraction": (b'{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}', "lacks ']'"),
    "too many dimensions": ({"a": entry(shape=(1,) * 9)}, "more than 8 dimensions"),
    "one offset": ({"a": {"dtype": "F32", "shape": [2], "data_offsets": [8]}}, "1 offsets, not 2"),
    "no shape": ({"a": {"dtype": "F32", "data_offsets": [0, 8]}}, "no dtype, shape or data_offsets"),
    "unknown key": ({"a": {**entry(), "stride": [1]}}, "unknown key 'stride'"),
    "repeated key": (b'{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', "second or unknown key"),
    "duplicate": (
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        "stands twice",
    ),
    "metadata not text": ({"__metadata__": {"a": 1}}, "lacks '\"'"),
    "goes on": (json.dumps({"a": entry()}).encode() + b"x", "goes on after"),
    "unfinished string": (b'{"a', "ends inside a string"),
    "half a pair": (b'{"\\ud800":1}', "half a surrogate pair"),
    "bad escape": (b'{"\\x":1}', "unknown escape"),
    "not UTF-8": (b'{"\xff":1}', "not UTF-8"),
    "overlong UTF-8": (b'{"\xc0\xaf":1}', "not UTF-8"),
    "surrogate in UTF-8": (b'{"\xed\xa0\x80":1}', "not UTF-8"),
    "control character": (b'{"\n":1}', "control character"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_damaged_header_is_a_model_error_that_says_what(tmp_path, case):
    header, message = BAD[case]
    path = tmp_path / "m.safetensors"
    if header is None:
        path.write_bytes(b"")
    else:
        write(path, header, bytes(8))

    with pytest.raises(ModelError, match=message.replace("(", r"\(").replace("[", r"\[")) as caught:
        _native.SafeTensors(str(path))

    assert str(path) in str(caught.value)


@pytest.mark.parametrize("size", [9, 100_000_001, (1 << 64) - 1])
def test_a_header_longer_than_the_file_or_the_limit_is_refused(tmp_path, size):
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", size) + b"{}")

    with pytest.raises(ModelError, match=f"says it has {size} bytes"):
        _native.SafeTensors(str(path))


def test_absent_files_and_folders_are_model_errors(tmp_path):
    with pytest.raises(ModelError, match="cannot be opened: No such file"):
        _native.SafeTensors(str(tmp_path / "absent"))
    with pytest.raises(ModelError, match="too few"):
        _native.SafeTensors(str(tmp_path))


def survive(tmp_path, count, seed):
    """Read `count` mutated or truncated copies of a small file; each must load or be a ModelError."""
    chance = random.Random(seed)
    path = tmp_path / "m.safetensors"
    save_file({"w": np.ones((3, 4), np.float32), "v": np.ones((5,), np.int8)}, path, metadata={"k": "v"})
    whole = path.read_bytes()
    refused = 0
    for _ in range(count):
        data = bytearray(whole)
        for _ in range(chance.choice([0, 1, 1, 2, 8])):
            at = chance.randrange(len(data) - 32 if chance.random() < 0.9 else len(data))
            data[at] = chance.choice([chance.randrange(256), *b'0129{}[]",:\\u'])
        if chance.random() < 0.1:
            at = chance.randrange(8, len(data))
            data[at:at] = data[8 : chance.randrange(8, 80)]
        if chance.random() < 0.2:
            del data[chance.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            assert _native.SafeTensors(str(path)).tensors is not None
        except ModelError:
            refused += 1
    return refused


def test_mutated_files_load_or_are_refused(tmp_path):
    refused = survive(tmp_path, 2000, seed=1)

    assert 500 < refused < 2000


@pytest.mark.slow
def test_many_mutated_files_load_or_are_refused(tmp_path):
    refused = survive(tmp_path, 100_000, seed=2)

    assert 30_000 < refused < 100_000
