"""The encoder against a few lines of numpy that say what BERT is, on a small random model, in every level."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from scipy.special import erf

from inglenook import _native
from inglenook.core.errors import ModelError, UsageError
from inglenook.models.encoder import TransformerEncoder
from inglenook.models.families import read_family

CONFIG = {
    "model_type": "bert",
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 3,
    "intermediate_size": 40,
    "vocab_size": 50,
    "max_position_embeddings": 70,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
    "hidden_act": "gelu",
}
SPEC, NAMES = read_family(CONFIG, "test")


def shape_of(name):
    hidden, wide = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    rows = {"word": CONFIG["vocab_size"], "position": CONFIG["max_position_embeddings"], "type": 2}
    last = name.split(".")[-1]
    if last in rows:
        return (rows[last], hidden)
    role = name.split(".")[-2]
    n, k = {"up": (wide, hidden), "down": (hidden, wide)}.get(role, (hidden, hidden))
    return (n, k) if last == "weight" and "norm" not in role else (n,)


@pytest.fixture(scope="module")
def weights():
    generator = np.random.default_rng(0)
    made = {}
    for ours, theirs in NAMES.items():
        values = generator.standard_normal(shape_of(ours)).astype(np.float32) * 0.3
        made[theirs] = values + 1 if "norm.weight" in ours else values
    return made


@pytest.fixture(scope="module")
def model(tmp_path_factory, weights):
    folder = tmp_path_factory.mktemp("model")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    save_file({"bert." + name: values for name, values in weights.items()}, folder / "model.safetensors")
    return folder


def norm(x, weights, name):
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-12)
    return x * weights[NAMES[name + ".weight"]] + weights[NAMES[name + ".bias"]]


def bert(weights, ids, types):
    """Devlin et al. 2018, in double precision."""

    def linear(x, name):
        return x @ weights[NAMES[name + ".weight"]].T.astype(np.float64) + weights[NAMES[name + ".bias"]]

    x = weights[NAMES["embeddings.word"]][ids] + weights[NAMES["embeddings.position"]][: len(ids)]
    x = norm((x + weights[NAMES["embeddings.type"]][types]).astype(np.float64), weights, "embeddings.norm")
    for i in range(CONFIG["num_hidden_layers"]):
        at = f"layers.{i}."
        heads = [linear(x, at + part).reshape(len(ids), 3, 8) for part in ("query", "key", "value")]
        q, k, v = (part.transpose(1, 0, 2) for part in heads)
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(8)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        context = (shares / shares.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + linear(context, at + "attention_output"), weights, at + "attention_norm")
        wide = linear(x, at + "up")
        wide = 0.5 * wide * (1 + erf(wide / np.sqrt(2)))
        x = norm(x + linear(wide, at + "down"), weights, at + "output_norm")
    return x


def batch(*lengths):
    generator = np.random.default_rng(1)
    return [
        (generator.integers(0, 50, n).astype(np.int32), generator.integers(0, 2, n).astype(np.int32)) for n in lengths
    ]


# States have size about 1; int8 steps of 1/127 add up over some ten products.
TOLERANCE = {"fp32": 2e-4, "bf16": 0.1, "int8": 0.25}


@pytest.mark.parametrize("level", _native.levels())
@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_token_states_equal_bert_written_in_numpy(model, weights, level, precision):
    encoder = TransformerEncoder.load(model, precision, threads=2, level=level)
    sequences = batch(7, 1, 0, 70, 33)

    states, offsets = encoder.token_states(sequences)

    assert offsets.tolist() == [0, 7, 8, 8, 78, 111]
    for i, (ids, types) in enumerate(sequences):
        if len(ids):
            error = np.abs(states[offsets[i] : offsets[i + 1]] - bert(weights, ids, types))
            assert error.max() < TOLERANCE[precision]


@pytest.mark.parametrize("precision", ["fp32", "bf16", "int8"])
def test_a_sequence_does_not_depend_on_its_batch_or_the_threads(model, precision):
    sequences = batch(5, 64, 13, 29, 2)
    together, offsets = TransformerEncoder.load(model, precision, threads=3).token_states(sequences)
    single = TransformerEncoder.load(model, precision, threads=1)

    for i, sequence in enumerate(sequences):
        alone, _ = single.token_states([sequence])
        assert np.array_equal(alone, together[offsets[i] : offsets[i + 1]])


def test_absent_types_are_zeros(model):
    encoder = TransformerEncoder.load(model, "fp32", threads=1)
    ids = batch(9)[0][0]

    absent, _ = encoder.token_states([(ids, None)])
    mixed, _ = encoder.token_states([(ids, None), (ids, np.ones(9, np.int32))])

    assert np.array_equal(absent, mixed[:9])
    assert not np.array_equal(mixed[:9], mixed[9:])


def test_sentence_vectors_pool_the_states(model):
    encoder = TransformerEncoder.load(model, "fp32", threads=2)
    sequences = [(ids, None) for ids, _ in batch(6, 0, 11)]
    states, offsets = encoder.token_states(sequences)
    ids = np.concatenate([ids for ids, _ in sequences])

    mean = encoder.sentence_vectors(ids, offsets, "mean", normalise=False)
    first = encoder.sentence_vectors(ids, offsets, "cls", normalise=True)

    assert np.allclose(mean[0], states[:6].mean(0), atol=1e-6)
    assert np.allclose(first[2], states[6] / np.linalg.norm(states[6]), atol=1e-6)
    assert not mean[1].any()
    assert not first[1].any()


def stored_as(weights, kind):
    """The weights as a small file would hold them, and what they then mean."""
    stored, meant = {}, {}
    for name, values in weights.items():
        stored[name] = meant[name] = values
        if values.ndim == 2 and kind == "i8":
            scale = (np.abs(values).max(1) / 127).astype(np.float32)
            stored[name] = np.rint(values / scale[:, None]).astype(np.int8)
            stored[name + ".scale"] = scale
            meant[name] = stored[name] * scale[:, None]
        elif kind == "f16":
            stored[name] = values.astype(np.float16)
            meant[name] = stored[name].astype(np.float32)
    return stored, meant


@pytest.mark.parametrize("kind", ["i8", "f16"])
def test_weights_may_be_stored_small(tmp_path, weights, kind):
    stored, meant = stored_as(weights, kind)
    save_file(stored, tmp_path / "small.safetensors")
    ids, types = batch(20)[0]

    states, _ = TransformerEncoder.load([tmp_path / "small.safetensors"], "fp32", 2, spec=SPEC).token_states(
        [(ids, types)]
    )

    assert np.abs(states - bert(meant, ids, types)).max() < TOLERANCE["fp32"]


def test_weights_may_be_stored_as_bf16(tmp_path, weights):
    """Written by hand: numpy has no bfloat16."""
    header, data, meant = {}, b"", {}
    for name, values in weights.items():
        bits = (values.view(np.uint32) >> 16).astype(np.uint16)
        meant[name] = (bits.astype(np.uint32) << 16).view(np.float32)
        header[name] = {
            "dtype": "BF16",
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + bits.nbytes],
        }
        data += bits.tobytes()
    text = json.dumps(header).encode()
    (tmp_path / "b.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + data)
    ids, types = batch(20)[0]

    states, _ = TransformerEncoder.load([tmp_path / "b.safetensors"], "fp32", 2, spec=SPEC).token_states([(ids, types)])

    assert np.abs(states - bert(meant, ids, types)).max() < TOLERANCE["fp32"]


def test_a_second_file_may_lend_the_embeddings(model, tmp_path, weights):
    layers = {name: values for name, values in weights.items() if not name.startswith("embeddings")}
    save_file(layers, tmp_path / "layers.safetensors")
    files = [tmp_path / "layers.safetensors", model / "model.safetensors"]
    sequences = batch(12)

    states, _ = TransformerEncoder.load(files, "fp32", 1, spec=SPEC).token_states(sequences)

    assert np.array_equal(states, TransformerEncoder.load(model, "fp32", 1).token_states(sequences)[0])


@pytest.mark.parametrize(
    ("sequence", "message"),
    [
        (([50], [0]), "token id 50 is outside the vocabulary of 50"),
        (([-1], [0]), "token id -1 is outside"),
        (([1], [2]), "token type 2 is outside the model's 2"),
        (([1] * 71, [0] * 71), "has 71 tokens; this model takes 0 to 70"),
        (([1, 2], [0]), "differ in length"),
    ],
)
def test_what_the_model_cannot_take_is_a_usage_error(model, sequence, message):
    encoder = TransformerEncoder.load(model, "fp32", 1)

    with pytest.raises(UsageError, match=message):
        encoder.token_states([tuple(np.array(part, np.int32) for part in sequence)])


def test_a_wrong_shape_names_tensor_and_both_shapes(tmp_path, model, weights):
    wrong = dict(weights) | {NAMES["layers.1.up.weight"]: np.zeros((24, 40), np.float32)}
    save_file(wrong, tmp_path / "w.safetensors")

    with pytest.raises(
        ModelError, match=r"layer.1.intermediate.dense.weight' has shape \(24, 40\).*asks for \(40, 24\)"
    ):
        TransformerEncoder.load([tmp_path / "w.safetensors"], spec=SPEC)


def test_an_int8_tensor_without_scales_is_refused(tmp_path, weights):
    wrong = dict(weights) | {NAMES["layers.0.up.weight"]: np.zeros((40, 24), np.int8)}
    save_file(wrong, tmp_path / "w.safetensors")

    with pytest.raises(
        ModelError, match=r"needs 'encoder.layer.0.intermediate.dense.weight.scale', F32 of shape \(40\)"
    ):
        TransformerEncoder.load([tmp_path / "w.safetensors"], spec=SPEC)


def test_a_missing_tensor_is_named(tmp_path, weights):
    missing = NAMES["layers.1.key.bias"]
    save_file({name: values for name, values in weights.items() if name != missing}, tmp_path / "w.safetensors")

    with pytest.raises(ModelError, match=r"no tensor 'encoder.layer.1.attention.self.key.bias'"):
        TransformerEncoder.load([tmp_path / "w.safetensors"], spec=SPEC)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mamba"}, "family 'mamba' is not known; known: bert"),
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type"),
        ({"hidden_size": 25}, "not a multiple"),
        ({"num_hidden_layers": 0}, "num_layers is 0"),
        ({"vocab_size": 1 << 40}, "vocab_size is"),
    ],
)
def test_a_configuration_that_does_not_run_here_says_why(change, message):
    with pytest.raises(ModelError, match=message):
        read_family(CONFIG | change, "config.json")


def test_the_typing_file_is_the_generated_one():
    from pathlib import Path

    from nanobind.stubgen import StubGen

    import inglenook

    generator = StubGen(_native)
    generator.put(_native)

    assert generator.get() == (Path(inglenook.__file__).parent / "_native.pyi").read_text()
