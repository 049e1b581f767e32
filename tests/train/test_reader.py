"""Training of the reader: the same run in one go and in two, and exported weights that the native core reads."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: pip install inglenook[train]")
pytest.importorskip("safetensors")

from inglenook.answer.scorer import Network  # noqa: E402
from inglenook.models.encoder import TransformerEncoder  # noqa: E402
from inglenook.models.spec import TransformerSpec  # noqa: E402
from inglenook.train.bert import BertShape  # noqa: E402
from inglenook.train.export import export, quantised, spec_of  # noqa: E402
from inglenook.train.reader import Examples, Recipe, predict, rate_at, train  # noqa: E402
from inglenook.train.scorer import fit  # noqa: E402

SHAPE = BertShape(50, 64, 2, 2, 128, 32, 3)


def make_examples(count: int = 48) -> Examples:
    """Return sequences in which token 7 is the answer where it stands, and none elsewhere."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(6, 20, count)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    ids = rng.integers(10, 50, offsets[-1]).astype(np.int32)
    place = rng.integers(1, 6, count)
    answer = np.arange(count) % 2
    ids[offsets[:-1][answer == 1] + place[answer == 1]] = 7
    start = np.where(answer == 1, place, 0)
    stage = np.where(np.arange(count) < 8, 0, 1)
    return Examples(ids, np.zeros(len(ids), np.int8), offsets, start, start, answer, answer, stage)


def recipe(**changes: object) -> Recipe:
    """Return a recipe for a run of a second."""
    settings = {"epochs": 2, "batch_tokens": 128, "freeze_words": False, "threads": 1, "bfloat16": False, **changes}
    return Recipe(**settings)  # type: ignore[arg-type]


def test_interrupted_run_ends_in_the_same_weights(tmp_path: Path) -> None:
    """Stopping after the first step and starting again changes nothing."""
    examples = make_examples()
    whole = train(examples, SHAPE, recipe(), tmp_path / "whole")
    train(examples, SHAPE, recipe(limit_s=1e-9), tmp_path / "halves")
    halves = train(examples, SHAPE, recipe(), tmp_path / "halves")

    for (name, one), other in zip(whole.state_dict().items(), halves.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_reader_learns_to_find_a_marked_token(tmp_path: Path) -> None:
    """After some passes the start of most answers is found."""
    examples = make_examples()
    model = train(examples, SHAPE, recipe(epochs=40, learning_rate=2e-3, head_learning_rate=2e-3), tmp_path)
    found = {row: int(spans[:, 0].argmax()) for row, spans, _ in predict(model, examples, np.arange(48))}

    assert np.mean([found[row] == examples.start[row] for row in found]) > 0.8


def test_exported_weights_give_the_same_states_in_the_native_core(tmp_path: Path) -> None:
    """The int8 file read by the native core agrees with PyTorch within the rounding of the weights."""
    examples = make_examples()
    model = train(examples, SHAPE, recipe(epochs=1), tmp_path / "run")
    export(tmp_path / "run", tmp_path / "reader", [], ["[PAD]"])
    spec = TransformerSpec(**spec_of({name: getattr(SHAPE, name) for name in SHAPE.__slots__}))
    encoder = TransformerEncoder.load([tmp_path / "reader.safetensors"], "fp32", 1, spec=spec)
    ids = examples.ids[: examples.offsets[1]]
    native, _ = encoder.token_states([(ids, np.zeros(len(ids), np.int32))])

    model.eval()
    batch = examples.batch(np.array([0]))
    with torch.no_grad():
        wanted = model.bert(batch["ids"], batch["types"], batch["valid"])[0].numpy()
    assert np.abs(native - wanted).max() < 0.1
    assert np.mean(native * wanted) / np.sqrt(np.mean(native**2) * np.mean(wanted**2)) > 0.999


def test_quantised_rows_are_off_by_at_most_half_a_step() -> None:
    """Each row has its own scale; a row of zeros stays zeros."""
    weight = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    weight[3] = 0
    matrix, scale = quantised(weight)

    assert (np.abs(matrix * scale[:, None] - weight) <= scale[:, None] * 0.5001).all()
    assert not matrix[3].any()


def test_learning_rate_rises_then_falls_to_zero() -> None:
    """The factor peaks at 1 after the warm-up and nears 0 at the end."""
    rates = [rate_at(step, 100, 0.1) for step in range(100)]

    assert max(rates) == 1.0
    assert rates.index(1.0) == 9
    assert rates[-1] < 0.02


def test_scorer_learns_which_row_of_a_group_is_right() -> None:
    """With groups the rows of a question compete."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 3)).astype(np.float32)
    groups = np.repeat(np.arange(50), 4)
    labels = np.zeros(200)
    for group in range(50):
        labels[group * 4 + rows[groups == group, 1].argmax()] = 1
    network = Network(**fit(rows, labels, groups, hidden=2, steps=200))

    chosen = network(rows).reshape(50, 4).argmax(1)
    assert (chosen == labels.reshape(50, 4).argmax(1)).mean() > 0.9
